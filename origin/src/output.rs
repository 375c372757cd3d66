//! Results go to stdout, everything that is said to stderr. Colour only where a person looks
//! (anstream honours terminals, `NO_COLOR` and `CLICOLOR_FORCE`); a reader that has seen enough and
//! closed the pipe is no error.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::failure::Failure;

pub const BOLD: &str = "\x1b[1m";
pub const DIM: &str = "\x1b[2m";
pub const RED: &str = "\x1b[1;31m";
pub const GREEN: &str = "\x1b[32m";
pub const YELLOW: &str = "\x1b[33m";
pub const CYAN: &str = "\x1b[36m";
pub const PLAIN: &str = "\x1b[0m";

/// Writes bytes of a result exactly as they are.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    pass(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Writes a result for people; colours are taken out where nobody would see them.
pub fn text(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    pass(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Writes one JSON value as one line.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(value).map_err(Failure::fault)?;
    line.push(b'\n');
    bytes(&line)
}

/// Says something. Nobody left to hear it is no reason to stop.
pub fn say(text: &str) {
    _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Says what is no failure, yet somebody should look at.
pub fn warning(text: &str) {
    say(&format!("{YELLOW}warning{PLAIN}: {text}"));
}

pub fn failure(failure: &Failure) {
    if !failure.message.is_empty() {
        say(&format!("{RED}error{PLAIN}: {}", failure.message));
    }
    if let Some(hint) = &failure.hint {
        say(&format!("{CYAN}help{PLAIN}: {hint}"));
    }
}

/// What became of writing a result.
pub fn pass(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::said(0)),
        Err(error) => Err(Failure::usage(format!("cannot write the result: {error}"))),
    }
}

/// `1 page`, `2 pages`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Bytes as people read them.
pub fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
