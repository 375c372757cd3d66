//! What an engine must do to be compared, and how it is timed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::workload::{User, Workload};

/// An engine that has loaded a workload's rules.
pub trait Engine {
    /// Makes contexts of users, ahead of time wherever the engine's API allows that.
    fn meet(&mut self, users: &[User]);

    /// For each list, in order, the number of the winning plan or [`crate::workload::NOBODY`].
    fn winners(&mut self, user: usize, winners: &mut Vec<u32>);

    /// What is timed: the same, without saying who has won if that costs extra.
    fn evaluate(&mut self, user: usize, scratch: &mut Vec<u32>) {
        scratch.clear();
        self.winners(user, scratch);
        black_box(scratch);
    }
}

/// An engine that may be asked to load.
pub struct Candidate {
    pub name: &'static str,
    /// What its figure includes, and what was expressed otherwise.
    pub notes: &'static str,
    /// The rules in its own language, serialized; not timed. An error says why it can't take them.
    pub write: fn(&Workload) -> Result<Vec<u8>, String>,
    /// Serialized rules → ready to answer.
    pub load: fn(&[u8]) -> Box<dyn Engine>,
}

pub struct Timed {
    pub ns: f64,
    /// So many different users.
    pub users: usize,
}

/// The median over passes, each over the same users. One that is slow has fewer users and passes.
pub fn per_evaluation(engine: &mut dyn Engine, users: usize, patience: Duration) -> Timed {
    let mut scratch = Vec::new();
    let mut pass = |count: usize| {
        let stride = users / count;
        let start = Instant::now();
        for number in 0..count {
            engine.evaluate(number * stride, &mut scratch);
        }
        start.elapsed()
    };
    let probe = pass(4) / 4;
    let affordable = patience.as_nanos() / (4 * probe.as_nanos().max(1));
    let count = (affordable as usize).clamp(10, users);
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || begun.elapsed() < patience {
        times.push(pass(count));
    }
    times.sort_unstable();
    Timed {
        ns: times[times.len() / 2].as_nanos() as f64 / count as f64,
        users: count,
    }
}

pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}
