//! What a chunk says of its caps, at one instant, and what an answer from it grants.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use xxhash_rust::xxh3::xxh3_64;

use super::{Grant, Mark};
use crate::context::Tally;
use crate::resolve::{Resolution, fatigue, schedule};
use crate::snapshot::Chunk;
use crate::snapshot::records::{Cap, Counted, Counter, Module, Plan, Subject, WindowKind};
use crate::snapshot::table::Ref;

/// One counter of a chunk, in the order of its counter table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapRule {
    /// The same in every release, as long as the document calls it the same.
    pub id: u32,
    pub counted: Counted,
    pub by: Subject,
    /// Marks from here on count.
    pub since_ms: i64,
    /// Reached at this count, if not `u32::MAX`.
    pub limit: u32,
    /// Reached while younger, if not 0.
    pub cooldown_ms: i64,
    /// Marks that have to be kept.
    pub keep: u32,
    /// How long they matter ([`super::span`]).
    pub span: u8,
}

impl CapRule {
    /// Whether granting counts already, until an event confirms it or not.
    pub fn adds(&self) -> bool {
        matches!(self.counted, Counted::Served | Counted::Exposure)
    }

    /// The mark of a grant. What is served is so at once; for the rest an event has to come.
    pub fn mark(&self, element: u32, at_ms: i64) -> Mark {
        Mark {
            element,
            at_ms,
            confirmed: self.counted == Counted::Served,
        }
    }

    pub fn reached(&self, tally: Tally, now_ms: i64) -> bool {
        fatigue::is_reached(tally, self.limit, self.cooldown_ms, now_ms)
    }
}

/// The rules of all counters at an instant.
pub fn rules(chunk: &Chunk, now_ms: i64) -> Vec<CapRule> {
    let rule = |counter: Counter| CapRule {
        id: xxh3_64(chunk.text(counter.name).as_bytes()) as u32,
        counted: Counted::from_code(counter.count).unwrap_or(Counted::Exposure),
        by: Subject::from_code(counter.by).unwrap_or(Subject::Unit),
        since_ms: since(chunk, &counter, now_ms),
        limit: u32::MAX,
        cooldown_ms: 0,
        keep: 1,
        span: super::FOREVER,
    };
    let counters = chunk.table::<Counter>();
    let mut rules: Vec<CapRule> = counters.iter().map(rule).collect();
    for cap in chunk.table::<Cap>().iter() {
        if let Some(rule) = rules.get_mut(cap.counter.index as usize) {
            rule.limit = rule.limit.min(cap.limit);
            rule.cooldown_ms = rule.cooldown_ms.max(cap.cooldown_ms);
            if rule.limit != u32::MAX {
                rule.keep = rule.limit.max(1);
            }
        }
    }
    for (rule, counter) in rules.iter_mut().zip(counters.iter()) {
        let window_ms = match rule.limit {
            u32::MAX => 0,
            _ => longest_ms(&counter),
        };
        let lasting_ms = window_ms.max(rule.cooldown_ms);
        if lasting_ms > 0 {
            rule.span = super::span(lasting_ms);
        }
    }
    rules
}

/// How long a window can be. A calendar's may have an hour that comes twice.
fn longest_ms(counter: &Counter) -> i64 {
    const HOUR_MS: i64 = 3_600_000;
    match WindowKind::from_code(counter.window) {
        Some(WindowKind::Sliding) => {
            i64::try_from(counter.window_secs.saturating_mul(1_000)).unwrap_or(i64::MAX)
        }
        Some(WindowKind::Day) => 25 * HOUR_MS,
        Some(WindowKind::Week) => (7 * 24 + 1) * HOUR_MS,
        Some(WindowKind::Month) => (31 * 24 + 1) * HOUR_MS,
        Some(WindowKind::Lifetime) | None => i64::MAX,
    }
}

fn since(chunk: &Chunk, counter: &Counter, now_ms: i64) -> i64 {
    let calendar = |kind| schedule::period_start(chunk, counter.zone, kind, now_ms);
    match WindowKind::from_code(counter.window) {
        Some(WindowKind::Sliding) => {
            let window_ms = counter.window_secs.saturating_mul(1_000);
            // An event that is exactly as old as the window is long is out of it.
            now_ms.saturating_sub_unsigned(window_ms).saturating_add(1)
        }
        Some(kind @ (WindowKind::Day | WindowKind::Week | WindowKind::Month)) => calendar(kind),
        Some(WindowKind::Lifetime) | None => i64::MIN,
    }
}

/// A capped plan in an answer: the counters it takes room of, and the names of its marks there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Row of the counter, and the mark.
    pub marks: Vec<(u32, u32)>,
}

/// All capped plans of an answer, in the order in which they were decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(pub Vec<Granted>);

impl Grants {
    /// Of what stands in an answer: what a slot had no room for is not granted.
    pub fn of(chunk: &Chunk, rules: &[CapRule], resolution: &Resolution, grant: &Grant) -> Self {
        let mut grants = Self::default();
        let mut add = |plan: Option<Ref<Plan>>, owner: &dyn Fn() -> String, occurrence: u32| {
            let Some(row) = plan.and_then(|plan| chunk.row(plan)) else {
                return;
            };
            if row.caps.len == 0 {
                return;
            }
            let owner = owner();
            let mut marks: Vec<(u32, u32)> = Vec::new();
            for cap in chunk.rows(row.caps) {
                let counter = cap.counter.index;
                let known = marks.iter().any(|(known, _)| *known == counter);
                if let (false, Some(rule)) = (known, rules.get(counter as usize)) {
                    marks.push((counter, grant.element(rule.counted, &owner, occurrence)));
                }
            }
            grants.0.push(Granted { marks });
        };
        let page = chunk.text(chunk.meta().page);
        add(resolution.page.plan, &|| super::owner(page, None), 0);
        let mut occurrences: BTreeMap<u32, u32> = BTreeMap::new();
        for placed in &resolution.modules {
            let occurrence = occurrences.entry(placed.module.index).or_default();
            let module = || {
                let row: Option<Module> = chunk.row(placed.module);
                let key = row.map_or("", |row| chunk.text(row.key));
                super::owner(page, Some(key))
            };
            add(placed.resolved.plan, &module, *occurrence);
            *occurrence = occurrence.saturating_add(1);
        }
        grants
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
