//! A database takes the place of another one. It is several files, which can't be moved in one step; so what counts is one name:
//! once the new database has it, whoever wants to open the old one finishes the move first. A log that was moved away and a
//! database that was not would be an older database, and none at all would be taken for a new origin.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::failpoint::{self, Point};
use crate::failure::Failure;

/// What SQLite may have beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Where the new database is made. It counts for nothing there.
pub fn fresh(database: &Path) -> PathBuf {
    hidden(database, "restoring")
}

/// Whether a move is under way, or was cut off. Until it is finished the database is not whole.
pub fn under_way(database: &Path) -> bool {
    ready(database).exists()
}

/// Lets the database at [`fresh`], which is one file and on disk, take the place of what is there. Gives where that is now.
pub fn replace(database: &Path) -> Result<Option<PathBuf>, Failure> {
    rename(&fresh(database), &ready(database))?;
    sync_folder(database)?;
    failpoint::reach(Point::RestoreReady);
    finish(database)
}

/// Finishes what was cut off, if anything was. By whoever holds the database's lock.
pub fn finish(database: &Path) -> Result<Option<PathBuf>, Failure> {
    let ready = ready(database);
    if !under_way(database) {
        return Ok(None);
    }
    // The same name whenever it is finished.
    let made = fs::metadata(&ready).and_then(|file| file.modified());
    let made = made.map_err(|error| Failure::io("read", &ready, &error))?;
    let made_ms = made
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    let name = with(database, &format!(".replaced-{made_ms}"));
    let mut kept = None;
    // The log goes first: beside another database it would be written into that.
    for ending in BESIDE.into_iter().chain([""]) {
        let (from, to) = (with(database, ending), with(&name, ending));
        if from.exists() {
            rename(&from, &to)?;
            failpoint::reach(Point::RestoreMoved);
        }
        if to.exists() {
            kept = Some(name.clone());
        }
    }
    rename(&ready, database)?;
    failpoint::reach(Point::RestorePlaced);
    sync_folder(database)?;
    Ok(kept)
}

/// The logs of a database.
pub fn beside(database: &Path) -> Vec<PathBuf> {
    let file = |ending: &&str| with(database, ending);
    BESIDE.iter().map(file).collect()
}

pub fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::io("remove", path, &error))
        }
        _ => Ok(()),
    }
}

/// The same name, hidden and with this ending: what is there counts for nothing yet.
pub fn hidden(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsStr::new(".").to_owned();
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

pub fn rename(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::rename(from, to).map_err(|error| Failure::io("move", from, &error))
}

/// So that a name is still there after a power cut.
pub fn sync_folder(file: &Path) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Failure::io("write", folder, &error))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

fn ready(database: &Path) -> PathBuf {
    hidden(database, "restored")
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
