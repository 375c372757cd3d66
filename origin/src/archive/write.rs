//! Writing a snapshot directory, all of it or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use skyful::compile::Snapshot;

use super::{MANIFEST, OBJECTS, POINTER};
use crate::failure::Failure;

/// A manifest value that goes with the snapshot.
pub type Signed<'a> = Option<&'a [u8]>;

/// Writes beside the place where it shall stand, then moves it there. A snapshot that stood there is
/// replaced; anything else is left alone.
pub fn write(snapshot: &Snapshot, manifest: Signed<'_>, to: &Path) -> Result<(), Failure> {
    let replaces = replaceable(to)?;
    let parent = match to.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|error| Failure::io("make", parent, &error))?;
    let fresh = beside(parent, to, "new");
    _ = fs::remove_dir_all(&fresh);
    let written = fill(snapshot, manifest, &fresh)
        .and_then(|()| put(&fresh, to, replaces, &beside(parent, to, "old")));
    if written.is_err() {
        _ = fs::remove_dir_all(&fresh);
    }
    written
}

/// Whether something stands there that may go.
fn replaceable(to: &Path) -> Result<bool, Failure> {
    match fs::read_dir(to) {
        Ok(mut entries) => {
            if entries.next().is_none() || to.join(POINTER).is_file() {
                Ok(true)
            } else {
                let message = format!("{} holds other files than a snapshot", to.display());
                Err(Failure::usage(message).hint("name a new or an empty directory"))
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::io("write", to, &error)),
    }
}

fn beside(parent: &Path, to: &Path, what: &str) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    parent.join(format!(".{name}.{what}-{}", std::process::id()))
}

fn fill(snapshot: &Snapshot, manifest: Signed<'_>, dir: &Path) -> Result<(), Failure> {
    let put = |path: PathBuf, bytes: &[u8]| {
        fs::write(&path, bytes).map_err(|error| Failure::io("write", &path, &error))
    };
    let objects = dir.join(OBJECTS);
    fs::create_dir_all(&objects).map_err(|error| Failure::io("make", &objects, &error))?;
    for (digest, bytes) in &snapshot.objects {
        put(objects.join(digest.hex()), bytes)?;
    }
    let name = snapshot.listing.digest();
    put(objects.join(name.hex()), &snapshot.listing.to_object())?;
    if let Some(manifest) = manifest {
        put(dir.join(MANIFEST), manifest)?;
    }
    put(dir.join(POINTER), format!("{name}\n").as_bytes())
}

fn put(fresh: &Path, to: &Path, replaces: bool, old: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::io("write", to, &error);
    if replaces {
        fs::rename(to, old).map_err(failed)?;
    }
    fs::rename(fresh, to).map_err(|error| {
        if replaces {
            _ = fs::rename(old, to);
        }
        failed(error)
    })?;
    _ = fs::remove_dir_all(old);
    Ok(())
}
