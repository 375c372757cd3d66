//! Which plans a visitor's classes leave over: rows of bits are and-ed for the dense plans, and those
//! posted under one of the classes are listed. What is offered may still not hold; what isn't, can't.

use alloc::collections::{BTreeMap, BTreeSet};
use core::mem;

use smallvec::SmallVec;

use super::standing::Standing;
use crate::snapshot::Chunk;
use crate::snapshot::records::{
    Attribute, BLOCK_BITS, BLOCK_WORDS, Class, Dense, Flip, Plan, Posting, RowWord,
};
use crate::snapshot::table::{Record, Ref, Span, Table};

type Block = [u64; BLOCK_WORDS];
const BLOCK_BYTES: usize = size_of::<Block>();
/// Runs of postings that are looked through before anybody counts.
const SEARCHES: usize = 256;
/// More than pages usually ask for.
const ATTRIBUTES: usize = 12;

/// A row of bits: what a visitor's value lets be. Little-endian words; empty for a row of ones.
type Row<'a> = &'a [[u8; BLOCK_BYTES]];

/// Bits that differ from a row, gone through as blocks are asked for.
struct Flips {
    /// Position among the rows that have some.
    row: usize,
    all: Span<Flip>,
    /// Not before the last block.
    left: Span<Flip>,
    /// The first bit of these; `u32::MAX` if there is none.
    next: u32,
}

