//! The index of a page: which plans a visitor's values leave over, without asking plan by plan.
//!
//! Rules are taken apart into terms about one attribute each ([`terms`]), attributes into classes of
//! values that no term tells apart ([`axis`]). Plans of short lists become bits in rows, one row a class
//! ([`rows`]): a visitor's rows are and-ed. In long lists, a plan that asks for something rare is posted
//! under that class instead ([`postings`]) and costs nothing to everybody else. What the index doesn't
//! settle of a plan stays with it as conditions on classes, and as a rule.

mod axis;
mod postings;
mod rows;
mod set;
mod terms;

use alloc::vec::Vec;
use hashbrown::HashMap;

use super::builder::Builder;
use super::rules::Rules;
use crate::model::{self, Constraints, Workspace};
use crate::snapshot::keys;
use crate::snapshot::records::{
    Attribute, Child, Class, ClassRange, Condition, ConditionKind, Cut, Dense, Key, Plan, Posting,
    Rule, RuleKind, VersionConstant, Within,
};
use crate::snapshot::table::{OptRef, Ref, Span};
use axis::Point;
use rows::Rows;
use terms::{Axes, Part, Term, Wanted};

/// Where the index finds a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Dense,
    Posted,
    /// Its rules hold for nobody.
    Nowhere,
}

/// One plan, taken apart.
struct Indexed<'a> {
    place: Place,
    /// What rows or postings don't settle.
    conditions: Vec<Term>,
    rest: Vec<Part<'a>>,
}

/// The lists of a page, in the order of the chunk's table of plans.
pub struct Index<'a> {
    axes: Axes<'a>,
    plans: Vec<Indexed<'a>>,
    /// Class → plans, by attribute.
    postings: HashMap<(u32, u32), Vec<u32>>,
    rows: Rows,
}

