//! The tables: ratios first, since absolute figures are those of one machine.

pub mod request;

use std::fmt::Write;
use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::root;
use crate::pair::{Beside, Warm};
use crate::place;
use crate::platforms::Platform;
use crate::section;

#[derive(Serialize)]
pub struct Results {
    pub machine: Value,
    pub load_after_platforms: String,
    pub page_bytes: u64,
    pub platforms: Vec<Platform>,
    /// What `scripts/budgets --json` prints.
    pub sizes: Value,
    pub core: Vec<Row>,
    pub request: request::Request,
}

/// A figure of `core.rs`.
#[derive(Deserialize, Serialize)]
pub struct Row {
    what: String,
    ns: u64,
}

pub fn measured_core(program: &str) -> Vec<Row> {
    let output = Command::new(program).output().expect("the core's figures");
    serde_json::from_slice(&output.stdout).expect("the core's figures")
}

pub fn write(results: &Results) {
    let folder = root().join("tests/bench");
    let json = serde_json::to_string_pretty(results).expect("it is JSON");
    fs::write(folder.join("results.json"), json + "\n").expect("the results are written");
    fs::write(folder.join("RESULTS.md"), text(results)).expect("the results are written");
}

fn text(results: &Results) -> String {
    let mut text = String::from("# Results\n\n");
    text += "Written by `make bench` (`scripts/bench`), like [results.json](results.json). Trust ratios: each is of two things\n";
    text += "measured in the same run, in turns, and the median of the turns' ratios, not the ratio of the medians beside it.\n";
    text += "Absolute figures are those of this machine; the client and whatever else runs share its processors.\n\n";
    text += "How often answers were compared with those of the second reader, and what was fuzzed, is in\n";
    text += "[shared/fuzz/RESULTS.md](../../shared/fuzz/RESULTS.md).\n\n";
    text += &machine(results);
    text += "\n## On the platforms, beside a hello-world\n\n";
    _ = writeln!(
        text,
        "The hello-world is the least program of the same platform crates, versions and build profile; it answers with the\n\
         very bytes of our page ({} bytes, no other header than the content type). Ours serves `examples/wallet`, published to it\n\
         over HTTP, and answers right before anything is timed.\n",
        results.page_bytes
    );
    text += &platforms(&results.platforms);
    text += "\n## Sizes\n\n";
    text += &sizes(&results.sizes);
    text += "\n## From a document to an answer\n\nRelease build, one thread, no server.\n\n";
    text += &core(&results.core);
    text += &request::text(&results.request);
    text += &origin();
    text += &peers();
    text
}

/// As `scripts/bench origin` has written it.
fn origin() -> String {
    let report = fs::read_to_string(root().join("tests/bench/RESULTS.md")).unwrap_or_default();
    let (_, section, _) = place::parts(&report);
    match section.trim_end() {
        "" => String::new(),
        section => format!("\n{section}\n"),
    }
}

/// What `scripts/bench peers` has measured.
fn peers() -> String {
    let Ok(text) = fs::read_to_string(root().join("tests/bench/peers/results.json")) else {
        return String::new();
    };
    let results = serde_json::from_str(&text).expect("results of the peers");
    format!("\n{}", section::text(&results))
}

fn machine(results: &Results) -> String {
    let machine = &results.machine;
    let of = |name: &str| match &machine[name] {
        Value::String(text) => text.clone(),
        Value::Null => "?".into(),
        other => other.to_string(),
    };
    format!(
        "{} cores ({}); {}, Node {}, Miniflare {} with workerd {}, wasmtime {}.\n\
         Load over a minute, with what is measured here: {} at the start, {} after the platforms.\n",
        of("cores"),
        of("processor"),
        of("rustc"),
        of("node"),
        of("miniflare"),
        of("workerd"),
        of("wasmtime"),
        of("load"),
        results.load_after_platforms,
    )
}

pub fn platforms(measured: &[Platform]) -> String {
    let mut lines = Vec::new();
    for platform in measured {
        let mut line = |what: String, unit: &'static str, beside: &Beside, of: String| {
            lines.push((platform.name, what, unit, beside.clone(), of));
        };
        let rate = &platform.throughput;
        let connections = format!("{} connections", rate.connections);
        line(
            "throughput".into(),
            "/s",
            &rate.per_second,
            connections.clone(),
        );
        line(
            "processor time of a request".into(),
            "µs",
            &rate.cpu_us,
            connections,
        );
        let mut latency = |what: &str, warm: &Warm| {
            let of = format!("{} requests", warm.requests_each);
            line(format!("{what}, p50"), "µs", &warm.p50_us, of.clone());
            line(format!("{what}, p99"), "µs", &warm.p99_us, of);
        };
        latency("`GET /v1/pages/home`", &platform.get);
        latency("`POST /v1/resolve`", &platform.post);
        if let Some(fresh) = &platform.fresh {
            latency("`GET`, an instance for each request", fresh);
        }
        for (what, cold) in &platform.cold {
            let of = format!(
                "{} times; {} reads of the store",
                cold.repetitions, cold.reads
            );
            line(format!("first request: {what}"), "ms", &cold.ms, of);
        }
    }
    let mut text = String::from(
        "| platform | what | ours / hello | ours | hello | of |\n|---|---|---|---|---|---|\n",
    );
    for (platform, what, unit, Beside { ours, hello, ratio }, of) in lines {
        let digits = if unit == "/s" {
            0
        } else {
            usize::from(ours < 1_000.0) + usize::from(ours < 10.0)
        };
        _ = writeln!(
            text,
            "| {platform} | {what} | **{ratio:.2}** | {ours:.digits$} {unit} | {hello:.digits$} {unit} | {of} |"
        );
    }
    text
}

fn sizes(sizes: &Value) -> String {
    let mut text = String::from(
        "Bytes; `gzip -9`. `scripts/budgets` fails if an artifact outgrows its budget ([budgets.json](../budgets.json)).\n\n\
         | artifact | raw | gzip | budget | goal |\n|---|---|---|---|---|\n",
    );
    for artifact in sizes.as_array().into_iter().flatten() {
        let of = |name: &str| artifact[name].as_u64().map_or("–".into(), grouped);
        let name = artifact["name"].as_str().unwrap_or("?");
        _ = writeln!(
            text,
            "| {name} | {} | **{}** | {} | {} |",
            of("raw"),
            of("gzip"),
            of("budget"),
            of("goal")
        );
    }
    text
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn core(rows: &[Row]) -> String {
    let mut text = String::from("| what | median |\n|---|---|\n");
    for Row { what, ns } in rows {
        let time = match ns {
            0..10_000 => format!("{ns} ns"),
            10_000..10_000_000 => format!("{:.1} µs", *ns as f64 / 1e3),
            _ => format!("{:.1} ms", *ns as f64 / 1e6),
        };
        _ = writeln!(text, "| {what} | {time} |");
    }
    text
}
