//! Takes the rules of a plan apart: what is about the class of one attribute each, and the rest.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::ControlFlow;
use hashbrown::{HashMap, HashSet};

use super::axis::Axis;
use super::set::Set;
use crate::limits;
use crate::model::{Constraints, Predicate, Rule, Segment, Test, Workspace};
use crate::value::Type;

/// What must be so about one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    pub attribute: u32,
    pub wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// The value's class is one of these.
    Class(Set),
    /// Some element's class is.
    AnyWord(Set),
    /// The list is there, and no element's class is.
    NoWord(Set),
}

impl Wanted {
    pub fn set(&self) -> &Set {
        match self {
            Self::Class(set) | Self::AnyWord(set) | Self::NoWord(set) => set,
        }
    }
}

/// A part of a rule that is asked as written, or as its opposite.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    pub rule: &'a Rule,
    pub negated: bool,
}

/// All must hold.
#[derive(Default)]
pub struct Terms<'a> {
    /// At most one [`Wanted::Class`] for each attribute.
    pub terms: Vec<Term>,
    pub rest: Vec<Part<'a>>,
    /// Looked at so far.
    parts: usize,
}

/// The attributes of a workspace as the rules of one page cut them.
pub struct Axes<'a> {
    workspace: &'a Workspace,
    numbers: HashMap<&'a str, u32>,
    pub axes: Vec<Axis<'a>>,
}

impl<'a> Axes<'a> {
    pub fn of(workspace: &'a Workspace, plans: impl Iterator<Item = &'a Constraints>) -> Self {
        let names = workspace.attributes.keys().map(String::as_str);
        let mut axes = Self {
            workspace,
            numbers: names.zip(0..).collect(),
            axes: workspace
                .attributes
                .values()
                .map(|attribute| Axis::new(attribute.kind))
                .collect(),
        };
        let mut seen = HashSet::new();
        for plan in plans {
            for rule in plan.placement.iter().chain(&plan.audience) {
                axes.learn(rule, &mut seen);
            }
        }
        axes.axes.iter_mut().for_each(Axis::seal);
        axes
    }

    fn learn(&mut self, rule: &'a Rule, seen: &mut HashSet<&'a str>) {
        match rule {
            Rule::All(parts) | Rule::Any(parts) => {
                parts.iter().for_each(|part| self.learn(part, seen));
            }
            Rule::Not(inner) => self.learn(inner, seen),
            Rule::Segment(key) => {
                if let Some(Segment::Rule(inner)) = self.workspace.segments.get(key)
                    && seen.insert(key)
                {
                    self.learn(inner, seen);
                }
            }
            Rule::Predicate(predicate) => {
                let number = self.numbers.get(&*predicate.attribute).copied();
                if let Some(axis) = number.and_then(|n| self.axes.get_mut(n as usize)) {
                    axis.learn(&predicate.test);
                }
            }
        }
    }

