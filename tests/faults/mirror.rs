//! What one edge instance must know, told from the values that the store handed to it. The edge itself
//! is never asked.

use std::collections::{HashMap, VecDeque};

use crate::books::Shown;

/// Why a read brought nothing usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It had not arrived at this PoP yet, or a miss was cached.
    Lag,
    /// An error, an outage, torn or swapped bytes: made by the weather.
    Injected,
}

#[derive(Clone, Copy, Debug)]
pub struct Failure {
    pub at_ms: i64,
    /// By the instance's clock.
    pub local_ms: i64,
    pub cause: Cause,
    step: u64,
    /// A later read succeeded.
    cleared: bool,
}

/// What may answer at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub held: Option<Shown>,
    pub previous: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub gets: u32,
    pub failed: u32,
    pub manifest_gets: u32,
    pub recalled: u32,
}

#[derive(Default)]
pub struct Mirror {
    pub view: View,
    /// All views since the last step began.
    pub views: Vec<View>,
    pub tally: Tally,
    pub step: u64,
    failures: HashMap<String, Failure>,
    /// Failed reads in a row, one a step, by the instance's clock.
    rows: HashMap<String, VecDeque<i64>>,
    /// The first broken bound on reads.
    pub breach: Option<String>,
}

/// An edge retries after at most 30 s; requests that run at the same time are a little apart.
const RETRY_MS: i64 = 31_000;

impl Mirror {
    pub fn begin(&mut self, step: u64) {
        self.step = step;
        self.views = vec![self.view];
        self.tally = Tally::default();
    }

    /// A manifest was handed over. True if it is newer.
    pub fn admit(&mut self, shown: Shown) -> bool {
        let newer = self
            .view
            .held
            .is_none_or(|held| shown.current > held.current);
        let settled = self
            .view
            .held
            .is_some_and(|held| held.current == shown.current && shown.fallback > held.fallback);
        if newer {
            self.view.previous = self.view.held.map(|held| held.current);
        }
        if newer || settled {
            self.view.held = Some(shown);
            self.views.push(self.view);
        }
        newer
    }

    pub fn succeeded(&mut self, key: &str) {
        if let Some(failure) = self.failures.get_mut(key) {
            failure.cleared = true;
        }
        self.rows.remove(key);
    }

    pub fn failed(&mut self, key: &str, now_ms: i64, local_ms: i64, cause: Cause) {
        self.tally.failed += 1;
        let step = self.step;
        let repeated = self
            .failures
            .get(key)
            .is_some_and(|failure| failure.step == step);
        self.failures.insert(
            key.to_owned(),
            Failure {
                at_ms: now_ms,
                local_ms,
                cause,
                step,
                cleared: false,
            },
        );
        if !repeated && key.contains("/o/") {
            // 2, 4, 8, 16, 30 s and at most a quarter less: 8 within any minute.
            self.count(key, local_ms, 8);
        }
    }

    /// At most one look a second because it is time, and one because a client is ahead; fewer while the
    /// store fails. Without anything to answer from, every request may look.
    pub fn read_manifest(&mut self, local_ms: i64, error: bool) {
        self.tally.manifest_gets += 1;
        if self.view.held.is_none() {
            return;
        }
        self.count("manifest reads", local_ms, 125);
        if error {
            self.count("manifest errors", local_ms, 18);
        } else {
            self.rows.remove("manifest errors");
        }
    }

    fn count(&mut self, what: &str, local_ms: i64, most: usize) {
        let row = self.rows.entry(what.to_owned()).or_default();
        if row.back().is_some_and(|last| *last > local_ms) {
            // The clock was set back, and waiting begins anew.
            row.clear();
        }
        row.push_back(local_ms);
        while row.front().is_some_and(|first| *first < local_ms - 60_000) {
            row.pop_front();
        }
        if row.len() > most {
            self.breach = Some(format!("{} times within a minute: {what}", row.len()));
        }
    }

    /// Why this instance may be without an object now: a read that failed during this step, or lately
    /// enough not to be repeated yet.
    pub fn excuse(&self, key: &str, local_ms: i64) -> Option<Failure> {
        self.failures.get(key).copied().filter(|failure| {
            failure.step == self.step
                || (!failure.cleared && (local_ms - failure.local_ms).abs() <= RETRY_MS)
        })
    }
}
