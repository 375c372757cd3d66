//! What becomes of a release that is under way: pure, so that thousands of its histories run in a second. Nothing passes for
//! want of knowledge, and nothing is taken back without evidence.

use serde::{Deserialize, Serialize};
use skyful::health::Counts;
use skyful::limits::BASIS_POINTS;
use skyful::manifest::Mode;
use skyful::model::pipeline::{Gates, Pipeline};

use super::evidence::{self, Rate, Verdict};
use super::plan::{Audience, Plan};
use super::state::State;
use super::windows::Window;

/// Older reports say nothing about now.
pub const FRESH_MS: i64 = 15_000;
/// From the beginning of a step until edges have it and have reported: before that, nothing known is nothing wrong.
pub const PATIENCE_MS: i64 = 30_000;
/// How much less certain than for a rollback it has to be that a step is held up: mistaken in one of 20 at most.
const SUSPICION: f64 = 50.0;
/// How long a release may be halted until somebody is alarmed.
pub const ALARM_MS: i64 = 600_000;

/// A release that is under way, at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub now_ms: i64,
    pub state: State,
    /// Why it is halted, since when, and whether somebody was alarmed.
    pub halted: Option<&'a Why>,
    pub halted_ms: i64,
    pub alarmed: bool,
    pub plan: &'a Plan,
    pub step: usize,
    pub since_ms: i64,
    pub mode: Mode,
    /// The environment lists staff.
    pub staff: bool,
    /// Of its own sequence, or none.
    pub reports: Option<Reports>,
    /// The same since several moments.
    pub windows: &'a [Window],
}

/// What edges report of one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reports {
    pub stable: Counts,
    pub gray: Counts,
    /// Events of gray and stable.
    pub exposures: (u64, u64),
    pub instances: usize,
    /// When the newest arrived, by our own clock.
    #[serde(skip)]
    pub heard_ms: i64,
}

/// Why it doesn't go on. Kept with the release, and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Why {
    /// Edges have not reported on this sequence.
    NoReports,
    /// They did, and stopped.
    OldReports {
        secs: i64,
    },
    TooFew {
        gray: u64,
        stable: u64,
        wanted: u64,
    },
    /// Gray is seen by more or fewer than it should be, so that comparing means nothing.
    Share {
        found_bps: u32,
        expected_bps: u32,
    },
    /// Gray looks worse than its limit, though it may be chance.
    Suspect {
        metric: Metric,
    },
    /// Edges are told not to run.
    Mode {
        mode: String,
    },
    /// Something else changed what edges are shown.
    Moved,
    /// The next step can't be taken as things stand.
    Refused {
        detail: String,
        hint: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    Errors,
    Defaults,
    Exposures,
}

/// Until when, or for what, it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Hold {
        until_ms: i64,
    },
    Quiet {
        until_ms: Option<i64>,
    },
    /// The step has only just begun.
    Reports,
    /// There is no further step: a person ends it.
    LastStep,
    Paused,
    Halted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Wait(Wait),
    Advance,
    Halt(Why),
    Recover,
    Alarm,
    RollBack(Metric),
}

/// A metric of a track: what counts as a hit, and how much more often gray may have it.
pub type Gauge = (Metric, fn(&Counts) -> u64, u32);

pub fn metrics(gates: &Gates) -> [Gauge; 2] {
    [
        (
            Metric::Errors,
            |counts| counts.errors,
            gates.max_error_increase_bps,
        ),
        (
            Metric::Defaults,
            |counts| counts.defaults,
            gates.max_default_increase_bps,
        ),
    ]
}

pub fn rate(counts: &Counts, hits: fn(&Counts) -> u64) -> Rate {
    Rate {
        hits: hits(counts),
        of: counts.requests,
    }
}

pub fn limit(bps: u32) -> f64 {
    f64::from(bps) / f64::from(BASIS_POINTS)
}

pub fn decide(seen: &Seen<'_>) -> Decision {
    // Evidence counts at every moment, also while people or gates hold the release where it is.
    if let Some(metric) = surely_worse(seen) {
        return Decision::RollBack(metric);
    }
    if seen.state == State::Paused {
        return Decision::Wait(Wait::Paused);
    }
    if seen.mode != Mode::Run {
        let mode = mode_name(seen.mode).to_owned();
        return held_up(seen, Why::Mode { mode });
    }
    let hold_ms = seen.plan.hold_ms(seen.step);
    let until_ms = seen.since_ms.saturating_add(hold_ms);
    if seen.now_ms < until_ms {
        return going_on(seen, Decision::Wait(Wait::Hold { until_ms }));
    }
    if let Some(why) = gate(seen) {
        let young = seen.now_ms.saturating_sub(seen.since_ms) < PATIENCE_MS;
        return match seen.state == State::Gray && young {
            true => Decision::Wait(Wait::Reports),
            false => held_up(seen, why),
        };
    }
    let Some(next) = seen.plan.after(seen.step, seen.staff) else {
        return going_on(seen, Decision::Wait(Wait::LastStep));
    };
    match seen.plan.open_from(next, seen.now_ms) {
        Some(open_ms) if open_ms <= seen.now_ms => going_on(seen, Decision::Advance),
        until_ms => going_on(seen, Decision::Wait(Wait::Quiet { until_ms })),
    }
}

