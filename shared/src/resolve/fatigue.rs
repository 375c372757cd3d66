//! How often. Counters come from outside; within one answer earlier winners use up room.

use alloc::vec::Vec;

use crate::context::Tally;
use crate::snapshot::Chunk;
use crate::snapshot::records::{Cap, Counter, Plan};

/// The counters of a chunk, in the order of its counter table.
pub struct Tallies {
    rows: Vec<Tally>,
}

impl Tallies {
    /// Asks for each counter by its name, for example `module/hero/senior_hero#0` or `group/promo`.
    pub fn read(chunk: &Chunk, mut ask: impl FnMut(&str) -> Option<Tally>) -> Self {
        let rows = chunk
            .table::<Counter>()
            .iter()
            .map(|c| ask(chunk.text(c.name)).unwrap_or_default())
            .collect();
        Self { rows }
    }

    /// As they were counted, in the order of the counter table.
    pub fn of(rows: Vec<Tally>) -> Self {
        Self { rows }
    }

    pub fn reached(&self, cap: &Cap, now_ms: i64) -> bool {
        let tally = self
            .rows
            .get(cap.counter.index as usize)
            .copied()
            .unwrap_or_default();
        is_reached(tally, cap.limit, cap.cooldown_ms, now_ms)
    }

    /// A winner adds one to each of its counters that count answers, each counter once.
    pub fn add(&mut self, chunk: &Chunk, plan: &Plan) {
        let counters = || {
            chunk
                .rows(plan.caps)
                .filter(|cap| cap.adds != 0)
                .map(|cap| cap.counter.index)
        };
        for (position, counter) in counters().enumerate() {
            if counters().take(position).any(|earlier| earlier == counter) {
                continue;
            }
            if let Some(tally) = self.rows.get_mut(counter as usize) {
                tally.count = tally.count.saturating_add(1);
            }
        }
    }
}

/// Whether a cap with this limit (none: `u32::MAX`) and this cooldown (none: 0) is reached.
pub fn is_reached(tally: Tally, limit: u32, cooldown_ms: i64, now_ms: i64) -> bool {
    let young = |last: i64| now_ms.saturating_sub(last) < cooldown_ms;
    let cooling = cooldown_ms > 0 && tally.last_ms.is_some_and(young);
    cooling || (limit != u32::MAX && tally.count >= limit)
}
