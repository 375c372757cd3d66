use super::*;
use serde_json::json;

fn at(text: &str) -> i64 {
    instant::parse(text).expect("RFC 3339")
}

#[track_caller]
fn check(schedule: &Value, now: &str, expected: bool) {
    assert_eq!(holds(schedule, at(now)), expected, "{schedule} at {now}");
}

#[track_caller]
fn changes(schedule: &Value, now: &str, expected: Option<&str>) {
    let found = valid_until(&[schedule], at(now)).map(instant::write);
    assert_eq!(found.as_deref(), expected, "{schedule} at {now}");
}

#[test]
fn from_is_inside_and_until_is_outside() {
    let schedule = json!({"from": "2026-11-01T00:00", "until": "2026-12-01T00:00", "timezone": "Asia/Shanghai"});
    check(&schedule, "2026-10-31T15:59:59.999Z", false);
    check(&schedule, "2026-10-31T16:00:00Z", true);
    check(&schedule, "2026-11-30T15:59:59.999Z", true);
    check(&schedule, "2026-11-30T16:00:00Z", false);
    changes(
        &schedule,
        "2026-10-01T00:00:00Z",
        Some("2026-10-31T16:00:00Z"),
    );
    changes(
        &schedule,
        "2026-10-31T16:00:00Z",
        Some("2026-11-30T16:00:00Z"),
    );
    changes(&schedule, "2026-11-30T16:00:00Z", None);
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_it_starts_on() {
    let schedule = json!({"weekly": [{"days": ["tue"], "from": "22:00", "until": "02:00"}]});
    // 24 November 2026 is a Tuesday.
    check(&schedule, "2026-11-24T01:00:00Z", false);
    check(&schedule, "2026-11-24T22:00:00Z", true);
    check(&schedule, "2026-11-25T01:59:59.999Z", true);
    check(&schedule, "2026-11-25T02:00:00Z", false);
    check(&schedule, "2026-11-25T22:00:00Z", false);
}

#[test]
fn equal_edges_are_a_whole_day() {
    let schedule = json!({"weekly": [{"days": ["tue"], "from": "10:00", "until": "10:00"}]});
    check(&schedule, "2026-11-24T09:59:00Z", false);
    check(&schedule, "2026-11-24T10:00:00Z", true);
    check(&schedule, "2026-11-25T09:59:59Z", true);
    check(&schedule, "2026-11-25T10:00:00Z", false);
    let midnight = json!({"weekly": [{"days": ["tue"], "from": "00:00", "until": "00:00"}]});
    check(&midnight, "2026-11-24T23:59:59Z", true);
    check(&midnight, "2026-11-25T00:00:00Z", false);
}

#[test]
fn edges_left_out_are_the_whole_day() {
    let schedule = json!({"weekly": [{"days": ["tue"]}]});
    changes(
        &schedule,
        "2026-11-24T12:00:00Z",
        Some("2026-11-25T00:00:00Z"),
    );
    let always = json!({"weekly": [{}]});
    check(&always, "2026-11-24T12:00:00Z", true);
    changes(&always, "2026-11-24T12:00:00Z", None);
    // Two windows that touch don't change where they meet.
    let touching = json!({"weekly": [{"days": ["tue"]}, {"days": ["wed"], "until": "09:00"}]});
    changes(
        &touching,
        "2026-11-24T12:00:00Z",
        Some("2026-11-25T09:00:00Z"),
    );
}

#[test]
fn skipped_minutes_never_happen() {
    // New York skips 02:00 to 03:00 on 8 March 2026 (a Sunday), at 07:00 in UTC.
    let zone = "America/New_York";
    let inside =
        json!({"timezone": zone, "weekly": [{"days": ["sun"], "from": "02:10", "until": "02:50"}]});
    changes(
        &inside,
        "2026-03-08T00:00:00Z",
        Some("2026-03-15T06:10:00Z"),
    );
    let across =
        json!({"timezone": zone, "weekly": [{"days": ["sun"], "from": "02:30", "until": "03:30"}]});
    changes(
        &across,
        "2026-03-08T00:00:00Z",
        Some("2026-03-08T07:00:00Z"),
    );
    changes(
        &across,
        "2026-03-08T07:00:00Z",
        Some("2026-03-08T07:30:00Z"),
    );
    let before =
        json!({"timezone": zone, "weekly": [{"days": ["sun"], "from": "01:30", "until": "02:30"}]});
    changes(
        &before,
        "2026-03-08T06:30:00Z",
        Some("2026-03-08T07:00:00Z"),
    );
}

#[test]
fn repeated_minutes_hold_twice() {
    // London repeats 01:00 to 02:00 on 25 October 2026, at 01:00 in UTC.
    let schedule = json!({"timezone": "Europe/London", "weekly": [{"days": ["sun"], "from": "01:20", "until": "01:40"}]});
    let mut now = "2026-10-25T00:00:00Z".to_owned();
    let expected = ["00:20", "00:40", "01:20", "01:40"];
    for time in expected {
        let next = format!("2026-10-25T{time}:00Z");
        changes(&schedule, &now, Some(&next));
        now = next;
    }
}

#[test]
fn a_change_is_sought_for_400_days() {
    let schedule = json!({"from": "2027-12-27T00:00"});
    changes(
        &schedule,
        "2026-11-22T00:00:00Z",
        Some("2027-12-27T00:00:00Z"),
    );
    changes(&schedule, "2026-11-21T23:59:59.999Z", None);
    // Weekly windows change long before, unless `from` keeps them from it.
    let late = json!({"from": "2027-12-20T00:00", "weekly": [{"days": ["sat"]}]});
    changes(&late, "2026-11-22T00:00:00Z", Some("2027-12-25T00:00:00Z"));
    let never = json!({"from": "2026-01-02T00:00", "until": "2026-01-01T00:00"});
    changes(&never, "2025-12-01T00:00:00Z", None);
}

/// All edges of generated schedules lie on half minutes, so looking at each of them misses nothing.
#[test]
fn the_next_change_is_what_a_look_at_every_half_minute_finds() {
    use crate::generate::{constraints, draw::Draw};

    const STEP: i64 = 30 * instant::SECOND;
    for seed in 0..100 {
        let mut draw = Draw::new(seed);
        let schedule = constraints::schedule(&mut draw);
        let zone = zone_of(&schedule);
        let field = if draw.chance(50) { "from" } else { "until" };
        let near = literal(&schedule, zone, field);
        let start = near.unwrap_or_else(|| at("2026-11-01T00:00:00Z")) + draw.between(-6, 2) * DAY;
        let looked = (1..=9 * DAY / STEP)
            .map(|step| start + step * STEP)
            .find(|&at| holds(&schedule, at) != holds(&schedule, start));
        let found = valid_until(&[&schedule], start);
        let within = found.filter(|&at| at <= start + 9 * DAY);
        assert_eq!(within, looked, "{schedule} at {}", instant::write(start));
    }
}
