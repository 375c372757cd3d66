//! A list of so many plans with so many different bounds that exact rows for each value would take too much: the index
//! then offers what may hold, and the rest is asked.

use serde_json::{Value, json};

use super::Batch;
use super::draw::Draw;
use crate::reader::Files;

const PLANS: u64 = 12_000;
const SPREAD: u64 = 1_000_000;

pub fn many_ranges(seed: u64, contexts: usize) -> Batch {
    let mut draw = Draw::new(seed);
    let plans: Vec<Value> = (0..PLANS).map(|n| plan(&mut draw, n)).collect();
    let document = json!({
        "skyful": 1, "workspace": "ranges",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {
            "balance": {"type": "integer"}, "score": {"type": "number"}, "since": {"type": "integer"}
        },
        "module_types": {"t": {"schema": {"type": "object"}}},
        "modules": {"long": {"type": "t", "default": {"content": {"n": PLANS}}, "plans": plans}},
        "pages": {"p": {"slots": [{"key": "s"}], "default": {"modules": {"s": ["long"]}}}}
    });
    let contexts = (0..contexts).map(|_| ("p".to_owned(), context(&mut draw)));
    Batch {
        seed,
        contexts: contexts.collect(),
        document,
        files: Files::new(),
    }
}

fn plan(draw: &mut Draw, n: u64) -> Value {
    let mut range = |attribute: &str| {
        let from = draw.below(SPREAD);
        let to = from + draw.below(SPREAD / 6);
        match draw.below(8) {
            0 => json!({"attr": attribute, "op": "gte", "value": from + SPREAD / 2}),
            1 => json!({"attr": attribute, "op": "lt", "value": to / 3}),
            2 => {
                json!({"not": {"attr": attribute, "op": "between", "value": [to / 9, from + SPREAD / 9]}})
            }
            3 => json!({"any": [{"attr": attribute, "op": "eq", "value": from},
                {"attr": attribute, "op": "between", "value": [from + 9, to + 9]}]}),
            _ => json!({"attr": attribute, "op": "between", "value": [from, to]}),
        }
    };
    let rules: Vec<Value> = ["balance", "score", "since"].map(&mut range).to_vec();
    json!({"key": format!("k{n}"), "content": {"n": n}, "audience": {"all": rules}})
}

/// A value may be missing, or beyond all bounds.
fn context(draw: &mut Draw) -> String {
    let mut attributes = serde_json::Map::new();
    for attribute in ["balance", "score", "since"] {
        if draw.chance(95) {
            let value = draw.below(SPREAD + SPREAD / 5);
            attributes.insert(attribute.to_owned(), json!(value));
        }
    }
    json!({"page": "p", "now": "2026-11-23T12:00:00Z", "attributes": attributes}).to_string()
}
