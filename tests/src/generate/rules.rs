//! Audience rules, to a depth of four.

use serde_json::{Value, json};

use super::constants::{NETWORKS, PATTERNS, TAGS, TEXTS, constant, constants, pair};
use super::draw::Draw;

const OF_TEXT: [&str; 11] = [
    "eq",
    "ne",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
    "matches",
    "in_cidr",
    "exists",
    "missing",
];
const OF_LIST: [&str; 5] = [
    "contains_any",
    "contains_all",
    "contains_none",
    "exists",
    "missing",
];
const OF_ORDER: [&str; 11] = [
    "eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte", "between", "exists", "missing",
];
const OF_BOOLEAN: [&str; 4] = ["eq", "ne", "exists", "missing"];

pub struct Names<'a> {
    pub attributes: &'a Value,
    /// Segments that a rule may refer to here.
    pub segments: Vec<String>,
}

/// A rule of at most `depth` levels.
pub fn rule(draw: &mut Draw, names: &Names<'_>, depth: u64) -> Value {
    let leaf = depth <= 1 || draw.chance(55);
    if leaf {
        return leaf_rule(draw, names);
    }
    match draw.below(5) {
        0 => json!({"not": rule(draw, names, depth - 1)}),
        1 | 2 => json!({"all": rules(draw, names, depth - 1)}),
        _ => json!({"any": rules(draw, names, depth - 1)}),
    }
}

fn rules(draw: &mut Draw, names: &Names<'_>, depth: u64) -> Value {
    // None at all now and then: `all` of nothing is true, `any` of nothing is false.
    let count = if draw.chance(6) { 0 } else { 1 + draw.below(3) };
    (0..count).map(|_| rule(draw, names, depth)).collect()
}

fn leaf_rule(draw: &mut Draw, names: &Names<'_>) -> Value {
    if !names.segments.is_empty() && draw.chance(25) {
        return json!({"segment": draw.pick(&names.segments)});
    }
    let attributes = names.attributes.as_object().expect("attributes");
    let keys: Vec<&String> = attributes.keys().collect();
    let name = *draw.pick(&keys);
    predicate(draw, name, &attributes[name])
}

fn predicate(draw: &mut Draw, name: &str, declared: &Value) -> Value {
    let kind = declared["type"].as_str().expect("a type");
    let is_address = name == "ip";
    let op = match kind {
        "string" if is_address && draw.chance(70) => "in_cidr",
        "string" | "enum" => draw.pick(&OF_TEXT),
        "string_list" => draw.pick(&OF_LIST),
        "boolean" => draw.pick(&OF_BOOLEAN),
        _ => draw.pick(&OF_ORDER),
    };
    let value = match op {
        "exists" | "missing" => return json!({"attr": name, "op": op}),
        "in" | "not_in" => constants(draw, declared),
        "between" => pair(draw, declared),
        "contains_any" | "contains_all" | "contains_none" => json!(draw.some(&TAGS, 3)),
        "in_cidr" => json!(draw.some(&NETWORKS, 3)),
        "matches" => json!(draw.pick(&PATTERNS)),
        "contains" | "starts_with" | "ends_with" => piece(draw, declared),
        _ => constant(draw, declared),
    };
    json!({"attr": name, "op": op, "value": value})
}

/// What a text operator looks for: any text, also for an enum.
fn piece(draw: &mut Draw, declared: &Value) -> Value {
    if declared["type"] == "string" {
        return json!(draw.pick(&TEXTS));
    }
    let value = constant(draw, declared);
    let text: Vec<char> = value.as_str().expect("a text").chars().collect();
    let from = draw.below(text.len() as u64) as usize;
    json!(text[from..].iter().take(2).collect::<String>())
}
