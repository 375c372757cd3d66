//! What input that nobody means costs, for `shared/fuzz/RESULTS.md`: `cargo run --release --bin bad-input`. What is
//! refused is refused by check, in a chunk or in a request, and its time stands here; what is served is opened and
//! answered by a process of its own, so that its memory is what the kernel says.

mod refused;
mod served;

use std::fmt::Write as _;

use serde_json::{Value, json};
use skyful::check::{self, check};
use skyful::compile::{Snapshot, compile};
use skyful::problem::Severity;
use skyful::snapshot::{Kind, Object};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => report(),
        [chunk, context] => served::measure(chunk, context),
        _ => panic!("bad-input takes no arguments"),
    }
}

/// CPU time of this process.
pub fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let nanoseconds: f64 = text
        .split(' ')
        .next()
        .expect("a time")
        .parse()
        .expect("a number");
    nanoseconds / 1e6
}

pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu_ms();
    let result = work();
    (result, cpu_ms() - before)
}

pub fn peak_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find(|line| line.starts_with("VmHWM:"));
    let digits = line
        .and_then(|line| line.split_whitespace().nth(1))
        .expect("kB");
    digits.parse::<f64>().expect("a number") / 1024.0
}

pub fn checked(text: &str) -> check::Checked {
    let options = check::Options {
        now_ms: None,
        read_file: &|_| Err(String::from("no such file")),
    };
    check(text.as_bytes(), &options)
}

/// With something raw in the place of each `"@"`.
pub fn document(page: &Value, attributes: &Value, module: &Value, raw: &str) -> String {
    json!({
        "skyful": 1,
        "workspace": "bad",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": attributes,
        "module_types": {"note": {"schema": {"type": "object"}}},
        "modules": {"m": module},
        "pages": {"p": page},
    })
    .to_string()
    .replace("\"@\"", raw)
}

pub fn attributes() -> Value {
    json!({"tier": {"type": "enum", "values": ["a", "b"]}, "name": {"type": "string"},
        "tags": {"type": "string_list"}, "cities": {"type": "string_list"}, "version": {"type": "version"}})
}

pub fn page() -> Value {
    json!({"slots": [{"key": "s"}], "default": {"modules": {"s": ["m"]}}})
}

pub fn module(plans: Value) -> Value {
    json!({"type": "note", "default": {"content": {}}, "plans": plans})
}

pub fn join(count: usize, item: impl Fn(usize) -> String) -> String {
    let mut out = String::new();
    for n in 0..count {
        let comma = if n == 0 { "" } else { "," };
        write!(out, "{comma}{}", item(n)).expect("room");
    }
    out
}

fn report() {
    println!("| what | where | answer | CPU ms |");
    println!("|---|---|---|---:|");
    refused::documents();
    refused::chunks();
    refused::requests();
    println!();
    println!(
        "| what | MB | open ms | answer ms | peak MiB | bytes | explained ms | peak MiB | bytes |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    served::served();
}

/// The first error, if there is one.
pub fn refusal(text: &str) -> Option<String> {
    let problems = checked(text).problems;
    let mut errors = problems
        .into_iter()
        .filter(|p| p.severity == Severity::Error);
    errors.next().map(|problem| problem.message)
}

pub fn compiled(text: &str) -> Snapshot {
    let checked = checked(text);
    let Some(workspace) = checked.workspace else {
        panic!("{:?}", checked.problems.first().map(|p| &p.message));
    };
    let problems = match compile(&workspace, &mut |_, _| {}) {
        Ok(snapshot) => return snapshot,
        Err(problems) => problems,
    };
    panic!("{:?}", problems.first().map(|p| &p.message));
}

pub fn page_of(snapshot: &Snapshot) -> &[u8] {
    let is_page = |bytes: &&Vec<u8>| Object::decode(bytes).is_ok_and(|o| o.kind == Kind::Page);
    snapshot.objects.values().find(is_page).expect("a page")
}
