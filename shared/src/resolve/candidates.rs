//! Which plans a visitor's classes leave over: rows of bits are and-ed for the dense plans, and those
//! posted under one of the classes are listed. What is offered may still not hold; what isn't, can't.

use alloc::vec;
use alloc::vec::Vec;

use super::standing::Standing;
use crate::snapshot::Chunk;
use crate::snapshot::records::{
    Attribute, BLOCK_BITS, BLOCK_WORDS, Class, Dense, Flip, Plan, Posting, RowWord,
};
use crate::snapshot::table::{Record, Ref, Span, Table};

type Block = [u64; BLOCK_WORDS];
const BLOCK_BYTES: usize = size_of::<Block>();

/// What a visitor's value lets be.
struct Row<'a> {
    /// Of whole blocks; empty for a row of ones.
    bytes: &'a [u8],
    flips: Span<Flip>,
}

pub struct Candidates<'a> {
    flips: Table<'a, Flip>,
    dense: Table<'a, Dense>,
    postings: Table<'a, Posting>,
    rows: Vec<Row<'a>>,
    /// More flips of a list's elements, by row.
    named: Vec<(usize, Span<Flip>)>,
    /// Postings of the visitor's classes.
    posted: Vec<Span<Posting>>,
    /// What is left. Lists share blocks, and most lists end early, so each is found when it is asked for.
    blocks: Vec<Block>,
    known: Vec<bool>,
}

impl<'a> Candidates<'a> {
    pub fn of(chunk: &'a Chunk, standing: &Standing<'_>) -> Self {
        let dense = chunk.table::<Dense>();
        let blocks = dense.len().div_ceil(BLOCK_BITS as usize);
        let mut candidates = Self {
            flips: chunk.table(),
            dense,
            postings: chunk.table(),
            rows: Vec::with_capacity(16),
            named: Vec::new(),
            posted: Vec::new(),
            blocks: vec![[0; BLOCK_WORDS]; blocks],
            known: vec![false; blocks],
        };
        let classes = chunk.table::<Class>();
        let row_bytes = blocks.saturating_mul(BLOCK_BYTES);
        let section = chunk.section(RowWord::SECTION);
        let attributes = chunk.table::<Attribute>();
        for ((number, attribute), class) in (0..).zip(attributes.iter()).zip(standing.classes()) {
            let of_class = |class: u32| {
                let row = attribute.classes.start.checked_add(class)?;
                (class < attribute.classes.len).then(|| classes.get(Ref::new(row)))?
            };
            let Some(base) = of_class(class) else {
                continue;
            };
            candidates.post(&base);
            let row = candidates.rows.len();
            for class in standing.words(number).filter_map(of_class) {
                candidates.post(&class);
                if class.flips.len != 0 {
                    candidates.named.push((row, class.flips));
                }
            }
            // A row of ones is past the end.
            let start = (base.row as usize).saturating_mul(row_bytes);
            let bytes = section.get(start..start.saturating_add(row_bytes));
            let bytes = bytes.unwrap_or(&[]);
            let named = candidates.named.last().is_some_and(|(of, _)| *of == row);
            if !bytes.is_empty() || base.flips.len != 0 || named {
                let flips = base.flips;
                candidates.rows.push(Row { bytes, flips });
            }
        }
        candidates
    }

    fn post(&mut self, class: &Class) {
        if class.posted.len != 0 {
            self.posted.push(class.posted);
        }
    }

    /// The dense plans of a list that are left, in order, until one is taken.
    pub fn find_dense<T>(
        &mut self,
        list: Span<Dense>,
        mut take: impl FnMut(Ref<Plan>) -> Option<T>,
    ) -> Option<T> {
        let dense = self.dense;
        let end = list.start.saturating_add(list.len);
        for number in list.start / BLOCK_BITS..end.div_ceil(BLOCK_BITS) {
            let zero = number.saturating_mul(BLOCK_BITS);
            let first = (list.start.saturating_sub(zero) / u64::BITS) as usize;
            let block = self.block(number)?;
            for (at, word) in block.iter().enumerate().skip(first) {
                let zero = zero.saturating_add(at as u32 * u64::BITS);
                if zero >= end {
                    break;
                }
                if *word == 0 {
                    continue;
                }
                for bit in ones(word & within(list.start, end, zero)) {
                    let plan = dense.get(Ref::new(zero.saturating_add(bit)))?.plan;
                    if let Some(taken) = take(plan) {
                        return Some(taken);
                    }
                }
            }
        }
        None
    }

    fn block(&mut self, number: u32) -> Option<&Block> {
        let at = number as usize;
        if !*self.known.get(at)? {
            *self.blocks.get_mut(at)? = self.and(number);
            *self.known.get_mut(at)? = true;
        }
        self.blocks.get(at)
    }

    fn and(&self, number: u32) -> Block {
        let mut left = [u64::MAX; BLOCK_WORDS];
        for (at, row) in self.rows.iter().enumerate() {
            let base = block_of(row.bytes, number);
            let mut bits = base;
            if row.flips.len != 0 {
                self.flip(row.flips, number, &base, &mut bits);
            }
            if !self.named.is_empty() {
                let named = self.named.iter().filter(|(of, _)| *of == at);
                named.for_each(|(_, flips)| self.flip(*flips, number, &base, &mut bits));
            }
            for (left, bits) in left.iter_mut().zip(bits) {
                *left &= bits;
            }
        }
        left
    }

    /// Makes bits the opposite of what they are in the base.
    fn flip(&self, flips: Span<Flip>, block: u32, base: &Block, bits: &mut Block) {
        let zero = block.saturating_mul(BLOCK_BITS);
        let skipped = self.flips.before(flips, |flip| flip.bit < zero);
        for flip in self.flips.span(flips.skip(skipped)) {
            let bit = flip.bit.saturating_sub(zero);
            if bit >= BLOCK_BITS {
                break;
            }
            let (at, bit) = ((bit / u64::BITS) as usize, 1_u64 << (bit % u64::BITS));
            if let (Some(word), Some(base)) = (bits.get_mut(at), base.get(at)) {
                *word = (*word & !bit) | (!base & bit);
            }
        }
    }

    /// The posted plans of a list that the visitor can reach: some runs, each in order.
    pub fn posted(
        &self,
        plans: Span<Plan>,
    ) -> impl Iterator<Item = impl Iterator<Item = Ref<Plan>>> {
        self.posted.iter().map(move |run| {
            let before = |posting: Posting| posting.plan.index < plans.start;
            let skipped = self.postings.before(*run, before);
            let rest = self.postings.span(run.skip(skipped));
            rest.map(|posting| posting.plan)
        })
    }
}

fn block_of(row: &[u8], number: u32) -> Block {
    let (blocks, _) = row.as_chunks::<BLOCK_BYTES>();
    match blocks.get(number as usize) {
        Some(block) => {
            let mut words = [0; BLOCK_WORDS];
            let (bytes, _) = block.as_chunks::<8>();
            for (word, bytes) in words.iter_mut().zip(bytes) {
                *word = u64::from_le_bytes(*bytes);
            }
            words
        }
        None => [u64::MAX; BLOCK_WORDS],
    }
}

/// The bits of a list in the word that begins with bit `zero`.
fn within(start: u32, end: u32, zero: u32) -> u64 {
    let from = start.saturating_sub(zero);
    let upto = zero.saturating_add(u64::BITS).saturating_sub(end);
    u64::MAX.checked_shl(from).unwrap_or(0) & u64::MAX.checked_shr(upto).unwrap_or(0)
}

fn ones(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < u64::BITS).then_some(bit)
    })
}
