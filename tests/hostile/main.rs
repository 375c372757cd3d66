//! Sizes that nobody means: whatever is beyond a limit is refused by its name, in documents, in requests, and in
//! chunks that were signed although no compiler of ours wrote them. One more than a limit is enough: what a million
//! costs stands in `shared/fuzz/RESULTS.md` (`cargo run --release --bin bad-input`).

mod chunks;
mod documents;
mod requests;
mod rules;

use std::sync::OnceLock;

use serde_json::{Value, json};
use skyful::snapshot::table::Record;
use skyful::snapshot::{DecodeError, Kind, Object};
use skyful_tests::fuzz::surgery::Parts;
use skyful_tests::product;

/// A little of everything.
pub fn document() -> Value {
    let entry = |key: &str| json!({"default": {"content": {"t": key}}, "type": "note"});
    json!({
        "skyful": 1,
        "workspace": "hostile",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {
            "age": {"type": "integer"},
            "name": {"type": "string"},
            "score": {"type": "number"},
            "tier": {"type": "enum", "values": ["a", "b"]},
        },
        "segments": {"old": {"rule": {"attr": "age", "op": "gte", "value": 60}}},
        "layers": {"l": {}},
        "experiments": {"x": {
            "layer": "l",
            "buckets": [[0, 10000]],
            "variants": [{"key": "a", "weight": 5000}, {"key": "b", "weight": 5000}],
        }},
        "module_types": {"note": {"schema": {"type": "object", "properties": {"t": {"type": "string"}}}}},
        "modules": {
            "one": {"type": "note", "default": {"content": {"t": "1"}}, "plans": [{
                "key": "p",
                "audience": {"any": [
                    {"segment": "old"},
                    {"not": {"attr": "name", "op": "matches", "value": "^a+b"}},
                    {"attr": "tier", "op": "in", "value": ["a"]},
                    {"attr": "score", "op": "in", "value": [1.5, 2.5]},
                ]},
                "schedule": {
                    "timezone": "Europe/Paris",
                    "weekly": [{"days": ["mon"], "from": "09:00", "until": "17:00"}],
                },
                "caps": [{"limit": 3, "per": "1d"}, {"cooldown": "2h"}],
                "experiment": {"key": "x", "variant": "a"},
            }]},
            "two": entry("2"),
        },
        "pages": {"home": {
            "slots": [{"key": "main"}],
            "default": {"modules": {"main": ["one", "two"]}},
            "plans": [{"key": "q", "audience": {"attr": "age", "op": "lt", "value": 5}}],
        }},
    })
}

/// Compiled once: each test has its own copy.
pub fn parts() -> Parts {
    static COMPILED: OnceLock<Parts> = OnceLock::new();
    let compile = || {
        let snapshot = product::snapshot(&document(), &Default::default()).expect("valid");
        let mut pages = snapshot.objects.values();
        let page =
            pages.find(|bytes| Object::decode(bytes).is_ok_and(|object| object.kind == Kind::Page));
        Parts::split(page.expect("a page")).expect("a chunk")
    };
    COMPILED.get_or_init(compile).clone()
}

/// A first row, as often as said.
pub fn repeat<R: Record>(parts: &mut Parts, times: usize) {
    let row = parts.rows::<R>()[0];
    parts.set(std::iter::repeat_n(row, times));
}

pub fn refused(name: &str, change: impl FnOnce(&mut Parts)) {
    let mut parts = parts();
    change(&mut parts);
    let error = parts.open().err();
    let Some(DecodeError::Meaning(what)) = error else {
        panic!("{name}: {error:?}");
    };
    // Some limits can't be passed within an object.
    let named = what == format!("beyond {name}") || what == "object larger than allowed";
    assert!(named, "{name}: {what}");
}
