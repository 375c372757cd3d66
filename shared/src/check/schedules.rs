//! Schedules: local literals of a zone become instants, weekly windows minutes of the day.

use jiff::civil;
use jiff::tz::TimeZone;

use super::at::At;
use super::reader::{Reader, shortened};
use super::shapes;
use crate::limits;
use crate::model::{Schedule, WeeklyWindow};
use crate::problem::Severity;

const DAYS: [(&str, usize); 7] = [
    ("mon", 0),
    ("tue", 1),
    ("wed", 2),
    ("thu", 3),
    ("fri", 4),
    ("sat", 5),
    ("sun", 6),
];
pub(crate) const DAY_MINUTES: u32 = 1_440;

pub(crate) fn schedule(r: &mut Reader<'_>, at: &At<'_>) -> Option<Schedule> {
    let object = r.object(at, shapes::SCHEDULE)?;
    let (from, until) = (object.get("from"), object.get("until"));
    let weekly = object.get("weekly");
    if from.is_none() && until.is_none() && weekly.is_none() {
        let message = "a schedule needs `from`, `until` or `weekly`";
        r.error_intro("missing_field", object, message);
        return None;
    }
    let zone = zone(r, object);
    let from = from.map(|at| (literal(r, &at), at));
    let until = until.map(|at| (literal(r, &at), at));
    let weekly = weekly.map(|at| windows(r, &at, "weekly"));
    let (zone, time_zone) = zone?;
    let mut instant = |literal: Option<(Option<civil::DateTime>, At<'_>)>| match literal {
        None => Some(None),
        Some((literal, at)) => instant(r, &at, literal?, &time_zone).map(Some),
    };
    let (from_ms, until_ms) = (instant(from), instant(until));
    let schedule = Schedule {
        from_ms: from_ms?,
        until_ms: until_ms?,
        zone,
        weekly: weekly.unwrap_or_else(|| Some(Vec::new()))?,
    };
    warn(r, object, &schedule);
    Some(schedule)
}

fn warn(r: &mut Reader<'_>, object: &At<'_>, schedule: &Schedule) {
    let Some(until_ms) = schedule.until_ms else {
        return;
    };
    if schedule.from_ms.is_some_and(|from_ms| until_ms <= from_ms) {
        let message = "`until` is not after `from`, so this never holds";
        r.warn("empty_schedule", object, message);
    } else if r.options.now_ms.is_some_and(|now_ms| until_ms <= now_ms) {
        r.warn("expired_schedule", object, "this schedule is over");
    }
}

/// `timezone` of an object, UTC if it has none.
pub(crate) fn zone(r: &mut Reader<'_>, object: &At<'_>) -> Option<(Box<str>, TimeZone)> {
    let Some(at) = object.get("timezone") else {
        return Some(("UTC".into(), TimeZone::UTC));
    };
    let name = r.text(&at)?;
    let found = jiff::tz::db().get(name).ok();
    // The database finds names in any case; a document has one spelling.
    if let Some(zone) = found.filter(|zone| zone.iana_name() == Some(name)) {
        return Some((name.into(), zone));
    }
    let known: Vec<String> = if r.problems.listens(Severity::Error) {
        jiff::tz::db().available().map(|n| n.to_string()).collect()
    } else {
        Vec::new()
    };
    let message = format!("there is no time zone `{}`", shortened(name));
    let hint = r
        .did_you_mean(name, known.iter().map(String::as_str))
        .unwrap_or_else(|| "a name of the IANA database, for example Asia/Shanghai".to_owned());
    r.error_hint("unknown_timezone", &at, message, hint);
    None
}

/// `YYYY-MM-DDTHH:MM[:SS]`.
fn literal(r: &mut Reader<'_>, at: &At<'_>) -> Option<civil::DateTime> {
    let text = r.text(at)?;
    let parsed = parse(text);
    match parsed {
        None => {
            let message = format!("`{}` is no local time", shortened(text));
            let hint = "write YYYY-MM-DDTHH:MM or …:SS, without offset; the zone is `timezone`";
            r.error_hint("invalid_time", at, message, hint.to_owned());
        }
        Some(time) if !(2000..=2100).contains(&time.year()) => {
            r.error("out_of_range", at, "a schedule lies within 2000 to 2100");
            return None;
        }
        Some(_) => {}
    }
    parsed
}

