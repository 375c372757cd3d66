//! What no collector will ever take: kept in a file of its own for a person to look at, and told of.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

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

    /// On disk when it returns: the log lets go of these afterwards. `why` is one of the protocol's names.
    pub fn add(&mut self, letters: &[(&str, &[u8])]) -> io::Result<()> {
        let mut text = Vec::new();
        for (why, event) in letters {
            // Only letters, digits and `_`, whatever a collector says.
            let why: String = why
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
                .take(64)
                .collect();
            text.extend_from_slice(format!("{{\"why\":\"{why}\",\"event\":").as_bytes());
            text.extend_from_slice(event);
            text.extend_from_slice(b"}\n");
            tracing::error!(why, "an event will never be counted, see {NAME}");
        }
        self.file.write_all(&text)?;
        self.file.sync_data()
    }
}
