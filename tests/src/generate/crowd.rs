//! A visitor with hundreds of words, each of which has plans posted under it, on a page of hundreds of lists: to look
//! through the plans of each word for each list would be too much.

use serde_json::{Map, Value, json};

use super::Batch;
use super::draw::Draw;
use crate::reader::Files;

/// The least that makes a list a long one is 513.
const PLANS: u64 = 600;
const LONG: u64 = 3;
const MODULES: u64 = 200;
const TAGS: u64 = 900;
const GIVEN: usize = 300;

pub fn crowd(seed: u64, contexts: usize) -> Batch {
    let mut draw = Draw::new(seed);
    let mut modules = Map::new();
    let mut placed = Vec::new();
    for number in 0..MODULES {
        // The long lists come when the short ones before them have had everything looked through.
        let plans: Vec<Value> = if number >= MODULES - LONG {
            (0..PLANS).map(|n| plan(&mut draw, n)).collect()
        } else {
            vec![json!({"key": "nobody", "content": {}, "audience": {"any": []}})]
        };
        let key = format!("m{number}");
        let module = json!({"type": "t", "default": {"content": {"n": -1}}, "plans": plans});
        modules.insert(key.clone(), module);
        placed.push(key);
    }
    let document = json!({
        "skyful": 1, "workspace": "crowd",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {"tags": {"type": "string_list"}, "age": {"type": "integer"}, "level": {"type": "integer"}},
        "module_types": {"t": {"schema": {"type": "object"}}},
        "modules": modules,
        "pages": {"p": {"slots": [{"key": "s", "max": 500}], "default": {"modules": {"s": placed}}}}
    });
    let contexts = (0..contexts).map(|_| ("p".to_owned(), context(&mut draw)));
    Batch {
        seed,
        contexts: contexts.collect(),
        document,
        files: Files::new(),
    }
}

fn tag(draw: &mut Draw) -> Value {
    json!(format!("t{}", draw.below(TAGS)))
}

/// For few, so that the winner may be any.
fn plan(draw: &mut Draw, n: u64) -> Value {
    let tags: Vec<Value> = (0..draw.between(1, 3)).map(|_| tag(draw)).collect();
    let age = draw.below(95);
    let level = draw.below(95);
    let rules = json!([
        {"attr": "tags", "op": draw.pick(&["contains_any", "contains_all"]), "value": tags},
        {"attr": "age", "op": "between", "value": [age, age + 5]},
        {"attr": "level", "op": "between", "value": [level, level + draw.below(40)]},
    ]);
    json!({"key": format!("k{n}"), "content": {"n": n}, "audience": {"all": rules}})
}

fn context(draw: &mut Draw) -> String {
    let tags: Vec<Value> = (0..GIVEN).map(|_| tag(draw)).collect();
    let attributes = json!({"tags": tags, "age": draw.below(100), "level": draw.below(100)});
    json!({"page": "p", "now": "2026-11-23T12:00:00Z", "attributes": attributes}).to_string()
}
