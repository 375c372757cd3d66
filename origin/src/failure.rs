//! Why a command didn't do what was asked, and the exit code that says whose turn it is.

use std::fmt;
use std::path::Path;
use std::time::Duration;

/// 0 is done.
pub const FAULT: u8 = 1;
pub const USAGE: u8 = 2;

#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    /// Empty if everything was already said.
    pub message: String,
    pub hint: Option<String>,
    /// How long whoever was asked wants to be left alone.
    pub after: Option<Duration>,
    /// What somebody who was asked said, for programs.
    pub answer: Option<Box<serde_json::Value>>,
}

impl Failure {
    /// The document, the snapshot or the answer is at fault.
    pub fn fault(message: impl fmt::Display) -> Self {
        Self {
            code: FAULT,
            message: message.to_string(),
            hint: None,
            after: None,
            answer: None,
        }
    }

    /// Asked wrongly, or something that was named isn't there.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self {
            code: USAGE,
            ..Self::fault(message)
        }
    }

    /// The messages are out; only the exit code is left to say.
    pub fn said(code: u8) -> Self {
        Self {
            code,
            message: String::new(),
            hint: None,
            after: None,
            answer: None,
        }
    }

    /// Reading or writing a file that the person named.
    pub fn io(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::usage(format!("cannot {doing} {}: {error}", path.display()))
    }

    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
