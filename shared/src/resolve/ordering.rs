//! In what order the modules of a slot stand. Integers only, so that every platform agrees.

use core::cmp::{Ordering, Reverse};

use super::Placed;
use super::session::Session;
use super::trace::Visitor;
use crate::bucket::{SaltHash, UnitHash};
use crate::snapshot::Chunk;
use crate::snapshot::records::{Log2, OrderingKind, Schedule, SlotArrangement};
use crate::snapshot::table::Ref;

/// Ranks what survived in one slot. The sorts are stable, so ties stay as written.
pub fn rank<V: Visitor>(
    session: &Session<'_, V>,
    slot: &SlotArrangement,
    survivors: &mut [Placed],
) {
    match OrderingKind::from_code(slot.ordering) {
        Some(OrderingKind::Newest) => {
            survivors.sort_by_key(|module| Reverse(started_ms(session.chunk, module)));
        }
        Some(OrderingKind::Weighted | OrderingKind::Learned) => {
            let Some(unit) = session.subjects.unit() else {
                return;
            };
            survivors.sort_by(|a, b| drawn_before(session.chunk, unit, a, b));
        }
        _ => {}
    }
}

/// The schedule start of the winning plan; whoever has none is oldest.
fn started_ms(chunk: &Chunk, module: &Placed) -> i64 {
    let schedule = module
        .resolved
        .plan
        .and_then(|plan| chunk.row(plan))
        .and_then(|plan| plan.schedule.get());
    schedule
        .and_then(|s| chunk.row::<Schedule>(s))
        .map_or(i64::MIN, |s| s.from_ms)
}

/// Exponential races (Efraimidis and Spirakis, 2006): whoever has the smaller −log2(draw) / weight
/// comes first, which is drawing without replacement in proportion to weight.
fn drawn_before(chunk: &Chunk, unit: UnitHash, a: &Placed, b: &Placed) -> Ordering {
    let race = |placed: &Placed| minus_log2(chunk, unit.mix(SaltHash(placed.draw_salt)));
    // Below 2^31 × 2^20 each.
    race(a)
        .saturating_mul(u64::from(b.weight))
        .cmp(&race(b).saturating_mul(u64::from(a.weight)))
}

/// −log2(draw / 2^64) in 2^-24 steps, from the chunk's table by linear interpolation.
fn minus_log2(chunk: &Chunk, draw: u64) -> u64 {
    let draw = draw.max(1);
    let zeros = u64::from(draw.leading_zeros());
    let mantissa = draw << draw.leading_zeros();
    let interval = ((mantissa >> 55) & 255) as u32;
    let rest = (mantissa >> 31) & 0xFF_FFFF;
    let table = chunk.table::<Log2>();
    let at = |row: u32| table.get(Ref::new(row)).map_or(0, |l| u64::from(l.value));
    let (low, high) = (at(interval), at(interval.saturating_add(1)));
    let log = low.saturating_add(high.saturating_sub(low).saturating_mul(rest) >> 24);
    (zeros.saturating_add(1) << 24).saturating_sub(log)
}
