//! The edge's own copy of what it served from, in a directory: from there it goes on after a restart, also
//! without a store.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::{blocking, place, read, write};

pub struct OwnCopy {
    folder: PathBuf,
}

impl OwnCopy {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub async fn recall(&self, key: &str) -> Option<Vec<u8>> {
        read(&place(&self.folder, key).ok()?).await.ok()
    }

    pub async fn keep(&self, key: &str, value: &[u8]) {
        let (Ok(path), value) = (place(&self.folder, key), value.to_vec()) else {
            return;
        };
        let written = blocking(move || write(&path, &value)).await;
        if let Err(error) = written {
            tracing::warn!(key, %error, "cannot keep a copy; a restart would depend on the store");
        }
    }

    pub async fn keep_only(&self, keys: &BTreeSet<String>) {
        let Some(prefix) = keys.first().and_then(|key| key.rsplit_once('/')) else {
            return;
        };
        let Ok(folder) = place(&self.folder, prefix.0) else {
            return;
        };
        let names: BTreeSet<String> = keys
            .iter()
            .filter_map(|key| key.rsplit('/').next())
            .map(str::to_owned)
            .collect();
        let swept = blocking(move || sweep(&folder, &names)).await;
        if let Err(error) = swept
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "cannot remove old copies");
        }
    }
}

/// How old a file must be before it is swept. Requests keep objects while another one sweeps by the
/// manifest it knew: without this, the object of a newer manifest could vanish right after it was kept.
const SWEEP_AGE: Duration = Duration::from_secs(60);

/// Removes what isn't named, also what a crash left half-written.
fn sweep(folder: &Path, names: &BTreeSet<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let known = entry
            .file_name()
            .to_str()
            .is_some_and(|name| names.contains(name));
        let young = entry
            .metadata()?
            .modified()?
            .elapsed()
            .is_ok_and(|age| age < SWEEP_AGE);
        if !known && !young && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