/// A release that was halted recovers first, so that its history says so.
fn going_on(seen: &Seen<'_>, decision: Decision) -> Decision {
    match (seen.state, seen.halted) {
        // Whatever set the shares apart, a person has to look.
        (State::Halted, Some(why)) if needs_a_person(why) => alarmed(seen),
        (State::Halted, _) => Decision::Recover,
        _ => decision,
    }
}

fn held_up(seen: &Seen<'_>, why: Why) -> Decision {
    if seen.state == State::Halted {
        return alarmed(seen);
    }
    Decision::Halt(why)
}

fn alarmed(seen: &Seen<'_>) -> Decision {
    let long = seen.now_ms.saturating_sub(seen.halted_ms) >= ALARM_MS;
    let urgent = seen.halted.is_some_and(needs_a_person);
    if (long || urgent) && !seen.alarmed {
        return Decision::Alarm;
    }
    Decision::Wait(Wait::Halted)
}

pub fn needs_a_person(why: &Why) -> bool {
    matches!(why, Why::Share { .. } | Why::Moved | Why::Refused { .. })
}

fn surely_worse(seen: &Seen<'_>) -> Option<Metric> {
    worse(seen, 1.0)
}

/// What gray does worse than it may, as certain as a window asks for, or less by a factor.
fn worse(seen: &Seen<'_>, factor: f64) -> Option<Metric> {
    let gates = &seen.plan.pipeline.gates;
    let past = |(metric, hits, bps): Gauge| {
        let certain = |window: &Window| {
            let (gray, stable) = (rate(&window.gray, hits), rate(&window.stable, hits));
            let verdict = evidence::verdict(gray, stable, limit(bps), window.alpha * factor);
            verdict == Verdict::Past
        };
        seen.windows.iter().any(certain).then_some(metric)
    };
    let fewer = |window: &Window| {
        let (gray, stable) = exposed(&window.gray, &window.stable, window.exposures);
        evidence::fewer(gray, stable, kept(gates), window.alpha * factor) == Verdict::Past
    };
    let fewer = seen.windows.iter().any(fewer).then_some(Metric::Exposures);
    metrics(gates).into_iter().find_map(past).or(fewer)
}

/// Exposures per answer.
pub fn exposed(gray: &Counts, stable: &Counts, exposures: (u64, u64)) -> (Rate, Rate) {
    let rate = |hits, counts: &Counts| Rate {
        hits,
        of: counts.requests,
    };
    (rate(exposures.0, gray), rate(exposures.1, stable))
}

/// The part of stable's exposures that gray has to bring.
pub fn kept(gates: &Gates) -> f64 {
    1.0 - limit(gates.max_exposure_drop_bps.min(BASIS_POINTS))
}

/// None: it may pass.
fn gate(seen: &Seen<'_>) -> Option<Why> {
    let Some(reports) = seen.reports else {
        return Some(Why::NoReports);
    };
    let age_ms = seen.now_ms.saturating_sub(reports.heard_ms);
    if age_ms > FRESH_MS {
        return Some(Why::OldReports {
            secs: age_ms / 1_000,
        });
    }
    let Pipeline { gates, .. } = &seen.plan.pipeline;
    let (gray, stable) = (reports.gray.requests, reports.stable.requests);
    let wanted = gates.min_requests;
    // A step for staff has as many answers as staff ask for; that edges report at all is what can be asked.
    if let Audience::Share(share_bps) = seen.plan.audience(seen.step) {
        if gray.min(stable) < wanted {
            return Some(Why::TooFew {
                gray,
                stable,
                wanted,
            });
        }
        // Staff come on top of the share.
        let more = seen.staff && seen.plan.staff(seen.step);
        if !evidence::fits(gray, stable, limit(share_bps), more) {
            return Some(Why::Share {
                found_bps: share_of(gray, stable),
                expected_bps: share_bps,
            });
        }
    }
    // What has only just gone wrong is not in the sums yet, and the next step would begin to count anew.
    if let Some(metric) = worse(seen, SUSPICION) {
        return Some(Why::Suspect { metric });
    }
    let suspect = |(metric, hits, bps): Gauge| {
        let (gray, stable) = (rate(&reports.gray, hits), rate(&reports.stable, hits));
        let more = gray.seen()? - stable.seen()?;
        (more > limit(bps)).then_some(Why::Suspect { metric })
    };
    // Where nobody sends exposures there is nothing to compare.
    let (ours, theirs) = exposed(&reports.gray, &reports.stable, reports.exposures);
    let per_answer = |rate: Rate| rate.hits as f64 / rate.of.max(1) as f64;
    let enough = ours.of >= wanted && theirs.hits >= wanted;
    let fewer = enough && per_answer(ours) < per_answer(theirs) * kept(gates);
    let fewer = fewer.then_some(Why::Suspect {
        metric: Metric::Exposures,
    });
    metrics(gates).into_iter().find_map(suspect).or(fewer)
}

pub fn share_of(gray: u64, stable: u64) -> u32 {
    let all = u128::from(gray) + u128::from(stable);
    let bps = u128::from(gray) * u128::from(BASIS_POINTS) / all.max(1);
    u32::try_from(bps).unwrap_or(BASIS_POINTS)
}

pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Run => "run",
        Mode::Hold => "hold",
        Mode::Defaults => "defaults",
        Mode::Off => "off",
    }
}

pub const MODES: [Mode; 4] = [Mode::Run, Mode::Hold, Mode::Defaults, Mode::Off];

pub fn mode_named(name: &str) -> Option<Mode> {
    MODES.into_iter().find(|mode| mode_name(*mode) == name)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
