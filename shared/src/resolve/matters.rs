//! What can matter to a page at all: whatever two visitors differ in besides, they are of one class ([`super::class`]).
//! Read from the chunk alone; it doesn't say how these work together, so not each of them need ever decide anything.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use super::facts::Value;
use super::schedule;
use crate::snapshot::records::OTHER;
use crate::snapshot::records::{
    Attribute, Boundary, Counter, Cut, Experiment, Key, Module, Operator, OrderingKind, Plan,
    Predicate, Schedule, Segment, Slot, SlotArrangement, VersionConstant, Windowed,
};
use crate::snapshot::table::{Ref, Span};
use crate::snapshot::{Chunk, keys};
use crate::value::Type;
use crate::value::version::Version;

pub struct Matters<'a> {
    /// That a rule asks for.
    pub attributes: Vec<Asked<'a>>,
    /// Id lists, by the segment's key.
    pub lists: Vec<&'a str>,
    pub rollouts: Vec<Rollout>,
    pub experiments: Vec<Experiment>,
    /// Slots whose order is drawn for each unit, in some arrangement.
    pub drawn: Vec<&'a str>,
    pub counters: Vec<Counter>,
    pub times: Times,
}

/// An attribute, and what rules tell apart of its values.
pub struct Asked<'a> {
    pub name: &'a str,
    /// Texts that are compared with as a whole, sorted.
    pub words: Vec<&'a str>,
    /// Values of an ordered type at which, or right after which, something can change; ascending.
    pub thresholds: Vec<Value<'a>>,
    /// What is asked of a text itself (`contains`, `matches`, `in_cidr`, …), each once.
    pub searches: Vec<Ref<Predicate>>,
}

/// Plans that draw from the same buckets.
pub struct Rollout {
    /// [`crate::snapshot::records::Subject`].
    pub by: u32,
    pub salt: u64,
    /// Ascending.
    pub shares: Vec<u32>,
    /// `page/<page>/<plan>` or `module/<module>/<plan>`, in the order of the page's lists.
    pub plans: Vec<String>,
}

#[derive(Default)]
pub struct Times {
    /// Instants later than now at which a schedule without windows starts or stops holding; ascending.
    pub boundaries_ms: Vec<i64>,
    /// Schedules with weekly windows that don't end before now.
    pub weekly: Vec<Schedule>,
    /// The first change of all, as `valid_until` says it.
    pub next_ms: Option<i64>,
}

impl<'a> Matters<'a> {
    pub fn of(chunk: &'a Chunk, now_ms: i64) -> Self {
        let segments = chunk.table::<Segment>().iter();
        let lists = segments.filter(|segment| segment.rule.get().is_none());
        Self {
            attributes: attributes(chunk),
            lists: lists.map(|segment| chunk.text(segment.key)).collect(),
            rollouts: rollouts(chunk),
            experiments: chunk.table::<Experiment>().iter().collect(),
            drawn: drawn(chunk),
            counters: chunk.table::<Counter>().iter().collect(),
            times: times(chunk, now_ms),
        }
    }
}

fn attributes(chunk: &Chunk) -> Vec<Asked<'_>> {
    let attributes = chunk.table::<Attribute>();
    let mut words: Vec<Vec<&str>> = vec![Vec::new(); attributes.len()];
    for key in chunk.table::<Key>().iter() {
        // Values that only the attribute's declaration names are in the table as well.
        let own = key.space != keys::FREE && key.value > OTHER;
        let attribute = key.space.checked_sub(keys::space(0)).filter(|_| own);
        if let Some(words) = attribute.and_then(|at| words.get_mut(at as usize)) {
            words.push(chunk.text(key.text));
        }
    }
    let mut searches: Vec<Vec<Ref<Predicate>>> = vec![Vec::new(); attributes.len()];
    for (number, predicate) in (0..).zip(chunk.table::<Predicate>().iter()) {
        if is_search(&predicate)
            && let Some(known) = searches.get_mut(predicate.attribute.index as usize)
        {
            known.push(Ref::new(number));
        }
    }
    let rows = attributes.iter().zip(words).zip(searches);
    rows.filter(|((row, _), searches)| row.classes.len != 0 || !searches.is_empty())
        .map(|((row, mut words), searches)| {
            words.sort_unstable();
            Asked {
                name: chunk.text(row.name),
                words,
                thresholds: thresholds(chunk, &row),
                searches,
            }
        })
        .collect()
}

