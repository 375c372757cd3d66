//! What people wait for at an origin, measured over HTTP at real processes: until an edge shows what was released, and saves of
//! many at once. `scripts/bench origin` builds what this needs and starts it.
//!
//!   bench-origin SKYFUL [SAVES]
//!
//! writes tests/bench/origin/results.json and replaces its section in tests/bench/RESULTS.md. SAVES is how many are made, 100,000
//! unless it is said.

mod house;
mod place;
mod publishing;
mod saving;
mod section;
#[path = "../wire.rs"]
#[expect(dead_code, reason = "shared with what measures edges")]
mod wire;

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Results {
    pub cores: usize,
    pub processor: String,
    pub load: [String; 2],
    pub publishing: publishing::Figures,
    pub saving: saving::Figures,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (skyful, saves) = match &arguments[..] {
        [skyful] => (skyful, 100_000),
        [skyful, saves] => (skyful, saves.parse().expect("a number of saves")),
        _ => panic!("usage: bench-origin SKYFUL [SAVES]"),
    };
    let before = load();
    let publishing = publishing::measure(skyful);
    let saving = saving::measure(skyful, saves);
    let results = Results {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        processor: processor(),
        load: [before, load()],
        publishing,
        saving,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench");
    let json = serde_json::to_string_pretty(&results).expect("it is JSON");
    fs::write(folder.join("origin/results.json"), json + "\n").expect("the results are written");
    let text = section::text(&results);
    let report = fs::read_to_string(folder.join("RESULTS.md")).expect("the report");
    let (before, _, after) = place::parts(&report);
    let gap = if after.is_empty() { "" } else { "\n" };
    let report = format!("{before}{text}{gap}{after}");
    fs::write(folder.join("RESULTS.md"), report).expect("the report is written");
    print!("{text}");
}

/// Of the last minute.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}

fn processor() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpus.lines().find(|line| line.starts_with("model name"));
    let name = name.and_then(|line| line.split_once(": "));
    name.map_or("?", |(_, name)| name).to_owned()
}
