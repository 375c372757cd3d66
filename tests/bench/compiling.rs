//! Documents of 100,000 plans on their way to signed chunks, against the goal of two seconds and 1 GB. Each in a process
//! of its own, since memory that one has touched would stand among the peak of the next.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use skyful::check::{self, check};
use skyful::compile::{Compiler, Snapshot, compile};
use skyful::manifest::{Tail, sign};
use skyful::model::Workspace;

use crate::workload::{self, Predicate, Rules, Shape, Skew, Winner, Workload};

/// How the plans lie in a workspace.
#[derive(Clone, Copy)]
struct Spread {
    /// On the command line.
    name: &'static str,
    what: &'static str,
    pages: usize,
    /// Placed by each page.
    modules: usize,
    /// Of each module.
    plans: usize,
    /// Every page places the same ones.
    shared: bool,
}

const fn spread(
    name: &'static str,
    what: &'static str,
    pages: usize,
    modules: usize,
    plans: usize,
    shared: bool,
) -> Spread {
    Spread {
        name,
        what,
        pages,
        modules,
        plans,
        shared,
    }
}

const SPREADS: [Spread; 4] = [
    spread("list", "one list", 1, 1, 100_000, false),
    spread(
        "pages",
        "100 pages of 20 modules of 50 plans",
        100,
        20,
        50,
        false,
    ),
    spread(
        "shared",
        "100 pages that place the same 20 modules of 50 plans",
        100,
        20,
        50,
        true,
    ),
    spread(
        "small",
        "1,000 pages of 4 modules of 25 plans",
        1_000,
        4,
        25,
        false,
    ),
];

/// What one spread costs.
#[derive(Serialize, Deserialize)]
struct Cost {
    check_ns: u64,
    compile_ns: u64,
    /// After one plan has changed, with what the version before has left.
    again_ns: u64,
    pages_again: usize,
    /// While the document was checked.
    check_peak: u64,
    /// While the model was compiled, with the model.
    peak: u64,
    snapshot: String,
    objects: usize,
    largest: usize,
}

/// A row's text and its time.
pub type Told = (String, Duration);

pub fn all() -> Vec<Told> {
    SPREADS.iter().flat_map(told).collect()
}

fn told(spread: &Spread) -> Vec<Told> {
    let program = std::env::current_exe().expect("this program");
    let mut writer = Command::new(&program)
        .args(["document", spread.name])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it started");
    let text = writer.stdout.take().expect("its text");
    let output = Command::new(program).arg("compile").stdin(text).output();
    let output = output.expect("it ran").stdout;
    writer.wait().expect("it ended");
    let cost: Cost = serde_json::from_slice(&output).expect("what it cost");
    let megabytes = |bytes: u64| bytes / 1_000_000;
    let what = format!("100,000 plans, {}", spread.what);
    vec![
        (
            format!("{what}: check (peak {} MB)", megabytes(cost.check_peak)),
            Duration::from_nanos(cost.check_ns),
        ),
        (
            format!(
                "{what}: compile and sign (peak {} MB, {} objects, the largest {} kB)",
                megabytes(cost.peak),
                cost.objects,
                cost.largest / 1_000,
            ),
            Duration::from_nanos(cost.compile_ns),
        ),
        (
            format!(
                "{what}: again after one plan has changed ({} pages compiled)",
                cost.pages_again
            ),
            Duration::from_nanos(cost.again_ns),
        ),
    ]
}

/// What `bench-core document NAME` prints.
pub fn write(name: &str) {
    let spread = SPREADS.iter().find(|spread| spread.name == name);
    println!("{}", document(spread.expect("a spread")));
}

/// What `bench-core compile` prints about the document on its stdin.
pub fn one() {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut text);
    read.expect("a document");
    let start = spent();
    let mut workspace = checked(&text);
    let check_ns = spent() - start;
    drop(text);
    let check_peak = memory("VmHWM:");
    // From now on the peak is counted anew.
    _ = std::fs::write("/proc/self/clear_refs", "5");
    let start = spent();
    let snapshot = compile(&workspace, &mut |_, _| {}).expect("it compiles");
    signed(&snapshot);
    let compile_ns = spent() - start;
    let peak = memory("VmHWM:");
    let mut cost = Cost {
        check_ns,
        compile_ns,
        again_ns: 0,
        pages_again: 0,
        check_peak,
        peak,
        snapshot: snapshot.listing.digest().to_string(),
        objects: snapshot.objects.len(),
        largest: snapshot.objects.values().map(Vec::len).max().unwrap_or(0),
    };
    drop(snapshot);
    let mut compiler = Compiler::default();
    let known = compiler.compile(&workspace, &mut |_, _| {});
    known.expect("it compiles");
    let module = workspace.modules.values_mut().next().expect("a module");
    module.plans.pop();
    let start = spent();
    let snapshot = compiler.compile(&workspace, &mut |_, _| {});
    signed(snapshot.expect("it compiles"));
    cost.again_ns = spent() - start;
    cost.pages_again = compiler.compiled();
    println!("{}", serde_json::to_string(&cost).expect("it is JSON"));
}