impl<'a> Index<'a> {
    pub fn new(workspace: &'a Workspace, lists: &[Vec<&'a Constraints>]) -> Self {
        let axes = Axes::of(workspace, lists.iter().flatten().copied());
        let mut plans = Vec::new();
        let mut postings: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
        let mut rows = Rows::default();
        for list in lists {
            let parts: Vec<_> = list.iter().map(|plan| axes.terms(plan)).collect();
            let posted = postings::choose(list, &parts);
            for (parts, posted) in parts.into_iter().zip(posted) {
                let number = plans.len() as u32;
                let Some(mut parts) = parts else {
                    plans.push(Indexed {
                        place: Place::Nowhere,
                        conditions: Vec::new(),
                        rest: Vec::new(),
                    });
                    continue;
                };
                let place = match posted {
                    Some(term) => {
                        let term = parts.terms.remove(term);
                        for class in term.wanted.set().iter() {
                            postings
                                .entry((term.attribute, class))
                                .or_default()
                                .push(number);
                        }
                        Place::Posted
                    }
                    None => {
                        parts.terms = rows.take(number, parts.terms);
                        Place::Dense
                    }
                };
                plans.push(Indexed {
                    place,
                    conditions: parts.terms,
                    rest: parts.rest,
                });
            }
        }
        for (plan, term) in rows.keep_within_budget(&axes) {
            if let Some(plan) = plans.get_mut(plan as usize) {
                plan.conditions.push(term);
            }
        }
        Self {
            axes,
            plans,
            postings,
            rows,
        }
    }

    /// Cuts and classes of an attribute.
    pub fn attribute(&self, builder: &mut Builder, number: u32) -> (Span<Cut>, Span<Class>) {
        let Some(axis) = self.axes.axes.get(number as usize) else {
            return (Span::EMPTY, Span::EMPTY);
        };
        let cuts: Vec<Cut> = axis
            .cuts
            .iter()
            .map(|cut| Cut {
                value: value(builder, &cut.at),
                after: u32::from(cut.after),
            })
            .collect();
        let cuts = builder.push_run(cuts);
        let postings: Vec<Span<Posting>> = (0..axis.classes())
            .map(|class| match self.postings.get(&(number, class)) {
                Some(plans) => builder.push_run(plans.iter().map(|plan| self.posting(*plan))),
                None => Span::EMPTY,
            })
            .collect();
        let rows = self.rows.of(builder, number, axis.classes());
        let classes = rows
            .into_iter()
            .zip(postings)
            .map(|((row, flips), posted)| Class { row, flips, posted });
        let classes: Vec<Class> = classes.collect();
        (cuts, builder.push_run(classes))
    }

    /// Whoever is not within two of its conditions needn't look at the plan: the narrowest, as far as classes tell.
    fn posting(&self, plan: u32) -> Posting {
        let conditions = self.plans.get(plan as usize).map(|plan| &plan.conditions);
        let guards = conditions.into_iter().flatten().filter_map(|term| {
            let (Wanted::Class(set), Some(axis)) =
                (&term.wanted, self.axes.axes.get(term.attribute as usize))
            else {
                return None;
            };
            let ((from, _), (_, to)) = (set.ranges().first()?, set.ranges().last()?);
            let share = (u64::from(to - from) + 1) * 1_000_000 / u64::from(axis.classes().max(1));
            Some((share, term.attribute, *from, *to))
        });
        let mut guards: Vec<_> = guards.collect();
        guards.sort_unstable();
        let mut narrowest = guards.into_iter().map(|(_, attribute, from, to)| Within {
            attribute: Ref::new(attribute),
            from,
            to,
        });
        Posting {
            plan: Ref::new(plan),
            first: narrowest.next().unwrap_or(Within::ANY),
            second: narrowest.next().unwrap_or(Within::ANY),
        }
    }

    /// Names of attributes, words that rules name, and values of enums.
    pub fn keys(&self, builder: &mut Builder, attributes: &'a [(&'a str, &'a model::Attribute)]) {
        let mut entries: Vec<(u32, &str, u32)> = Vec::new();
        for ((number, (name, attribute)), axis) in (0..).zip(attributes).zip(&self.axes.axes) {
            entries.push((keys::NAMES, name, number));
            let space = keys::space(number);
            entries.extend(
                axis.words
                    .iter()
                    .map(|(word, class)| (space, *word, *class)),
            );
            let unnamed = attribute
                .values
                .iter()
                .filter(|v| !axis.words.contains_key(v.as_str()));
            entries.extend(unnamed.map(|value| (space, value.as_str(), axis::OTHER)));
        }
        // Words come out of a hash map, chunks don't depend on its order.
        entries.sort_unstable();
        let hashes: Vec<u64> = entries.iter().map(|e| keys::hash(e.0, e.1)).collect();
        // One without free slots is refused by its limit, `KEY_RUN`, when what was written is opened.
        let table = keys::layout(&hashes).unwrap_or_else(|| (0..entries.len()).map(Some).collect());
        let rows: Vec<Key> = table
            .into_iter()
            .map(|entry| {
                let entry = entry.and_then(|entry| entries.get(entry).copied());
                let (space, text, value) = entry.unwrap_or((keys::FREE, "", 0));
                Key {
                    space,
                    tag: keys::tag(keys::hash(space, text)),
                    text: builder.text(text),
                    value,
                }
            })
            .collect();
        builder.push_run(rows);
    }

    /// The bits of a list, whose first plan has this number.
    pub fn dense(&self, builder: &mut Builder, first: u32, plans: &[Plan]) -> Span<Dense> {
        let bits = (first..).zip(plans).filter(|(number, _)| {
            self.plans
                .get(*number as usize)
                .is_some_and(|indexed| indexed.place == Place::Dense)
        });
        builder.push_run(bits.map(|(number, plan)| Dense {
            plan: Ref::new(number),
            verdict: plan.verdict() as u32,
            target: plan.target,
        }))
    }

    /// What is left to ask of a plan that the index offers.
    pub fn left(
        &self,
        builder: &mut Builder,
        rules: &mut Rules<'a>,
        plan: u32,
    ) -> (Span<Condition>, OptRef<Rule>) {
        let Some(indexed) = self.plans.get(plan as usize) else {
            return (Span::EMPTY, OptRef::NONE);
        };
        let conditions: Vec<Condition> = indexed
            .conditions
            .iter()
            .map(|term| condition(builder, term))
            .collect();
        let conditions = builder.intern_run(conditions);
        let parts: Vec<Child> = indexed
            .rest
            .iter()
            .map(|part| {
                let rule = rules.rule(builder, part.rule);
                let rule = if part.negated {
                    builder.intern(Rule {
                        kind: RuleKind::Not as u32,
                        a: rule.index,
                        b: 0,
                    })
                } else {
                    rule
                };
                Child { rule }
            })
            .collect();
        let residual = match parts.as_slice() {
            [] => OptRef::NONE,
            [one] => OptRef::some(one.rule),
            _ => {
                let span = builder.intern_run(parts);
                OptRef::some(builder.intern(Rule {
                    kind: RuleKind::All as u32,
                    a: span.start,
                    b: span.len,
                }))
            }
        };
        (conditions, residual)
    }
}

/// As a row of [`Cut`] has it.
fn value(builder: &mut Builder, at: &Point<'_>) -> i64 {
    match at {
        Point::Integer(value) => *value,
        Point::Number(value) => value.to_bits().cast_signed(),
        Point::Version(version) => {
            let [c0, c1, c2, c3] = version.components;
            let pre = builder.text(version.pre);
            let row = VersionConstant {
                c0,
                c1,
                c2,
                c3,
                pre,
            };
            i64::from(builder.intern(row).index)
        }
    }
}

fn condition(builder: &mut Builder, term: &Term) -> Condition {
    let (kind, (a, b)) = match &term.wanted {
        Wanted::Class(set) => match set.ranges() {
            [one] => (ConditionKind::Within, *one),
            several => (ConditionKind::Ranges, ranges(builder, several)),
        },
        Wanted::AnyWord(set) => (ConditionKind::AnyWord, ranges(builder, set.ranges())),
        Wanted::NoWord(set) => (ConditionKind::NoWord, ranges(builder, set.ranges())),
    };
    Condition {
        attribute: Ref::<Attribute>::new(term.attribute),
        kind: kind as u32,
        a,
        b,
    }
}

fn ranges(builder: &mut Builder, ranges: &[(u32, u32)]) -> (u32, u32) {
    let rows = ranges.iter().map(|(from, to)| ClassRange {
        from: *from,
        to: *to,
    });
    let span = builder.intern_run(rows);
    (span.start, span.len)
}
