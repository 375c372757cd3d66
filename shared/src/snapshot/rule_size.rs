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
    /// What visiting all of it costs, in about the time of one comparison, without what a request remembers.
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

/// Searching the longest text that a request may have (`REQUEST_TEXT_BYTES`), wherever it fails to be found last. What
/// is searched for is looked over as well.
const SEARCH_WORK: u64 = 1_000;
const SEARCH_BYTES_A_STEP: u64 = 8;
/// Running an automaton over such a text, which looks through the ranges of a state at each byte. How many a state has
/// doesn't show, but the room for them does: the smallest automata have few, and none has more than there are bytes.
const MATCH_WORK: u64 = 3_500;
const MATCH_WORK_A_BYTE: u64 = 45;
const MATCH_SMALLEST: u64 = 800;
const MATCH_WIDEST: u64 = 1_500;
/// An automaton is looked over before it is searched with.
const MATCH_BYTES_A_STEP: u64 = 8;
/// Each word is looked for among the sorted words of a request's list. One less in all leaves room for 100,000 plans that
/// ask for a country of three, an age and two tags.
const IN_LIST_WORK: u64 = 6;
/// Equal beginnings of texts are compared to their end.
const TEXT_BYTES_A_STEP: u64 = 64;
/// Of versions each identifier is looked at more than once.
pub const VERSION_BYTE: u64 = 16;
/// Constants up to which comparing again costs no more than remembering.
const FEW: u32 = 8;

/// What a predicate asks, as far as it matters to what it costs.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub operator: Operator,
    /// Constants, or bytes of an automaton.
    pub len: u32,
    /// Bytes of its texts; those of versions count [`VERSION_BYTE`] times.
    pub bytes: u64,
}

/// Whether a request evaluates such a predicate once, however many plans ask it. (Not those about lists: what the index
/// leaves of them is asked anew.)
pub fn is_remembered(operator: Operator, len: u32) -> bool {
    match operator {
        Operator::Contains | Operator::Matches | Operator::InCidr => true,
        Operator::In | Operator::NotIn => len > FEW,
        _ => false,
    }
}

impl Asked {
    /// What a page pays for it once, and not at each visit.
    pub fn once(self) -> u64 {
        match is_remembered(self.operator, self.len) {
            true => self.work(),
            false => 0,
        }
    }

    fn work(self) -> u64 {
        let len = u64::from(self.len);
        let texts = self.bytes / TEXT_BYTES_A_STEP;
        match self.operator {
            Operator::Exists | Operator::Missing => 1,
            Operator::Contains => SEARCH_WORK.saturating_add(self.bytes / SEARCH_BYTES_A_STEP),
            Operator::Matches => {
                let ranges = len.min(MATCH_WIDEST).saturating_sub(MATCH_SMALLEST);
                MATCH_WORK
                    .saturating_add(ranges.saturating_mul(MATCH_WORK_A_BYTE))
                    .saturating_add(len / MATCH_BYTES_A_STEP)
            }
            Operator::ContainsAny | Operator::ContainsAll | Operator::ContainsNone => {
                let words = len.saturating_mul(IN_LIST_WORK).saturating_sub(1);
                words.saturating_add(texts)
            }
            _ => len.saturating_add(texts),
        }
        .max(1)
    }
}

impl RuleSize {
    pub fn predicate(asked: Asked) -> Self {
        let work = match is_remembered(asked.operator, asked.len) {
            true => 1,
            false => u32::try_from(asked.work()).unwrap_or(u32::MAX),
        };
        Self {
            depth: 1,
            levels: 1,
            predicates: 1,
            nodes: 1,
            work,
        }
    }

    /// A segment's list: one lookup.
    pub fn id_list() -> Self {
        Self::predicate(Asked {
            operator: Operator::Exists,
            len: 0,
            bytes: 0,
        })
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