fn checked(text: &[u8]) -> Workspace {
    let options = check::Options {
        now_ms: None,
        read_file: &|_| Err(String::from("no such file")),
    };
    check(text, &options).workspace.expect("a valid document")
}

fn signed(snapshot: &Snapshot) -> Vec<u8> {
    let tail = Tail {
        stable: snapshot.listing.clone(),
        gray: None,
        allow: Vec::new(),
    };
    let header = sign::full_release(&snapshot.listing.workspace, "prod", 1, 1_795_000_000_000);
    sign::sign(header, &tail, &SigningKey::from_bytes(&[7; 32]))
}

/// Processor time of this thread in nanoseconds, where that is told; elsewhere time.
fn spent() -> u64 {
    let told = std::fs::read_to_string("/proc/self/schedstat");
    let told = told
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok());
    told.unwrap_or_else(|| {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        since.as_nanos() as u64
    })
}

/// A line of the process's status, in bytes; 0 where there is none.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|text| text.strip_prefix(line));
    let kilobytes = line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}

fn document(spread: &Spread) -> Value {
    let lists = spread.modules * if spread.shared { 1 } else { spread.pages };
    let workload = Workload::draw(Shape {
        modules: lists,
        plans: spread.plans,
        rules: Rules::Selective,
        skew: Skew::Uniform,
        winner: Winner::Drawn,
    });
    let plan = |(number, predicates): (usize, &Vec<Predicate>)| {
        let rules: Vec<Value> = predicates.iter().map(rule).collect();
        json!({"key": format!("p{number}"), "audience": {"all": rules}, "content": {"n": number}})
    };
    let modules = workload.modules.iter().enumerate().map(|(number, list)| {
        let plans: Vec<Value> = list.iter().enumerate().map(plan).collect();
        (
            format!("m{number}"),
            json!({"type": "card", "plans": plans}),
        )
    });
    let modules: Map<String, Value> = modules.collect();
    let pages = (0..spread.pages).map(|page| {
        let first = if spread.shared {
            0
        } else {
            page * spread.modules
        };
        let placed = (first..first + spread.modules).map(|n| format!("m{n}"));
        let placed: Vec<String> = placed.collect();
        let page_of = json!({"slots": [{"key": "feed", "max": 500}], "default": {"modules": {"feed": placed}}});
        (format!("page_{page}"), page_of)
    });
    let pages: Map<String, Value> = pages.collect();
    let text = json!({"type": "string"});
    let integer = json!({"type": "integer"});
    json!({
        "skyful": 1, "workspace": "bench",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {
            "city": text, "tag": text, "country": text, "platform": text, "language": text,
            "app_version": {"type": "version"}, "age": integer, "percent": integer,
        },
        "module_types": {"card": {"schema": {"type": "object"}}},
        "modules": modules,
        "pages": pages,
    })
}

fn rule(predicate: &Predicate) -> Value {
    let rule = |attr: &str, op: &str, value: Value| json!({"attr": attr, "op": op, "value": value});
    match *predicate {
        Predicate::City(city) => rule("city", "eq", json!(workload::city(city))),
        Predicate::Tag(tag) => rule("tag", "eq", json!(workload::tag(tag))),
        Predicate::Country(country) => rule("country", "eq", json!(workload::country(country))),
        Predicate::Platforms(mask) => rule("platform", "in", json!(workload::platforms(mask))),
        Predicate::VersionAtLeast(version) => rule("app_version", "gte", json!(version.text())),
        Predicate::Age(from, to) => rule("age", "between", json!([from, to])),
        Predicate::Languages(mask) => rule("language", "in", json!(workload::languages(mask))),
        Predicate::PercentBelow(share) => rule("percent", "lt", json!(share)),
    }
}
