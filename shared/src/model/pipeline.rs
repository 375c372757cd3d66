//! How a release goes from nobody to everybody, and the hours in which it doesn't. Read by whoever runs releases; edges know
//! nothing of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::WeeklyWindow;
use crate::limits::BASIS_POINTS;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 1_440;
/// Ends of windows that are passed over to find an open minute: each window of a list, and changes of the offset.
const LOOKS: usize = 2 * crate::limits::WEEKLY_WINDOWS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    pub steps: Vec<PipelineStep>,
    /// Of the quiet hours and the starts of steps.
    pub zone: Box<str>,
    /// In them no step begins by itself.
    pub quiet_hours: Vec<WeeklyWindow>,
    pub gates: Gates,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineStep {
    pub audience: StepAudience,
    /// The shortest time until the next step.
    pub hold_secs: u64,
    /// Minute of the day before which it doesn't begin by itself.
    pub start_min: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepAudience {
    Staff,
    ShareBps(u32),
}

/// What has to be known, and how much worse than stable gray may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// On each track, before a step may end.
    pub min_requests: u64,
    /// Of answers with the reason `ERROR`, in basis points of all.
    pub max_error_increase_bps: u32,
    /// Of pages for which no plan won.
    pub max_default_increase_bps: u32,
    /// Of exposures per answer, in basis points of stable's.
    pub max_exposure_drop_bps: u32,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            min_requests: 200,
            max_error_increase_bps: 50,
            // A release may well narrow an audience on purpose.
            max_default_increase_bps: 2_000,
            // Or take modules off a page.
            max_exposure_drop_bps: 5_000,
        }
    }
}

impl Pipeline {
    /// To everybody at once.
    pub fn at_once() -> Self {
        Self {
            steps: alloc::vec![PipelineStep {
                audience: StepAudience::ShareBps(BASIS_POINTS),
                hold_secs: 0,
                start_min: None,
            }],
            zone: "UTC".into(),
            quiet_hours: Vec::new(),
            gates: Gates::default(),
        }
    }

    /// The first instant, not before this one, at which a step may begin by itself. None: there is none.
    pub fn open_from(&self, at_ms: i64, start_min: Option<u32>) -> Option<i64> {
        if self.quiet_hours.is_empty() && start_min.is_none() {
            return Some(at_ms);
        }
        let zone = jiff::tz::db().get(&self.zone).unwrap_or(TimeZone::UTC);
        let windows = crate::compile::windows(&self.quiet_hours);
        let mut at_ms = at_ms;
        for _ in 0..LOOKS {
            let minute = minute_of_week(at_ms, &zone)?;
            let wait = quiet_for(&windows, minute).max(too_early_for(start_min, minute));
            if wait == 0 {
                return Some(at_ms);
            }
            // From the beginning of the minute: a window ends with a whole one.
            at_ms = at_ms
                .checked_add(wait.checked_mul(MINUTE_MS)?)?
                .div_euclid(MINUTE_MS)
                .checked_mul(MINUTE_MS)?;
        }
        None
    }
}

/// Whether windows leave no minute of the week.
pub(crate) fn never_ends(windows: &[WeeklyWindow]) -> bool {
    let covered = crate::compile::windows(windows).into_iter();
    let covered: i64 = covered
        .map(|(from, until)| i64::from(until.saturating_sub(from)))
        .sum();
    covered >= 7 * DAY_MINUTES
}

/// From Monday 00:00, by the wall clock.
fn minute_of_week(at_ms: i64, zone: &TimeZone) -> Option<i64> {
    let local = Timestamp::from_millisecond(at_ms).ok()?;
    let local = zone.to_datetime(local);
    let days = i64::from(local.weekday().since(Weekday::Monday));
    Some(days * DAY_MINUTES + i64::from(local.hour()) * 60 + i64::from(local.minute()))
}

/// Minutes until the window around this minute ends; 0 outside of all.
fn quiet_for(windows: &[(u32, u32)], minute: i64) -> i64 {
    let around = windows
        .iter()
        .find(|(from, until)| i64::from(*from) <= minute && minute < i64::from(*until));
    around.map_or(0, |(_, until)| i64::from(*until) - minute)
}

fn too_early_for(start_min: Option<u32>, minute: i64) -> i64 {
    let start = start_min.map_or(0, i64::from);
    (start - minute.rem_euclid(DAY_MINUTES)).max(0)
}

/// `09:30`.
pub fn time_of_day(minute: u32) -> String {
    alloc::format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        let instant: Timestamp = text.parse().expect("an instant");
        instant.as_millisecond()
    }

    fn nights() -> Pipeline {
        let window = |days, from_min, until_min| WeeklyWindow {
            days,
            from_min,
            until_min,
        };
        Pipeline {
            zone: "Asia/Shanghai".into(),
            quiet_hours: alloc::vec![
                window([true; 7], 22 * 60, 8 * 60),
                window([false, false, false, false, false, true, true], 0, 1_440),
            ],
            ..Pipeline::at_once()
        }
    }

    fn check(from: &str, start_min: Option<u32>, expected: &str) {
        let found = nights().open_from(at(from), start_min);
        assert_eq!(found, Some(at(expected)), "{from} {start_min:?}");
    }

    #[test]
    fn quiet_hours_end_by_the_wall_clock_of_the_zone() {
        // Tuesday noon, Tuesday night, the moment of its end, and a weekend with the nights around it.
        check("2026-11-24T04:00:30Z", None, "2026-11-24T04:00:30Z");
        check("2026-11-24T15:10:30Z", None, "2026-11-25T00:00:00Z");
        check("2026-11-25T00:00:00Z", None, "2026-11-25T00:00:00Z");
        check("2026-11-27T14:00:00Z", None, "2026-11-30T00:00:00Z");
    }

    #[test]
    fn a_step_with_a_start_waits_for_that_time_of_the_day() {
        check(
            "2026-11-24T04:00:30Z",
            Some(10 * 60),
            "2026-11-24T04:00:30Z",
        );
        check(
            "2026-11-24T01:00:00Z",
            Some(10 * 60),
            "2026-11-24T02:00:00Z",
        );
        check(
            "2026-11-24T15:10:30Z",
            Some(10 * 60),
            "2026-11-25T02:00:00Z",
        );
        // Never: a start within hours that are always quiet.
        let mut never = nights();
        never.quiet_hours[0].from_min = 9 * 60;
        assert_eq!(
            never.open_from(at("2026-11-24T01:30:00Z"), Some(23 * 60)),
            None
        );
    }

    #[test]
    fn an_hour_that_the_clock_skips_or_repeats_stops_nothing() {
        let mut pipeline = nights();
        pipeline.zone = "Europe/Berlin".into();
        pipeline.quiet_hours = alloc::vec![WeeklyWindow {
            days: [true; 7],
            from_min: 60,
            until_min: 150,
        }];
        // Spring: 02:00 becomes 03:00, so the window ends with its first hour.
        let open = pipeline.open_from(at("2027-03-28T00:30:00Z"), None);
        assert!(open.is_some_and(|ms| ms >= at("2027-03-28T01:00:00Z")));
        // Autumn: 02:30 comes twice.
        let open = pipeline.open_from(at("2026-10-25T00:10:00Z"), None);
        assert!(open.is_some());
    }
}
