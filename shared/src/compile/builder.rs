//! Collects rows and texts of one chunk, each only once, and lays them out.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::collections::HashMap;

use crate::snapshot::object::{Kind, Object};
use crate::snapshot::records::{AUTOMATA, HEAP, SECTIONS};
use crate::snapshot::table::{Record, Ref, Span, Text};

pub struct Builder {
    sections: [Vec<u8>; SECTIONS],
    texts: HashMap<String, Text>,
    rows: HashMap<(usize, Vec<u8>), u32>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            sections: [const { Vec::new() }; SECTIONS],
            texts: HashMap::new(),
            rows: HashMap::new(),
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
        if let Some(known) = self.texts.get(text) {
            return *known;
        }
        let heap = self.section(HEAP);
        let place = Text {
            at: heap.len() as u32,
            len: text.len() as u32,
        };
        heap.extend_from_slice(text.as_bytes());
        self.texts.insert(text.to_string(), place);
        place
    }

    /// Where an automaton lies in its section.
    pub fn automaton(&mut self, bytes: &[u8]) -> (u32, u32) {
        let key = (AUTOMATA, bytes.to_vec());
        let start = match self.rows.get(&key) {
            Some(start) => *start,
            None => {
                let section = self.section(AUTOMATA);
                let start = section.len() as u32;
                section.extend_from_slice(bytes);
                self.rows.insert(key, start);
                start
            }
        };
        (start, bytes.len() as u32)
    }

    /// A new row, also if an equal one exists.
    pub fn push<R: Record>(&mut self, row: R) -> Ref<R> {
        let section = self.section(R::SECTION);
        let index = section.len() / R::SIZE;
        row.write(section);
        Ref::new(index as u32)
    }

    /// An equal row if there is one.
    pub fn intern<R: Record>(&mut self, row: R) -> Ref<R> {
        Ref::new(self.intern_run([row]).start)
    }

    pub fn push_run<R: Record>(&mut self, rows: impl IntoIterator<Item = R>) -> Span<R> {
        let section = self.section(R::SECTION);
        let start = section.len() / R::SIZE;
        rows.into_iter().for_each(|row| row.write(section));
        let end = section.len() / R::SIZE;
        Span::new(start as u32, (end - start) as u32)
    }

    /// An equal run if one was interned before.
    pub fn intern_run<R: Record>(&mut self, rows: impl IntoIterator<Item = R>) -> Span<R> {
        let mut bytes = Vec::new();
        rows.into_iter().for_each(|row| row.write(&mut bytes));
        let len = (bytes.len() / R::SIZE) as u32;
        if len == 0 {
            return Span::EMPTY;
        }
        let section = self.section(R::SECTION);
        let next = (section.len() / R::SIZE) as u32;
        let key = (R::SECTION, bytes);
        if let Some(start) = self.rows.get(&key) {
            return Span::new(*start, len);
        }
        self.section(R::SECTION).extend_from_slice(&key.1);
        self.rows.insert(key, next);
        Span::new(next, len)
    }

    pub fn len<R: Record>(&self) -> u32 {
        self.sections
            .get(R::SECTION)
            .map_or(0, |section| section.len() / R::SIZE) as u32
    }

    /// The rows so far.
    pub fn rows<R: Record>(&self) -> impl Iterator<Item = R> {
        let section = self.sections.get(R::SECTION).map_or(&[][..], Vec::as_slice);
        section.chunks_exact(R::SIZE).filter_map(R::read)
    }

    pub fn finish(self, workspace: &str, name: &str) -> Vec<u8> {
        let mut body = Vec::new();
        let mut at = SECTIONS * 8;
        for section in &self.sections {
            body.extend_from_slice(&(at as u32).to_le_bytes());
            body.extend_from_slice(&(section.len() as u32).to_le_bytes());
            at += section.len();
        }
        self.sections
            .iter()
            .for_each(|section| body.extend_from_slice(section));
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
    fn section(&mut self, number: usize) -> &mut Vec<u8> {
        &mut self.sections[number]
    }
}
