//! When a schedule holds, and when that changes next.

use chrono::{NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use serde_json::Value;

use super::instant::{self, DAY};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const HORIZON: i64 = 400 * DAY;

/// Whether everything that a schedule gives holds together at an instant.
pub fn holds(schedule: &Value, now: i64) -> bool {
    Schedule::read(schedule).holds(now)
}

/// The earliest instant in `(now, now + 400 days]` at which one of the schedules changes between
/// holding and not holding.
pub fn valid_until(schedules: &[&Value], now: i64) -> Option<i64> {
    schedules
        .iter()
        .filter_map(|schedule| Schedule::read(schedule).next_change(now))
        .min()
}

struct Schedule<'a> {
    zone: Tz,
    from: Option<i64>,
    until: Option<i64>,
    weekly: Option<&'a Vec<Value>>,
}

impl<'a> Schedule<'a> {
    fn read(schedule: &'a Value) -> Self {
        let zone = zone_of(schedule);
        Self {
            zone,
            from: literal(schedule, zone, "from"),
            until: literal(schedule, zone, "until"),
            weekly: schedule["weekly"].as_array(),
        }
    }

    fn holds(&self, now: i64) -> bool {
        if self.from.is_some_and(|from| now < from) || self.until.is_some_and(|until| now >= until)
        {
            return false;
        }
        let Some(windows) = self.weekly else {
            return true;
        };
        let local = instant::wall_clock(self.zone, now);
        windows.iter().any(|window| window_contains(window, local))
    }

    fn next_change(&self, now: i64) -> Option<i64> {
        // Before `from` and after `until` nothing holds, so nothing changes there.
        let first = now.max(self.from.unwrap_or(now));
        let last = (now + HORIZON).min(self.until.unwrap_or(now + HORIZON));
        // A change can only be at one of the candidates, so the first of them at which the schedule
        // differs from a moment before is the earliest change. Near ones are tried first to save time.
        [last.min(first + 12 * DAY), last]
            .into_iter()
            .find_map(|last| {
                let mut candidates = self.candidates(first, last);
                candidates.retain(|&at| now < at && at <= last);
                candidates.sort_unstable();
                candidates
                    .into_iter()
                    .find(|&at| self.holds(at - 1) != self.holds(at))
            })
    }

    /// Every instant in a span at which the schedule could change, and some at which it can't.
    fn candidates(&self, first: i64, last: i64) -> Vec<i64> {
        let mut found: Vec<i64> = [self.from, self.until].into_iter().flatten().collect();
        let Some(windows) = self.weekly else {
            return found;
        };
        // Two days more at each end, since days are counted on the zone's own calendar.
        let (first, last) = (first - 2 * DAY, last + 2 * DAY);
        let midnight = instant::wall_clock(self.zone, first)
            .date()
            .and_hms_opt(0, 0, 0);
        let mut day = midnight.expect("midnight");
        while instant::local_millis(day) <= last + DAY {
            for window in windows {
                let (from, until) = edges(window);
                for minute in [from, until] {
                    let edge = day + TimeDelta::minutes(minute);
                    found.extend(instant::instants_of(self.zone, edge));
                }
            }
            day += TimeDelta::days(1);
        }
        // In a gap or a fold the wall clock jumps into or out of a window without passing its edge.
        found.extend(instant::transitions(self.zone, first, last));
        found
    }
}

/// Minutes of the day, `until` up to 1440.
pub fn edges(window: &Value) -> (i64, i64) {
    let minutes = |field: &str, otherwise: &str| -> i64 {
        let text = window[field].as_str().unwrap_or(otherwise);
        let (hours, minutes) = text.split_once(':').expect("HH:MM");
        60 * hours.parse::<i64>().expect("hours") + minutes.parse::<i64>().expect("minutes")
    };
    (minutes("from", "00:00"), minutes("until", "24:00"))
}

fn window_contains(window: &Value, local: NaiveDateTime) -> bool {
    let (from, until) = edges(window);
    let minute = i64::from(local.hour() * 60 + local.minute());
    let today = instant::weekday(local);
    let yesterday = (today + 6) % 7;
    if until > from {
        starts_on(window, today) && from <= minute && minute < until
    } else {
        (starts_on(window, today) && from <= minute)
            || (starts_on(window, yesterday) && minute < until)
    }
}

fn starts_on(window: &Value, day: usize) -> bool {
    match window["days"].as_array() {
        Some(days) if !days.is_empty() => days.iter().any(|name| name == DAYS[day]),
        _ => true,
    }
}

pub fn zone_of(schedule: &Value) -> Tz {
    instant::zone(schedule["timezone"].as_str().unwrap_or("UTC"))
}

/// The instant of `from` or `until`, if given.
pub fn literal(schedule: &Value, zone: Tz, field: &str) -> Option<i64> {
    let text = schedule[field].as_str()?;
    let local = instant::parse_local(text).expect("a local date and time");
    Some(instant::instant_of(zone, local))
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
