//! Long lists: hundreds to thousands of plans, most of which ask for something rare, so that visitors
//! are turned away by nearly all and the winner may stand anywhere.

use serde_json::{Map, Value, json};

use super::draw::Draw;
use super::rules::{self, Names};
use super::{Batch, constraints};
use crate::reader::Files;

const SHORTEST: i64 = 400;
const LONGEST: i64 = 5_000;
const VERSIONS: [&str; 6] = ["7.9.12", "8.0.0-beta.2", "8.0", "v8.2.1", "9.1.0", "10"];
const PLATFORMS: [&str; 4] = ["ios", "android", "h5", "mini"];

#[derive(Clone, Copy)]
struct Shape {
    plans: u64,
    /// Of a thousand plans. Those for nearly everybody end a list early, so most lists have few or none.
    unselective: u64,
    /// Percentage of cities and tags drawn from few.
    popular: u64,
}

/// A batch on a page of one long list and a short one.
pub fn long_list(seed: u64, contexts: usize) -> Batch {
    let mut draw = Draw::new(seed);
    // Every other list is of rare plans only, so that its end has visitors.
    let rare = seed.is_multiple_of(2);
    let shape = Shape {
        plans: draw.between(SHORTEST, LONGEST) as u64,
        unselective: if rare { 0 } else { *draw.pick(&[0, 3, 40]) },
        popular: if rare { 0 } else { *draw.pick(&[0, 30]) },
    };
    let document = document(&mut draw, shape);
    // Contexts of small documents sit on all edges; here there are too many to meet any by chance.
    let contexts = (0..contexts).map(|_| ("p".to_owned(), context(&mut draw, &document, shape)));
    Batch {
        seed,
        contexts: contexts.collect(),
        document,
        files: Files::new(),
    }
}

fn document(draw: &mut Draw, shape: Shape) -> Value {
    let count = shape.plans;
    let attributes = json!({
        "platform": {"type": "enum", "values": PLATFORMS},
        "channel": {"type": "string"},
        "app_version": {"type": "version"},
        "city": {"type": "string"},
        "country": {"type": "string"},
        "tags": {"type": "string_list"},
        "age": {"type": "integer", "min": 0, "max": 150},
        "level": {"type": "number"},
        "joined": {"type": "datetime"},
        "vip": {"type": "boolean"}
    });
    let names = Names {
        attributes: &attributes,
        segments: vec!["near".to_owned(), "listed".to_owned()],
    };
    let content = |n: u64| json!({"n": n});
    let plans: Vec<Value> = (0..count)
        .map(|n| {
            let mut plan = Map::new();
            plan.insert("key".to_owned(), json!(format!("k{n}")));
            plan.insert("content".to_owned(), content(n));
            plan.insert("audience".to_owned(), audience(draw, &names, shape));
            further(draw, &mut plan);
            Value::Object(plan)
        })
        .collect();
    json!({
        "skyful": 1, "workspace": "long",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": attributes,
        "segments": {
            "near": {"rule": {"any": [selective(draw, shape), {"attr": "age", "op": "lt", "value": 12}]}},
            "listed": {"ids": {"list": ["u-1", "u-2", "u-3"]}}
        },
        "layers": {"l": {}},
        "experiments": {"e": {"layer": "l", "buckets": [[0, 7_000]],
            "variants": [{"key": "a", "weight": 5_000}, {"key": "b", "weight": 5_000}]}},
        "module_types": {"t": {"schema": {"type": "object"}}},
        "modules": {
            "long": {"type": "t", "default": {"content": content(count)}, "plans": plans},
            "short": {"type": "t", "plans": [{"key": "one", "content": {}, "audience": {"segment": "near"}}]}
        },
        "pages": {"p": {"slots": [{"key": "s"}], "default": {"modules": {"s": ["long", "short"]}}}}
    })
}

impl Shape {
    fn city(self, draw: &mut Draw) -> Value {
        json!(format!("c{}", self.place(draw)))
    }

    fn tag(self, draw: &mut Draw) -> Value {
        json!(format!("t{}", self.place(draw)))
    }

    /// One of as many as make each rare, but for the few first, which are asked for more often.
    fn place(self, draw: &mut Draw) -> u64 {
        let all = self.plans / 3 + 1;
        let end = if draw.chance(self.popular) { 20 } else { all };
        draw.below(end.min(all))
    }
}

fn country(draw: &mut Draw) -> Value {
    json!(format!("n{}", draw.below(40)))
}

fn audience(draw: &mut Draw, names: &Names<'_>, shape: Shape) -> Value {
    let mut parts = Vec::new();
    if draw.below(1_000) >= shape.unselective {
        parts.push(selective(draw, shape));
    }
    for _ in 0..draw.below(4) {
        parts.push(loose(draw, shape));
    }
    match draw.below(40) {
        0 => parts.push(rules::rule(draw, names, 3)),
        1 => return json!({"any": []}),
        2 if !parts.is_empty() => return parts.swap_remove(0),
        3 => return json!({"not": {"any": [{"not": {"all": parts}}]}}),
        _ => {}
    }
    json!({"all": parts})
}

fn selective(draw: &mut Draw, shape: Shape) -> Value {
    let eq = |attribute: &str, value: Value| json!({"attr": attribute, "op": "eq", "value": value});
    match draw.below(9) {
        0..=2 => eq("city", shape.city(draw)),
        3 => {
            let cities: Vec<Value> = (0..draw.between(1, 10)).map(|_| shape.city(draw)).collect();
            json!({"attr": "city", "op": "in", "value": cities})
        }
        4 | 5 => {
            let op = *draw.pick(&["contains_any", "contains_all"]);
            let tags: Vec<Value> = (0..draw.between(1, 3)).map(|_| shape.tag(draw)).collect();
            json!({"attr": "tags", "op": op, "value": tags})
        }
        6 => json!({"any": [eq("city", shape.city(draw)), eq("city", shape.city(draw))]}),
        7 => json!({"any": [eq("city", shape.city(draw)),
            {"attr": "tags", "op": "contains_any", "value": [shape.tag(draw)]}]}),
        _ => json!({"all": [eq("country", country(draw)),
            {"attr": "age", "op": "eq", "value": draw.below(60)}]}),
    }
}