fn is_search(predicate: &Predicate) -> bool {
    matches!(
        Operator::from_code(predicate.operator),
        Some(
            Operator::Contains
                | Operator::StartsWith
                | Operator::EndsWith
                | Operator::Matches
                | Operator::InCidr
        )
    )
}

fn thresholds<'a>(chunk: &'a Chunk, row: &Attribute) -> Vec<Value<'a>> {
    let mut values: Vec<i64> = chunk.rows::<Cut>(row.cuts).map(|cut| cut.value).collect();
    // Before a value and after it are two cuts.
    values.dedup();
    let kind = u8::try_from(row.kind).ok().and_then(Type::from_u8);
    let value = |bits: i64| {
        Some(match kind? {
            Type::Integer => Value::Integer(bits),
            Type::Datetime => Value::Datetime(bits),
            Type::Boolean => Value::Boolean(bits != 0),
            Type::Number => Value::Number(f64::from_bits(bits.cast_unsigned())),
            Type::Version => {
                let row = Ref::<VersionConstant>::new(u32::try_from(bits).ok()?);
                let row = chunk.row(row)?;
                Value::Version(Version {
                    components: [row.c0, row.c1, row.c2, row.c3],
                    pre: chunk.text(row.pre),
                })
            }
            Type::String | Type::Enum | Type::StringList => return None,
        })
    };
    values.into_iter().filter_map(value).collect()
}

fn rollouts(chunk: &Chunk) -> Vec<Rollout> {
    let mut known: BTreeMap<(u32, u64), usize> = BTreeMap::new();
    let mut rollouts: Vec<Rollout> = Vec::new();
    let mut add = |kind: &str, owner: &str, plans: Span<Plan>| {
        for plan in chunk.rows(plans).filter(|p| p.rollout_share != u32::MAX) {
            let by = plan.rollout_by;
            let at = *known.entry((by, plan.rollout_salt)).or_insert_with(|| {
                rollouts.push(Rollout {
                    by,
                    salt: plan.rollout_salt,
                    shares: Vec::new(),
                    plans: Vec::new(),
                });
                rollouts.len().saturating_sub(1)
            });
            if let Some(rollout) = rollouts.get_mut(at) {
                rollout.shares.push(plan.rollout_share);
                let key = chunk.text(plan.key);
                rollout.plans.push(format!("{kind}/{owner}/{key}"));
            }
        }
    };
    let meta = chunk.meta();
    add("page", chunk.text(meta.page), meta.plans);
    for module in chunk.table::<Module>().iter() {
        add("module", chunk.text(module.key), module.plans);
    }
    for rollout in &mut rollouts {
        rollout.shares.sort_unstable();
        rollout.shares.dedup();
    }
    rollouts
}

fn drawn(chunk: &Chunk) -> Vec<&str> {
    let slots = chunk.table::<Slot>();
    let arrangements = chunk.table::<SlotArrangement>();
    let mut drawn = BTreeSet::new();
    for (row, placing) in arrangements.iter().enumerate() {
        let by_unit = matches!(
            OrderingKind::from_code(placing.ordering),
            Some(OrderingKind::Weighted | OrderingKind::Learned)
        );
        if by_unit && placing.entries.len > 1 {
            drawn.extend(row.checked_rem(slots.len()));
        }
    }
    let drawn = slots
        .iter()
        .enumerate()
        .filter(|(at, _)| drawn.contains(at));
    drawn.map(|(_, slot)| chunk.text(slot.key)).collect()
}

fn times(chunk: &Chunk, now_ms: i64) -> Times {
    let boundaries = chunk.table::<Boundary>().iter().map(|b| b.at_ms);
    let weekly = chunk.table::<Windowed>().iter();
    let weekly = weekly.filter_map(|windowed| chunk.row(windowed.schedule));
    let mut weekly: Vec<Schedule> = weekly.filter(|s| s.until_ms > now_ms).collect();
    // The chunk's order says nothing.
    weekly.sort_by_key(|schedule| {
        let zone = chunk.row(schedule.zone).map_or("", |z| chunk.text(z.name));
        let first = chunk.rows(schedule.windows).next().map(|w| w.from_min);
        (zone, first, schedule.from_ms)
    });
    Times {
        boundaries_ms: boundaries.filter(|at| *at > now_ms).collect(),
        weekly,
        next_ms: schedule::next_change(chunk, now_ms),
    }
}
