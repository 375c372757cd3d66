//! Edges against stores that lag, lie and fail, in virtual time: one number is one schedule. What is
//! simulated and what is checked stands in `README.md`.
//!
//! `SKYFUL_SCHEDULES` says how many (1,000 unless given), `SKYFUL_SEED` runs one and prints its log.

mod books;
mod check;
mod delivery;
mod dice;
mod mirror;
mod signed_but_bad;
mod store;
mod world;

use std::collections::BTreeMap;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A test that never gets there proves nothing.
const MUST_OCCUR: [&str; 35] = [
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
    let schedules = number("SKYFUL_SCHEDULES").unwrap_or(1_000);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..schedules {
        let run = world::run(seed, false);
        if let Some(why) = run.failure {
            fail(seed, &why);
        }
        for (what, count) in run.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    println!("{schedules} schedules");
    for (what, count) in &counts {
        println!("{count:>10}  {what}");
    }
    // Fewer are for trying things out.
    for what in MUST_OCCUR.iter().filter(|_| schedules >= 1_000) {
        assert!(counts.contains_key(what), "never occurred: {what}");
    }
}
