//! Instants, as milliseconds since 1970 in UTC: RFC 3339 in and out, and the wall clocks of zones.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// RFC 3339, cut to milliseconds: `T` and `Z` in either case, second 60 is the next second.
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter().try_fold(0, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let mark = |at: usize, wanted: &[u8]| bytes.get(at).is_some_and(|byte| wanted.contains(byte));

    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let shaped =
        mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt") && mark(13, b":") && mark(16, b":");
    if !shaped || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year as i32, month as u32, day as u32)?;

    let mut at = 19;
    let mut millis = 0;
    if mark(at, b".") {
        let digits = bytes[at + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 {
            return None;
        }
        let padded = format!("{}000", &text[at + 1..at + 1 + digits]);
        millis = padded[..3].parse().ok()?;
        at += 1 + digits;
    }

    let offset_minutes = if mark(at, b"Zz") && bytes.len() == at + 1 {
        0
    } else if mark(at, b"+-") && mark(at + 3, b":") && bytes.len() == at + 6 {
        let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        (hours * 60 + minutes) * if bytes[at] == b'-' { -1 } else { 1 }
    } else {
        return None;
    };

    let midnight = local_millis(date.and_hms_opt(0, 0, 0)?);
    let wall = midnight + hour * HOUR + minute * MINUTE + second * SECOND + millis;
    Some(wall - offset_minutes * MINUTE)
}

/// RFC 3339 in UTC without fraction; for instants on a whole second.
pub fn write(instant: i64) -> String {
    utc(instant).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The literal of a schedule, `YYYY-MM-DDTHH:MM[:SS]`, as if UTC.
pub fn parse_local(text: &str) -> Option<NaiveDateTime> {
    let full = if text.len() == 16 {
        format!("{text}:00")
    } else {
        text.to_owned()
    };
    NaiveDateTime::parse_from_str(&full, "%Y-%m-%dT%H:%M:%S").ok()
}

pub fn zone(name: &str) -> Tz {
    name.parse().expect("a zone that chrono-tz knows")
}

/// 2100-01-01T00:00:00Z
const TABLES_END: i64 = 4_102_444_800_000;
/// From the first day of 2094 to that of 2100.
const SAME_CALENDAR: i64 = 2_191 * DAY;
/// 2026-09-20T01:00:00Z
const MOROCCO_STAYS: i64 = 1_789_866_000_000;

/// What is added to UTC at this instant, in milliseconds; until February 2102.
pub fn offset(zone: Tz, instant: i64) -> i64 {
    // The tables of chrono-tz end with 2099, and the last offset would stay for ever. 2100 and 2101
    // have the weekdays of 2094 and 2095, and no zone's rules differ between them.
    // Morocco then leaves its clock on UTC for good; chrono-tz 0.10.4 carries version 2025b of the time
    // zone database, which doesn't know yet. To be dropped with the next chrono-tz.
    let moroccan = [Tz::Africa__Casablanca, Tz::Africa__El_Aaiun].contains(&zone);
    if moroccan && instant >= MOROCCO_STAYS {
        return 0;
    }
    let instant = if instant >= TABLES_END {
        instant - SAME_CALENDAR
    } else {
        instant
    };
    let offset = zone.offset_from_utc_datetime(&utc(instant));
    i64::from(offset.fix().local_minus_utc()) * SECOND
}

/// The wall clock of a zone at an instant.
pub fn wall_clock(zone: Tz, instant: i64) -> NaiveDateTime {
    utc(instant + offset(zone, instant))
}

/// The instants at which the wall clock of a zone shows a time: none in a gap, two in a fold.
///
/// Offsets lie between −12 and +14 hours and no zone changes twice within 30 hours, so the two
/// offsets at 15 hours around are all that can be in force.
pub fn instants_of(zone: Tz, local: NaiveDateTime) -> Vec<i64> {
    let (before, after) = offsets_around(zone, local);
    let mut found: Vec<i64> = [before, after]
        .into_iter()
        .filter(|&candidate| offset(zone, local_millis(local) - candidate) == candidate)
        .map(|candidate| local_millis(local) - candidate)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The instant that a local literal names: a gap moves forward by its length, a fold is the earlier.
pub fn instant_of(zone: Tz, local: NaiveDateTime) -> i64 {
    match instants_of(zone, local).first() {
        Some(&earliest) => earliest,
        // The clock as it went before the gap shows the skipped time exactly that much later.
        None => local_millis(local) - offsets_around(zone, local).0,
    }
}

fn offsets_around(zone: Tz, local: NaiveDateTime) -> (i64, i64) {
    let millis = local_millis(local);
    (
        offset(zone, millis - 15 * HOUR),
        offset(zone, millis + 15 * HOUR),
    )
}

/// Every instant in `(from, to]` at which the offset of a zone becomes another.
pub fn transitions(zone: Tz, from: i64, to: i64) -> Vec<i64> {
    let mut found = Vec::new();
    let mut at = from;
    while at < to {
        let next = to.min(at + 6 * HOUR);
        if offset(zone, at) != offset(zone, next) {
            let (mut old, mut new) = (at, next);
            while new - old > 1 {
                let middle = old + (new - old) / 2;
                if offset(zone, middle) == offset(zone, at) {
                    old = middle;
                } else {
                    new = middle;
                }
            }
            found.push(new);
        }
        at = next;
    }
    found
}

/// 0 for Monday.
pub fn weekday(local: NaiveDateTime) -> usize {
    local.weekday().num_days_from_monday() as usize
}

pub fn local_millis(local: NaiveDateTime) -> i64 {
    local.and_utc().timestamp_millis()
}

fn utc(instant: i64) -> NaiveDateTime {
    // RFC 3339 cannot name an instant outside the years 0 to 9999, and chrono goes far beyond both.
    DateTime::UNIX_EPOCH
        .checked_add_signed(TimeDelta::milliseconds(instant))
        .expect("an instant that chrono can hold")
        .naive_utc()
}

#[cfg(test)]
#[path = "instant_tests.rs"]
mod tests;
