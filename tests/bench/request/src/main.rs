//! The whole request, bytes in → bytes out, beside the least work that anybody could do for it, printed as JSON: a page of
//! twenty modules with fifty plans each, with contents of several sizes. Floors and steps take turns, so that a busy machine
//! slows both. `run.mjs` does the same with the Wasm build.
//!
//!   bench-request FOLDER               the folder has what `bench-core pages FOLDER` wrote
//!   bench-request PAGE STEP TIMES      does one step so often, for a profiler to watch

use std::time::{Duration, Instant};

use bench_request::steps::{NAMES, Steps};
use serde_json::{Value, json};

const ROUNDS: usize = 61;
const BATCH: Duration = Duration::from_micros(1_500);

/// Median nanoseconds of each step, and of its ratio to the whole floor within a round.
fn measure(steps: &mut Steps) -> Vec<Value> {
    let timed = |steps: &mut Steps, step: usize, times: u32| {
        let start = Instant::now();
        steps.run(step, times);
        start.elapsed()
    };
    let all = 0..NAMES.len();
    let times: Vec<u32> = all
        .clone()
        .map(|step| {
            let once = timed(steps, step, 256) / 256;
            (BATCH.as_nanos() / once.as_nanos().max(1)).clamp(64, 100_000) as u32
        })
        .collect();
    let rounds: Vec<Vec<f64>> = (0..ROUNDS)
        .map(|_| {
            let step = |step: usize| {
                timed(steps, step, times[step]).as_nanos() as f64 / f64::from(times[step])
            };
            all.clone().map(step).collect()
        })
        .collect();
    let floor = NAMES
        .iter()
        .position(|name| *name == "floor, whole")
        .expect("a floor");
    let median = |of: &dyn Fn(&Vec<f64>) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let row = |step: usize| {
        let ns = median(&|round| round[step]);
        let ratio = median(&|round| round[step] / round[floor]);
        eprintln!("{:>9.0} ns  {ratio:>6.2}  {}", ns, NAMES[step]);
        json!({"what": NAMES[step], "ns": ns.round(), "to_floor": (ratio * 100.0).round() / 100.0})
    };
    all.clone().map(row).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [page, step, times] = arguments.as_slice() {
        let page = std::fs::read(page).expect("a page");
        let mut steps = Steps::new(page).expect("a page that fills all its modules");
        let step = NAMES.iter().position(|name| name == step);
        return steps.run(
            step.expect("a step's name"),
            times.parse().expect("a number"),
        );
    }
    let folder = arguments.first().expect("the folder of the pages");
    let files = std::fs::read_dir(folder).expect("the folder of the pages");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "page"));
    files.sort_by_key(|path| std::fs::metadata(path).map_or(0, |file| file.len()));
    let pages = files.iter().map(|path| {
        let object = std::fs::read(path).expect("a page");
        let mut steps = Steps::new(object).expect("a page that fills all its modules");
        let bytes = json!({"request": steps.request_bytes(), "content": steps.content_bytes(), "answer": steps.answer_bytes()});
        eprintln!("{bytes}");
        json!({"bytes": bytes, "rows": measure(&mut steps)})
    });
    println!("{}", pages.collect::<Value>());
}
