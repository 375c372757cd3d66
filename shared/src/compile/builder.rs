//! Collects rows and texts of one chunk, each only once, and lays them out.

use alloc::string::String;
use alloc::vec::Vec;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::snapshot::object::{Kind, Object};
use crate::snapshot::records::{AUTOMATA, HEAP, SECTIONS};
use crate::snapshot::table::{Record, Ref, Span, Text};

pub struct Builder {
    sections: [Section; SECTIONS],
}

/// Bytes of one section, and which runs of them are looked for before an equal one is written.
#[derive(Default)]
struct Section {
    bytes: Vec<u8>,
    runs: HashTable<Run>,
}

/// Its bytes are found where they lie, so a table of them holds no copies.
#[derive(Clone, Copy)]
struct Run {
    hash: u64,
    at: u32,
    len: u32,
}

impl Run {
    fn within(self, bytes: &[u8]) -> Option<&[u8]> {
        let at = self.at as usize;
        bytes.get(at..at + self.len as usize)
    }
}

impl Section {
    /// Where bytes lie that were written once or more. None: not yet.
    fn find(&self, hash: u64, bytes: &[u8]) -> Option<usize> {
        let same = |run: &Run| run.within(&self.bytes) == Some(bytes);
        Some(self.runs.find(hash, same)?.at as usize)
    }

    /// Bytes that [`Section::find`] knows from now on.
    fn learn(&mut self, hash: u64, at: usize) {
        let run = Run {
            hash,
            at: at as u32,
            len: (self.bytes.len() - at) as u32,
        };
        self.runs.insert_unique(hash, run, |run| run.hash);
    }

    /// Where equal bytes lie, which are written if need be.
    fn once(&mut self, bytes: &[u8]) -> usize {
        let hash = xxh3_64(bytes);
        if let Some(known) = self.find(hash, bytes) {
            return known;
        }
        let at = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.learn(hash, at);
        at
    }

    /// The same of what was just written from `at` on.
    fn last_once(&mut self, at: usize) -> usize {
        let last = self.bytes.get(at..).unwrap_or(&[]);
        let hash = xxh3_64(last);
        if let Some(known) = self.find(hash, last) {
            self.bytes.truncate(at);
            return known;
        }
        self.learn(hash, at);
        at
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            sections: core::array::from_fn(|_| Section::default()),
        }
    }
}

impl Builder {
    /// A text that somebody writes.
    pub fn written(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Text {
        let mut text = Vec::new();
        write(&mut text);
        self.text(&String::from_utf8_lossy(&text))
    }

    pub fn text(&mut self, text: &str) -> Text {
        Text {
            at: self.section(HEAP).once(text.as_bytes()) as u32,
            len: text.len() as u32,
        }
    }

    /// Where an automaton lies in its section.
    pub fn automaton(&mut self, bytes: &[u8]) -> (u32, u32) {
        let at = self.section(AUTOMATA).once(bytes);
        (at as u32, bytes.len() as u32)
    }

    /// A new row, also if an equal one exists.
    pub fn push<R: Record>(&mut self, row: R) -> Ref<R> {
        let section = &mut self.section(R::SECTION).bytes;
        let index = section.len() / R::SIZE;
        row.write(section);
        Ref::new(index as u32)
    }

    /// An equal row if there is one.
    pub fn intern<R: Record>(&mut self, row: R) -> Ref<R> {
        Ref::new(self.intern_run([row]).start)
    }

    pub fn push_run<R: Record>(&mut self, rows: impl IntoIterator<Item = R>) -> Span<R> {
        let section = &mut self.section(R::SECTION).bytes;
        let start = section.len() / R::SIZE;
        rows.into_iter().for_each(|row| row.write(section));
        let end = section.len() / R::SIZE;
        Span::new(start as u32, (end - start) as u32)
    }

    /// An equal run if one was interned before.
    pub fn intern_run<R: Record>(&mut self, rows: impl IntoIterator<Item = R>) -> Span<R> {
        let section = self.section(R::SECTION);
        let at = section.bytes.len();
        rows.into_iter()
            .for_each(|row| row.write(&mut section.bytes));
        let len = (section.bytes.len() - at) / R::SIZE;
        if len == 0 {
            return Span::EMPTY;
        }
        let start = section.last_once(at) / R::SIZE;
        Span::new(start as u32, len as u32)
    }

    pub fn len<R: Record>(&self) -> u32 {
        self.sections
            .get(R::SECTION)
            .map_or(0, |section| section.bytes.len() / R::SIZE) as u32
    }

    /// The rows so far.
    pub fn rows<R: Record>(&self) -> impl Iterator<Item = R> {
        let section = self.sections.get(R::SECTION);
        let section = section.map_or(&[][..], |section| &section.bytes);
        section.chunks_exact(R::SIZE).filter_map(R::read)
    }

    pub fn finish(self, workspace: &str, name: &str) -> Vec<u8> {
        let lengths = self.sections.iter().map(|section| section.bytes.len());
        let mut at = SECTIONS * 8;
        let mut body = Vec::with_capacity(at + lengths.sum::<usize>());
        for section in &self.sections {
            body.extend_from_slice(&(at as u32).to_le_bytes());
            body.extend_from_slice(&(section.bytes.len() as u32).to_le_bytes());
            at += section.bytes.len();
        }
        // Given back one by one: a large chunk doesn't lie in memory three times.
        for section in self.sections {
            body.extend_from_slice(&section.bytes);
        }
        Object {
            kind: Kind::Page,
            workspace,
            name,
            body: &body,
        }
        .encode()
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "section numbers are constants below SECTIONS"
    )]
    fn section(&mut self, number: usize) -> &mut Section {
        &mut self.sections[number]
    }
}
