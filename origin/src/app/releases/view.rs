//! Releases as people see them.

use serde::Serialize;
use serde_json::Value;
use skyful::health::Counts;
use skyful::model::pipeline::{StepAudience, time_of_day};
use skyful::value::datetime;

use super::decide::{self, Metric, Reports, Why, limit, metrics, rate};
use super::desk::shown;
use super::evidence::{self, Verdict};
use super::plan::Plan;
use super::state::State;
use super::steer::why;
use crate::store::sqlite::releases::{EventRow, ReleaseRow};
use crate::store::sqlite::snapshots::HeadRow;

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Release {
    pub id: i64,
    pub environment: String,
    pub state: State,
    /// Goes up with every change; its ETag.
    pub version: i64,
    pub note: String,
    pub snapshot: String,
    /// Of the draft that it was made of.
    pub revision: i64,
    /// What it goes back to.
    pub before: Option<Before>,
    pub pipeline: Option<String>,
    pub author: String,
    pub approved_by: Option<String>,
    pub approved_at: Option<String>,
    pub created_at: String,
    pub start_at: Option<String>,
    pub ended_at: Option<String>,
    /// Of its newest manifest.
    pub sequence: Option<i64>,
    /// Basis points of all units that see it.
    pub share: u32,
    pub step: Option<i64>,
    pub steps: Vec<Step>,
    /// Why it doesn't go on, and what to do about it.
    pub halted: Option<Halted>,
    /// When everybody sees it, if every gate is passed at once.
    pub eta: Option<String>,
    /// While it is under way and edges report.
    pub health: Option<Health>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Before {
    pub release: Option<i64>,
    pub snapshot: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Step {
    pub staff: bool,
    /// Basis points of all units.
    pub share: u32,
    /// Seconds.
    pub hold: u64,
    /// Time of the day before which it doesn't begin.
    pub start: Option<String>,
    /// Began then, or begins about then.
    pub at: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Halted {
    pub why: Why,
    pub words: String,
    pub hint: String,
    pub since: Option<String>,
    pub alarmed_at: Option<String>,
}

/// Reports of its own sequence, and what they say.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Health {
    pub heard_at: String,
    pub instances: usize,
    pub stable: Track,
    pub gray: Track,
    /// Part of all answers that are gray, in basis points.
    pub share_found: u32,
    pub gates: Vec<Gate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Track {
    pub requests: u64,
    pub errors: u64,
    pub defaults: u64,
    pub fallbacks: u64,
}

/// Gray minus stable, as parts of 1 (exposures: per answer), with the interval that is right at all times.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Gate {
    pub metric: Metric,
    /// Basis points.
    pub limit: u32,
    pub gray: Option<f64>,
    pub stable: Option<f64>,
    pub difference: f64,
    /// Not of exposures, which are compared by their ratio.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Detailed {
    #[serde(flatten)]
    pub release: Release,
    /// What happened to it, in order.
    pub timeline: Vec<Happened>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Happened {
    pub seq: i64,
    pub at: String,
    pub kind: String,
    pub actor: String,
    /// After it.
    pub state: String,
    pub step: Option<i64>,
    pub sequence: Option<i64>,
    /// Of a decision, what it was made of.
    pub detail: Value,
}

/// What an environment shows.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Live {
    pub sequence: i64,
    pub mode: String,
    pub stable: String,
    /// That everybody sees.
    pub release: Option<i64>,
    pub gray: Option<String>,
    pub share: i64,
    pub under_way: Option<i64>,
}

impl Release {
    pub fn of(row: &ReleaseRow, reports: Option<Reports>, staff: bool, now_ms: i64) -> Self {
        let plan: Plan = serde_json::from_str(&row.plan).unwrap_or_else(|_| {
            // It was JSON when it was stored.
            Plan::of(skyful::model::pipeline::Pipeline::at_once())
        });
        let step = row.step.and_then(|step| usize::try_from(step).ok());
        let coming = outlook(row, &plan, staff, now_ms);
        let share = match (row.state, step) {
            (State::Full, _) => skyful::limits::BASIS_POINTS,
            (state, Some(step)) if state.under_way() => plan.share_bps(step),
            _ => 0,
        };
        let last = plan.pipeline.steps.len().saturating_sub(1);
        let whole = plan.audience(last) == super::plan::Audience::Everybody;
        let eta = coming.last().filter(|(step, _)| whole && *step == last);
        Self {
            id: row.id,
            environment: row.env.clone(),
            state: row.state,
            version: row.version,
            note: row.note.clone(),
            snapshot: shown(&row.snapshot),
            revision: row.revision,
            before: row.base.as_ref().map(|base| Before {
                release: row.base_release,
                snapshot: shown(base),
            }),
            pipeline: row.pipeline.clone(),
            author: row.author.clone(),
            approved_by: row.approver.clone(),
            approved_at: row.approved_ms.map(datetime::format),
            created_at: datetime::format(row.created_ms),
            start_at: row.start_ms.map(datetime::format),
            ended_at: row.ended_ms.map(datetime::format),
            sequence: row.sequence,
            share,
            step: row.step,
            steps: steps(row, &plan, &coming),
            halted: halted(row),
            eta: eta.map(|(_, at_ms)| datetime::format(*at_ms)),
            health: reports.map(|reports| Health::of(&reports, &plan)),
        }
    }
}

/// Steps that are to come, with instants; none while nothing moves.
fn outlook(row: &ReleaseRow, plan: &Plan, staff: bool, now_ms: i64) -> Vec<(usize, i64)> {
    let step = row.step.and_then(|step| usize::try_from(step).ok());
    match (row.state, step) {
        (State::Gray, Some(step)) => {
            plan.outlook(step, row.step_ms.unwrap_or(now_ms), now_ms, staff)
        }
        (State::Approved, _) => {
            let start_ms = row.start_ms.unwrap_or(now_ms).max(now_ms);
            let Some(first) = plan.first(staff) else {
                return Vec::new();
            };
            let begins_ms = plan.open_from(first, start_ms).unwrap_or(start_ms);
            let mut coming = vec![(first, begins_ms)];
            coming.extend(plan.outlook(first, begins_ms, now_ms, staff));
            coming
        }
        _ => Vec::new(),
    }
}

fn steps(row: &ReleaseRow, plan: &Plan, coming: &[(usize, i64)]) -> Vec<Step> {
    let steps = plan.pipeline.steps.iter().enumerate();
    let step = |(index, step): (usize, &skyful::model::PipelineStep)| {
        let began = row.step == i64::try_from(index).ok();
        let began_ms = row.step_ms.filter(|_| began);
        let coming = coming.iter().find(|(step, _)| *step == index);
        Step {
            staff: step.audience == StepAudience::Staff,
            share: plan.share_bps(index),
            hold: step.hold_secs,
            start: step.start_min.map(time_of_day),
            at: began_ms
                .or(coming.map(|(_, at_ms)| *at_ms))
                .map(datetime::format),
        }
    };
    steps.map(step).collect()
}

fn halted(row: &ReleaseRow) -> Option<Halted> {
    let why = why(row)?;
    Some(Halted {
        words: words(&why),
        hint: hint(&why).to_owned(),
        since: row.halted_ms.map(datetime::format),
        alarmed_at: row.alarmed_ms.map(datetime::format),
        why,
    })
}

pub fn words(why: &Why) -> String {
    match why {
        Why::NoReports => "no edge has reported on this step".into(),
        Why::OldReports { secs } => format!("the newest report of an edge is {secs} s old"),
        Why::TooFew {
            gray,
            stable,
            wanted,
        } => {
            format!("{wanted} answers are wanted on each track; gray has {gray}, stable {stable}")
        }
        Why::Share {
            found_bps,
            expected_bps,
        } => format!(
            "{}.{:02} % of all answers are gray instead of {}.{:02} %",
            found_bps / 100,
            found_bps % 100,
            expected_bps / 100,
            expected_bps % 100
        ),
        Why::Suspect {
            metric: Metric::Errors,
        } => "gray fails more often than it may, perhaps by chance".into(),
        Why::Suspect {
            metric: Metric::Defaults,
        } => "gray answers with defaults more often than it may, perhaps by chance".into(),
        Why::Suspect {
            metric: Metric::Exposures,
        } => "gray brings fewer exposures than it has to, perhaps by chance".into(),
        Why::Mode { mode } => format!("edges are switched to `{mode}`"),
        Why::Moved => "something else changed what edges are shown".into(),
        Why::Refused { detail, .. } => format!("the next step can't be taken: {detail}"),
    }
}

fn hint(why: &Why) -> &str {
    match why {
        Why::NoReports | Why::OldReports { .. } => {
            "look whether edges run and can reach the collector; it goes on when they report"
        }
        Why::TooFew { .. } => "it goes on with enough answers; or skip the step",
        Why::Share { .. } => {
            "look for a cache or an old edge that answers for one track; then resume, skip or roll back"
        }
        Why::Suspect { .. } => "it goes on if that passes, and rolls back if it is certain",
        Why::Mode { .. } => "switch the mode back to `run`",
        Why::Moved => "roll back, and release again",
        Why::Refused { hint, .. } => hint,
    }
}

impl Health {
    fn of(reports: &Reports, plan: &Plan) -> Self {
        let gate = |(metric, hits, bps): decide::Gauge| {
            let (gray, stable) = (rate(&reports.gray, hits), rate(&reports.stable, hits));
            let difference = evidence::difference(gray, stable, evidence::ALPHA);
            Gate {
                metric,
                limit: bps,
                gray: gray.seen(),
                stable: stable.seen(),
                difference: difference.seen,
                low: Some(difference.low),
                high: Some(difference.high),
                verdict: evidence::verdict(gray, stable, limit(bps), evidence::ALPHA),
            }
        };
        let gates = &plan.pipeline.gates;
        let (ours, theirs) = decide::exposed(&reports.gray, &reports.stable, reports.exposures);
        let per_answer =
            |rate: evidence::Rate| (rate.of > 0).then(|| rate.hits as f64 / rate.of as f64);
        let (gray, stable) = (per_answer(ours), per_answer(theirs));
        let exposures = Gate {
            metric: Metric::Exposures,
            limit: gates.max_exposure_drop_bps,
            gray,
            stable,
            difference: gray.unwrap_or(0.0) - stable.unwrap_or(0.0),
            low: None,
            high: None,
            verdict: evidence::fewer(ours, theirs, decide::kept(gates), evidence::ALPHA),
        };
        Self {
            heard_at: datetime::format(reports.heard_ms),
            instances: reports.instances,
            stable: Track::of(reports.stable),
            gray: Track::of(reports.gray),
            share_found: decide::share_of(reports.gray.requests, reports.stable.requests),
            gates: metrics(gates)
                .into_iter()
                .map(gate)
                .chain([exposures])
                .collect(),
        }
    }
}

impl Track {
    fn of(counts: Counts) -> Self {
        Self {
            requests: counts.requests,
            errors: counts.errors,
            defaults: counts.defaults,
            fallbacks: counts.fallbacks,
        }
    }
}

impl Happened {
    pub fn of(row: &EventRow) -> Self {
        Self {
            seq: row.seq,
            at: datetime::format(row.at_ms),
            kind: row.kind.clone(),
            actor: row.actor.clone(),
            state: row.state.clone(),
            step: row.step,
            sequence: row.sequence,
            detail: serde_json::from_str(&row.detail).unwrap_or(Value::Null),
        }
    }
}

impl Live {
    pub fn of(head: &HeadRow, full: Option<i64>) -> Self {
        Self {
            sequence: head.sequence,
            mode: head.mode.clone(),
            stable: shown(&head.stable),
            release: full,
            gray: head.gray.as_deref().map(shown),
            share: head.share_bps,
            under_way: head.release,
        }
    }
}
