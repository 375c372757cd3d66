//! One engine on one workload: load, check every answer against the reference, and only then time.

use std::time::{Duration, Instant};

use crate::engine::{Candidate, Engine, median, per_evaluation};
use crate::results::Figures;
use crate::workload::{User, Workload};

pub struct Patience {
    /// For timing one engine on one workload.
    pub timing: Duration,
    /// For checking its answers, after the first ten users.
    pub checking: Duration,
    /// For what one engine loads in a whole run.
    pub loading: Duration,
}

impl Patience {
    pub fn new(full: bool) -> Self {
        if full {
            Self {
                timing: Duration::from_secs(1),
                checking: Duration::MAX,
                loading: Duration::MAX,
            }
        } else {
            Self {
                timing: Duration::from_millis(300),
                checking: Duration::from_secs(2),
                loading: Duration::from_secs(90),
            }
        }
    }
}

/// What an engine has loaded so far, to tell what the next workload would take.
#[derive(Default)]
pub struct Ledger {
    spent: Duration,
    /// Plans and seconds, of loads that took long enough to foretell others.
    loads: Vec<(f64, f64)>,
}

impl Ledger {
    /// Taken from the two largest loads, as a power of the number of plans; nothing grows slower than linearly.
    fn foretell(&self, plans: usize) -> Duration {
        let mut loads = self.loads.clone();
        loads.sort_by(|a, b| a.0.total_cmp(&b.0));
        let Some(&(most, secs)) = loads.last() else {
            return Duration::ZERO;
        };
        let smaller = loads.iter().rfind(|(count, _)| *count * 2.0 <= most);
        let power = smaller.map_or(1.0, |(count, time)| {
            (secs / time).ln() / (most / count).ln()
        });
        let growth = (plans as f64 / most).powf(power.clamp(1.0, 2.5));
        Duration::from_secs_f64(secs * growth)
    }

    pub fn record(&mut self, plans: usize, took: Duration) {
        self.spent += took;
        self.loads.push((plans as f64, took.as_secs_f64()));
    }

    /// Whether a workload may be loaded; an error says why not.
    pub fn allow(&self, plans: usize, patience: &Patience) -> Result<(), String> {
        let foretold = self.foretell(plans);
        if foretold > Duration::from_secs(1) && self.spent + foretold > patience.loading {
            let (secs, spent) = (foretold.as_secs_f64(), self.spent.as_secs_f64());
            return Err(format!(
                "skipped: loading it takes about {secs:.0} s, after {spent:.0} s for the others"
            ));
        }
        Ok(())
    }
}

/// An error says why there are no figures. Panics if an answer is wrong.
pub fn measure(
    candidate: &Candidate,
    workload: &Workload,
    reference: &[Vec<u32>],
    patience: &Patience,
    ledger: &mut Ledger,
) -> Result<Figures, String> {
    let plans = workload.shape.modules * workload.shape.plans;
    ledger.allow(plans, patience)?;
    let bytes = (candidate.write)(workload)?;
    let (mut loads, mut colds) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    let mut engine = loop {
        let (engine, load, cold) = cold_request(candidate, &bytes, &workload.users[0]);
        ledger.record(plans, load);
        loads.push(load.as_nanos() as f64);
        colds.push(cold.as_nanos() as f64);
        if loads.len() == 9 || begun.elapsed() > patience.timing {
            break engine;
        }
    };
    let start = Instant::now();
    engine.meet(&workload.users);
    let context_ns = start.elapsed().as_nanos() as f64 / workload.users.len() as f64;
    let users_checked = check(candidate.name, &mut *engine, reference, patience.checking);
    let timed = per_evaluation(&mut *engine, workload.users.len(), patience.timing);
    Ok(Figures {
        evaluation_ns: timed.ns,
        users_timed: timed.users,
        users_checked,
        context_ns,
        load_ns: median(loads),
        cold_ns: median(colds),
        bytes: bytes.len(),
    })
}

/// The engine, how long it took to load, and that with the first answer.
fn cold_request(
    candidate: &Candidate,
    bytes: &[u8],
    user: &User,
) -> (Box<dyn Engine>, Duration, Duration) {
    let mut scratch = Vec::new();
    let start = Instant::now();
    let mut engine = (candidate.load)(bytes);
    let load = start.elapsed();
    engine.meet(std::slice::from_ref(user));
    engine.evaluate(0, &mut scratch);
    (engine, load, start.elapsed())
}

/// How many users were asked about. Every answer must be the reference's.
fn check(name: &str, engine: &mut dyn Engine, reference: &[Vec<u32>], patience: Duration) -> usize {
    let begun = Instant::now();
    let mut winners = Vec::new();
    for (user, expected) in reference.iter().enumerate() {
        if user >= 10 && begun.elapsed() > patience {
            return user;
        }
        winners.clear();
        engine.winners(user, &mut winners);
        assert!(
            winners == *expected,
            "{name}: user {user} gets {winners:?}, not {expected:?}"
        );
    }
    reference.len()
}
