//! What one request has found out already, so that nothing dear is done once for each plan that asks: values read as
//! their attributes' types, long lists in order, and what dear predicates said. Nothing of it outlives the request.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, OnceCell};

use super::facts::Value;
use crate::snapshot::Chunk;
use crate::snapshot::records::{Attribute, Predicate};
use crate::snapshot::table::Ref;

/// Elements of a request's list, from which on sorting it pays.
const MANY: usize = 16;

/// Filled in as rules ask: many pages have no rule that the index leaves over.
#[derive(Default)]
pub struct Memory<'a> {
    /// One for each attribute of the chunk.
    known: OnceCell<Vec<OnceCell<Known<'a>>>>,
    /// One for each predicate of the chunk.
    said: Cell<Vec<Option<bool>>>,
}

/// A visitor's value.
pub struct Known<'a> {
    pub value: Value<'a>,
    /// The texts of a long list. Empty of anything else.
    sorted: BTreeSet<&'a [u8]>,
}

impl<'a> Known<'a> {
    fn of(value: Value<'a>) -> Self {
        let mut sorted = BTreeSet::new();
        if let Value::Texts(texts) = value
            && texts.len() >= MANY
        {
            for text in texts {
                sorted.insert(text.as_bytes());
            }
        }
        Self { value, sorted }
    }

    /// Whether a list has a word.
    pub fn has(&self, word: &[u8]) -> bool {
        match self.value {
            Value::Texts(_) if !self.sorted.is_empty() => self.sorted.contains(word),
            Value::Texts(texts) => texts.iter().any(|text| text.as_bytes() == word),
            _ => false,
        }
    }
}

impl<'a> Memory<'a> {
    pub fn value(
        &self,
        chunk: &Chunk,
        attribute: Ref<Attribute>,
        typed: impl FnOnce() -> Value<'a>,
    ) -> Option<&Known<'a>> {
        let known = self.known.get_or_init(|| {
            let attributes = chunk.table::<Attribute>().len();
            (0..attributes).map(|_| OnceCell::new()).collect()
        });
        let known = known.get(attribute.index as usize)?;
        Some(known.get_or_init(|| Known::of(typed())))
    }

    /// What a predicate says, asked at most once.
    pub fn once(&self, chunk: &Chunk, row: Ref<Predicate>, ask: impl FnOnce() -> bool) -> bool {
        let mut said = self.said.take();
        if said.is_empty() {
            said = vec![None; chunk.table::<Predicate>().len()];
        }
        let result = match said.get_mut(row.index as usize) {
            Some(said) => *said.get_or_insert_with(ask),
            None => ask(),
        };
        self.said.set(said);
        result
    }
}
