//! How large a rule is. One measure for the check of documents and for opening chunks, so that neither takes what the
//! other refuses. Lacks any idea of what a rule says.

use super::records::Operator;
use crate::limits;

/// Of a rule with its segments put in. Everything saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSize {
    /// Nesting as it would be written without segments.
    depth: u8,
    /// Nesting as it is visited: a segment is a level of its own.
    levels: u8,
    /// Predicates and id lists; a group without any is still one.
    predicates: u32,
    /// Predicates, groups and segments.
    nodes: u32,
    /// What visiting all of it costs, in about the time of one comparison.
    work: u32,
}

/// A limit that a rule is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    Depth(u8),
    Levels(u8),
    Predicates(u32),
    Nodes(u32),
}

/// Searching a text, and running an automaton over it, cost more than a comparison: how much more is up to the text of the
/// request, and these are for a short one. Room for a page of 100,000 plans that each search comes first.
const SEARCH_WORK: u32 = 4;
const MATCH_WORK: u32 = 8;
/// An automaton is looked over each time before it is searched with.
const MATCH_BYTES_A_STEP: u32 = 128;
/// Each value is looked for in all of a request's list, which is short as well.
const IN_LIST_WORK: u32 = 2;

impl RuleSize {
    /// `len` as a predicate row has it: constants, or bytes of an automaton.
    pub fn predicate(operator: Operator, len: u32) -> Self {
        let work = match operator {
            Operator::Contains => SEARCH_WORK,
            Operator::Matches => MATCH_WORK.saturating_add(len / MATCH_BYTES_A_STEP),
            Operator::ContainsAny | Operator::ContainsAll | Operator::ContainsNone => {
                len.saturating_mul(IN_LIST_WORK)
            }
            _ => len,
        };
        Self {
            depth: 1,
            levels: 1,
            predicates: 1,
            nodes: 1,
            work: work.max(1),
        }
    }

    /// A segment's list: one lookup.
    pub fn id_list() -> Self {
        Self::predicate(Operator::Exists, 0)
    }

    /// A group, or `not` of one rule. None if there is nothing to say of one of the children.
    pub fn group(mut children: impl Iterator<Item = Option<Self>>) -> Option<Self> {
        let empty = Self {
            depth: 0,
            levels: 0,
            predicates: 0,
            nodes: 0,
            work: 0,
        };
        let all = children.try_fold(empty, |all, child| {
            let child = child?;
            Some(Self {
                depth: all.depth.max(child.depth),
                levels: all.levels.max(child.levels),
                predicates: all.predicates.saturating_add(child.predicates),
                nodes: all.nodes.saturating_add(child.nodes),
                work: all.work.saturating_add(child.work),
            })
        })?;
        Some(Self {
            depth: all.depth.saturating_add(1),
            levels: all.levels.saturating_add(1),
            // A group without children is still something to visit.
            predicates: all.predicates.max(1),
            nodes: all.nodes.saturating_add(1),
            work: all.work.saturating_add(1),
        })
    }

    /// A rule in whose place a segment stands.
    pub fn segment(self) -> Self {
        Self {
            levels: self.levels.saturating_add(1),
            nodes: self.nodes.saturating_add(1),
            work: self.work.saturating_add(1),
            ..self
        }
    }

    /// What it adds to [`limits::CHUNK_RULE_COST`].
    pub fn work(self) -> u64 {
        u64::from(self.work)
    }

    /// The first limit that it is beyond.
    pub fn excess(self) -> Option<Excess> {
        if usize::from(self.depth) > limits::RULE_DEPTH {
            Some(Excess::Depth(self.depth))
        } else if usize::from(self.levels) > limits::RULE_LEVELS {
            Some(Excess::Levels(self.levels))
        } else if self.predicates > limits::RULE_COST {
            Some(Excess::Predicates(self.predicates))
        } else if self.nodes > limits::RULE_NODES {
            Some(Excess::Nodes(self.nodes))
        } else {
            None
        }
    }
}
