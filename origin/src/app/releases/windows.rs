//! Counts since several moments of a step. What goes wrong late would drown in what went well before, so evidence is looked
//! for since the beginning of a step and since moments that follow each other. Kept in memory: after a restart it begins
//! anew, and only what is certain by then counts.

use std::collections::VecDeque;

use serde::Serialize;
use skyful::health::Counts;

use super::decide::Reports;
use super::evidence::ALPHA;

/// Between the beginnings of two windows.
const EVERY_MS: i64 = 10_000;
/// Windows that are looked at: two minutes' worth.
const KEPT: usize = 12;

/// What was counted since a moment of a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Window {
    pub stable: Counts,
    pub gray: Counts,
    /// Exposures of gray and stable.
    pub exposures: (u64, u64),
    /// The chance to be mistaken about a limit in this window.
    pub alpha: f64,
}

/// Of one sequence.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    sequence: i64,
    begun: u64,
    windows: VecDeque<Begun>,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    number: u64,
    at_ms: i64,
    stable: Counts,
    gray: Counts,
    exposures: (u64, u64),
}

impl Watch {
    /// Takes what is reported now, and gives all windows.
    pub fn look(&mut self, sequence: i64, reports: &Reports) -> Vec<Window> {
        if sequence != self.sequence {
            *self = Self {
                sequence,
                ..Self::default()
            };
        }
        let mut all = vec![Window {
            stable: reports.stable,
            gray: reports.gray,
            exposures: reports.exposures,
            alpha: ALPHA / 2.0,
        }];
        all.extend(self.windows.iter().map(|begun| begun.until(reports)));
        let last = self.windows.back().map(|begun| begun.at_ms);
        if last.is_none_or(|at_ms| reports.heard_ms - at_ms >= EVERY_MS) {
            self.begun += 1;
            self.windows.push_back(Begun {
                number: self.begun,
                at_ms: reports.heard_ms,
                stable: reports.stable,
                gray: reports.gray,
                exposures: reports.exposures,
            });
        }
        while self.windows.len() > KEPT {
            self.windows.pop_front();
        }
        all
    }
}

impl Begun {
    fn until(&self, reports: &Reports) -> Window {
        // Half of the chance is for the whole step; the sum of 1 / (n (n + 1)) is 1.
        let n = self.number as f64;
        Window {
            stable: since(reports.stable, self.stable),
            gray: since(reports.gray, self.gray),
            exposures: (
                reports.exposures.0.saturating_sub(self.exposures.0),
                reports.exposures.1.saturating_sub(self.exposures.1),
            ),
            alpha: ALPHA / 2.0 / (n * (n + 1.0)),
        }
    }
}

/// Counts only grow, but for edges that are forgotten.
fn since(now: Counts, then: Counts) -> Counts {
    Counts {
        requests: now.requests.saturating_sub(then.requests),
        errors: now.errors.saturating_sub(then.errors),
        defaults: now.defaults.saturating_sub(then.defaults),
        fallbacks: now.fallbacks.saturating_sub(then.fallbacks),
    }
}
