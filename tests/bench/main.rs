//! Measures, and writes tests/bench/RESULTS.md and results.json. `scripts/bench` builds what this needs and starts it.
//!
//!   bench page SKYFUL          writes the page that the hello-worlds answer with
//!   bench platforms BUILT      servers beside hello-worlds; BUILT is JSON, see `platforms::Built`
//!   bench all BUILT SIZES CORE REQUEST
//!                              everything, into the files; SIZES is what `scripts/budgets --json` prints, CORE is the
//!                              program that `core.rs` becomes, REQUEST what those of `request/` print

#[path = "peers/src/goals.rs"]
mod goals;
mod host;
mod pair;
#[path = "origin/place.rs"]
mod place;
mod platforms;
mod report;
// What was measured in a workspace of its own, and how it is told.
#[path = "peers/src/results.rs"]
mod results;
#[path = "peers/src/section.rs"]
mod section;
mod wire;

use std::env;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["page", skyful] => platforms::write_page(skyful),
        ["platforms", built] => {
            let built = serde_json::from_str(built).expect("what was built");
            print!("{}", report::platforms(&platforms::all(&built)));
        }
        ["all", built, sizes, core, request] => {
            let built = serde_json::from_str(built).expect("what was built");
            let sizes = serde_json::from_str(sizes).expect("sizes");
            let machine = platforms::machine();
            let results = report::Results {
                page_bytes: platforms::page_bytes(),
                platforms: platforms::all(&built),
                load_after_platforms: platforms::load(),
                core: report::measured_core(core),
                request: serde_json::from_str(request).expect("figures of the request"),
                sizes,
                machine,
            };
            report::write(&results);
        }
        _ => {
            eprintln!("usage: bench page SKYFUL | platforms BUILT | all BUILT SIZES CORE REQUEST");
            std::process::exit(2);
        }
    }
}
