//! Rows of bits: for a class of an attribute, which dense plans such a value lets be.

use alloc::vec::Vec;
use hashbrown::{HashMap, HashSet};

use super::super::builder::Builder;
use super::axis::{Axis, MISSING, OTHER};
use super::set::Set;
use super::terms::{Axes, Term, Wanted};
use crate::snapshot::records::{BLOCK_BITS, BLOCK_WORDS, Flip, RowWord};
use crate::snapshot::table::Span;

/// Bytes that the rows of one attribute may take: this, and something for each plan.
const BUDGET: usize = 64 << 10;
const BUDGET_A_PLAN: usize = 32;
const BITS: usize = 64;

/// What a dense plan asks of an attribute.
struct Asked {
    bit: u32,
    plan: u32,
    term: Term,
}

#[derive(Default)]
pub struct Rows {
    bits: u32,
    asked: HashMap<u32, Vec<Asked>>,
}

impl Rows {
    /// The next plan. Gives back what rows can't hold: of a list, they hold one term.
    pub fn take(&mut self, plan: u32, terms: Vec<Term>) -> Vec<Term> {
        let bit = self.bits;
        self.bits += 1;
        let mut left = Vec::new();
        for term in terms {
            let asked = self.asked.entry(term.attribute).or_default();
            if asked.last().is_some_and(|last| last.bit == bit) {
                left.push(term);
            } else {
                asked.push(Asked { bit, plan, term });
            }
        }
        left
    }

    fn row_bytes(&self) -> usize {
        self.words() * size_of::<u64>()
    }

    /// Of a row: whole blocks.
    fn words(&self) -> usize {
        self.bits.div_ceil(BLOCK_BITS) as usize * BLOCK_WORDS
    }

    /// Gives back terms of attributes whose rows would take too much, the dearest first.
    pub fn keep_within_budget(&mut self, axes: &Axes<'_>) -> Vec<(u32, Term)> {
        let budget = BUDGET + BUDGET_A_PLAN * self.bits as usize;
        let row_bytes = self.row_bytes();
        let mut given_back = Vec::new();
        for (number, asked) in &mut self.asked {
            let classes = axes.axes.get(*number as usize).map_or(0, Axis::classes);
            let list = axes.is_list(*number);
            while !asked.is_empty() && bytes(asked, classes, row_bytes, list) > budget {
                for asked in dearest_half(asked) {
                    given_back.push((asked.plan, asked.term));
                }
            }
        }
        // The map's order must not show.
        given_back.sort_by_key(|(plan, term)| (*plan, term.attribute));
        given_back
    }

    /// Row number and flips of each class.
    pub fn of(
        &self,
        builder: &mut Builder,
        attribute: u32,
        classes: u32,
        list: bool,
    ) -> Vec<(u32, Span<Flip>)> {
        let asked = self
            .asked
            .get(&attribute)
            .map_or([].as_slice(), Vec::as_slice);
        if asked.is_empty() {
            return (0..classes).map(|_| (u32::MAX, Span::EMPTY)).collect();
        }
        let mut steps: Vec<(u32, u32)> = Vec::new();
        let mut row = alloc::vec![u64::MAX; self.words()];
        for Asked { bit, term, .. } in asked {
            flip(&mut row, *bit);
            for (from, to) in allowed(term, classes).ranges() {
                steps.push((*from, *bit));
                steps.push((to + 1, *bit));
            }
        }
        steps.sort_unstable();
        let mut steps = steps.into_iter().peekable();
        let mut base: Option<(u32, Vec<u64>)> = None;
        let mut out = Vec::with_capacity(classes as usize);
        for class in 0..classes {
            while let Some((_, bit)) = steps.next_if(|(at, _)| *at <= class) {
                flip(&mut row, bit);
            }
            out.push(match &base {
                Some((number, base)) => {
                    let flips = differences(base, &row);
                    if list || flips.len() * size_of::<u32>() <= self.row_bytes() {
                        let flips = flips.into_iter().map(|bit| Flip { bit });
                        (*number, builder.push_run(flips))
                    } else {
                        (self.write(builder, &row), Span::EMPTY)
                    }
                }
                None => (self.write(builder, &row), Span::EMPTY),
            });
            if class == OTHER
                && let Some((number, _)) = out.last()
            {
                base = Some((*number, row.clone()));
            }
        }
        out
    }

