//! When. Local time without a time-zone database: the chunk has the offsets of the zones it uses.

use crate::limits;
use crate::snapshot::Chunk;
use crate::snapshot::records::{
    Boundary, Schedule, Transition, Window, WindowKind, Windowed, Zone,
};
use crate::snapshot::table::{OptRef, Ref};
use crate::value::datetime;

const MINUTE: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
const WEEK_MINUTES: i64 = 7 * 1_440;
/// Steps when looking for the next change. Windows are disjoint and don't touch, so nearly every
/// candidate is a change; only offset transitions and open ends cost extra steps.
const STEPS: u32 = 2_048;

/// Whether a schedule holds at an instant.
pub fn holds(chunk: &Chunk, schedule: &Schedule, now_ms: i64) -> bool {
    schedule.from_ms <= now_ms
        && now_ms < schedule.until_ms
        && (schedule.weekly == 0 || in_window(chunk, schedule, now_ms))
}

/// The earliest later instant, not beyond the horizon, at which some schedule of the chunk starts or
/// stops holding.
pub fn next_change(chunk: &Chunk, now_ms: i64) -> Option<i64> {
    let horizon = now_ms.saturating_add(limits::VALID_UNTIL_MS);
    let mut next = next_boundary(chunk, now_ms).filter(|at| *at <= horizon);
    for windowed in chunk.table::<Windowed>().iter() {
        let schedule = chunk.row(windowed.schedule);
        // Whatever comes later than what is known already needn't be found.
        let horizon = next.unwrap_or(horizon);
        let change = schedule.and_then(|s| next_change_of(chunk, &s, now_ms, horizon));
        next = change.or(next);
    }
    next
}

/// The first boundary after an instant. Found by halving: a chunk may have a hundred thousand.
fn next_boundary(chunk: &Chunk, now_ms: i64) -> Option<i64> {
    let table = chunk.table::<Boundary>();
    let at = |row: u32| table.get(Ref::new(row)).map(|boundary| boundary.at_ms);
    let (mut low, mut high) = (0, table.len() as u32);
    while low < high {
        let middle = low.midpoint(high);
        if at(middle)? <= now_ms {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    at(low)
}

pub(crate) fn next_change_of(
    chunk: &Chunk,
    schedule: &Schedule,
    now_ms: i64,
    horizon: i64,
) -> Option<i64> {
    let held = holds(chunk, schedule, now_ms);
    let mut at = now_ms;
    for _ in 0..STEPS {
        at = next_candidate(chunk, schedule, at).filter(|next| *next > at && *next <= horizon)?;
        if holds(chunk, schedule, at) != held {
            return Some(at);
        }
    }
    None
}

/// The next instant at which anything about the schedule can change.
fn next_candidate(chunk: &Chunk, schedule: &Schedule, at: i64) -> Option<i64> {
    if at < schedule.from_ms {
        return Some(schedule.from_ms);
    }
    if at >= schedule.until_ms {
        return None;
    }
    let edge = if schedule.weekly == 0 {
        None
    } else {
        next_edge(chunk, schedule, at)
    };
    let end = (schedule.until_ms != i64::MAX).then_some(schedule.until_ms);
    edge.into_iter().chain(end).min()
}

/// The next window edge under the present offset, or the next change of the offset.
fn next_edge(chunk: &Chunk, schedule: &Schedule, at: i64) -> Option<i64> {
    let zone = chunk.row(schedule.zone)?;
    let (offset_ms, transition) = offset_at(chunk, &zone, at);
    let local = at.saturating_add(offset_ms);
    let into_week = week_ms(local);
    let week_start = local.saturating_sub(into_week);
    let edges = chunk
        .rows(schedule.windows)
        .flat_map(|w: Window| [w.from_min, w.until_min]);
    let edge = edges
        .map(|minute| i64::from(minute).wrapping_mul(MINUTE))
        .map(|edge| {
            if edge > into_week {
                edge
            } else {
                edge.saturating_add(WEEK_MINUTES.saturating_mul(MINUTE))
            }
        })
        .min()
        .map(|edge| week_start.saturating_add(edge).saturating_sub(offset_ms));
    edge.into_iter().chain(transition).min()
}

fn in_window(chunk: &Chunk, schedule: &Schedule, now_ms: i64) -> bool {
    let Some(zone) = chunk.row(schedule.zone) else {
        return false;
    };
    let (offset_ms, _) = offset_at(chunk, &zone, now_ms);
    let minute = week_ms(now_ms.saturating_add(offset_ms)).div_euclid(MINUTE);
    chunk
        .rows(schedule.windows)
        .any(|w: Window| i64::from(w.from_min) <= minute && minute < i64::from(w.until_min))
}

/// When the local day, week (from Monday) or month began in which an instant lies.
pub fn period_start(chunk: &Chunk, zone: OptRef<Zone>, kind: WindowKind, now_ms: i64) -> i64 {
    let zone = zone.get().and_then(|zone| chunk.row(zone));
    let offset = |at_ms| zone.map_or(0, |zone: Zone| offset_at(chunk, &zone, at_ms).0);
    let local = now_ms.saturating_add(offset(now_ms));
    let days = local.div_euclid(DAY_MS);
    let first = match kind {
        WindowKind::Week => local.saturating_sub(week_ms(local)).div_euclid(DAY_MS),
        WindowKind::Month => days
            .saturating_sub(datetime::day_of_month(days))
            .saturating_add(1),
        WindowKind::Day | WindowKind::Sliding | WindowKind::Lifetime => days,
    };
    let start = first.saturating_mul(DAY_MS);
    // The offset may have changed since. A local midnight that was skipped or came twice counts from its first instant.
    let guess = start.saturating_sub(offset(now_ms));
    let before = start.saturating_sub(offset(guess.saturating_sub(DAY_MS)));
    let after = start.saturating_sub(offset(guess.saturating_add(DAY_MS)));
    let began = |at: &i64| at.saturating_add(offset(*at)) >= start;
    let (early, late) = (before.min(after), before.max(after));
    [early, late]
        .into_iter()
        .find(began)
        .unwrap_or(late)
        .min(now_ms)
}

/// Milliseconds since Monday 00:00.
fn week_ms(local_ms: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    local_ms
        .saturating_add(3 * 86_400_000)
        .rem_euclid(WEEK_MINUTES * MINUTE)
}

/// The offset in force and the instant at which the next one begins, in milliseconds.
fn offset_at(chunk: &Chunk, zone: &Zone, now_ms: i64) -> (i64, Option<i64>) {
    // In seconds, since a product that is watched for overflow costs Wasm a multiplication of 128 bits.
    let now_secs = now_ms.div_euclid(1_000);
    let mut offset = zone.first_offset_secs;
    let mut next = None;
    let table = chunk.table::<Transition>();
    let (mut low, mut high) = (0, zone.transitions.len);
    let row = |at: u32| table.get(Ref::new(zone.transitions.start.saturating_add(at)));
    while low < high {
        let middle = low.midpoint(high);
        match row(middle) {
            Some(t) if t.at_secs <= now_secs => {
                offset = t.offset_secs;
                low = middle.saturating_add(1);
            }
            Some(t) => {
                next = Some(t.at_secs.wrapping_mul(1_000));
                high = middle;
            }
            None => break,
        }
    }
    (offset.wrapping_mul(1_000), next)
}
