//! A page chunk opened in place: its section bounds are read, everything else on access.

mod validate;

use alloc::vec::Vec;
use core::ops::Range;

use super::DecodeError;
use super::object::{Digest, Kind, Object};
use super::records::{self, Meta, SECTIONS};
use super::table::{Record, Ref, Span, Table, Text};
use crate::ids::IdKey;

/// Bytes of a page chunk and where its sections lie.
pub struct Chunk {
    bytes: Vec<u8>,
    sections: [Range<usize>; SECTIONS],
    meta: Meta,
}

impl Chunk {
    /// Digest, header, bounds, meaning: after this, no access misses.
    pub fn open(
        bytes: Vec<u8>,
        digest: Digest,
        workspace: &str,
        page: &str,
    ) -> Result<Self, DecodeError> {
        let object = Object::open(&bytes, Kind::Page, digest)?;
        if object.workspace != workspace {
            return Err(DecodeError::Misplaced);
        }
        let chunk = Self::locate(bytes)?;
        if chunk.text(chunk.meta.page) != page {
            return Err(DecodeError::Misplaced);
        }
        chunk.validate()?;
        Ok(chunk)
    }

    /// Finds the sections, without asking for a digest or a meaning.
    fn locate(bytes: Vec<u8>) -> Result<Self, DecodeError> {
        let object = Object::decode(&bytes)?;
        if object.kind != Kind::Page {
            return Err(DecodeError::Misplaced);
        }
        let body_at = bytes.len().saturating_sub(object.body.len());
        let (directory, _) = object
            .body
            .split_at_checked(SECTIONS.saturating_mul(8))
            .ok_or(DecodeError::Length)?;
        let mut sections: [Range<usize>; SECTIONS] = core::array::from_fn(|_| 0..0);
        for (section, mut bounds) in sections.iter_mut().zip(directory.chunks_exact(8)) {
            let text =
                <Text as super::table::Field>::read(&mut bounds).ok_or(DecodeError::Length)?;
            let start = body_at.saturating_add(text.at as usize);
            let end = start.saturating_add(text.len as usize);
            if end > bytes.len() {
                return Err(DecodeError::Meaning("a section outside the object"));
            }
            *section = start..end;
        }
        let meta = sections
            .get(Meta::SECTION)
            .and_then(|range| bytes.get(range.clone()))
            .filter(|row| row.len() == Meta::SIZE)
            .and_then(Meta::read)
            .ok_or(DecodeError::Meaning("no page row"))?;
        Ok(Self {
            bytes,
            sections,
            meta,
        })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    pub fn section(&self, number: usize) -> &[u8] {
        self.sections
            .get(number)
            .and_then(|range| self.bytes.get(range.clone()))
            .unwrap_or(&[])
    }

    pub fn table<R: Record>(&self) -> Table<'_, R> {
        Table::new(self.section(R::SECTION))
    }

    pub fn row<R: Record>(&self, to: Ref<R>) -> Option<R> {
        self.table().get(to)
    }

    pub fn rows<R: Record>(&self, span: Span<R>) -> impl Iterator<Item = R> + use<'_, R> {
        self.table().span(span)
    }

    /// Rows with their numbers.
    pub fn numbered<R: Record>(&self, span: Span<R>) -> impl Iterator<Item = (Ref<R>, R)> {
        span.refs().zip(self.rows(span))
    }

    /// Whether a text begins and ends with whole characters of the heap, which is UTF-8. To read all texts here would
    /// cost the square of the chunk's size if they overlapped.
    pub(super) fn is_text(&self, text: Text) -> bool {
        let heap = self.section(records::HEAP);
        let (start, len) = (text.at as usize, text.len as usize);
        let whole = |at: usize| match heap.get(at) {
            Some(byte) => byte & 0b1100_0000 != 0b1000_0000,
            None => at == heap.len(),
        };
        start
            .checked_add(len)
            .is_some_and(|end| whole(start) && whole(end))
    }

    fn heap(&self, text: Text) -> Option<&[u8]> {
        let start = text.at as usize;
        self.section(records::HEAP)
            .get(start..start.checked_add(text.len as usize)?)
    }

    /// [`Chunk::text`] for whoever only copies or compares.
    pub fn text_bytes(&self, text: Text) -> &[u8] {
        self.heap(text).unwrap_or(&[])
    }

    /// Empty if out of range, which a checked chunk doesn't have.
    pub fn text(&self, text: Text) -> &str {
        if text.len == 0 {
            return "";
        }
        core::str::from_utf8(self.text_bytes(text)).unwrap_or("")
    }

    /// Which of the chunk's own locales a supported one is, and how many it has.
    pub fn own_locale(&self, locale: u32) -> Option<(u32, u32)> {
        let mask = self.meta.locale_mask;
        let bit = 1_u64.checked_shl(locale)?;
        let own = (mask & bit.saturating_sub(1)).count_ones();
        (mask & bit != 0).then_some((own, mask.count_ones()))
    }

    /// Whether there is a content in one of its own locales.
    pub fn has_content(&self, content: u32, (own, locales): (u32, u32)) -> bool {
        let row = content.checked_mul(locales);
        let row = row.and_then(|row| row.checked_add(own));
        row.is_some_and(|row| (row as usize) < self.table::<records::Fragment>().len())
    }

    /// A content in one of the supported locales, as JSON.
    pub fn fragment(&self, content: u32, locale: u32) -> Option<&[u8]> {
        let (own, locales) = self.own_locale(locale)?;
        let row = content.checked_mul(locales)?.checked_add(own)?;
        self.heap(self.row(Ref::<records::Fragment>::new(row))?.json)
    }

    /// Bytes of the automata section.
    pub fn automaton(&self, start: u32, len: u32) -> Option<&[u8]> {
        let start = start as usize;
        self.section(records::AUTOMATA)
            .get(start..start.checked_add(len as usize)?)
    }

    pub fn id_key(&self) -> IdKey {
        let meta = &self.meta;
        let mut key = [0; 32];
        let words = [meta.id_key_0, meta.id_key_1, meta.id_key_2, meta.id_key_3];
        for (slot, word) in key.chunks_exact_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        IdKey(key)
    }

    pub fn uses_ids(&self) -> bool {
        self.meta.uses_ids != 0
    }
}