fn parse(text: &str) -> Option<civil::DateTime> {
    let bytes = text.as_bytes();
    let shape = "dddd-dd-ddTdd:dd:dd".as_bytes();
    let fits = matches!(bytes.len(), 16 | 19)
        && bytes.iter().zip(shape).all(|(b, s)| match s {
            b'd' => b.is_ascii_digit(),
            s => b == s,
        });
    if !fits {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |from, to| i8::try_from(number(from, to)?).ok();
    let second = if bytes.len() == 19 { small(17, 19)? } else { 0 };
    let date = civil::Date::new(number(0, 4)?, small(5, 7)?, small(8, 10)?).ok()?;
    let time = civil::Time::new(small(11, 13)?, small(14, 16)?, second, 0).ok()?;
    Some(date.to_datetime(time))
}

/// A gap moves forward by its length, a fold takes the earlier instant.
fn instant(
    r: &mut Reader<'_>,
    at: &At<'_>,
    local: civil::DateTime,
    zone: &TimeZone,
) -> Option<i64> {
    match zone.to_ambiguous_timestamp(local).compatible() {
        Ok(timestamp) => Some(timestamp.as_millisecond()),
        Err(why) => {
            r.error("invalid_time", at, why.to_string());
            None
        }
    }
}

/// The windows of a field, at least one.
pub(crate) fn windows(r: &mut Reader<'_>, at: &At<'_>, field: &str) -> Option<Vec<WeeklyWindow>> {
    let mut out = Vec::new();
    let mut whole = true;
    for item in r.list(at, "weekly windows", limits::WEEKLY_WINDOWS)? {
        match window(r, &item) {
            Some(window) => out.push(window),
            None => whole = false,
        }
    }
    if out.is_empty() && whole {
        let message = format!("`{field}` needs at least one window; leave it out otherwise");
        r.error("invalid_value", at, message);
        return None;
    }
    whole.then_some(out)
}

fn window(r: &mut Reader<'_>, at: &At<'_>) -> Option<WeeklyWindow> {
    let object = r.object(at, shapes::WEEKLY_WINDOW)?;
    let days = object.get("days").map(|at| days(r, &at));
    let from = object
        .get("from")
        .map(|at| minute(r, &at, DAY_MINUTES.saturating_sub(1)));
    let until = object.get("until").map(|at| minute(r, &at, DAY_MINUTES));
    Some(WeeklyWindow {
        days: days.unwrap_or(Some([true; 7]))?,
        from_min: from.unwrap_or(Some(0))?,
        until_min: until.unwrap_or(Some(DAY_MINUTES))?,
    })
}

fn days(r: &mut Reader<'_>, at: &At<'_>) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    let mut whole = true;
    for item in r.list(at, "days", DAYS.len())? {
        match r.word(&item, "day", &DAYS) {
            None => whole = false,
            Some(index) => {
                let day = days.get_mut(index);
                if day.as_ref().is_some_and(|day| **day) {
                    r.error("duplicate", &item, "this day stands twice");
                }
                day.into_iter().for_each(|day| *day = true);
            }
        }
    }
    if whole && days == [false; 7] {
        let message = "`days` needs at least one day; leave it out for every day";
        r.error("invalid_value", at, message);
        return None;
    }
    whole.then_some(days)
}

pub(crate) fn minute(r: &mut Reader<'_>, at: &At<'_>, latest: u32) -> Option<u32> {
    let text = r.text(at)?;
    let minute = match text.as_bytes() {
        [h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            let digits = |a: &u8, b: &u8| {
                let (a, b) = (a.saturating_sub(b'0'), b.saturating_sub(b'0'));
                u32::from(a).saturating_mul(10).saturating_add(u32::from(b))
            };
            let (hour, minute) = (digits(h1, h2), digits(m1, m2));
            (minute < 60).then(|| hour.saturating_mul(60).saturating_add(minute))
        }
        _ => None,
    };
    let fitting = minute.filter(|m| *m <= latest);
    if fitting.is_none() {
        let message = format!("`{}` is no time of the day", shortened(text));
        let hint = "write \"09:00\"; \"24:00\" only in `until`".to_owned();
        r.error_hint("invalid_time", at, message, hint);
    }
    fitting
}
