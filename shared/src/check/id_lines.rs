//! Lists of ids as text, one a line, read piece by piece: what is kept of each is its hash. One reader for files beside a
//! document and for uploads.

use crate::ids::IdKey;
use crate::limits;

/// A file of ids as whoever has it can hand it over.
pub enum IdFile {
    /// One id a line.
    Text(Vec<u8>),
    /// Hashes under the key of the workspace.
    Hashes(Vec<u64>),
}

/// What is wrong with a line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub line: usize,
    pub why: &'static str,
}

/// The reader. Lines may end in CR LF, blank ones and a byte order mark are passed over.
pub struct IdLines {
    key: IdKey,
    room: usize,
    /// The begin of a line whose end is in the next piece.
    rest: Vec<u8>,
    line: usize,
    hashes: Vec<u64>,
    /// The first of them.
    pub bad: Vec<BadLine>,
    /// All of them.
    pub bad_lines: usize,
}

/// More ids than there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// Bad lines that are listed; the rest is counted.
pub const LINES_LISTED: usize = 10;

impl IdLines {
    /// At most `room` ids are read.
    pub fn new(key: IdKey, room: usize) -> Self {
        Self {
            key,
            room,
            rest: Vec::new(),
            line: 0,
            hashes: Vec::new(),
            bad: Vec::new(),
            bad_lines: 0,
        }
    }

    pub fn push(&mut self, piece: &[u8]) -> Result<(), TooMany> {
        let mut lines = piece.split(|byte| *byte == b'\n');
        let mut line = lines.next().unwrap_or_default();
        for next in lines {
            if self.rest.is_empty() {
                self.line(line)?;
            } else {
                let mut whole = core::mem::take(&mut self.rest);
                self.keep(&mut whole, line);
                self.line(&whole)?;
            }
            line = next;
        }
        let mut rest = core::mem::take(&mut self.rest);
        self.keep(&mut rest, line);
        self.rest = rest;
        Ok(())
    }

    /// Sorted, each once.
    pub fn finish(mut self) -> Result<(Vec<u64>, Vec<BadLine>, usize), TooMany> {
        let rest = core::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.line(&rest)?;
        }
        self.hashes.sort_unstable();
        self.hashes.dedup();
        Ok((self.hashes, self.bad, self.bad_lines))
    }

    /// Ids read so far.
    pub fn count(&self) -> usize {
        self.hashes.len()
    }

    /// A line without an end must not fill the memory: what is beyond any id is not needed to refuse it.
    fn keep(&self, begin: &mut Vec<u8>, more: &[u8]) {
        let most = limits::UNIT_BYTES.saturating_add(8);
        let room = most.saturating_sub(begin.len()).min(more.len());
        begin.extend_from_slice(more.get(..room).unwrap_or_default());
    }

    fn line(&mut self, line: &[u8]) -> Result<(), TooMany> {
        self.line = self.line.saturating_add(1);
        let line = match self.line {
            1 => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            _ => line,
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        if self.hashes.len() >= self.room {
            return Err(TooMany);
        }
        match core::str::from_utf8(line) {
            _ if line.len() > limits::UNIT_BYTES => self.refuse("is longer than an id can be"),
            Ok(id) => self.hashes.push(self.key.hash(id)),
            Err(_) => self.refuse("is not UTF-8"),
        }
        Ok(())
    }

    fn refuse(&mut self, why: &'static str) {
        self.bad_lines = self.bad_lines.saturating_add(1);
        if self.bad.len() < LINES_LISTED {
            let line = self.line;
            self.bad.push(BadLine { line, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_however_the_text_is_cut() {
        let key = || IdKey::of_workspace("wallet");
        let text = "\u{feff}u-1\r\n\n  \nu-2\nü\nu-1\nu-9".as_bytes();
        let mut expected: Vec<u64> = ["u-1", "u-2", "ü", "u-9"].map(|id| key().hash(id)).to_vec();
        expected.sort_unstable();
        for piece in 1..=text.len() {
            let mut lines = IdLines::new(key(), 100);
            for piece in text.chunks(piece) {
                assert_eq!(lines.push(piece), Ok(()));
            }
            let (hashes, bad, _) = lines.finish().expect("there is room");
            assert_eq!(
                (hashes, bad),
                (expected.clone(), vec![]),
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn bad_lines_are_named_and_too_many_ids_stop_it() {
        let long = "x".repeat(10_000);
        let text = format!("u-1\n{long}\nu-2\n");
        for size in [1, 7, 100_000] {
            let mut lines = IdLines::new(IdKey::of_workspace("wallet"), 2);
            for piece in text.as_bytes().chunks(size) {
                assert_eq!(lines.push(piece), Ok(()));
            }
            assert_eq!((lines.bad_lines, lines.bad[0].line), (1, 2));
            assert!(lines.rest.len() < 200);
            assert_eq!(lines.push(b"u-3\n"), Err(TooMany));
        }
    }
}
