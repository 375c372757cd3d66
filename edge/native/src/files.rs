//! A snapshot store in a directory: bytes are only read and written, whole or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use skyful::limits;
use skyful_edge::{Rule, Ruling, StoreError};
use tokio::io::AsyncReadExt;

pub struct Directory {
    folder: PathBuf,
}

impl Directory {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = place(&self.folder, key).map_err(unanswered)?;
        match read(&path).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unanswered(error)),
        }
    }

    pub async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let path = place(&self.folder, key).map_err(unanswered)?;
        let value = value.to_vec();
        blocking(move || write(&path, &value))
            .await
            .map_err(unanswered)
    }

    /// Under the lock that every publisher into a directory takes.
    pub async fn replace(
        &self,
        key: &str,
        value: &[u8],
        rule: Rule<'_>,
    ) -> Result<Ruling, StoreError> {
        let path = place(&self.folder, key).map_err(unanswered)?;
        let lock = blocking(move || lock(&path)).await.map_err(unanswered)?;
        let ruling = rule(self.get(key).await?.as_deref());
        if ruling == Ruling::Write {
            self.put(key, value).await?;
        }
        drop(lock);
        Ok(ruling)
    }
}

/// The path stays out of it: /v1/status is public.
fn unanswered(error: io::Error) -> StoreError {
    StoreError(error.to_string())
}

/// Keys are made by the edge, so a strange one is a bug; it still never leaves the directory.
pub fn place(root: &Path, key: &str) -> io::Result<PathBuf> {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    if !key.split('/').all(plain) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a key of an edge store",
        ));
    }
    Ok(root.join(key))
}

pub async fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = tokio::fs::File::open(path).await?;
    // One byte more than anything may have: enough for the edge to refuse it by its size.
    let limit = limits::MANIFEST_BYTES.max(limits::OBJECT_BYTES) as u64 + 1;
    let size = file.metadata().await?.len().min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Write, flush to disk, rename: after a crash there is the old value or the new one.
pub fn write(path: &Path, value: &[u8]) -> io::Result<()> {
    use std::io::Write;
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let partial = folder.join(format!(".{}-{serial}.part", std::process::id()));
    let written = std::fs::File::create(&partial)
        .and_then(|mut file| {
            file.write_all(value)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&partial, path));
    if written.is_err() {
        // Best effort: the error that counts is the first one.
        let _ = std::fs::remove_file(&partial);
    }
    written
}

/// Held until it is dropped: from reading what is stored to writing what follows, nobody else does either.
fn lock(path: &Path) -> io::Result<std::fs::File> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let file = std::fs::File::create(path.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}
