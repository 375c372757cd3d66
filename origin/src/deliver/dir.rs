//! A directory as an edge store: objects first, then the manifest, all by atomic replacement. Nothing
//! lags here (settle time 0), so the manifest just replaced is at once the fallback, and a manifest
//! that was read back is settled.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use skyful::compile::Snapshot;
use skyful::manifest::{
    Header, Keys, Manifest, Mode, Refusal, Tail, TrustSet, Value, era_of, sign,
};
use skyful::snapshot::Digest;

use crate::failure::Failure;
use crate::{key_file, output};

/// What a delivery came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    New {
        sequence: u64,
    },
    /// The store already shows this snapshot.
    Unchanged {
        sequence: u64,
    },
}

/// One environment of one workspace in a store directory.
pub struct Store {
    root: PathBuf,
    keys: Keys,
    workspace: String,
    env: String,
}

impl Store {
    pub fn new(root: &Path, workspace: &str, env: &str) -> Self {
        Self {
            root: root.to_owned(),
            keys: Keys::new(workspace, env),
            workspace: workspace.to_owned(),
            env: env.to_owned(),
        }
    }

    /// Delivers a snapshot to everybody. Safe to repeat, and safe beside other publishers.
    pub fn deliver(
        &self,
        snapshot: &Snapshot,
        key: &SigningKey,
        now_ms: i64,
    ) -> Result<Delivered, Failure> {
        let own = TrustSet::parse(&key_file::public_hex(key)).map_err(Failure::usage)?;
        // From reading the stored sequence to writing the next one, nobody else does either.
        let _lock = self.lock()?;
        let stored = self.stored(&own)?;
        let shown = stored.shown(snapshot.listing.digest());
        // Counted before anything is written: a store that cannot go on stays as it is.
        let sequence = match shown {
            Some(shown) => shown,
            None => self.next_sequence(&stored)?,
        };
        for (digest, bytes) in &snapshot.objects {
            self.put_object(digest, bytes)?;
        }
        if shown.is_some() {
            return Ok(Delivered::Unchanged { sequence });
        }
        let header = sign::full_release(&self.workspace, &self.env, sequence, now_ms);
        let tail = Tail {
            stable: snapshot.listing.clone(),
            gray: None,
            allow: Vec::new(),
        };
        let envelope = sign::sign(header, &tail, key);
        let value = Value {
            current: &envelope,
            fallback: match &stored.current {
                Held::Verified(head) => &head.envelope,
                _ => &[],
            },
        };
        self.put(&self.keys.manifest(), &value.join())?;
        if self.stored(&own)?.current.sequence() < Some(sequence) {
            let message = format!("{} was written but not kept", self.keys.manifest());
            return Err(Failure::usage(message));
        }
        self.put(&self.keys.settled(), &envelope)?;
        Ok(Delivered::New { sequence })
    }

