//! Edges against stores that lag, lie and fail, in virtual time: one number is one schedule. What is
//! simulated and what is checked stands in `README.md`.
//!
//! `SKYFUL_SCHEDULES` says how many (1,000 unless given), `SKYFUL_SEED` runs one and prints its log.

mod books;
mod check;
mod delivery;
mod dice;
mod door;
mod mirror;
mod publishing;
mod releases;
mod signed_but_bad;
mod store;
mod visits;
mod world;

use std::collections::BTreeMap;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Without being asked for more: what a minute of computing allows.
const SCHEDULES: u64 = 1_000;

/// A test that never gets there proves nothing.
const MUST_OCCUR: [&str; 45] = [
    "503 before anything was seen",
    "404",
    "ERROR: a page that only the new release has",
    "ERROR: no_fallback",
    "ERROR: nothing had settled yet",
    "ERROR: reads failed",
    "at the same time",
    "audit redelivers",
    "bad manifest handed over",
    "bad object handed over",
    "behind",
    "cached miss",
    "client ahead",
    "cold, undisturbed",
    "converged",
    "era raised",
    "fallback",
    "fresh source asked",
    "fresh source brought something newer",
    "fresh source failed",
    "gray",
    "id list",
    "implausible claim",
    "manifest recalled",
    "mode defaults on an older release",
    "mode hold on an older release",
    "mode off",
    "object recalled",
    "older manifest put late",
    "outage",
    "previous",
    "published through an edge: 409, older",
    "published through an edge: 409, settled",
    "published through an edge: 503",
    "published through an edge: manifest",
    "published through an edge: not visible yet",
    "published through an edge: object",
    "published through an edge: settled",
    "release: rollback",
    "settled admitted",
    "stable for gray",
    "torn recall",
    "torn write",
    "worker crashed",
    "worker paused",
];

fn fail(seed: u64, why: &str) -> ! {
    let again = world::run(seed, true);
    let from = again.log.len().saturating_sub(40);
    for line in &again.log[from..] {
        eprintln!("{line}");
    }
    panic!(
        "schedule {seed}: {why}\nrun it again: SKYFUL_SEED={seed} cargo test -p skyful-tests --test faults edges"
    );
}

#[test]
fn edges_answer_right_whatever_stores_do() {
    if let Some(seed) = number("SKYFUL_SEED") {
        let run = world::run(seed, true);
        run.log.iter().for_each(|line| println!("{line}"));
        assert_eq!(run.failure, None, "schedule {seed}");
        return;
    }
    let schedules = number("SKYFUL_SCHEDULES").unwrap_or(SCHEDULES);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failures = Vec::new();
    std::thread::scope(|scope| {
        let share = |first: u64| scope.spawn(move || some(first, threads, schedules));
        let shares: Vec<_> = (0..threads).map(share).collect();
        for share in shares {
            let (counted, failure) = share.join().expect("no schedule panics");
            failures.extend(failure);
            for (what, count) in counted {
                *counts.entry(what).or_default() += count;
            }
        }
    });
    if let Some((seed, why)) = failures.into_iter().min() {
        fail(seed, &why);
    }
    println!("{schedules} schedules");
    for (what, count) in &counts {
        println!("{count:>10}  {what}");
    }
    // Fewer are for trying things out.
    for what in MUST_OCCUR.iter().filter(|_| schedules >= SCHEDULES) {
        assert!(counts.contains_key(what), "never occurred: {what}");
    }
}

type Counts = BTreeMap<&'static str, u64>;

/// Every so many-th schedule, up to the first that fails.
fn some(first: u64, step: u64, end: u64) -> (Counts, Option<(u64, String)>) {
    let mut counts = Counts::new();
    for seed in (first..end).step_by(step as usize) {
        let run = world::run(seed, false);
        if let Some(why) = run.failure {
            return (counts, Some((seed, why)));
        }
        for (what, count) in run.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    (counts, None)
}
