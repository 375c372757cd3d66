//! The hash table in a chunk that finds attributes by name and classes by word. Open addressing with
//! linear probing; at most half of the slots are taken.

use alloc::vec;
use alloc::vec::Vec;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Chunk;
use super::records::{HEAP, Key};
use super::table::{Ref, Table};
use crate::limits;

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

/// How often a table is doubled for the sake of shorter runs. Hashes that still crowd then were chosen to.
const DOUBLINGS: u32 = 4;

/// Which entry lies in each slot of a table of entries with these hashes: a power of two, at least twice as many slots as
/// entries, and more if otherwise too many taken slots were in a row. None if that doesn't help.
pub fn layout(hashes: &[u64]) -> Option<Vec<Option<usize>>> {
    let least = hashes.len().saturating_mul(2).max(1).next_power_of_two();
    (0..=DOUBLINGS).find_map(|doublings| placed(hashes, least.checked_shl(doublings)?))
}

fn placed(hashes: &[u64], slots: usize) -> Option<Vec<Option<usize>>> {
    let mut table = vec![None; slots];
    let last = slots.saturating_sub(1);
    for (entry, hash) in hashes.iter().enumerate() {
        let free = (0..=limits::KEY_RUN).find_map(|step| {
            let at = (*hash as u32 as usize).wrapping_add(step) & last;
            table.get(at)?.is_none().then_some(at)
        })?;
        *table.get_mut(free)? = Some(entry);
    }
    let fits = longest(table.iter().map(Option::is_some)) <= limits::KEY_RUN;
    fits.then_some(table)
}

pub(super) fn longest_run(chunk: &Chunk) -> usize {
    longest(chunk.table::<Key>().iter().map(|key| key.space != FREE))
}

/// The most taken slots in a row; the last slot is before the first one.
fn longest(taken: impl Iterator<Item = bool>) -> usize {
    let (mut run, mut longest, mut at_start): (usize, usize, Option<usize>) = (0, 0, None);
    for taken in taken {
        if taken {
            run = run.saturating_add(1);
            longest = longest.max(run);
        } else {
            at_start.get_or_insert(run);
            run = 0;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowded_table_is_doubled_until_its_runs_are_short() {
        let crowd = limits::KEY_RUN + 1;
        let even: Vec<u64> = (0..crowd).map(|n| n as u64 * 2).collect();
        assert_eq!(layout(&even).expect("fits").len(), 4_096);
        // Beside each other in 4,096 slots, and apart in 8,192.
        let halves: Vec<u64> = (0..crowd as u64).map(|n| n % 2 * 4_096).collect();
        let table = layout(&halves).expect("fits");
        assert_eq!(table.len(), 8_192);
        assert_eq!(table.iter().flatten().count(), crowd);
        assert_eq!(layout(&[7; limits::KEY_RUN + 1]), None);
        assert_eq!(layout(&[]), Some(vec![None]));
    }
}
