//! The meaning check: a chunk that was signed may still be wrong, and what passes here is answered
//! from without another look.

mod counts;
mod index;
mod rules;

use super::Chunk;
use crate::limits;
use crate::snapshot::DecodeError;
use crate::snapshot::records::{
    self, Attribute, BucketRange, Cap, Counted, Counter, Entry, Experiment, Fragment, Locale, Log2,
    Module, Operator, OrderingKind, Plan, Predicate, Slot, SlotArrangement, Source, Subject,
    Transition, Variant, VersionConstant, Window, WindowKind, Word,
};
use crate::snapshot::{automaton, opening};
use crate::value::Type;
use alloc::collections::BTreeSet;

/// Minutes of a week.
const WEEK: u32 = 7 * 1_440;
const NONE: u32 = u32::MAX;
/// Looking for the next change of a schedule stops at each change of the offset. No zone changes twice within a week
/// between 2000 and 2100.
const TRANSITION_GAP_SECS: i64 = 5 * 86_400;

impl Chunk {
    pub(super) fn validate(&self) -> Result<(), DecodeError> {
        let require = |holds: bool, what: &'static str| {
            if holds {
                Ok(())
            } else {
                Err(DecodeError::Meaning(what))
            }
        };
        require(
            core::str::from_utf8(self.section(records::HEAP)).is_ok(),
            "heap is not UTF-8",
        )?;
        require(records::all_valid(self), "a reference outside its table")?;
        if let Some(limit) = counts::beyond(self) {
            return Err(DecodeError::Meaning(limit));
        }
        require(self.runs_are_apart(), "runs that overlap")?;
        require(self.meta_fits(), "page row")?;
        require(
            self.table::<Attribute>().iter().all(attribute_fits),
            "attribute",
        )?;
        require(
            self.table::<Predicate>()
                .iter()
                .all(|p| self.predicate_fits(&p)),
            "predicate",
        )?;
        require(self.automata_fit(), "automaton")?;
        rules::fit(self)?;
        require(self.schedules_fit() && self.changes_fit(), "schedule")?;
        require(
            self.table::<Experiment>()
                .iter()
                .all(|e| self.experiment_fits(&e)),
            "experiment",
        )?;
        require(self.table::<Counter>().iter().all(counter_fits), "counter")?;
        require(
            self.table::<Cap>()
                .iter()
                .all(|c| c.cooldown_ms >= 0 && c.adds <= 1),
            "cap",
        )?;
        require(self.plans_fit(), "plan")?;
        require(self.arrangements_fit(), "arrangement")?;
        require(self.index_fits(), "index")?;
        require(opening::all_fit(self), "opening")?;
        require(self.fragments_fit(), "content")
    }

    fn meta_fits(&self) -> bool {
        let locales = self.table::<Locale>().len() as u32;
        let known = 1_u64
            .checked_shl(locales)
            .map_or(u64::MAX, |bit| bit.wrapping_sub(1));
        let mask = self.meta.locale_mask;
        mask != 0 && mask & !known == 0
    }

    fn predicate_fits(&self, predicate: &Predicate) -> bool {
        let (Some(operator), Some(kind)) = (
            Operator::from_code(predicate.operator),
            self.kind_of(predicate),
        ) else {
            return false;
        };
        let many = match operator {
            Operator::Exists | Operator::Missing => return true,
            Operator::Matches => {
                return matches!(kind, Type::String | Type::Enum);
            }
            Operator::In
            | Operator::NotIn
            | Operator::InCidr
            | Operator::ContainsAny
            | Operator::ContainsAll
            | Operator::ContainsNone => true,
            Operator::Between => predicate.len == 2,
            _ => predicate.len == 1,
        };
        let end = predicate.start.checked_add(predicate.len);
        many && operator.takes(kind)
            && end.is_some_and(|end| {
                self.constants_end(operator, kind)
                    .is_some_and(|rows| end as usize <= rows)
            })
    }

    /// Each is looked at once, however many predicates search with it; they don't overlap.
    fn automata_fit(&self) -> bool {
        let predicates = self.table::<Predicate>().iter();
        let mut automata = BTreeSet::new();
        for predicate in predicates.filter(|p| p.operator == Operator::Matches as u32) {
            automata.insert((predicate.start, predicate.len));
        }
        let mut end = 0;
        automata.into_iter().all(|(start, len)| {
            let apart = start >= end;
            end = start.saturating_add(len);
            apart && self.automaton(start, len).is_some_and(automaton::fits)
        })
    }

    fn kind_of(&self, predicate: &Predicate) -> Option<Type> {
        let attribute = self.row(predicate.attribute)?;
        Type::from_u8(u8::try_from(attribute.kind).ok()?)
    }

    fn constants_end(&self, operator: Operator, kind: Type) -> Option<usize> {
        Some(match (operator, kind) {
            (Operator::InCidr, _) => self.table::<records::NetworkConstant>().len(),
            (_, Type::String | Type::Enum | Type::StringList) => self.table::<Word>().len(),
            (_, Type::Version) => self.table::<VersionConstant>().len(),
            _ => self.table::<records::Constant>().len(),
        })
    }

    fn schedules_fit(&self) -> bool {
        self.table::<records::Zone>().iter().all(|zone| {
            let sane = |secs: i64| secs.unsigned_abs() <= 26 * 3_600;
            let mut last = i64::MIN;
            sane(zone.first_offset_secs)
                && self.rows(zone.transitions).all(|t: Transition| {
                    let far = t.at_secs.saturating_sub(last) >= TRANSITION_GAP_SECS;
                    last = t.at_secs;
                    far && sane(t.offset_secs) && t.at_secs.unsigned_abs() <= 8_000_000_000
                })
        }) && self.table::<records::Schedule>().iter().all(|schedule| {
            let mut next = 0;
            self.rows(schedule.windows).all(|w: Window| {
                let fits = w.from_min >= next && w.from_min < w.until_min && w.until_min <= WEEK;
                next = w.until_min.saturating_add(1);
                fits
            })
        })
    }

    /// Ascending, so that they can be searched; as many as schedules can have, so that they are few.
    fn changes_fit(&self) -> bool {
        let schedules = self.table::<records::Schedule>().len();
        let mut last = None;
        self.table::<records::Boundary>()
            .iter()
            .all(|b| last.replace(b.at_ms).is_none_or(|last| last < b.at_ms))
            && self.table::<records::Boundary>().len() <= schedules.saturating_mul(2)
            && self.table::<records::Windowed>().len() <= schedules
    }

    fn experiment_fits(&self, experiment: &Experiment) -> bool {
        let mut upto = 0;
        Subject::from_code(experiment.by).is_some()
            && self
                .rows(experiment.ranges)
                .all(|r: BucketRange| r.from < r.to && r.to <= limits::BASIS_POINTS)
            && self
                .rows(experiment.variants)
                .all(|v: Variant| core::mem::replace(&mut upto, v.upto_bps) <= v.upto_bps)
            && upto == limits::BASIS_POINTS
    }

    fn plans_fit(&self) -> bool {
        let (slots, arrangements) = (
            self.table::<Slot>().len(),
            self.table::<SlotArrangement>().len(),
        );
        let arrangement =
            |number: u32| (number as usize).saturating_add(1).saturating_mul(slots) <= arrangements;
        let own = self.meta.locale_mask.count_ones() as usize;
        let fragments = self.table::<Fragment>().len();
        let content =
            |number: u32| (number as usize).saturating_add(1).saturating_mul(own) <= fragments;
        let plan = |p: &Plan| {
            (p.rollout_share == NONE || p.rollout_share <= limits::BASIS_POINTS)
                && Subject::from_code(p.rollout_by).is_some()
                && (p.experiment.get().is_none() == p.variant.get().is_none())
        };
        arrangement(self.meta.default_arrangement)
            && self.table::<Plan>().iter().all(|p| plan(&p))
            && self.rows(self.meta.plans).all(|p| arrangement(p.target))
            && self.table::<Module>().iter().all(|module| {
                (module.default_content == NONE || content(module.default_content))
                    && self.rows(module.plans).all(|p| content(p.target))
            })
    }

    fn arrangements_fit(&self) -> bool {
        let drawn = self.table::<Log2>().len() == records::LOG2_ROWS;
        self.table::<SlotArrangement>().iter().all(|slot| {
            match OrderingKind::from_code(slot.ordering) {
                Some(OrderingKind::Weighted | OrderingKind::Learned) => drawn,
                Some(_) => true,
                None => false,
            }
        }) && self
            .table::<Entry>()
            .iter()
            .all(|e| (1..=limits::WEIGHT).contains(&e.weight))
            && self.table::<Log2>().iter().all(|l| l.value <= 1 << 24)
    }

    /// Looks at the ends only: reading all content again would cost more than answering from it.
    fn fragments_fit(&self) -> bool {
        self.table::<Fragment>().iter().all(|fragment| {
            let json = self.text_bytes(fragment.json);
            json.starts_with(b"{") && json.ends_with(b"}")
        })
    }
}

fn attribute_fits(attribute: Attribute) -> bool {
    u8::try_from(attribute.kind)
        .ok()
        .and_then(Type::from_u8)
        .is_some()
        && Source::from_code(attribute.source).is_some()
}

fn counter_fits(counter: Counter) -> bool {
    Counted::from_code(counter.count).is_some()
        && Subject::from_code(counter.by).is_some()
        && WindowKind::from_code(counter.window).is_some()
}
