//! What is within all limits, and what it costs.

use std::process::Command;

use serde_json::{Value, json};
use skyful::context::Context;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{Release, Track};
use skyful::resolve::{Input, answer};
use skyful::snapshot::{Chunk, Digest, Kind, Object};

use super::{attributes, compiled, document, module, page, page_of, peak_mib, timed};

/// The kernel counts CPU time in ticks of some milliseconds, so it is that of several.
const ANSWERS: u32 = 20;
const OPENINGS: u32 = 10;

/// The other process: one line of figures.
pub fn measure(chunk: &str, context: &str) {
    let started = peak_mib();
    let bytes = std::fs::read(chunk).expect("a chunk");
    let context = std::fs::read(context).expect("a context");
    let len = bytes.len();
    let object = Object::decode(&bytes).expect("an object");
    let (workspace, page) = (object.workspace.to_owned(), object.name.to_owned());
    let digest = Kind::Page.digest(&bytes);
    let open = |bytes: Vec<u8>| Chunk::open(bytes, digest, &workspace, &page).expect("opens");
    let chunk = open(bytes);
    let release = Release {
        sequence: 1,
        snapshot: Digest::NONE,
        track: Track::Stable,
    };
    let decide = || {
        let context = Context::from_json(&context).expect("a context");
        let input = Input {
            context: &context,
            locale: 0,
            now_ms: 1_764_032_400_000,
            tallies: Tallies::read(&chunk, |_| None),
            ids: None,
            defaults_only: false,
        };
        answer(&chunk, input, "en", &release).body.len()
    };
    let size = decide();
    // Before anything is done twice.
    let peak = peak_mib() - started;
    let ((), answering) = timed(|| (0..ANSWERS).for_each(|_| _ = decide()));
    let ((), opening) = timed(|| (0..OPENINGS).for_each(|_| _ = open(chunk.bytes().to_vec())));
    println!(
        "{:.2} | {:.2} | {:.2} | {peak:.1} | {size}",
        len as f64 / 1e6,
        opening / f64::from(OPENINGS),
        answering / f64::from(ANSWERS),
    );
}

/// What is within all limits.
pub fn served() {
    let folder = std::env::temp_dir().join(format!("bad-input-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let serve = |what: &str, text: &str, context: &str| {
        let (snapshot, compiling) = timed(|| compiled(text));
        let (chunk, request) = (folder.join("chunk"), folder.join("context"));
        std::fs::write(&chunk, page_of(&snapshot)).expect("a file");
        std::fs::write(&request, context).expect("a file");
        let own = std::env::current_exe().expect("a path");
        let output = Command::new(own).args([chunk, request]).output();
        let output = output.expect("the other process");
        let line = String::from_utf8_lossy(&output.stdout);
        eprintln!("{what}: check and compile {compiling:.0} ms");
        println!("| {what} | {} |", line.trim());
    };
    let plans = |count: usize, audience: &Value| -> Value {
        let plan = |n| json!({"key": format!("k{n}"), "content": {}, "audience": audience});
        (0..count).map(plan).collect()
    };
    let same = |count: usize, audience: Value, context: &str, what: &str| {
        let text = document(&page(), &attributes(), &module(plans(count, &audience)), "");
        serve(what, &text, context);
    };
    let tier = json!({"attr": "tier", "op": "eq", "value": "a"});
    let given = r#"{"unit":"u","attributes":{"tier":"b","name":"y"}}"#;
    same(
        100_000,
        tier,
        given,
        "100,000 identical plans, none of which holds",
    );
    let contains = json!({"attr": "name", "op": "contains", "value": "x"});
    same(
        100_000,
        contains.clone(),
        given,
        "100,000 identical plans, each a search",
    );
    let name = "y".repeat(8_192);
    let long = format!("{{\"attributes\":{{\"name\":\"{name}\"}}}}");
    same(
        100_000,
        contains,
        &long,
        "the same, through a text of 8 KiB",
    );
    let matches = json!({"attr": "name", "op": "matches", "value": "^x+y"});
    same(
        100_000,
        matches.clone(),
        given,
        "100,000 identical plans, each an automaton",
    );
    let often: Vec<Value> = (0..1_000).map(|n| json!(format!("c{n}"))).collect();
    let both = |value: Value| {
        json!({"any": [{"attr": "tags", "op": "contains_any", "value": value},
            {"attr": "cities", "op": "contains_any", "value": ["x"]}]})
    };
    let many = json!({"attributes": {"tags": (0..1_000).map(|n| format!("t{n}"))
        .collect::<Vec<_>>(), "cities": often}});
    let listed: Vec<String> = (0..10_000).map(|n| format!("w{n}")).collect();
    same(
        99,
        both(json!(listed)),
        &many.to_string(),
        "99 plans of 10,000 words, a request of 2,000",
    );
    same(
        100_000,
        both(json!(["w"])),
        &many.to_string(),
        "100,000 plans of two words, a request of 2,000",
    );
    let twice = |n: usize| {
        json!({"all": [
            {"attr": "tags", "op": "contains_any", "value": [format!("t{}", n % 1_000)]},
            {"attr": "cities", "op": "contains_any", "value": [format!("n{}", n % 300)]}]})
    };
    let spread: Value = (0..100_000)
        .map(|n| json!({"key": format!("k{n}"), "content": {}, "audience": twice(n)}))
        .collect();
    let text = document(&page(), &attributes(), &module(spread), "");
    let tags: Vec<String> = (0..1_000).map(|n| format!("t{n}")).collect();
    let context = json!({"attributes": {"tags": tags, "cities": ["x"]}});
    serve(
        "100,000 plans posted under 1,000 words, all given",
        &text,
        &context.to_string(),
    );
    let context = json!({"attributes": {"tags": vec!["t1"; 1_000], "cities": ["x"]}});
    serve(
        "the same, one word given 1,000 times",
        &text,
        &context.to_string(),
    );
    let networks: Vec<String> = (0..10_000)
        .map(|n| format!("10.{}.{}.0/24", n / 256, n % 256))
        .collect();
    same(
        199,
        json!({"attr": "name", "op": "in_cidr", "value": networks}),
        r#"{"attributes":{"name":"11.0.0.1"}}"#,
        "199 plans of 10,000 networks",
    );
    modules(&serve);
    std::fs::remove_dir_all(folder).expect("our own folder");
}

fn modules(serve: &dyn Fn(&str, &str, &str)) {
    let keys = |slot: usize| -> Vec<String> { (0..500).map(|n| format!("m{slot}_{n}")).collect() };
    let slots: Vec<Value> = (0..20)
        .map(|slot| json!({"key": format!("s{slot}"), "max": 500}))
        .collect();
    let placed: serde_json::Map<String, Value> = (0..20)
        .map(|slot| (format!("s{slot}"), json!(keys(slot))))
        .collect();
    let modules: serde_json::Map<String, Value> = (0..20)
        .flat_map(keys)
        .map(|key| (key, json!({"type": "note", "default": {"content": {}}})))
        .collect();
    let document = json!({
        "skyful": 1,
        "workspace": "bad",
        "locales": {"default": "en", "supported": ["en"]},
        "module_types": {"note": {"schema": {"type": "object"}}},
        "modules": modules,
        "pages": {"p": {"slots": slots, "default": {"modules": placed}}},
    });
    serve("10,000 modules on a page", &document.to_string(), "{}");
}
