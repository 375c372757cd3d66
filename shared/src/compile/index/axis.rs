//! How the rules of a page cut the values of one attribute into classes: whatever two values of one
//! class, no indexed predicate tells them apart.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use hashbrown::HashMap;

use super::set::Set;
use crate::model::{Comparison, Scalar, Test};
pub use crate::snapshot::records::{MISSING, OTHER};
use crate::value::Type;
use crate::value::version::Version;

/// A constant of an ordered type.
#[derive(Clone, Copy, Debug)]
pub enum Point<'a> {
    Integer(i64),
    Number(f64),
    Version(Version<'a>),
}

impl<'a> Point<'a> {
    fn of(scalar: &'a Scalar) -> Option<Self> {
        Some(match scalar {
            Scalar::Integer(value) | Scalar::Datetime(value) => Self::Integer(*value),
            Scalar::Boolean(value) => Self::Integer(i64::from(*value)),
            Scalar::Number(value) => Self::Number(*value),
            Scalar::Version(text) => Self::Version(Version::parse(text)?),
            Scalar::Text(_) => return None,
        })
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Version(a), Self::Version(b)) => a.precedence(b),
            // One attribute has one type.
            _ => Ordering::Equal,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    pub at: Point<'a>,
    pub after: bool,
}

impl Cut<'_> {
    fn order(&self, other: &Self) -> Ordering {
        self.at.order(&other.at).then(self.after.cmp(&other.after))
    }
}

pub struct Axis<'a> {
    pub kind: Type,
    /// Word → class.
    pub words: HashMap<&'a str, u32>,
    /// Sorted and unlike each other after [`Axis::seal`].
    pub cuts: Vec<Cut<'a>>,
    asked: bool,
}

impl<'a> Axis<'a> {
    pub fn new(kind: Type) -> Self {
        Self {
            kind,
            words: HashMap::new(),
            cuts: Vec::new(),
            asked: false,
        }
    }

    /// None if no rule asks for the attribute.
    pub fn classes(&self) -> u32 {
        let known = self.words.len().max(self.cuts.len()) as u32;
        if self.asked { known + 2 } else { 0 }
    }

    /// Takes note of what a predicate tells apart.
    pub fn learn(&mut self, test: &'a Test) {
        match test {
            Test::Exists | Test::Missing => {}
            Test::Compare(comparison, at) => match comparison {
                Comparison::Eq | Comparison::Ne => self.name(at),
                Comparison::Lt | Comparison::Gte => self.cut(at, false),
                Comparison::Gt | Comparison::Lte => self.cut(at, true),
            },
            Test::Between(low, high) => {
                self.cut(low, false);
                self.cut(high, true);
            }
            Test::In(values) | Test::NotIn(values) => values.iter().for_each(|v| self.name(v)),
            Test::ContainsAny(words) | Test::ContainsAll(words) | Test::ContainsNone(words) => {
                words.iter().for_each(|word| self.word(word));
            }
            // These are asked of the text itself.
            Test::Contains(_)
            | Test::StartsWith(_)
            | Test::EndsWith(_)
            | Test::Matches { .. }
            | Test::InCidr(_) => return,
        }
        self.asked = true;
    }

    pub fn seal(&mut self) {
        self.cuts.sort_unstable_by(Cut::order);
        self.cuts.dedup_by(|a, b| a.order(b).is_eq());
    }

    fn name(&mut self, value: &'a Scalar) {
        if let Scalar::Text(text) = value {
            self.word(text);
        } else {
            self.cut(value, false);
            self.cut(value, true);
        }
    }

    fn word(&mut self, word: &'a str) {
        let next = self.words.len() as u32 + OTHER + 1;
        self.words.entry(word).or_insert(next);
    }

    fn cut(&mut self, at: &'a Scalar, after: bool) {
        if let Some(at) = Point::of(at) {
            self.cuts.push(Cut { at, after });
        }
    }

    /// The classes for which a predicate holds; none if it asks the text itself or is about a list.
    pub fn set(&self, test: &'a Test) -> Option<Set> {
        let present = || Set::range(OTHER, self.classes() - 1);
        Some(match test {
            Test::Exists => present(),
            Test::Missing => Set::range(MISSING, MISSING),
            Test::Compare(comparison, at) => match comparison {
                Comparison::Eq => self.equal(at),
                Comparison::Ne => {
                    present().intersection(&self.equal(at).complement(self.classes()))
                }
                Comparison::Lt => Set::range(OTHER, self.last_before(at, false)),
                Comparison::Lte => Set::range(OTHER, self.last_before(at, true)),
                Comparison::Gt => self.above(at, true),
                Comparison::Gte => self.above(at, false),
            },
            Test::Between(low, high) => self
                .above(low, false)
                .intersection(&Set::range(OTHER, self.last_before(high, true))),
            Test::In(values) => self.any_equal(values),
            Test::NotIn(values) => {
                present().intersection(&self.any_equal(values).complement(self.classes()))
            }
            _ => return None,
        })
    }

    /// The classes of words.
    pub fn of_words(&self, words: &'a [String]) -> Set {
        Set::of(
            words
                .iter()
                .filter_map(|w| self.words.get(w.as_str()).copied()),
        )
    }

    fn any_equal(&self, values: &'a [Scalar]) -> Set {
        Set::all_of(values.iter().map(|value| self.equal(value)))
    }

    fn equal(&self, value: &'a Scalar) -> Set {
        if let Scalar::Text(text) = value {
            // Learned before, as all that is asked for.
            return self
                .words
                .get(text.as_str())
                .map_or_else(|| Set::of([]), |class| Set::range(*class, *class));
        }
        self.above(value, false)
            .intersection(&Set::range(OTHER, self.last_before(value, true)))
    }

    /// Classes that have passed a cut.
    fn above(&self, at: &'a Scalar, after: bool) -> Set {
        Set::range(self.last_before(at, after) + 1, self.classes() - 1)
    }

    /// The last class that hasn't.
    fn last_before(&self, at: &'a Scalar, after: bool) -> u32 {
        let Some(at) = Point::of(at) else {
            return MISSING;
        };
        let cut = Cut { at, after };
        OTHER + self.cuts.partition_point(|known| known.order(&cut).is_lt()) as u32
    }
}