    /// Uploads an object that is missing or damaged, and looks that it arrived.
    fn put_object(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Failure> {
        let name = self.keys.object(digest);
        if self.get(&name)?.is_some_and(|stored| stored == bytes) {
            return Ok(());
        }
        self.put(&name, bytes)?;
        if self.get(&name)?.is_none_or(|stored| stored != bytes) {
            let path = self.path(&name);
            let message = format!("{} reads back other than it was written", path.display());
            return Err(Failure::usage(message));
        }
        Ok(())
    }

    /// Whatever of manifests stands in the store.
    fn stored(&self, own: &TrustSet) -> Result<Stored, Failure> {
        let manifest = self.get(&self.keys.manifest())?;
        let settled = self.get(&self.keys.settled())?;
        let value = manifest.as_deref().map(Value::split);
        let copy = |envelope| Held::read(envelope, own, &self.workspace, &self.env);
        Ok(Stored {
            current: match &value {
                None => Held::Missing,
                Some(Ok(value)) => copy(value.current),
                Some(Err(_)) => Held::Damaged,
            },
            fallback: match &value {
                Some(Ok(value)) if !value.fallback.is_empty() => copy(value.fallback),
                _ => Held::Missing,
            },
            settled: settled.as_deref().map_or(Held::Missing, copy),
        })
    }

    /// One more than the highest that any edge can have seen here; the era is kept. A sequence counts
    /// only where the signature holds: a flipped bit would otherwise move the count ahead for good, or
    /// back to where edges ignore it.
    fn next_sequence(&self, stored: &Stored) -> Result<u64, Failure> {
        // After another key only what was settled since is evidence: the fallback may be from before.
        if matches!(stored.current, Held::Foreign) && stored.settled.sequence().is_none() {
            return self.first_sequence(stored);
        }
        let known = stored.copies().map(Held::sequence).into_iter().max();
        let Some(known) = known.flatten() else {
            return self.first_sequence(stored);
        };
        let next = match stored.current {
            Held::Verified(_) => known.saturating_add(1),
            // An unreadable manifest may have been one ahead of what was settled, or of its fallback.
            _ => known.saturating_add(2),
        };
        // Also the bound of all sequences, 2^52: the last era ends there. Going on in the next one is
        // a person's decision, as trust may end with an era.
        if era_of(next) == era_of(known) {
            return Ok(next);
        }
        let manifest = self.path(&self.keys.manifest()).display().to_string();
        let message = format!("no sequence is left after {known} in the era of {manifest}");
        Err(Failure::usage(message).hint("nothing was written; publish into another store"))
    }

    /// Where nothing tells how far the store was.
    fn first_sequence(&self, stored: &Stored) -> Result<u64, Failure> {
        let any = |wanted: fn(&Held) -> bool| stored.copies().into_iter().any(wanted);
        let manifest = self.path(&self.keys.manifest());
        if any(|copy| matches!(copy, Held::Foreign)) {
            let message = format!("{} was signed with another key", manifest.display());
            let hint = "publish with the key that signed it, or into another store";
            return Err(Failure::usage(message).hint(hint));
        }
        // A guess from the damaged bytes could be so high that nothing can follow it, and a publisher
        // remembers nothing outside its store. 1 is never wrong for edges that start with this store.
        if any(|copy| matches!(copy, Held::Damaged)) {
            output::warning(&format!(
                "{} cannot be read, and nothing tells how far it was: it begins again with sequence 1; \
                 edges that have seen a higher one will ignore it",
                manifest.display()
            ));
        }
        Ok(1)
    }

    fn lock(&self) -> Result<File, Failure> {
        let path = self.path(&format!("{}.lock", self.keys.manifest()));
        let failed = |error| Failure::io("lock", &path, &error);
        make_folder(&path)?;
        let file = File::create(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io("read", &path, &error)),
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path(name);
        make_folder(&path)?;
        replace(&path, bytes).map_err(|error| Failure::io("write", &path, &error))
    }
}

/// The manifests of a store. Edges hold the count of the highest they have seen.
struct Stored {
    current: Held,
    fallback: Held,
    settled: Held,
}

impl Stored {
    fn copies(&self) -> [&Held; 3] {
        [&self.current, &self.fallback, &self.settled]
    }

    /// The sequence under which everybody already sees this snapshot, if so.
    fn shown(&self, snapshot: Digest) -> Option<u64> {
        let Held::Verified(head) = &self.current else {
            return None;
        };
        let header = &head.header;
        let shows = header.stable == snapshot && header.gray.is_none() && header.mode == Mode::Run;
        shows.then_some(header.sequence)
    }
}

/// A stored manifest, as an edge sees it that trusts this publisher alone.
enum Held {
    Missing,
    Damaged,
    /// Another key's, by its own account.
    Foreign,
    Verified(Box<Head>),
}

struct Head {
    header: Header,
    envelope: Vec<u8>,
}

impl Held {
    fn read(envelope: &[u8], own: &TrustSet, workspace: &str, env: &str) -> Self {
        match Manifest::open(envelope, own, workspace, env) {
            Ok(manifest) => Self::Verified(Box::new(Head {
                header: manifest.header,
                envelope: envelope.to_vec(),
            })),
            Err(Refusal::UnknownKey) => Self::Foreign,
            Err(_) => Self::Damaged,
        }
    }

    fn sequence(&self) -> Option<u64> {
        match self {
            Self::Verified(head) => Some(head.header.sequence),
            _ => None,
        }
    }
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    match path.parent() {
        Some(parent) => {
            fs::create_dir_all(parent).map_err(|error| Failure::io("make", parent, &error))
        }
        None => Ok(()),
    }
}

/// A reader sees the old bytes or the new ones, also after a power cut.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let fresh = PathBuf::from(name);
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
