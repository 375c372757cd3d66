//! Noticing that files were saved. Polls instead of asking the system: it works alike on every file
//! system, over network mounts and in containers, survives editors that replace files, and five looks a
//! second at a handful of files cost nothing.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

const LOOK: Duration = Duration::from_millis(200);
/// A save is over once nothing has changed for so long.
const QUIET: Duration = Duration::from_millis(150);
/// Files up to here are looked into: a clock may be too coarse to tell two saves apart.
const SMALL_BYTES: u64 = 4 << 20;

/// What files looked like at one moment.
#[derive(PartialEq, Eq)]
pub struct Look(Vec<Option<Stamp>>);

#[derive(PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    content: Option<u64>,
}

impl Look {
    pub fn at(files: &[PathBuf]) -> Self {
        let mut look = Self(Vec::new());
        look.and_at(files);
        look
    }

    pub fn and_at(&mut self, files: &[PathBuf]) {
        self.0.extend(files.iter().map(|file| stamp(file)));
    }

    pub fn forget_but_first(&mut self) {
        self.0.truncate(1);
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = fs::metadata(file).ok()?;
    let content = (found.len() <= SMALL_BYTES)
        .then(|| fs::read(file).ok())
        .flatten()
        .map(|bytes| {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            hasher.finish()
        });
    Some(Stamp {
        len: found.len(),
        modified: found.modified().ok(),
        content,
    })
}

/// Returns once the files differ from what they looked like, and came to rest; once `patience` is over, if
/// there is an end to it; or once `stop` says so. A file that is gone for a moment, as while an editor
/// replaces it, is waited for.
pub fn changed(
    files: &[PathBuf],
    seen: &Look,
    patience: Option<Duration>,
    stop: &dyn Fn() -> bool,
) {
    let since = Instant::now();
    while !stop() && patience.is_none_or(|patience| since.elapsed() < patience) {
        std::thread::sleep(LOOK);
        let mut now = Look::at(files);
        if now == *seen {
            continue;
        }
        loop {
            std::thread::sleep(QUIET);
            let later = Look::at(files);
            if later == now {
                break;
            }
            now = later;
        }
        let document_is_there = now.0.first().is_some_and(Option::is_some);
        if document_is_there && now != *seen {
            return;
        }
    }
}
