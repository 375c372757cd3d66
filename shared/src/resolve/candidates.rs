//! Which plans a visitor's classes leave over: rows of bits are and-ed for the dense plans, and those
//! posted under one of the classes are listed. What is offered may still not hold; what isn't, can't.

use alloc::vec;
use alloc::vec::Vec;

use super::standing::Standing;
use crate::snapshot::Chunk;
use crate::snapshot::records::{Attribute, Class, Dense, Plan, Posting, RowWord};
use crate::snapshot::table::{Ref, Span, Table};

const BITS: u32 = 64;

#[derive(Default)]
pub struct Candidates {
    /// One bit a dense plan of the page.
    bits: Vec<u64>,
    /// Postings of the visitor's classes.
    posted: Vec<Span<Posting>>,
}

impl Candidates {
    pub fn of(chunk: &Chunk, standing: &Standing<'_>) -> Self {
        let words = chunk.table::<Dense>().len().div_ceil(BITS as usize);
        let mut candidates = Self {
            bits: vec![u64::MAX; words],
            posted: Vec::new(),
        };
        let mut scratch = Vec::new();
        let table = chunk.table::<Class>();
        let attributes = chunk.table::<Attribute>();
        for ((number, attribute), class) in (0..).zip(attributes.iter()).zip(standing.classes()) {
            let row = |class: u32| {
                let number = attribute.classes.start.checked_add(class)?;
                (class < attribute.classes.len).then(|| table.get(Ref::new(number)))?
            };
            let Some(base) = row(class) else {
                continue;
            };
            candidates.post(&base);
            let mut named = standing.words(number).filter_map(row).peekable();
            if base.flips.len == 0 && named.peek().is_none() {
                candidates.keep(chunk, base.row);
                continue;
            }
            scratch.clear();
            scratch.extend(words_of(chunk, base.row, words));
            scratch.resize(words, u64::MAX);
            flip(chunk, &base, &base, words, &mut scratch);
            for class in named {
                candidates.post(&class);
                flip(chunk, &base, &class, words, &mut scratch);
            }
            for (kept, word) in candidates.bits.iter_mut().zip(&scratch) {
                *kept &= word;
            }
        }
        candidates
    }

    fn post(&mut self, class: &Class) {
        if class.posted.len != 0 {
            self.posted.push(class.posted);
        }
    }

    fn keep(&mut self, chunk: &Chunk, row: u32) {
        let words = words_of(chunk, row, self.bits.len());
        for (kept, word) in self.bits.iter_mut().zip(words) {
            *kept &= word;
        }
    }

    /// The dense plans of a list that are left, in order.
    pub fn dense(&self, chunk: &Chunk, list: Span<Dense>) -> impl Iterator<Item = Ref<Plan>> {
        let end = list.start.saturating_add(list.len);
        let table = chunk.table::<Dense>();
        let first = list.start / BITS;
        let words = self.bits.get(first as usize..end.div_ceil(BITS) as usize);
        let words = (first..).zip(words.unwrap_or(&[]));
        words.flat_map(move |(at, word)| {
            let zero = at.saturating_mul(BITS);
            let before = u64::MAX
                .checked_shl(list.start.saturating_sub(zero))
                .unwrap_or(0);
            let after = u64::MAX
                .checked_shr(zero.saturating_add(BITS).saturating_sub(end))
                .unwrap_or(0);
            ones(word & before & after)
                .filter_map(move |bit| Some(table.get(Ref::new(zero.saturating_add(bit)))?.plan))
        })
    }

    /// The posted plans of a list that the visitor can reach: some runs, each in order.
    pub fn posted(
        &self,
        chunk: &Chunk,
        plans: Span<Plan>,
    ) -> impl Iterator<Item = impl Iterator<Item = Ref<Plan>>> {
        let table = chunk.table::<Posting>();
        self.posted.iter().map(move |run| {
            let skipped = run_before(&table, *run, plans.start);
            let rest = Span::new(
                run.start.saturating_add(skipped),
                run.len.saturating_sub(skipped),
            );
            table.span(rest).map(|posting| posting.plan)
        })
    }
}

/// How many postings of a run stand before a plan.
fn run_before(table: &Table<'_, Posting>, run: Span<Posting>, plan: u32) -> u32 {
    let (mut low, mut high) = (0, run.len);
    while low < high {
        let middle = low.midpoint(high);
        match table.get(Ref::new(run.start.saturating_add(middle))) {
            Some(posting) if posting.plan.index < plan => low = middle.saturating_add(1),
            _ => high = middle,
        }
    }
    low
}

fn words_of(chunk: &Chunk, row: u32, words: usize) -> impl Iterator<Item = u64> {
    let bytes = words.saturating_mul(size_of::<u64>());
    let section = chunk.section(<RowWord as crate::snapshot::table::Record>::SECTION);
    // A row of ones is past the end.
    let start = (row as usize).saturating_mul(bytes);
    let row = section.get(start..start.saturating_add(bytes));
    let (words, _) = row.unwrap_or(&[]).as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word))
}

/// Makes the bits that a class flips the opposite of what they are in the base.
fn flip(chunk: &Chunk, base: &Class, class: &Class, words: usize, row: &mut [u64]) {
    for flip in chunk.rows(class.flips) {
        let (at, bit) = (flip.bit / BITS, 1_u64 << (flip.bit % BITS));
        let one = words_of(chunk, base.row, words)
            .nth(at as usize)
            .is_none_or(|word| word & bit != 0);
        if let Some(word) = row.get_mut(at as usize) {
            *word = if one { *word & !bit } else { *word | bit };
        }
    }
}

fn ones(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < BITS).then_some(bit)
    })
}
