//! What no collector will ever take: kept in a file of its own for a person to look at, and told of.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use skyful_edge::forward;

use super::sync_folder;

const NAME: &str = "dead-letters.jsonl";

pub struct DeadLetters {
    file: File,
}

impl DeadLetters {
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        sync_folder(folder)?;
        Ok(Self { file })
    }

    /// On disk when it returns: the log lets go of these afterwards.
    pub fn add(&mut self, letters: &[(&str, &[u8])]) -> io::Result<()> {
        let mut text = Vec::new();
        for (why, event) in letters {
            let what = forward::letter(&mut text, why, event);
            tracing::error!("{what}, see {NAME}");
        }
        self.file.write_all(&text)?;
        self.file.sync_data()
    }
}
