//! When a calendar's window began, beside another time-zone library.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use skyful::context::Context;
use skyful::ledger::rules;
use skyful_tests::product::Product;

use crate::world::{DAY, document};

/// Some of these change their clocks at midnight, some by half an hour, one skipped a day.
const ZONES: [&str; 12] = [
    "UTC",
    "Asia/Shanghai",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Asuncion",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
];
const UNITS: [&str; 3] = ["day", "week", "month"];

/// The first instant of the local day, week or month in which an instant lies.
fn began(zone: Tz, unit: &str, now: DateTime<Utc>) -> DateTime<Utc> {
    let today = now.with_timezone(&zone).date_naive();
    let first: NaiveDate = match unit {
        "week" => today - Days::new(today.weekday().num_days_from_monday().into()),
        "month" => today.with_day(1).unwrap(),
        _ => today,
    };
    let mut local: NaiveDateTime = first.and_hms_opt(0, 0, 0).unwrap();
    loop {
        // A midnight that doesn't exist: the first minute after it that does. One that comes twice: the earlier.
        if let Some(at) = zone.from_local_datetime(&local).earliest() {
            return at.with_timezone(&Utc);
        }
        local += TimeDelta::minutes(1);
    }
}

#[test]
fn windows_begin_when_another_library_says() {
    let caps: Vec<(String, Value)> = ZONES
        .iter()
        .flat_map(|zone| UNITS.map(|unit| (zone, unit)))
        .enumerate()
        .map(|(n, (zone, unit))| {
            let per = json!({"calendar": unit, "timezone": zone});
            (format!("m{n:02}"), json!([{"limit": 1, "per": per}]))
        })
        .collect();
    let modules: Vec<(&str, Value)> = caps
        .iter()
        .map(|(name, caps)| (&**name, caps.clone()))
        .collect();
    let mut product = Product::compile(&document(&modules), &BTreeMap::new()).unwrap();
    let context = Context {
        now_ms: Some(0),
        ..Context::default()
    };
    product.body("both", &context).unwrap();
    let chunk = product.chunk("both", 0).unwrap();
    let mut dice = SmallRng::seed_from_u64(1);
    for _ in 0..5_000 {
        // 2001 to 2024: of later years the two have heard different news.
        let now_ms = dice.random_range(980_000_000_000..1_735_000_000_000_i64);
        let now = DateTime::from_timestamp_millis(now_ms).unwrap();
        let rules = rules(chunk, now_ms);
        let asked = ZONES.iter().flat_map(|zone| UNITS.map(|unit| (zone, unit)));
        for (n, (zone, unit)) in asked.enumerate() {
            let name = format!("module/m{n:02}/promo#0");
            let id = twox_hash::XxHash3_64::oneshot(name.as_bytes()) as u32;
            let rule = rules.iter().find(|rule| rule.id == id).unwrap();
            let expected = began(zone.parse().unwrap(), unit, now).timestamp_millis();
            // The day that Samoa left out.
            let skipped = *zone == "Pacific/Apia" && (now_ms - 1_325_239_200_000).abs() < 32 * DAY;
            assert!(
                rule.since_ms == expected || skipped,
                "{zone} {unit} at {now}: {} {expected}",
                rule.since_ms
            );
        }
    }
}
