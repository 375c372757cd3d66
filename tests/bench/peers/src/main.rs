//! Measures the matching engine beside those of others, and writes what `scripts/bench` puts into the report.
//!
//!   skyful-peers [--full] [--only PLANS] RESULTS GRAPH [WASM [HOST]]
//!
//! RESULTS is the JSON that is written, GRAPH the SVG; the section of the report goes to stdout. WASM is our own engine
//! as a Wasm module and HOST the program that runs it in wasmtime. `--only` leaves larger workloads out, `--full` lifts
//! the budgets that skip what a peer would take minutes for.

mod draw;
mod engine;
mod node;
mod ours;
mod peers;
mod results;
mod run;
mod scan;
mod workload;

use std::collections::BTreeMap;

use engine::Candidate;
use results::{EngineNotes, Results, Row};
use run::{Ledger, Patience};
use workload::{Rules, Shape, Skew, Winner, Workload};

const CANDIDATES: [Candidate; 9] = [
    scan::CANDIDATE,
    ours::MATCH,
    ours::WHOLE,
    peers::atree::CANDIDATE,
    peers::eppo::CANDIDATE,
    peers::datalogic::CANDIDATE,
    peers::launchdarkly::CANDIDATE,
    peers::unleash::CANDIDATE,
    peers::growthbook::CANDIDATE,
];
const OURS: usize = 3;

const SPARSE: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];
const PAGE: [usize; 5] = [10, 50, 100, 200, 500];
const PAGE_MODULES: usize = 20;
/// Where the winner is late: sizes that show how it grows.
const LATE: [(usize, usize); 4] = [(1, 1_000), (1, 10_000), (1, 100_000), (PAGE_MODULES, 50)];

/// What matters most comes first, in case a budget runs out.
fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for rules in [Rules::Selective, Rules::Unselective] {
        for skew in [Skew::Uniform, Skew::Zipf] {
            let sparse = SPARSE.map(|plans| (1, plans));
            let page = PAGE.map(|plans| (PAGE_MODULES, plans));
            let drawn = sparse.into_iter().chain(page);
            let drawn = drawn.map(|size| (size, Winner::Drawn));
            let late = LATE.map(|size| (size, Winner::Late));
            shapes.extend(drawn.chain(late).map(|((modules, plans), winner)| Shape {
                modules,
                plans,
                rules,
                skew,
                winner,
            }));
        }
    }
    shapes
}

fn word(value: impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).expect("a word");
    value.as_str().expect("a word").to_owned()
}

fn notes() -> Vec<EngineNotes> {
    let native = CANDIDATES.iter().enumerate();
    let native = native.map(|(index, candidate)| EngineNotes {
        name: candidate.name.into(),
        native: true,
        peer: index >= OURS,
        notes: candidate.notes.into(),
    });
    let node = node::SCRIPTS.iter().map(|script| EngineNotes {
        name: script.name.into(),
        native: false,
        peer: true,
        notes: script.notes.into(),
    });
    native.chain(node).collect()
}

fn rows(shape: Shape, patience: &Patience, ledgers: &mut BTreeMap<&str, Ledger>) -> Vec<Row> {
    let workload = Workload::draw(shape);
    let reference = scan::Scan::reference(&workload);
    let mut rows = Vec::new();
    let mut add = |name: &str, outcome: Result<results::Figures, String>| {
        match &outcome {
            Ok(figures) => eprintln!("  {name}: {:.0} ns", figures.evaluation_ns),
            Err(why) => eprintln!("  {name}: {why}"),
        }
        rows.push(Row {
            engine: name.to_owned(),
            shape: if shape.modules == 1 { "sparse" } else { "page" }.into(),
            modules: shape.modules,
            plans: shape.plans,
            rules: word(shape.rules),
            skew: word(shape.skew),
            winner: word(shape.winner),
            skipped: outcome.as_ref().err().cloned(),
            figures: outcome.ok(),
        });
    };
    for candidate in &CANDIDATES {
        let ledger = ledgers.entry(candidate.name).or_default();
        let outcome = run::measure(candidate, &workload, &reference, patience, ledger);
        add(candidate.name, outcome);
    }
    for script in &node::SCRIPTS {
        let ledger = ledgers.entry(script.name).or_default();
        let outcome = node::measure(script, &workload, &reference, patience, ledger);
        add(script.name, outcome);
    }
    rows
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let full = arguments.iter().any(|argument| argument == "--full");
    arguments.retain(|argument| argument != "--full");
    let mut most = usize::MAX;
    if let Some(at) = arguments.iter().position(|argument| argument == "--only") {
        most = arguments[at + 1].parse().expect("a number of plans");
        arguments.drain(at..at + 2);
    }
    let patience = Patience::new(full);
    let mut ledgers = BTreeMap::new();
    let mut all = Vec::new();
    for shape in shapes() {
        if shape.modules * shape.plans > most {
            continue;
        }
        eprintln!("{shape:?}");
        all.extend(rows(shape, &patience, &mut ledgers));
    }
    let results = Results {
        engines: notes(),
        rows: all,
        wasm: Vec::new(),
        full,
    };
    let json = serde_json::to_string_pretty(&results).expect("it is JSON");
    std::fs::write(&arguments[0], json + "\n").expect("the results are written");
}
