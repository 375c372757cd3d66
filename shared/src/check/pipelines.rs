//! Release pipelines, and the pages of OpenFeature bulk evaluation.

use std::collections::HashMap;

use super::at::At;
use super::names::NameKind;
use super::reader::Reader;
use super::{caps, plans, schedules, shapes};
use crate::limits;
use crate::model::WeeklyWindow;
use crate::model::pipeline::{Gates, Pipeline, PipelineStep, StepAudience, never_ends};

pub(crate) fn pipeline(r: &mut Reader<'_>, at: &At<'_>) -> Option<Pipeline> {
    let object = r.object(at, shapes::PIPELINE)?;
    let steps = object.get("steps").and_then(|at| steps(r, &at));
    let zone = schedules::zone(r, object);
    let quiet_hours = object.get("quiet_hours").map(|at| quiet_hours(r, &at));
    let gates = object.get("gates").map(|at| gates(r, &at));
    Some(Pipeline {
        steps: steps?,
        zone: zone?.0,
        quiet_hours: plans::given(quiet_hours)?.unwrap_or_default(),
        gates: plans::given(gates)?.unwrap_or_default(),
    })
}

fn quiet_hours(r: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<WeeklyWindow>> {
    let windows = schedules::windows(r, at, "quiet_hours")?;
    if never_ends(&windows) {
        let message = "these hours never end, so no step would ever begin";
        r.error("invalid_value", at, message);
        return None;
    }
    Some(windows)
}

fn gates(r: &mut Reader<'_>, at: &At<'_>) -> Option<Gates> {
    let object = r.object(at, shapes::GATES)?;
    let mut number = |field: &str, noun, most| {
        let least = u32::from(field == "min_requests");
        let at = object.get(field);
        at.map(|at| r.whole_in(&at, noun, least..=most))
    };
    let bps = limits::BASIS_POINTS;
    let requests = number("min_requests", "a number of answers", limits::GATE_REQUESTS);
    let errors = number("max_error_increase", "an increase in basis points", bps);
    let defaults = number("max_default_increase", "an increase in basis points", bps);
    let exposures = number("max_exposure_drop", "a drop in basis points", bps);
    let default = Gates::default();
    Some(Gates {
        min_requests: plans::given(requests)?.map_or(default.min_requests, u64::from),
        max_error_increase_bps: plans::given(errors)?.unwrap_or(default.max_error_increase_bps),
        max_default_increase_bps: plans::given(defaults)?
            .unwrap_or(default.max_default_increase_bps),
        max_exposure_drop_bps: plans::given(exposures)?.unwrap_or(default.max_exposure_drop_bps),
    })
}

fn steps(r: &mut Reader<'_>, steps: &At<'_>) -> Option<Vec<PipelineStep>> {
    let mut out = Vec::new();
    let mut whole = true;
    let mut share = 0;
    for item in r.list(steps, "steps", limits::PIPELINE_STEPS)? {
        let Some(step) = step(r, &item) else {
            whole = false;
            continue;
        };
        if let StepAudience::ShareBps(next) = step.audience {
            if next < share {
                let message = format!("a release never shrinks: {next} comes after {share}");
                r.error("invalid_value", &item, message);
                whole = false;
            }
            share = share.max(next);
        }
        out.push(step);
    }
    if out.is_empty() && whole {
        r.error("invalid_value", steps, "a pipeline needs at least one step");
        whole = false;
    } else if whole && share < limits::BASIS_POINTS {
        let message = format!("this pipeline never releases to everybody ({share} of 10000)");
        r.warn("unfinished_pipeline", steps, message);
    }
    whole.then_some(out)
}

fn step(r: &mut Reader<'_>, at: &At<'_>) -> Option<PipelineStep> {
    let object = r.object(at, shapes::PIPELINE_STEP)?;
    let hold = object.get("hold").map(|at| caps::duration(r, &at, 0));
    let latest = schedules::DAY_MINUTES.saturating_sub(1);
    let start = object.get("start");
    let start = start.map(|at| schedules::minute(r, &at, latest));
    let audience = match (object.get("staff"), object.get("share")) {
        (Some(staff), None) => {
            let yes = r.boolean(&staff)?;
            if !yes {
                r.error("invalid_value", &staff, "`staff` is true or left out");
            }
            yes.then_some(StepAudience::Staff)
        }
        (None, Some(share)) => r
            .whole_in(&share, "a share in basis points", 0..=limits::BASIS_POINTS)
            .map(StepAudience::ShareBps),
        _ => {
            let message = "a step has one of `staff: true` and `share`";
            r.error_intro("missing_field", object, message);
            None
        }
    };
    Some(PipelineStep {
        audience: audience?,
        hold_secs: plans::given(hold)?.unwrap_or(0),
        start_min: plans::given(start)?,
    })
}

pub(crate) fn ofrep(r: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut whole = true;
    let mut seen = HashMap::new();
    for item in r.list(at, "pages for OFREP", limits::OFREP_PAGES)? {
        let Some(key) = r.text(&item) else {
            whole = false;
            continue;
        };
        if !r.names.pages.contains(key) {
            r.no_such(&item, NameKind::Page, key);
            whole = false;
        }
        whole &= plans::unique(r, &item, key, &mut seen, "page");
        out.push(key.to_owned());
    }
    whole.then_some(out)
}
