//! The hash table in a chunk that finds attributes by name and classes by word. Open addressing with
//! linear probing; at most half of the slots are taken.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Chunk;
use super::records::{HEAP, Key};
use super::table::{Ref, Table};

/// The space of attribute names.
pub const NAMES: u32 = 0;
/// Marks a free slot.
pub const FREE: u32 = u32::MAX;

/// The space of an attribute's words.
pub fn space(attribute: u32) -> u32 {
    attribute.saturating_add(1)
}

/// Part of the format: never another hash without another number of format.
pub fn hash(space: u32, text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), u64::from(space))
}

pub fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// A power of two, at least twice the number of entries.
pub fn slots(entries: usize) -> usize {
    entries.saturating_mul(2).max(1).next_power_of_two()
}

/// The most taken slots in a row; the last slot is before the first one.
pub(super) fn longest_run(chunk: &Chunk) -> usize {
    let (mut run, mut longest, mut at_start): (usize, usize, Option<usize>) = (0, 0, None);
    for key in chunk.table::<Key>().iter() {
        if key.space == FREE {
            at_start.get_or_insert(run);
            run = 0;
        } else {
            run = run.saturating_add(1);
            longest = longest.max(run);
        }
    }
    longest.max(run.saturating_add(at_start.unwrap_or(0)))
}

/// The table, found once for many searches.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    rows: Table<'a, Key>,
    heap: &'a [u8],
    /// The last slot's number; none of a table without slots.
    last: Option<u32>,
}

impl<'a> Keys<'a> {
    pub fn of(chunk: &'a Chunk) -> Self {
        let rows = chunk.table::<Key>();
        Self {
            rows,
            heap: chunk.section(HEAP),
            last: (rows.len() as u32).checked_sub(1),
        }
    }

    /// An attribute by name, or a class by word.
    pub fn find(&self, space: u32, text: &str) -> Option<u32> {
        let last = self.last?;
        let hash = hash(space, text);
        let tag = tag(hash);
        let mut at = hash as u32 & last;
        for _ in 0..=last {
            let key = self.rows.get(Ref::new(at))?;
            if key.tag == tag && key.space == space && key.text.within(self.heap) == text.as_bytes()
            {
                return Some(key.value);
            }
            if key.space == FREE {
                return None;
            }
            at = at.wrapping_add(1) & last;
        }
        None
    }
}

impl Chunk {
    /// [`Keys::find`], once.
    pub fn key(&self, space: u32, text: &str) -> Option<u32> {
        Keys::of(self).find(space, text)
    }
}
