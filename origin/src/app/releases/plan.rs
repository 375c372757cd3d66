//! The pipeline of a release as it was when the release was put together: later edits of the document don't move what is
//! under way.

use serde::{Deserialize, Serialize};
use skyful::limits::BASIS_POINTS;
use skyful::model::pipeline::{Pipeline, StepAudience};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    #[serde(flatten)]
    pub pipeline: Pipeline,
}

/// Who sees a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Only those who see it whatever their bucket.
    Staff,
    Share(u32),
    Everybody,
}

impl Plan {
    pub fn of(pipeline: Pipeline) -> Self {
        Self { pipeline }
    }

    pub fn audience(&self, step: usize) -> Audience {
        match self.share_bps(step) {
            0 => Audience::Staff,
            BASIS_POINTS.. => Audience::Everybody,
            share_bps => Audience::Share(share_bps),
        }
    }

    /// Shares never shrink: a step for staff keeps the share before it.
    pub fn share_bps(&self, step: usize) -> u32 {
        let steps = self.pipeline.steps.iter().take(step.saturating_add(1));
        let shares = steps.filter_map(|step| match step.audience {
            StepAudience::ShareBps(share_bps) => Some(share_bps),
            StepAudience::Staff => None,
        });
        shares.max().unwrap_or(0).min(BASIS_POINTS)
    }

    /// Whether staff see it: from their step on.
    pub fn staff(&self, step: usize) -> bool {
        let mut steps = self.pipeline.steps.iter().take(step.saturating_add(1));
        steps.any(|step| step.audience == StepAudience::Staff)
    }

    pub fn hold_ms(&self, step: usize) -> i64 {
        let secs = self
            .pipeline
            .steps
            .get(step)
            .map_or(0, |step| step.hold_secs);
        i64::try_from(secs)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000)
    }

    /// The first step. None: everybody at once.
    pub fn first(&self, staff: bool) -> Option<usize> {
        self.from(0, staff)
    }

    /// The step after this one.
    pub fn after(&self, step: usize, staff: bool) -> Option<usize> {
        self.from(step.saturating_add(1), staff)
    }

    /// Where there are no staff, a step for them is passed over: nobody would see it.
    fn from(&self, step: usize, staff: bool) -> Option<usize> {
        let mut steps = self.pipeline.steps.iter().enumerate().skip(step);
        let passed = |audience| audience == StepAudience::Staff && !staff;
        let found = steps.find(|(_, step)| !passed(step.audience));
        found.map(|(index, _)| index)
    }

    /// The first instant from now on at which a step may begin by itself.
    pub fn open_from(&self, step: usize, now_ms: i64) -> Option<i64> {
        let start = self
            .pipeline
            .steps
            .get(step)
            .and_then(|step| step.start_min);
        self.pipeline.open_from(now_ms, start)
    }

    /// Whether the first step may begin: not before the release is to start, nor outside of the hours of the step.
    pub fn is_due(&self, start_ms: Option<i64>, staff: bool, now_ms: i64) -> bool {
        if start_ms.is_some_and(|start_ms| start_ms > now_ms) {
            return false;
        }
        let first = self.first(staff);
        first.is_none_or(|step| {
            let open_ms = self.open_from(step, now_ms);
            open_ms.is_some_and(|open_ms| open_ms <= now_ms)
        })
    }

    /// When each later step begins, if every gate is passed at once.
    pub fn outlook(
        &self,
        step: usize,
        since_ms: i64,
        now_ms: i64,
        staff: bool,
    ) -> Vec<(usize, i64)> {
        let (mut step, mut since_ms) = (step, since_ms);
        let mut coming = Vec::new();
        while let Some(next) = self.after(step, staff) {
            let over_ms = since_ms.saturating_add(self.hold_ms(step)).max(now_ms);
            let Some(at_ms) = self.open_from(next, over_ms) else {
                break;
            };
            coming.push((next, at_ms));
            (step, since_ms) = (next, at_ms);
        }
        coming
    }
}