    /// `u32::MAX` stands for a row of ones.
    fn write(&self, builder: &mut Builder, row: &[u64]) -> u32 {
        if row.iter().all(|word| *word == u64::MAX) {
            return u32::MAX;
        }
        let span = builder.intern_run(row.iter().map(|bits| RowWord { bits: *bits }));
        span.start / self.words() as u32
    }
}

/// The classes whose rows have the plan's bit.
fn allowed(term: &Term, classes: u32) -> Set {
    match &term.wanted {
        Wanted::Class(set) | Wanted::AnyWord(set) => set.clone(),
        Wanted::NoWord(set) => {
            Set::range(OTHER, classes - 1).intersection(&set.complement(classes))
        }
    }
}

fn flip(row: &mut [u64], bit: u32) {
    if let Some(word) = row.get_mut(bit as usize / BITS) {
        *word ^= 1 << (bit as usize % BITS);
    }
}

fn differences(a: &[u64], b: &[u64]) -> Vec<u32> {
    let mut bits = Vec::new();
    for (at, (a, b)) in a.iter().zip(b).enumerate() {
        let mut rest = a ^ b;
        while rest != 0 {
            bits.push((at * BITS) as u32 + rest.trailing_zeros());
            rest &= rest - 1;
        }
    }
    bits
}

/// How much the rows of an attribute would take.
fn bytes(asked: &[Asked], classes: u32, row_bytes: usize, list: bool) -> usize {
    let mut changes: Vec<(u32, i64)> = Vec::new();
    for Asked { term, .. } in asked {
        let allowed = allowed(term, classes);
        let flipped = if allowed.contains(OTHER) {
            allowed.complement(classes)
        } else {
            allowed
        };
        for (from, to) in flipped.ranges() {
            changes.push(((*from).max(OTHER + 1), 1));
            changes.push(((to + 1).max(OTHER + 1), -1));
        }
    }
    changes.sort_unstable();
    let (mut total, mut flips, mut at) = (0_usize, 0_i64, MISSING);
    for (class, change) in changes {
        let each = flips.max(0) as usize * size_of::<u32>();
        let each = if list { each } else { each.min(row_bytes) };
        total = total.saturating_add(each.saturating_mul((class - at) as usize));
        at = class;
        flips += change;
    }
    total
}

/// Takes out those that share their bounds with the fewest others, or that name most classes.
fn dearest_half(asked: &mut Vec<Asked>) -> Vec<Asked> {
    let mut uses: HashMap<u32, usize> = HashMap::new();
    let bounds = |asked: &Asked| -> Vec<u32> {
        let ranges = asked.term.wanted.set().ranges();
        ranges
            .iter()
            .flat_map(|(from, to)| [*from, to + 1])
            .collect()
    };
    for asked in asked.iter() {
        for bound in bounds(asked) {
            *uses.entry(bound).or_default() += 1;
        }
    }
    let worth = |asked: &Asked| {
        let bounds = bounds(asked);
        let shared = bounds
            .iter()
            .filter_map(|bound| uses.get(bound))
            .min()
            .copied();
        shared.unwrap_or(0) / bounds.len().max(1)
    };
    let mut worths: Vec<(usize, usize)> = asked.iter().map(worth).zip(0..).collect();
    worths.sort_unstable();
    worths.truncate(asked.len().div_ceil(2));
    let dear: HashSet<usize> = worths.into_iter().map(|(_, position)| position).collect();
    let all = core::mem::take(asked).into_iter().enumerate();
    let (out, kept): (Vec<_>, Vec<_>) = all.partition(|(position, _)| dear.contains(position));
    *asked = kept.into_iter().map(|(_, asked)| asked).collect();
    out.into_iter().map(|(_, asked)| asked).collect()
}
