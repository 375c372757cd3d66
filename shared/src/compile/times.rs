//! Schedules and zones: windows become disjoint minutes of the week, zones become the offsets that an
//! edge needs between 2000 and 2100.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use hashbrown::HashMap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::builder::Builder;
use crate::model::{self, WeeklyWindow};
use crate::snapshot::records::{Boundary, Schedule, Transition, Window, Windowed, Zone};
use crate::snapshot::table::Ref;

const DAY: u32 = 1_440;
const WEEK: u32 = 7 * DAY;
/// A day before 2000 and after 2100 in any zone.
const FIRST_SECS: i64 = 946_684_800 - 2 * 86_400;
const LAST_SECS: i64 = 4_102_444_800 + 367 * 86_400;

/// Zones of one chunk. Looking one up takes microseconds, and most plans name the same.
#[derive(Default)]
pub struct Zones<'a>(HashMap<&'a str, Ref<Zone>>);

impl<'a> Zones<'a> {
    pub fn zone(&mut self, builder: &mut Builder, name: &'a str) -> Ref<Zone> {
        *self.0.entry(name).or_insert_with(|| zone(builder, name))
    }
}

pub fn schedule<'a>(
    builder: &mut Builder,
    zones: &mut Zones<'a>,
    schedule: &'a model::Schedule,
) -> Ref<Schedule> {
    let zone = zones.zone(builder, &schedule.zone);
    let windows = builder.intern_run(windows(&schedule.weekly));
    builder.intern(Schedule {
        from_ms: schedule.from_ms.unwrap_or(i64::MIN),
        until_ms: schedule.until_ms.unwrap_or(i64::MAX),
        zone,
        windows,
        weekly: u32::from(!schedule.weekly.is_empty()),
    })
}

/// What tells when an answer changes next, without a look at every schedule. To be called after the last schedule.
pub fn changes(builder: &mut Builder) {
    let mut boundaries = Vec::new();
    let mut windowed = Vec::new();
    for (index, schedule) in (0..).zip(builder.rows::<Schedule>()) {
        // Never holds.
        if schedule.from_ms >= schedule.until_ms {
            continue;
        }
        if schedule.weekly != 0 {
            windowed.push(Windowed {
                schedule: Ref::new(index),
            });
            continue;
        }
        boundaries.extend([schedule.from_ms, schedule.until_ms]);
    }
    boundaries.retain(|at| !matches!(*at, i64::MIN | i64::MAX));
    boundaries.sort_unstable();
    boundaries.dedup();
    builder.push_run(boundaries.into_iter().map(|at_ms| Boundary { at_ms }));
    builder.push_run(windowed);
}

fn zone(builder: &mut Builder, name: &str) -> Ref<Zone> {
    // Check let only known zones through.
    let zone = TimeZone::get(name).unwrap_or(TimeZone::UTC);
    let at = |secs: i64| Timestamp::from_second(secs).unwrap_or_default();
    let first = i64::from(zone.to_offset(at(FIRST_SECS)).seconds());
    let mut offset = first;
    let mut transitions = Vec::new();
    for transition in zone.following(at(FIRST_SECS)) {
        let at_secs = transition.timestamp().as_second();
        if at_secs > LAST_SECS {
            break;
        }
        let next = i64::from(transition.offset().seconds());
        // Some transitions change only the name or whether it counts as summer time.
        if next != offset {
            transitions.push(Transition {
                at_secs,
                offset_secs: next,
            });
            offset = next;
        }
    }
    let name = builder.text(name);
    let transitions = builder.intern_run(transitions);
    builder.intern(Zone {
        name,
        first_offset_secs: first,
        transitions,
    })
}

/// Disjoint windows that don't touch, sorted, within one week from Monday 00:00.
pub fn windows(weekly: &[WeeklyWindow]) -> Vec<Window> {
    let mut parts = Vec::new();
    for window in weekly {
        let every_day = !window.days.contains(&true);
        for (day, on) in (0..).zip(window.days) {
            if !on && !every_day {
                continue;
            }
            let start = day * DAY + window.from_min;
            let overnight = if window.until_min <= window.from_min {
                DAY
            } else {
                0
            };
            let end = day * DAY + window.until_min + overnight;
            parts.push((start, end.min(WEEK)));
            if end > WEEK {
                parts.push((0, end - WEEK));
            }
        }
    }
    parts.sort_unstable();
    let mut merged: Vec<Window> = Vec::new();
    for (from_min, until_min) in parts {
        match merged.last_mut() {
            Some(last) if from_min <= last.until_min => {
                last.until_min = last.until_min.max(until_min);
            }
            _ => merged.push(Window {
                from_min,
                until_min,
            }),
        }
    }
    merged
}
