//! When a schedule holds, and when that changes next.

use chrono::{NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use serde_json::Value;

use super::instant::{self, DAY};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const HORIZON: i64 = 400 * DAY;

/// Whether everything that a schedule gives holds together at an instant.
pub fn holds(schedule: &Value, now: i64) -> bool {
    let zone = zone_of(schedule);
    if let Some(from) = literal(schedule, zone, "from")
        && now < from
    {
        return false;
    }
    if let Some(until) = literal(schedule, zone, "until")
        && now >= until
    {
        return false;
    }
    match schedule["weekly"].as_array() {
        Some(windows) => {
            let local = instant::wall_clock(zone, now);
            windows.iter().any(|window| window_contains(window, local))
        }
        None => true,
    }
}

/// The earliest instant in `(now, now + 400 days]` at which one of the schedules changes between
/// holding and not holding.
pub fn valid_until(schedules: &[&Value], now: i64) -> Option<i64> {
    schedules
        .iter()
        .filter_map(|schedule| next_change(schedule, now))
        .min()
}

fn next_change(schedule: &Value, now: i64) -> Option<i64> {
    // A change can only be at one of the candidates, so the first at which the schedule differs from
    // a moment before is the earliest change. The near ones are tried first only to save time.
    [12 * DAY, HORIZON].into_iter().find_map(|span| {
        let mut candidates = candidates(schedule, now, span);
        candidates.retain(|&at| at > now && at <= now + span);
        candidates.sort_unstable();
        candidates
            .into_iter()
            .find(|&at| holds(schedule, at - 1) != holds(schedule, at))
    })
}

/// Every instant within a span at which a schedule could change, and some at which it can't.
fn candidates(schedule: &Value, now: i64, span: i64) -> Vec<i64> {
    let zone = zone_of(schedule);
    let mut found: Vec<i64> = ["from", "until"]
        .into_iter()
        .filter_map(|field| literal(schedule, zone, field))
        .collect();
    let Some(windows) = schedule["weekly"].as_array() else {
        return found;
    };
    let first = instant::wall_clock(zone, now - 2 * DAY)
        .date()
        .and_hms_opt(0, 0, 0)
        .expect("midnight");
    for day in 0..=(span / DAY + 4) {
        for window in windows {
            let (from, until) = edges(window);
            for minute in [from, until] {
                let local = first + TimeDelta::days(day) + TimeDelta::minutes(minute);
                found.extend(instant::instants_of(zone, local));
            }
        }
    }
    // In a gap or a fold the wall clock jumps into or out of a window without passing its edge.
    found.extend(instant::transitions(
        zone,
        now - 2 * DAY,
        now + span + 2 * DAY,
    ));
    found
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