    /// None: the plan holds for nobody.
    pub fn terms(&self, plan: &'a Constraints) -> Option<Terms<'a>> {
        let mut terms = Terms::default();
        for rule in plan.placement.iter().chain(&plan.audience) {
            let part = Part {
                rule,
                negated: false,
            };
            if self.take_apart(part, &mut terms).is_break() {
                return None;
            }
        }
        Some(terms)
    }

    /// Breaks if the part holds for nobody.
    fn take_apart(&self, part: Part<'a>, terms: &mut Terms<'a>) -> ControlFlow<()> {
        let Part { rule, negated } = part;
        let same = |rule| Part { rule, negated };
        match rule {
            // All of all, or none of any.
            Rule::All(parts) if !negated => {
                return parts
                    .iter()
                    .try_for_each(|part| self.take_apart(same(part), terms));
            }
            Rule::Any(parts) if negated => {
                return parts
                    .iter()
                    .try_for_each(|part| self.take_apart(same(part), terms));
            }
            Rule::All(parts) | Rule::Any(parts) => match parts.as_slice() {
                [] => return ControlFlow::Break(()),
                [one] => return self.take_apart(same(one), terms),
                _ => {}
            },
            Rule::Not(inner) => {
                let negated = !negated;
                return self.take_apart(
                    Part {
                        rule: inner,
                        negated,
                    },
                    terms,
                );
            }
            Rule::Segment(key) => {
                if let Some(Segment::Rule(inner)) = self.workspace.segments.get(key) {
                    return self.take_apart(same(inner), terms);
                }
            }
            Rule::Predicate(predicate) if !negated => {
                let wanted = self.of_list(predicate);
                let room = limits::CONDITIONS_A_PLAN.saturating_sub(terms.parts);
                if let Some(wanted) = wanted.filter(|wanted| wanted.len() <= room) {
                    terms.parts += wanted.len();
                    terms.terms.extend(wanted);
                    return ControlFlow::Continue(());
                }
            }
            Rule::Predicate(_) => {}
        }
        terms.parts += 1;
        let simple = (terms.parts <= limits::CONDITIONS_A_PLAN).then(|| self.one_attribute(rule));
        let Some((attribute, mut set)) = simple.flatten() else {
            terms.rest.push(part);
            return ControlFlow::Continue(());
        };
        let classes = self.axis(attribute).map_or(0, Axis::classes);
        if negated {
            set = set.complement(classes);
        }
        let known = terms
            .terms
            .iter_mut()
            .find_map(|term| match &mut term.wanted {
                Wanted::Class(known) if term.attribute == attribute => Some(known),
                _ => None,
            });
        let nobody = match known {
            Some(known) => {
                *known = known.intersection(&set);
                known.is_empty()
            }
            None => {
                let nobody = set.is_empty();
                let wanted = Wanted::Class(set);
                terms.terms.push(Term { attribute, wanted });
                nobody
            }
        };
        if nobody {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// What a predicate about the elements of a list asks. For all of some words: each by itself.
    fn of_list(&self, predicate: &'a Predicate) -> Option<Vec<Term>> {
        let attribute = *self.numbers.get(&*predicate.attribute)?;
        let axis = self.axis(attribute)?;
        let term = |wanted| Term { attribute, wanted };
        Some(match &predicate.test {
            Test::ContainsAny(words) => [term(Wanted::AnyWord(axis.of_words(words)))].into(),
            Test::ContainsNone(words) => [term(Wanted::NoWord(axis.of_words(words)))].into(),
            // Of no words, the list still has to be there.
            Test::ContainsAll(words) if words.is_empty() => {
                [term(Wanted::Class(axis.set(&Test::Exists)?))].into()
            }
            Test::ContainsAll(words) => {
                let each = words.iter().map(core::slice::from_ref);
                let each = each.map(|word| term(Wanted::AnyWord(axis.of_words(word))));
                each.collect()
            }
            _ => return None,
        })
    }

    /// The attribute and classes that decide a rule, if one attribute does.
    fn one_attribute(&self, rule: &'a Rule) -> Option<(u32, Set)> {
        match rule {
            Rule::Predicate(predicate) => {
                let attribute = *self.numbers.get(&*predicate.attribute)?;
                let set = self.axis(attribute)?.set(&predicate.test)?;
                Some((attribute, set))
            }
            Rule::Not(inner) => {
                let (attribute, set) = self.one_attribute(inner)?;
                Some((attribute, set.complement(self.axis(attribute)?.classes())))
            }
            Rule::All(parts) => self.joined(parts, Set::intersection),
            Rule::Any(parts) => self.joined(parts, Set::union),
            Rule::Segment(key) => match self.workspace.segments.get(key)? {
                Segment::Rule(inner) => self.one_attribute(inner),
                Segment::Ids(_) => None,
            },
        }
    }

    /// In pairs, so that long lists of parts stay cheap.
    fn joined(&self, parts: &'a [Rule], join: fn(&Set, &Set) -> Set) -> Option<(u32, Set)> {
        match parts {
            [] => None,
            [one] => self.one_attribute(one),
            _ => {
                let (left, right) = parts.split_at(parts.len() / 2);
                let (attribute, ours) = self.joined(left, join)?;
                let (other, theirs) = self.joined(right, join)?;
                (attribute == other).then(|| (attribute, join(&ours, &theirs)))
            }
        }
    }

    fn axis(&self, attribute: u32) -> Option<&Axis<'a>> {
        self.axes.get(attribute as usize)
    }

    pub fn is_list(&self, attribute: u32) -> bool {
        self.axis(attribute)
            .is_some_and(|axis| axis.kind == Type::StringList)
    }
}