pub struct Candidates<'a> {
    dense: Table<'a, Dense>,
    postings: Table<'a, Posting>,
    flips: Table<'a, Flip>,
    /// One for each attribute that rules ask for, but for rows of ones.
    rows: SmallVec<[Row<'a>; ATTRIBUTES]>,
    /// The same of values for which some bits differ: one run, and for a list one more for each element.
    flipped: SmallVec<[Row<'a>; ATTRIBUTES]>,
    differing: SmallVec<[Flips; ATTRIBUTES]>,
    /// Postings of the visitor's classes, and how many there are.
    posted: SmallVec<[Span<Posting>; ATTRIBUTES]>,
    postings_left: usize,
    /// How many of these runs were looked through, list by list.
    searches: usize,
    /// The same postings by plan, once that is less work: a thousand words of a visitor are as many runs.
    by_plan: BTreeSet<(u32, u32)>,
    /// The block that was asked for last, since the next list often begins within it; and its number.
    block: Block,
    number: u32,
    /// All that were asked for, once so much differs that to find one anew is dear.
    kept: BTreeMap<u32, Block>,
}

impl<'a> Candidates<'a> {
    // Once for all visitors: inlined, each would have its own.
    #[inline(never)]
    pub fn of(chunk: &'a Chunk, standing: &Standing) -> Self {
        let dense = chunk.table::<Dense>();
        let mut candidates = Self {
            dense,
            postings: chunk.table(),
            flips: chunk.table(),
            rows: SmallVec::new(),
            flipped: SmallVec::new(),
            differing: SmallVec::new(),
            posted: SmallVec::new(),
            postings_left: 0,
            searches: 0,
            by_plan: BTreeSet::new(),
            block: [0; BLOCK_WORDS],
            number: u32::MAX,
            kept: BTreeMap::new(),
        };
        let classes = chunk.table::<Class>();
        let row_blocks = dense.len().div_ceil(BLOCK_BITS as usize);
        let (blocks, _) = chunk.section(RowWord::SECTION).as_chunks::<BLOCK_BYTES>();
        let attributes = chunk.table::<Attribute>();
        for ((number, attribute), class) in (0..).zip(attributes.iter()).zip(standing.classes()) {
            let of_class = |class: u32| {
                let row = attribute.classes.start.checked_add(class)?;
                (class < attribute.classes.len).then(|| classes.get(Ref::new(row)))?
            };
            let Some(base) = of_class(class) else {
                continue;
            };
            let known = candidates.differing.len();
            candidates.add(&base);
            if standing.has_words() {
                let words = standing.words(number).filter_map(of_class);
                words.for_each(|class| candidates.add(&class));
            }
            // A row of ones is past the end.
            let start = (base.row as usize).saturating_mul(row_blocks);
            let row = blocks.get(start..start.saturating_add(row_blocks));
            let row = row.unwrap_or(&[]);
            if candidates.differing.len() != known {
                candidates.flipped.push(row);
            } else if !row.is_empty() {
                candidates.rows.push(row);
            }
        }
        candidates
    }

    /// Of the row that comes next.
    fn add(&mut self, class: &Class) {
        if class.posted.len != 0 {
            // The shortest first, while they are few: what wins there may end a longer search early.
            let shorter = self
                .posted
                .iter()
                .take_while(|run| run.len <= class.posted.len);
            match self.posted.len() < ATTRIBUTES {
                true => self.posted.insert(shorter.count(), class.posted),
                false => self.posted.push(class.posted),
            }
            self.postings_left = self.postings_left.saturating_add(class.posted.len as usize);
        }
        if class.flips.len != 0 {
            self.differing.push(Flips {
                row: self.flipped.len(),
                all: class.flips,
                left: class.flips,
                next: first(self.flips, class.flips),
            });
        }
    }

    /// The first bit that is left from one on and before an end.
    #[inline(never)]
    pub fn next_dense(&mut self, from: u32, end: u32) -> Option<(u32, Dense)> {
        let mut from = from;
        while from < end {
            let number = from / BLOCK_BITS;
            if number != self.number {
                self.and(number);
            }
            let zero = number.wrapping_mul(BLOCK_BITS);
            let skipped = from.wrapping_sub(zero);
            let mut rest = u64::MAX.wrapping_shl(skipped);
            let words = self.block.get((skipped / u64::BITS) as usize..)?;
            let mut at = from.wrapping_sub(skipped % u64::BITS);
            for word in words {
                let left = word & rest;
                if left != 0 {
                    let bit = at.saturating_add(left.trailing_zeros());
                    let dense = self.dense.get(Ref::new(bit))?;
                    return (bit < end).then_some((bit, dense));
                }
                rest = u64::MAX;
                at = at.saturating_add(u64::BITS);
            }
            from = zero.saturating_add(BLOCK_BITS);
        }
        None
    }

    /// Finds which plans of a block are left. Only what is asked for is and-ed: most lists end early.
    fn and(&mut self, number: u32) {
        let known = mem::replace(&mut self.number, number);
        if let Some(block) = self.kept.get(&number) {
            self.block = *block;
            return;
        }
        if known != u32::MAX && known > number {
            for flips in &mut self.differing {
                flips.left = flips.all;
                flips.next = first(self.flips, flips.all);
            }
        }
        let mut left = [u64::MAX; BLOCK_WORDS];
        for row in &self.rows {
            keep(&mut left, &block_of(row, number));
        }
        let mut differing = self.differing.iter_mut().peekable();
        for (at, row) in self.flipped.iter().enumerate() {
            let mut bits = [0; BLOCK_WORDS];
            while let Some(flips) = differing.next_if(|flips| flips.row == at) {
                flips.within(self.flips, number, &mut bits);
            }
            for (bits, base) in bits.iter_mut().zip(block_of(row, number)) {
                *bits ^= base;
            }
            keep(&mut left, &bits);
        }
        self.block = left;
        if self.differing.len() > ATTRIBUTES {
            self.kept.insert(number, left);
        }
    }

    /// The first of a list's posted plans that is taken, of those that the visitor can reach.
    pub fn find_posted<T>(
        &mut self,
        plans: Span<Plan>,
        mut take: impl FnMut(Posting) -> Option<T>,
    ) -> Option<(u32, T)> {
        self.searches = self.searches.saturating_add(self.posted.len());
        if self.searches > SEARCHES.saturating_add(self.postings_left.saturating_mul(4)) {
            self.sort_by_plan();
        }
        let mut found = None;
        let mut end = plans.start.saturating_add(plans.len);
        for run in &self.posted {
            let before = |posting: Posting| posting.plan.index < plans.start;
            let first = self.postings.get(Ref::new(run.start));
            let skipped = match first.is_some_and(before) {
                true => self.postings.before(*run, before),
                false => 0,
            };
            let rest = self.postings.span(run.skip(skipped));
            for posting in rest.take_while(|posting| posting.plan.index < end) {
                if let Some(taken) = take(posting) {
                    end = posting.plan.index;
                    found = Some((end, taken));
                    break;
                }
            }
        }
        let mut sorted = self.by_plan.range((plans.start, 0)..(end, 0));
        found.or_else(|| {
            sorted.find_map(|(plan, posting)| {
                let taken = take(self.postings.get(Ref::new(*posting))?)?;
                Some((*plan, taken))
            })
        })
    }

    fn sort_by_plan(&mut self) {
        for run in mem::take(&mut self.posted) {
            let rows = run.refs().zip(self.postings.span(run));
            for (row, posting) in rows {
                let plan = posting.plan.index;
                // Posted under several of the visitor's words, it is asked once.
                if self
                    .by_plan
                    .range((plan, 0)..=(plan, u32::MAX))
                    .next()
                    .is_none()
                {
                    self.by_plan.insert((plan, row.index));
                }
            }
        }
        self.searches = 0;
    }
}

impl Flips {
    /// Sets the bits of a block that differ. Blocks are asked for in order, unless all begins anew.
    fn within(&mut self, table: Table<'_, Flip>, number: u32, bits: &mut Block) {
        let zero = number.wrapping_mul(BLOCK_BITS);
        if self.next >= zero.saturating_add(BLOCK_BITS) {
            return;
        }
        let mut passed = 0;
        if self.next < zero {
            passed = table.before(self.left, |flip| flip.bit < zero);
        }
        for flip in table.span(self.left.skip(passed)) {
            let bit = flip.bit.wrapping_sub(zero);
            let Some(word) = bits.get_mut((bit / u64::BITS) as usize) else {
                break;
            };
            *word |= 1_u64 << (bit % u64::BITS);
            passed = passed.saturating_add(1);
        }
        self.left = self.left.skip(passed);
        self.next = first(table, self.left);
    }
}

fn first(table: Table<'_, Flip>, flips: Span<Flip>) -> u32 {
    let first = (flips.len != 0).then(|| table.get(Ref::new(flips.start)));
    first.flatten().map_or(u32::MAX, |flip| flip.bit)
}

fn keep(left: &mut Block, bits: &Block) {
    for (left, bits) in left.iter_mut().zip(bits) {
        *left &= bits;
    }
}

fn block_of(row: Row<'_>, number: u32) -> Block {
    let Some(block) = row.get(number as usize) else {
        return [u64::MAX; BLOCK_WORDS];
    };
    let mut words = [0; BLOCK_WORDS];
    let (bytes, _) = block.as_chunks::<{ size_of::<u64>() }>();
    for (word, bytes) in words.iter_mut().zip(bytes) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}
