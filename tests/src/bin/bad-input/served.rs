//! What is within all limits, and what it costs.

use std::process::Command;

use serde_json::{Value, json};
use skyful::context::Context;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{Release, Track};
use skyful::resolve::{Input, answer};
use skyful::snapshot::{Chunk, Digest, Kind, Object};

use super::{attributes, compiled, document, module, page, page_of, peak_mib, refusal, timed};

/// The kernel counts CPU time in ticks of some milliseconds, so it is that of several; and others disturb, so it is the
/// least of several.
const AT_ONCE: u32 = 5;
const ROUNDS: u32 = 4;

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
    let decide = |explain: bool| {
        let mut context = Context::from_json(&context).expect("a context");
        context.explain = explain;
        let input = Input {
            context: &context,
            locale: 0,
            now_ms: 1_764_032_400_000,
            tallies: Tallies::read(&chunk, |_| None),
            ids: None,
            defaults_only: false,
        };
        answer(&chunk, input, "en", &release, None).body.len()
    };
    let size = decide(false);
    let peak = peak_mib() - started;
    let explained = decide(true);
    // Before anything is done twice.
    let explained_peak = peak_mib() - started;
    let answering = least(|| _ = decide(false));
    let explaining = least(|| _ = decide(true));
    let opening = least(|| _ = open(chunk.bytes().to_vec()));
    println!(
        "{:.2} | {opening:.2} | {answering:.2} | {peak:.1} | {size} | {explaining:.2} | {explained_peak:.1} | {explained}",
        len as f64 / 1e6,
    );
}

