//! Release pipelines, and the pages of OpenFeature bulk evaluation.

use std::collections::HashMap;

use super::at::At;
use super::names::NameKind;
use super::reader::Reader;
use super::{caps, plans, shapes};
use crate::limits;
use crate::model::{PipelineStep, StepAudience};

pub(crate) fn pipeline(r: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<PipelineStep>> {
    let object = r.object(at, shapes::PIPELINE)?;
    let steps = object.get("steps")?;
    let mut out = Vec::new();
    let mut whole = true;
    let mut share = 0;
    for item in r.list(&steps, "steps", limits::PIPELINE_STEPS)? {
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
        r.error(
            "invalid_value",
            &steps,
            "a pipeline needs at least one step",
        );
        whole = false;
    } else if whole && share < limits::BASIS_POINTS {
        let message = format!("this pipeline never releases to everybody ({share} of 10000)");
        r.warn("unfinished_pipeline", &steps, message);
    }
    whole.then_some(out)
}

fn step(r: &mut Reader<'_>, at: &At<'_>) -> Option<PipelineStep> {
    let object = r.object(at, shapes::PIPELINE_STEP)?;
    let hold = object.get("hold").map(|at| caps::duration(r, &at, 0));
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
