//! Reading a snapshot directory, object by object, each only when it is asked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use skyful::compile::Snapshot;
use skyful::manifest::envelope::{Envelope, Header};
use skyful::manifest::{Manifest, Tail, TrustSet, Value};
use skyful::resolve::write::{Release, Track};
use skyful::snapshot::{Chunk, DecodeError, Digest, IdShard, Listing};

use super::{MANIFEST, OBJECTS, POINTER};
use crate::failure::Failure;

/// Whose manifests count, and for which environment; none: all.
pub type Trust<'a> = Option<(&'a TrustSet, &'a str)>;

/// An opened snapshot directory.
pub struct Archive {
    folder: Folder,
    pub listing: Listing,
    pub digest: Digest,
    pub header: Option<Header>,
}

impl Archive {
    pub fn open(dir: &Path, trust: Trust<'_>) -> Result<Self, Failure> {
        if !dir.is_dir() {
            return Err(Failure::usage(format!("no directory {}", dir.display())));
        }
        let path = dir.join(POINTER);
        let text = fs::read_to_string(&path).map_err(|error| {
            Failure::io("read", &path, &error)
                .hint("`skyful compile FILE -o DIR` writes a snapshot directory")
        })?;
        let digest = text
            .trim_end()
            .strip_prefix("b3-")
            .and_then(Digest::from_hex)
            .ok_or_else(|| Failure::fault(format!("{} names no snapshot", path.display())))?;
        let folder = Folder(dir.to_owned());
        let bytes = folder.object(&digest)?;
        let listing =
            Listing::from_object(&bytes, digest).map_err(|error| folder.broken(&digest, error))?;
        let header = folder.manifest(&listing, digest, trust)?;
        Ok(Self {
            folder,
            listing,
            digest,
            header,
        })
    }

    /// Sequence 0 without a manifest.
    pub fn release(&self) -> Release {
        Release {
            sequence: self.header.as_ref().map_or(0, |header| header.sequence),
            snapshot: self.digest,
            track: Track::Stable,
        }
    }

    pub fn chunk(&self, digest: Digest, page: &str) -> Result<Chunk, Failure> {
        let bytes = self.folder.object(&digest)?;
        Chunk::open(bytes, digest, &self.listing.workspace, page)
            .map_err(|error| self.folder.broken(&digest, error))
    }

    pub fn id_shard(&self, digest: Digest, number: u32) -> Result<IdShard, Failure> {
        let bytes = self.folder.object(&digest)?;
        IdShard::open(bytes, digest, &self.listing.workspace, number)
            .map_err(|error| self.folder.broken(&digest, error))
    }

    /// What to say of a listing without the id shards that its chunks ask for.
    pub fn no_id_shard(&self) -> Failure {
        let path = self.folder.path(&self.digest);
        incomplete(format!("{} names no id shard", path.display()))
    }

    /// Everything at once, as the compiler gives it. Objects are not verified here but where they are
    /// opened; [`Archive::broken`] says where a bad one lies.
    pub fn load(&self) -> Result<Snapshot, Failure> {
        let mut objects = BTreeMap::new();
        for digest in self.listing.digests() {
            objects.insert(digest, self.folder.object(&digest)?);
        }
        let listing = self.listing.clone();
        Ok(Snapshot {
            listing,
            objects,
            warnings: Vec::new(),
        })
    }

    /// What to say of an object that isn't what its name says.
    pub fn broken(&self, digest: &Digest, error: DecodeError) -> Failure {
        self.folder.broken(digest, error)
    }
}

/// The directory itself.
struct Folder(PathBuf);

impl Folder {
    fn broken(&self, digest: &Digest, error: DecodeError) -> Failure {
        let path = self.path(digest);
        Failure::fault(format!("{}: {error}", path.display()))
            .hint("the file was damaged; compile the document again, or copy the snapshot again")
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.0.join(OBJECTS).join(digest.hex())
    }

    fn object(&self, digest: &Digest) -> Result<Vec<u8>, Failure> {
        let path = self.path(digest);
        fs::read(&path)
            .map_err(|error| incomplete(format!("cannot read {}: {error}", path.display())))
    }

    fn manifest(
        &self,
        listing: &Listing,
        digest: Digest,
        trust: Trust<'_>,
    ) -> Result<Option<Header>, Failure> {
        let path = self.0.join(MANIFEST);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return match trust {
                    Some(_) => Err(Failure::fault(format!(
                        "{} is not signed",
                        self.0.display()
                    ))),
                    None => Ok(None),
                };
            }
            Err(error) => return Err(Failure::io("read", &path, &error)),
        };
        let failed =
            |error: &dyn std::fmt::Display| Failure::fault(format!("{}: {error}", path.display()));
        let value = Value::split(&bytes).map_err(|error| failed(&error))?;
        let header = match trust {
            Some((trust, env)) => {
                Manifest::open(value.current, trust, &listing.workspace, env)
                    .map_err(|refusal| failed(&refusal))?
                    .header
            }
            None => unverified(value.current).map_err(|error| failed(&error))?,
        };
        if header.stable != digest {
            return Err(failed(&"made for another snapshot than the one beside it"));
        }
        Ok(Some(header))
    }
}

fn incomplete(message: String) -> Failure {
    Failure::fault(message).hint("the snapshot is incomplete; compile or copy it again")
}

/// Reads a manifest without asking who signed it; that it is whole is checked.
fn unverified(envelope: &[u8]) -> Result<Header, DecodeError> {
    let envelope = Envelope::split(envelope)?;
    let header = Header::decode(envelope.header)?;
    if Tail::root(envelope.tail) != header.tail_root {
        return Err(DecodeError::Digest);
    }
    Tail::decode(envelope.tail, &header)?;
    Ok(header)
}
