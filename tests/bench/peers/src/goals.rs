//! What was aimed at, and whether this run meets it. A goal for which a figure is missing counts as not met.

use std::fmt::Write;

use crate::results::{Figures, Results, Workload};
use crate::section::{OURS, PAGE_MODULES, SCAN, WHOLE, grouped, ratio, time};

struct Goal {
    what: String,
    /// As it is written.
    goal: String,
    /// As it is written; None: a figure is missing.
    figure: Option<String>,
    met: bool,
    of: String,
}

pub fn page(skew: &str) -> Workload<'_> {
    Workload {
        modules: PAGE_MODULES,
        plans: 50,
        rules: "selective",
        skew,
        winner: "drawn",
    }
}

fn sparse<'a>(plans: usize, rules: &'a str, skew: &'a str, winner: &'a str) -> Workload<'a> {
    Workload {
        modules: 1,
        plans,
        rules,
        skew,
        winner,
    }
}

/// The best peer's figure must be so many times ours.
fn at_least(what: String, least: f64, best: Option<(&str, f64)>, ours: Option<f64>) -> Goal {
    let found = best.zip(ours);
    let of = found.map(|((peer, theirs), ours)| {
        format!("{} of {peer}, {} of ours", time(theirs), time(ours))
    });
    Goal {
        what,
        goal: format!("≥ {}×", grouped(least as usize)),
        figure: found.map(|((_, theirs), ours)| ratio(theirs / ours)),
        met: found.is_some_and(|((_, theirs), ours)| theirs / ours >= least),
        of: of.unwrap_or_default(),
    }
}

fn evaluation(figures: Figures) -> f64 {
    figures.evaluation_ns
}

fn pages(results: &Results, goals: &mut Vec<Goal>) {
    for skew in ["uniform", "zipf"] {
        let workload = page(skew);
        let best = results.best_peer(&workload, true, evaluation);
        let ours = |engine| results.figures(&workload, engine).map(evaluation);
        let name = format!("a page of 20 × 50, {skew}");
        goals.push(at_least(format!("match {name}"), 100.0, best, ours(OURS)));
        for row in results.wasm.iter().filter(|row| row.skew == skew) {
            let what = format!("match {name}, ours in {}", row.runtime);
            goals.push(at_least(what, 50.0, best, Some(row.match_ns)));
        }
        let any = results.best_peer(&workload, false, evaluation);
        let what = format!("whole request for {name}, beside a peer's evaluation alone");
        goals.push(at_least(what, 20.0, any, ours(WHOLE)));
        for row in results.wasm.iter().filter(|row| row.skew == skew) {
            let wasm = |what: &str, most: f64, ns: f64| Goal {
                what: format!("{what} in {}, {name}", row.runtime),
                goal: format!("≤ {}", time(most)),
                figure: Some(time(ns)),
                met: ns <= most,
                of: String::new(),
            };
            goals.push(wasm("whole request", 5_000.0, row.whole_ns));
            goals.push(wasm(
                "cold, without the hash,",
                100_000.0,
                row.cold_ns - row.hash_ns,
            ));
        }
    }
}

fn lists(results: &Results, goals: &mut Vec<Goal>) {
    let cases = [
        (10_000, "uniform", 1_000.0),
        (100_000, "uniform", 10_000.0),
        (10_000, "zipf", 100.0),
        (100_000, "zipf", 100.0),
    ];
    for (plans, skew, least) in cases {
        let workload = sparse(plans, "selective", skew, "drawn");
        let best = results.best_peer(&workload, false, evaluation);
        let ours = results.figures(&workload, OURS).map(evaluation);
        let what = format!("sparse {}, selective, {skew}", grouped(plans));
        let mut goal = at_least(what, least, best, ours);
        let scan = results.figures(&workload, SCAN).map(evaluation);
        if let Some((scan, ours)) = scan.zip(ours) {
            _ = write!(goal.of, "; our linear scan: {}", ratio(scan / ours));
        }
        goals.push(goal);
    }
}

fn growth(results: &Results, goals: &mut Vec<Goal>) {
    for rules in ["selective", "unselective"] {
        for skew in ["uniform", "zipf"] {
            for winner in ["drawn", "late"] {
                let of = |plans| {
                    let workload = sparse(plans, rules, skew, winner);
                    results.figures(&workload, OURS).map(evaluation)
                };
                let with_late = [("selective", "zipf"), ("unselective", "uniform")];
                if winner == "late" && !with_late.contains(&(rules, skew)) {
                    continue;
                }
                let most = if rules == "selective" { 30.0 } else { 60.0 };
                let found = of(1_000).zip(of(100_000));
                let late = if winner == "late" { ", late" } else { "" };
                goals.push(Goal {
                    what: format!("growth from 1,000 to 100,000 plans, {rules}, {skew}{late}"),
                    goal: format!("≤ {most}×"),
                    figure: found.map(|(small, large)| ratio(large / small)),
                    met: found.is_some_and(|(small, large)| large / small <= most),
                    of: found.map_or(String::new(), |(small, large)| {
                        format!("{} → {}", time(small), time(large))
                    }),
                });
            }
        }
    }
}

fn cold(results: &Results, goals: &mut Vec<Goal>) {
    let cases = [
        ("page of 20 × 50", page("uniform")),
        (
            "sparse 100,000",
            sparse(100_000, "selective", "uniform", "drawn"),
        ),
    ];
    for (name, workload) in cases {
        let best = results.best_peer(&workload, true, |figures| figures.cold_ns);
        let ours = results.figures(&workload, WHOLE);
        let ours = ours.map(|figures| figures.cold_ns);
        goals.push(at_least(format!("cold request, {name}"), 50.0, best, ours));
    }
}

pub fn text(results: &Results) -> String {
    let mut goals = Vec::new();
    pages(results, &mut goals);
    lists(results, &mut goals);
    growth(results, &mut goals);
    cold(results, &mut goals);
    let met = goals.iter().filter(|goal| goal.met).count();
    let mut text = format!(
        "{met} of {} met; ratios are of the best peer that answered.\n\n\
         | what | goal | measured | | of |\n|---|---|---|---|---|\n",
        goals.len()
    );
    for goal in goals {
        let verdict = match (&goal.figure, goal.met) {
            (None, _) => "not measured",
            (_, true) => "met",
            (_, false) => "missed",
        };
        let figure = goal
            .figure
            .map_or("–".into(), |figure| format!("**{figure}**"));
        _ = writeln!(
            text,
            "| {} | {} | {figure} | {verdict} | {} |",
            goal.what, goal.goal, goal.of
        );
    }
    text
}