fn one_of(draw: &mut Draw, words: &[&'static str]) -> &'static str {
    words[draw.below(words.len() as u64) as usize]
}

fn loose(draw: &mut Draw, shape: Shape) -> Value {
    let of = |attribute: &str, op: &str, value: Value| json!({"attr": attribute, "op": op, "value": value});
    match draw.below(11) {
        0 => of(
            "platform",
            one_of(draw, &["in", "not_in"]),
            json!(draw.some(&PLATFORMS[..3], 2)),
        ),
        1 => of(
            "age",
            one_of(draw, &["gte", "lt", "gt", "lte", "ne"]),
            json!(draw.below(60)),
        ),
        2 => of(
            "age",
            "between",
            json!([draw.below(30), 30 + draw.below(30)]),
        ),
        3 => of(
            "app_version",
            one_of(draw, &["gte", "lt"]),
            json!(draw.pick(&VERSIONS)),
        ),
        4 => of(
            "level",
            one_of(draw, &["lt", "gte"]),
            json!(draw.below(8) as f64 / 2.0),
        ),
        5 => of(
            "tags",
            "contains_none",
            json!([shape.tag(draw), shape.tag(draw)]),
        ),
        6 => of("vip", "eq", json!(draw.chance(50))),
        7 => json!({"not": of("country", "in", json!([country(draw), country(draw)]))}),
        8 => of(
            "joined",
            "gte",
            json!(format!("2026-0{}-01T00:00:00Z", 1 + draw.below(9))),
        ),
        9 => {
            json!({"attr": draw.pick(&["age", "city", "tags"]), "op": draw.pick(&["exists", "missing"])})
        }
        _ => of("city", "ne", shape.city(draw)),
    }
}

fn further(draw: &mut Draw, plan: &mut Map<String, Value>) {
    let (field, value) = match draw.below(24) {
        0 | 1 => ("rollout", json!(draw.below(10_000))),
        2 => (
            "experiment",
            json!({"key": "e", "variant": draw.pick(&["a", "b"])}),
        ),
        3 => ("schedule", constraints::schedule(draw)),
        4 => ("caps", json!([{"limit": 1, "per": "1d"}])),
        5 => ("placement", json!({"platforms": [draw.pick(&PLATFORMS)]})),
        _ => return,
    };
    plan.insert(field.to_owned(), value);
}

/// A visitor with something of everything, some of it named by no rule.
fn context(draw: &mut Draw, document: &Value, shape: Shape) -> String {
    let mut attributes = Map::new();
    // One plan's own city or tags, so that those of the end have their visitors too.
    let last_quarter = shape.plans / 4 * 3;
    let aim = if draw.chance(60) {
        last_quarter + draw.below(shape.plans - last_quarter)
    } else {
        draw.below(shape.plans)
    } as usize;
    let aim = &document["modules"]["long"]["plans"][aim]["audience"];
    let aimed = |attribute: &str| first_constant(aim, attribute);
    let mut give = |draw: &mut Draw, name: &str, value: Value| {
        if draw.chance(90) {
            attributes.insert(name.to_owned(), value);
        }
    };
    let here = aimed("city").unwrap_or_else(|| shape.city(draw));
    give(draw, "city", here);
    let tags: Vec<Value> = (0..draw.below(4))
        .map(|_| shape.tag(draw))
        .chain(aimed("tags"))
        .collect();
    give(draw, "tags", json!(tags));
    let home = aimed("country").unwrap_or_else(|| country(draw));
    give(draw, "country", home);
    let platform = json!(draw.pick(&["ios", "android", "h5", "mini", "tv"]));
    give(draw, "platform", platform);
    let version = json!(draw.pick(&["7.9.11", "8.0.0-beta.3", "8", "9", "10.0.0", "x"]));
    give(draw, "app_version", version);
    let age = aimed("age").unwrap_or_else(|| json!(draw.between(-1, 61)));
    give(draw, "age", age);
    let level = json!(draw.below(9) as f64 / 2.0);
    give(draw, "level", level);
    let joined = format!("2026-0{}-01T00:00:00Z", 1 + draw.below(9));
    give(draw, "joined", json!(joined));
    let vip = json!(draw.chance(50));
    give(draw, "vip", vip);
    let mut context = json!({
        "page": "p", "unit": format!("u-{}", draw.below(1_000)), "now": "2026-11-22T09:00:00Z",
        "attributes": attributes
    });
    if draw.chance(30) {
        let plan = draw.below(shape.plans);
        context["caps"] = json!({format!("module/long/k{plan}#0"): {"count": 1}});
    }
    context.to_string()
}

/// The first constant that a rule compares an attribute with.
fn first_constant(rule: &Value, attribute: &str) -> Option<Value> {
    match rule {
        Value::Array(rules) => rules
            .iter()
            .find_map(|rule| first_constant(rule, attribute)),
        Value::Object(fields) if fields.get("attr").is_some_and(|name| name == attribute) => {
            match fields.get("value")? {
                Value::Array(values) => values.first().cloned(),
                value => Some(value.clone()),
            }
        }
        Value::Object(fields) => fields
            .values()
            .find_map(|rule| first_constant(rule, attribute)),
        _ => None,
    }
}