fn least(work: impl Fn()) -> f64 {
    let round = |_| {
        let ((), time) = timed(|| (0..AT_ONCE).for_each(|_| work()));
        time / f64::from(AT_ONCE)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

/// What is within all limits.
pub fn served() {
    let folder = std::env::temp_dir().join(format!("bad-input-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let serve = |what: &str, text: &str, context: &str| {
        if let Some(refusal) = refusal(text) {
            println!("| {what} | {refusal} | | | | | | | |");
            return;
        }
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
    let text = |count: usize, audience: &dyn Fn(usize) -> Value| {
        let plan = |n| json!({"key": format!("k{n}"), "content": {}, "audience": audience(n)});
        let plans: Value = (0..count).map(plan).collect();
        document(&page(), &attributes(), &module(plans), "")
    };
    let each = |count: usize, audience: &dyn Fn(usize) -> Value, context: &str, what: &str| {
        serve(what, &text(count, audience), context);
    };
    let most = |audience: &dyn Fn(usize) -> Value, context: &str, what: &str| {
        let accepted = |count| refusal(&text(count, audience)).is_none();
        let mut beyond = 1;
        while accepted(beyond) {
            beyond *= 2;
        }
        let mut fits = beyond / 2;
        while beyond - fits > 1 {
            let middle = fits.midpoint(beyond);
            match accepted(middle) {
                true => fits = middle,
                false => beyond = middle,
            }
        }
        each(
            fits,
            audience,
            context,
            &format!("{fits} plans of {what}, the most that fit"),
        );
    };
    let same = |count: usize, audience: Value, context: &str, what: &str| {
        each(count, &|_| audience.clone(), context, what);
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
    let tags: Vec<String> = (0..1_000).map(|n| format!("t{n}")).collect();
    let names: Vec<String> = (300..1_300).map(|n| format!("n{n}")).collect();
    let context = json!({"attributes": {"tags": tags, "cities": names}});
    each(
        100_000,
        &twice,
        &context.to_string(),
        "100,000 plans posted under 1,000 words, all given",
    );
    let context = json!({"attributes": {"tags": vec!["t1"; 1_000], "cities": ["x"]}});
    each(
        100_000,
        &twice,
        &context.to_string(),
        "the same, one word given 1,000 times",
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
    let versions = |n: usize| {
        let bound = |m: usize| json!({"attr": "version", "op": "lt", "value": format!("{}.{m}.0", n % 100)});
        let city = json!({"attr": "cities", "op": "contains_any", "value": ["x"]});
        json!({"any": [bound(1), bound(2), bound(3), city]})
    };
    let version = format!("99999999.0.0-{}", "y".repeat(8_000));
    let given = json!({"attributes": {"version": version, "cities": ["y"]}}).to_string();
    each(
        100_000,
        &versions,
        &given,
        "100,000 plans of three versions, a version of 8 KB",
    );
    different(&most, &long);
    lists(&serve);
    visits(&serve);
    modules(&serve);
    std::fs::remove_dir_all(folder).expect("our own folder");
}

type Most<'a> = &'a dyn Fn(&dyn Fn(usize) -> Value, &str, &str);

/// Nothing of it can be remembered.
fn different(most: Most<'_>, long: &str) {
    let any = |ours: Value| json!({"any": [ours, {"attr": "cities", "op": "contains_any", "value": ["x"]}]});
    let y = "y".repeat(40);
    let search =
        |n: usize| json!({"attr": "name", "op": "contains", "value": format!("{y}{n}{y}")});
    most(&search, long, "a search through 8 KiB");
    let pattern =
        |n: usize| json!({"attr": "name", "op": "matches", "value": format!("[xy]+z{n}")});
    most(&pattern, long, "a small pattern, over 8 KiB");
    let odd = "[acegikmoqsuwyACEGIKMOQSUWY02468!#%')+:<>@_`{}-]+z";
    let pattern = |n: usize| json!({"attr": "name", "op": "matches", "value": format!("{odd}{n}")});
    most(&pattern, long, "a wide pattern, over 8 KiB");
    let words = |n: usize| {
        let words: Vec<String> = (0..10_000).map(|w| format!("w{}", w + n)).collect();
        any(json!({"attr": "tags", "op": "contains_any", "value": words}))
    };
    let tags: Vec<String> = (0..1_000).map(|n| format!("w{}", 900_000 + n)).collect();
    let given = json!({"attributes": {"tags": tags, "cities": ["y"]}}).to_string();
    most(&words, &given, "10,000 words, a request of 1,000");
}

/// A rule of 8,421 nodes, none of which holds or can be left out, asked by as many plans as there is room for.
fn visits(serve: &dyn Fn(&str, &str, &str)) {
    let leaf = |n: usize| match n % 2 {
        0 => json!({"attr": "cities", "op": "exists"}),
        _ => json!({"attr": "tier", "op": "eq", "value": "a"}),
    };
    let any = |of: &dyn Fn(usize) -> Value| json!({"any": (0..20).map(of).collect::<Value>()});
    let rule = any(&|a| any(&|b| any(&|c| leaf(a * 400 + b * 20 + c))));
    let plan = |n| json!({"key": format!("k{n}"), "content": {}, "audience": {"segment": "s"}});
    let plans: Value = (0..237).map(plan).collect();
    let text = document(&page(), &attributes(), &module(plans), "");
    let mut text: Value = serde_json::from_str(&text).expect("JSON");
    text["segments"] = json!({"s": {"rule": rule}});
    let given = r#"{"attributes":{"tier":"b"}}"#;
    serve(
        "237 plans of the same 8,421 nodes",
        &text.to_string(),
        given,
    );
}

/// Requests that name as many words as they have room for.
fn lists(serve: &dyn Fn(&str, &str, &str)) {
    let attributes: serde_json::Map<String, Value> = (0..13)
        .map(|n| (format!("l{n}"), json!({"type": "string_list"})))
        .collect();
    let words =
        |n: usize| -> Vec<String> { (0..570).map(|w| format!("w{}", w * 13 + n)).collect() };
    let given: serde_json::Map<String, Value> = (0..13)
        .map(|n| (format!("l{n}"), json!(words(n))))
        .collect();
    let given = json!({"attributes": given}).to_string();
    let asks = |op: &str, count: usize| -> Value {
        let plan = |n: usize| {
            let word = format!("w{}", n % 7_410);
            let rule = json!({"attr": format!("l{}", n % 13), "op": op, "value": [word]});
            let never = json!({"attr": "l0", "op": "contains_any", "value": ["never"]});
            json!({"key": format!("k{n}"), "content": {}, "audience": {"all": [rule, never]}})
        };
        (0..count).map(plan).collect()
    };
    let attributes = Value::Object(attributes);
    let none = module(asks("contains_none", 100_000));
    let text = document(&page(), &attributes, &none, "");
    serve(
        "100,000 plans, none of 7,410 words, all given",
        &text,
        &given,
    );
    let nobody = json!({"all": [{"attr": "l1", "op": "exists"}, {"attr": "l1", "op": "missing"}]});
    let nobody = json!([{"key": "k", "content": {}, "audience": nobody}]);
    let mut text: Value = serde_json::from_str(&document(
        &page(),
        &attributes,
        &module(asks("contains_any", 90_000)),
        "",
    ))
    .expect("JSON");
    let keys: Vec<String> = (0..10_000).map(|n| format!("n{n}")).collect();
    for key in &keys {
        text["modules"][key] = module(nobody.clone());
    }
    let slots: Vec<Value> = (0..20).map(|n| json!({"key": format!("s{n}")})).collect();
    let mut placed = json!({});
    for (slot, keys) in (0..20).zip(keys.chunks(500)) {
        placed[format!("s{slot}")] = json!(keys);
    }
    placed["t"] = json!(["m"]);
    let slots: Vec<Value> = slots.into_iter().chain([json!({"key": "t"})]).collect();
    text["pages"]["p"] = json!({"slots": slots, "default": {"modules": placed}});
    serve(
        "10,000 modules for nobody, 90,000 plans posted under 7,410 words, all given",
        &text.to_string(),
        &given,
    );
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
