//! Cache classes: visitors for whom a page was decided alike get the same bytes.
//!
//! The vector of a class holds decisions, not the facts behind them: which plan won on the page and in
//! each module, who was enrolled where, the drawn order of drawn slots, and until when that stays so.
//! Attributes, thresholds, buckets and counters work through these only, so two visitors of one class
//! may differ in all of them; none of them can be read from the vector. With the release (sequence,
//! snapshot, track) and the locale it decides every byte of an answer that explains nothing.

use alloc::vec::Vec;

use xxhash_rust::xxh3::xxh3_64;

use super::{Placed, Reason, Resolution, Resolved};
use crate::snapshot::Chunk;
use crate::snapshot::records::{Entry, OrderingKind, Plan, Slot, SlotArrangement};
use crate::snapshot::table::{Ref, Span};

// Codes of an entry. Plan `i` of its list is `FIRST_PLAN + i`; all are doubled, odd if enrolments follow.
const ABSENT: u64 = 0;
const DEFAULT: u64 = 1;
const FAULT: u64 = 2;
const FIRST_PLAN: u64 = 3;

/// The vector of a resolution: numbers in LEB128.
pub fn vector(chunk: &Chunk, resolution: &Resolution) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    let meta = chunk.meta();
    decision(chunk, &resolution.page, meta.plans, &mut out);
    let mut placed = resolution.modules.iter().peekable();
    let slots = chunk.table::<Slot>().len() as u32;
    for slot in 0..slots {
        let row = resolution
            .arrangement
            .saturating_mul(slots)
            .saturating_add(slot);
        let Some(placing) = chunk.row(Ref::<SlotArrangement>::new(row)) else {
            continue;
        };
        let mut here = || placed.next_if(|placed| placed.slot.index == slot);
        if OrderingKind::from_code(placing.ordering) == Some(OrderingKind::Manual) {
            let mut next = here();
            for entry in chunk.rows(placing.entries) {
                match next.filter(|placed| placed.module.index == entry.module.index) {
                    Some(placed) => {
                        of_module(chunk, placed, &mut out);
                        next = here();
                    }
                    None => put(&mut out, ABSENT),
                }
            }
        } else {
            while let Some(placed) = here() {
                let position = position(chunk, placing.entries, placed);
                put(&mut out, position.saturating_add(1));
                of_module(chunk, placed, &mut out);
            }
            put(&mut out, 0);
        }
    }
    put(
        &mut out,
        resolution.valid_until_ms.map_or(0, i64::cast_unsigned),
    );
    out
}

/// 64 bits of a vector.
pub fn key(vector: &[u8]) -> u64 {
    xxh3_64(vector)
}

fn position(chunk: &Chunk, entries: Span<Entry>, placed: &Placed) -> u64 {
    let same = |entry: Entry| entry.module.index == placed.module.index;
    let at = chunk.rows(entries).position(same);
    at.map_or(u64::MAX, |at| at as u64)
}

fn of_module(chunk: &Chunk, placed: &Placed, out: &mut Vec<u8>) {
    let plans = chunk.row(placed.module).map(|module| module.plans);
    decision(chunk, &placed.resolved, plans.unwrap_or(Span::EMPTY), out);
}

fn decision(chunk: &Chunk, resolved: &Resolved, plans: Span<Plan>, out: &mut Vec<u8>) {
    let code = match resolved.plan {
        Some(plan) => FIRST_PLAN.saturating_add(u64::from(plan.index.saturating_sub(plans.start))),
        None if resolved.reason == Reason::Error => FAULT,
        None => DEFAULT,
    };
    let enrolled = resolved.enrolments.len() as u64;
    put(out, (code << 1) | u64::from(enrolled != 0));
    if enrolled == 0 {
        return;
    }
    put(out, enrolled);
    for enrolment in &resolved.enrolments {
        let variants = chunk
            .row(enrolment.experiment)
            .map(|row| row.variants.start);
        let variant = enrolment
            .variant
            .index
            .saturating_sub(variants.unwrap_or(0));
        put(out, u64::from(enrolment.experiment.index));
        put(out, u64::from(variant));
    }
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
