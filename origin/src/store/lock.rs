//! One process at a time has a database: a file beside it, locked for as long as that process lives, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    pub fn take(database: &Path) -> Result<Self, Failure> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let failed = |error: &std::io::Error| Failure::io("lock", &path, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(database, &path, file)),
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        // Only for whoever finds it locked.
        let told = file
            .set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        told.map_err(|error| failed(&error))?;
        Ok(Self { _file: file })
    }
}

fn taken(database: &Path, lock: &Path, mut file: File) -> Failure {
    let mut holder = String::new();
    // Where locked files can't be read it stays unknown.
    _ = file.read_to_string(&mut holder);
    let holder = match holder.trim() {
        "" => "another process".to_owned(),
        id => format!("process {id}"),
    };
    let failure = Failure::usage(format!(
        "{} is in use: {holder} holds {}",
        database.display(),
        lock.display()
    ));
    failure.hint("stop that one first; one process at a time has a database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_was_first() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("skyful.sqlite");
        let first = Lock::take(&database).unwrap();
        let told = Lock::take(&database).unwrap_err().to_string();
        assert!(told.contains("skyful.sqlite.lock"), "{told}");
        assert!(told.contains(&std::process::id().to_string()), "{told}");
        drop(first);
        Lock::take(&database).unwrap();
    }
}
