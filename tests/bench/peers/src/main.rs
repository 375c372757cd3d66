//! Measures the matching engine beside those of others, and writes what `scripts/bench` puts into the report.
//!
//!   skyful-peers [--full] [--only PLANS] RESULTS REPORT GRAPH [WASM [HOST]]
//!
//! RESULTS is the JSON that is written and GRAPH the SVG; in REPORT the section is replaced, and printed. WASM is our own engine
//! as a Wasm module and HOST the program that runs it in wasmtime. `--only` leaves larger workloads out, `--full` lifts
//! the budgets that skip what a peer would take minutes for.

mod draw;
mod engine;
mod goals;
mod graph;
mod node;
mod ours;
mod peers;
mod results;
mod run;
mod scan;
mod section;
mod wasm;
mod workload;

use std::collections::BTreeMap;
use std::fs;

use engine::Candidate;
use results::{EngineNotes, Results, Row};
use run::{Ledger, Patience};
use section::{PAGE, PAGE_MODULES, SPARSE};
use workload::{Rules, Shape, Skew, Winner, Workload};

const CANDIDATES: [Candidate; 10] = [
    scan::CANDIDATE,
    ours::MATCH,
    ours::CLASSES,
    ours::WHOLE,
    peers::atree::CANDIDATE,
    peers::eppo::CANDIDATE,
    peers::datalogic::CANDIDATE,
    peers::launchdarkly::CANDIDATE,
    peers::unleash::CANDIDATE,
    peers::growthbook::CANDIDATE,
];
const OURS: usize = 4;

/// Where the winner is late: sizes that show how it grows.
const LATE: [(usize, usize); 4] = [(1, 1_000), (1, 10_000), (1, 100_000), (PAGE_MODULES, 50)];
/// With skewed values much is a candidate that then isn't; unselective rules leave everything one.
const LATE_WORLDS: [(Rules, Skew); 2] = [
    (Rules::Selective, Skew::Zipf),
    (Rules::Unselective, Skew::Uniform),
];

/// What matters most comes first, in case a budget runs out. The largest lists are loaded for selective rules, and where
/// growth is in question.
fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    let mut add = |modules, plans, rules, skew, winner| {
        shapes.push(Shape {
            modules,
            plans,
            rules,
            skew,
            winner,
        });
    };
    for rules in [Rules::Selective, Rules::Unselective] {
        for skew in [Skew::Uniform, Skew::Zipf] {
            for plans in SPARSE {
                add(1, plans, rules, skew, Winner::Drawn);
            }
            for plans in PAGE {
                add(PAGE_MODULES, plans, rules, skew, Winner::Drawn);
            }
        }
    }
    for (rules, skew) in LATE_WORLDS {
        for (modules, plans) in LATE {
            add(modules, plans, rules, skew, Winner::Late);
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
    let mut most = None;
    if let Some(at) = arguments.iter().position(|argument| argument == "--only") {
        most = Some(arguments[at + 1].parse().expect("a number of plans"));
        arguments.drain(at..at + 2);
    }
    let [results, report, graph, wasm @ ..] = &arguments[..] else {
        panic!("usage: skyful-peers [--full] [--only PLANS] RESULTS REPORT GRAPH [WASM [HOST]]");
    };
    let patience = Patience::new(full);
    let mut ledgers = BTreeMap::new();
    let mut measured = Results {
        engines: notes(),
        rows: Vec::new(),
        wasm: Vec::new(),
        full,
        most_plans: most,
        load: [load(), String::new()],
    };
    for shape in shapes() {
        if most.is_none_or(|most| shape.modules * shape.plans <= most) {
            eprintln!("{shape:?}");
            measured.rows.extend(rows(shape, &patience, &mut ledgers));
        }
    }
    if let [module, host @ ..] = wasm {
        let host = host.first().map(|host| &**host);
        for skew in [Skew::Uniform, Skew::Zipf] {
            let workload = Workload::draw(page(skew));
            let rows = wasm::measure(module, host, &word(skew), &workload);
            measured.wasm.extend(rows);
        }
    }
    measured.load[1] = load();
    let json = serde_json::to_string_pretty(&measured).expect("it is JSON");
    fs::write(results, json + "\n").expect("the results are written");
    fs::write(graph, graph::svg(&measured)).expect("the graph is written");
    let section = section::text(&measured);
    let old = fs::read_to_string(report).expect("a report");
    fs::write(report, spliced(&old, &section)).expect("the report is written");
    print!("{section}");
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

/// The page that Wasm is measured on.
fn page(skew: Skew) -> Shape {
    Shape {
        modules: PAGE_MODULES,
        plans: 50,
        rules: Rules::Selective,
        skew,
        winner: Winner::Drawn,
    }
}

/// A report with a new section in place of the old one, or at its end.
fn spliced(report: &str, section: &str) -> String {
    let (before, rest) = match report.find(section::TITLE) {
        Some(at) => report.split_at(at),
        None => (report, ""),
    };
    let after = rest.find("\n## ").map_or("", |at| &rest[at..]);
    format!("{}\n\n{section}{after}", before.trim_end())
}
