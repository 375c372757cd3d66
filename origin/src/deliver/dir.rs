//! A directory as an edge store: all by atomic replacement, and nothing lags here (settle time 0), so
//! the manifest just replaced is at once the fallback.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use skyful::compile::Snapshot;
use skyful::manifest::Keys;
use skyful::snapshot::Digest;

use super::{Progress, Target, not_kept};
use crate::failure::Failure;

/// One environment of one workspace in a store directory, locked: from reading the stored sequence to
/// writing the next one, nobody else does either.
pub struct Directory {
    root: PathBuf,
    keys: Keys,
    _lock: File,
}

impl Directory {
    pub fn lock(root: &Path, workspace: &str, env: &str) -> Result<Self, Failure> {
        let keys = Keys::new(workspace, env);
        let path = root.join(format!("{}.lock", keys.manifest()));
        let failed = |error| Failure::io("lock", &path, &error);
        make_folder(&path)?;
        let lock = File::create(&path).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Self {
            root: root.to_owned(),
            keys,
            _lock: lock,
        })
    }

    /// Uploads an object that is missing or damaged, and looks that it arrived.
    fn put_object(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Failure> {
        let name = self.keys.object(digest);
        if self.get(&name)?.is_some_and(|stored| stored == bytes) {
            return Ok(());
        }
        self.put(&name, bytes)?;
        if self.get(&name)?.is_none_or(|stored| stored != bytes) {
            return Err(not_kept(digest, &self.root.display().to_string()));
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.root.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io("read", &path, &error)),
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.root.join(name);
        make_folder(&path)?;
        replace(&path, bytes).map_err(|error| Failure::io("write", &path, &error))
    }
}

impl Target for Directory {
    fn manifest(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.get(&self.keys.manifest())
    }

    fn settled(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.get(&self.keys.settled())
    }

    fn put_objects(&self, snapshot: &Snapshot, progress: Progress<'_>) -> Result<(), Failure> {
        for (done, (digest, bytes)) in (1..).zip(&snapshot.objects) {
            self.put_object(digest, bytes)?;
            progress(done, snapshot.objects.len());
        }
        Ok(())
    }

    fn put_manifest(&self, value: &[u8]) -> Result<(), Failure> {
        self.put(&self.keys.manifest(), value)
    }

    fn put_settled(&self, envelope: &[u8]) -> Result<(), Failure> {
        self.put(&self.keys.settled(), envelope)
    }

    fn settle_ms(&self) -> i64 {
        0
    }

    fn lag(&self) -> Duration {
        Duration::ZERO
    }

    fn place(&self) -> String {
        self.root.join(self.keys.manifest()).display().to_string()
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
