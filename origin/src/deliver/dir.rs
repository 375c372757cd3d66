//! A directory as an edge store: all by atomic replacement, and nothing lags here (settle time 0), so the manifest just
//! replaced is at once the fallback.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skyful::manifest::Keys;
use skyful::snapshot::{self, Digest};

use super::{Doing, Object, Rule, Ruling, Slot, Target, Traits, blocking, not_kept};
use crate::failpoint::{self, Point};
use crate::failure::Failure;

/// One environment of one workspace in a store directory.
pub struct Directory(Arc<Inner>);

struct Inner {
    root: PathBuf,
    workspace: String,
    keys: Keys,
    /// Held over several steps: from reading the stored sequence to writing the next one, nobody else does either.
    lock: Option<File>,
}

impl Directory {
    /// Locks it for each step that replaces something.
    pub fn open(root: &Path, workspace: &str, env: &str) -> Self {
        Self::new(root, workspace, env, None)
    }

    /// Locks it until it is dropped.
    pub fn lock(root: &Path, workspace: &str, env: &str) -> Result<Self, Failure> {
        let keys = Keys::new(workspace, env);
        let lock = lock(&root.join(keys.manifest()))?;
        Ok(Self::new(root, workspace, env, Some(lock)))
    }

    fn new(root: &Path, workspace: &str, env: &str, lock: Option<File>) -> Self {
        Self(Arc::new(Inner {
            root: root.to_owned(),
            workspace: workspace.to_owned(),
            keys: Keys::new(workspace, env),
            lock,
        }))
    }

    fn doing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Failure> + Send + 'static,
    ) -> Doing<'_, T> {
        let inner = Arc::clone(&self.0);
        Box::pin(blocking(move || work(&inner)))
    }
}

impl Target for Directory {
    fn get(&self, slot: Slot) -> Doing<'_, Option<Vec<u8>>> {
        self.doing(move |inner| read(&inner.slot(slot)))
    }

    fn replace<'a>(&'a self, slot: Slot, value: &'a [u8], rule: Rule<'a>) -> Doing<'a, Ruling> {
        Box::pin(async move {
            let held = match self.0.lock {
                Some(_) => None,
                None => Some(
                    self.doing(|inner| lock(&inner.slot(Slot::Manifest)))
                        .await?,
                ),
            };
            let ruling = rule(self.get(slot).await?.as_deref());
            if ruling == Ruling::Write {
                let value = value.to_vec();
                // The lock goes with the write, which goes on even if nobody waits for it any more.
                self.doing(move |inner| {
                    let _held = held;
                    write(&inner.slot(slot), &value)
                })
                .await?;
            }
            Ok(ruling)
        })
    }

    fn has<'a>(&'a self, digest: &'a Digest) -> Doing<'a, bool> {
        let digest = *digest;
        self.doing(move |inner| {
            let stored = read(&inner.object(&digest))?;
            Ok(stored
                .is_some_and(|bytes| snapshot::verify(bytes, digest, &inner.workspace).is_ok()))
        })
    }

    fn put<'a>(&'a self, objects: &'a [Object]) -> Doing<'a, ()> {
        let objects = objects.to_vec();
        self.doing(move |inner| {
            for (digest, bytes) in &objects {
                write(&inner.object(digest), bytes)?;
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, ()> {
        let digests = digests.to_vec();
        self.doing(move |inner| {
            for digest in &digests {
                remove(&inner.object(digest))?;
            }
            Ok(())
        })
    }

    fn probe(&self) -> Doing<'_, ()> {
        self.doing(|inner| {
            let path = inner.slot(Slot::Manifest).with_file_name("probe");
            write(&path, b"probe")?;
            let stored = read(&path)?;
            remove(&path)?;
            match stored.as_deref() {
                Some(b"probe") => Ok(()),
                _ => Err(not_kept("a probe", &inner.root.display().to_string())),
            }
        })
    }

    fn traits(&self) -> Traits {
        Traits::AT_ONCE
    }

    fn place(&self) -> String {
        self.0.slot(Slot::Manifest).display().to_string()
    }
}

impl Inner {
    fn slot(&self, slot: Slot) -> PathBuf {
        self.root.join(match slot {
            Slot::Manifest => self.keys.manifest(),
            Slot::Settled => self.keys.settled(),
        })
    }

    fn object(&self, digest: &Digest) -> PathBuf {
        self.root.join(self.keys.object(digest))
    }
}

/// Held until it is dropped. Every writer into a directory takes the one beside the manifest, edges among them.
fn lock(manifest: &Path) -> Result<File, Failure> {
    let path = manifest.with_extension("lock");
    let failed = |error| Failure::io("lock", &path, &error);
    make_folder(&path)?;
    let lock = File::create(&path).map_err(failed)?;
    lock.lock().map_err(failed)?;
    Ok(lock)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("read", path, &error)),
    }
}

/// On disk when it returns, whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    make_folder(path)?;
    replace(path, bytes).map_err(|error| Failure::io("write", path, &error))
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::io("delete", path, &error))
        }
        _ => Ok(()),
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
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}-{serial}", std::process::id()));
    let fresh = PathBuf::from(name);
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    failpoint::reach(Point::FileWritten);
    fs::rename(&fresh, path)?;
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
