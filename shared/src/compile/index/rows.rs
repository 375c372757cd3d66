//! Rows of bits: for a class of an attribute, which dense plans such a value lets be.

use alloc::vec::Vec;
use core::mem;

use hashbrown::{HashMap, HashSet};

use super::super::builder::Builder;
use super::axis::{MISSING, OTHER};
use super::set::Set;
use super::terms::{Axes, Term, Wanted};
use crate::snapshot::records::{BLOCK_BITS, BLOCK_WORDS, Flip, RowWord};
use crate::snapshot::table::Span;

/// Bytes that the rows of one attribute may take: this, and something for each plan.
const BUDGET: usize = 64 << 10;
const BUDGET_A_PLAN: usize = 32;
/// Flips that a class may have: a visitor pays for each, but another row takes bytes. The first that the budget allows.
const FLIPS: [usize; 6] = [1, 2, 4, 8, 16, 32];
const BITS: usize = 64;

/// What a dense plan asks of an attribute.
struct Asked {
    bit: u32,
    plan: u32,
    term: Term,
    /// The plan asks for less.
    wide: bool,
}

#[derive(Default)]
pub struct Rows {
    bits: u32,
    asked: HashMap<u32, Vec<Asked>>,
    /// By attribute: how many flips a class may have.
    flips: HashMap<u32, usize>,
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
                asked.push(Asked {
                    bit,
                    plan,
                    term,
                    wide: false,
                });
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

    /// Gives back terms that rows don't settle since exact ones would take too much. Numbers that lie near each other then
    /// share a row that lets be whatever one of them does; of words, the dearest are left out.
    pub fn keep_within_budget(&mut self, axes: &Axes<'_>) -> Vec<(u32, Term)> {
        let budget = BUDGET + BUDGET_A_PLAN * self.bits as usize;
        let row_bytes = self.row_bytes();
        let mut given_back = Vec::new();
        for (number, asked) in &mut self.asked {
            let Some(axis) = axes.axes.get(*number as usize) else {
                continue;
            };
            let classes = axis.classes();
            // A list's elements all flip the same row.
            let choices = match axes.is_list(*number) {
                true => &[usize::MAX],
                false => FLIPS.as_slice(),
            };
            let mut rows = budget / row_bytes.max(1);
            while !asked.is_empty() {
                let changes = changes(asked, classes);
                let fits = |most: &&usize| bytes(&changes, row_bytes, **most) <= budget;
                if let Some(most) = choices.iter().find(fits) {
                    self.flips.insert(*number, *most);
                    break;
                }
                let gives_back = if axis.cuts.is_empty() || rows < 2 {
                    dearest_half(asked)
                } else {
                    let bounds = bounds(&changes, rows);
                    rows /= 2;
                    widen(asked, &bounds, classes)
                };
                let plans = gives_back.into_iter().filter(|asked| !asked.wide);
                given_back.extend(plans.map(|asked| (asked.plan, asked.term)));
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
        // Words differ little from what no rule names, neighbouring numbers little from each other.
        let most = self.flips.get(&attribute).copied().unwrap_or(usize::MAX);
        let mut bases: Vec<(u32, Vec<u64>)> = Vec::new();
        let mut out = Vec::with_capacity(classes as usize);
        for class in 0..classes {
            while let Some((_, bit)) = steps.next_if(|(at, _)| *at <= class) {
                flip(&mut row, bit);
            }
            let flips = bases
                .iter()
                .map(|(number, base)| (differences(base, &row), *number))
                .min_by_key(|(flips, _)| flips.len());
            out.push(match flips {
                Some((flips, number)) if flips.len() <= most => {
                    let flips = flips.into_iter().map(|bit| Flip { bit });
                    (number, builder.push_run(flips))
                }
                _ => {
                    let number = self.write(builder, &row);
                    if class >= OTHER {
                        bases.truncate(1);
                        bases.push((number, row.clone()));
                    }
                    (number, Span::EMPTY)
                }
            });
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

/// Where bits of an attribute's row come to differ from those of the unnamed, or cease to.
fn changes(asked: &[Asked], classes: u32) -> Vec<(u32, i64)> {
    let mut changes = Vec::new();
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
    changes
}

/// Where runs of classes begin that a row each is for, so that about as much changes between any two.
fn bounds(changes: &[(u32, i64)], rows: usize) -> Vec<u32> {
    let step = changes.len().div_ceil(rows).max(1);
    let mut bounds: Vec<u32> = changes.iter().step_by(step).map(|(at, _)| *at).collect();
    // What is missing is like nothing else.
    bounds.splice(0..0, [MISSING, OTHER]);
    bounds.dedup();
    bounds
}

/// Lets terms ask for whole runs only. Takes out what was asked, where that isn't the same.
fn widen(asked: &mut [Asked], bounds: &[u32], classes: u32) -> Vec<Asked> {
    let begin = |class: u32| {
        let after = bounds.partition_point(|bound| *bound <= class);
        after.checked_sub(1).and_then(|at| bounds.get(at)).copied()
    };
    let end = |class: u32| {
        let after = bounds.partition_point(|bound| *bound <= class);
        bounds.get(after).map_or(classes - 1, |next| next - 1)
    };
    let mut narrower = Vec::new();
    for asked in asked {
        let ranges = asked.term.wanted.set().ranges().iter();
        let runs = ranges.map(|(from, to)| Set::range(begin(*from).unwrap_or(*from), end(*to)));
        let wide = Term {
            attribute: asked.term.attribute,
            wanted: Wanted::Class(Set::all_of(runs)),
        };
        if wide.wanted.set() != asked.term.wanted.set() {
            let term = mem::replace(&mut asked.term, wide);
            let (bit, plan) = (asked.bit, asked.plan);
            // Of what was widened before, the narrower is known already.
            if !asked.wide {
                narrower.push(Asked {
                    bit,
                    plan,
                    term,
                    wide: false,
                });
            }
            asked.wide = true;
        }
    }
    narrower
}

/// How much the rows of an attribute would take with so many flips at most.
fn bytes(changes: &[(u32, i64)], row_bytes: usize, most: usize) -> usize {
    // Flips from the row of the unnamed, and at most so many from the last row that was written.
    let (mut total, mut from_other, mut from_last, mut at) = (0_usize, 0_i64, usize::MAX, MISSING);
    for (class, change) in changes {
        if *class != at {
            let mut flips = from_last.min(from_other.max(0) as usize);
            if flips > most {
                total = total.saturating_add(row_bytes);
                (flips, from_last) = (0, 0);
            }
            let flips = flips.saturating_mul((class - at) as usize);
            total = total.saturating_add(flips.saturating_mul(size_of::<u32>()));
            at = *class;
        }
        from_other += change;
        from_last = from_last.saturating_add(1);
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
    let all = mem::take(asked).into_iter().enumerate();
    let (out, kept): (Vec<_>, Vec<_>) = all.partition(|(position, _)| dear.contains(position));
    *asked = kept.into_iter().map(|(_, asked)| asked).collect();
    out.into_iter().map(|(_, asked)| asked).collect()
}
