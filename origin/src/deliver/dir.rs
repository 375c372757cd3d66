//! A directory as an edge store: objects first, then the manifest, all by atomic replacement. Nothing
//! lags here (settle time 0), so the manifest just replaced is at once the fallback, and a manifest
//! that was read back is settled.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use skyful::compile::Snapshot;
use skyful::manifest::envelope::{Envelope, Header};
use skyful::manifest::{Keys, Mode, Tail, Value, key_id, sign};
use skyful::snapshot::Digest;

use crate::failure::Failure;

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
        for (digest, bytes) in &snapshot.objects {
            self.put_object(digest, bytes)?;
        }
        // From reading the stored sequence to writing the next one, nobody else does either.
        let _lock = self.lock()?;
        let head = self.head()?;
        if let Some(head) = &head
            && head.shows(snapshot.listing.digest(), key)
        {
            let sequence = head.header.sequence;
            return Ok(Delivered::Unchanged { sequence });
        }
        let sequence = self.next_sequence(head.as_ref())?;
        let header = sign::full_release(&self.workspace, &self.env, sequence, now_ms);
        let tail = Tail {
            stable: snapshot.listing.clone(),
            gray: None,
            allow: Vec::new(),
        };
        let envelope = sign::sign(header, &tail, key);
        let value = Value {
            current: &envelope,
            fallback: head.as_ref().map_or(&[], |head| &head.envelope),
        };
        self.put(&self.keys.manifest(), &value.join())?;
        let stored = self.head()?.map_or(0, |head| head.header.sequence);
        if stored < sequence {
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

    /// The manifest that stands in the store.
    fn head(&self) -> Result<Option<Head>, Failure> {
        let Some(bytes) = self.get(&self.keys.manifest())? else {
            return Ok(None);
        };
        Ok(Value::split(&bytes)
            .ok()
            .and_then(|value| Head::read(value.current)))
    }

    /// One more than the highest that any edge can have seen here; the era is kept.
    fn next_sequence(&self, head: Option<&Head>) -> Result<u64, Failure> {
        let settled = self.get(&self.keys.settled())?;
        let settled = settled.as_deref().and_then(Head::read);
        let settled = settled.map(|head| head.header.sequence);
        let manifest = self.path(&self.keys.manifest());
        match (head, settled) {
            (Some(head), settled) => Ok(settled.unwrap_or(0).max(head.header.sequence) + 1),
            // An unreadable manifest may have been one ahead of what was recorded as settled.
            (None, Some(settled)) => Ok(settled + 2),
            (None, None) if manifest.exists() => {
                let message = format!("{} cannot be read", manifest.display());
                Err(Failure::usage(message).hint("move it away to begin again with sequence 1"))
            }
            (None, None) => Ok(1),
        }
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

/// A stored manifest. Who signed it is the edges' business; here only its place in the order counts.
struct Head {
    header: Header,
    envelope: Vec<u8>,
}

impl Head {
    fn read(envelope: &[u8]) -> Option<Self> {
        let header = Header::decode(Envelope::split(envelope).ok()?.header).ok()?;
        Some(Self {
            header,
            envelope: envelope.to_vec(),
        })
    }

    /// Whether everybody already sees this snapshot, under this key.
    fn shows(&self, snapshot: Digest, key: &SigningKey) -> bool {
        self.header.stable == snapshot
            && self.header.gray.is_none()
            && self.header.mode == Mode::Run
            && self.header.key_id == key_id(&key.verifying_key())
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
