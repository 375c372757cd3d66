//! Constants of every attribute type, as they may stand in a document.

use serde_json::{Value, json};

use super::draw::Draw;

pub const TEXTS: [&str; 12] = [
    "CN", "HK", "cn", "TH", "C", "", "香港", "é", "e\u{301}", "CNHK", "a.c", "N",
];
pub const PATTERNS: [&str; 12] = [
    "^C",
    "N$",
    "^(CN|HK)$",
    "(?i)hk",
    "[0-9]+",
    "^.$",
    "^$",
    "港",
    "a\\.c",
    "[^A-Z]",
    "x*",
    "C.*K",
];
pub const NETWORKS: [&str; 8] = [
    "10.0.0.0/8",
    "192.168.0.0/16",
    "203.0.113.7/32",
    "0.0.0.0/0",
    "2001:db8::/32",
    "::/0",
    "fe80::/10",
    "10.128.0.0/9",
];
pub const TAGS: [&str; 6] = ["a", "b", "blocked", "", "vip", "é"];
pub const VERSIONS: [&str; 14] = [
    "8.2.0",
    "8.2",
    "v8.2",
    "8",
    "8.10.0",
    "8.2.0-beta.2",
    "8.2.0-beta.11",
    "8.2.0-rc.1",
    "1.2.3.4",
    "8.2.0+b5",
    "4294967295",
    "0",
    "8.2.0.1-x",
    "08.02",
];
pub const DATETIMES: [&str; 7] = [
    "2026-11-22T00:00:00Z",
    "2026-11-22T08:00:00+08:00",
    "2000-02-29T23:59:59.999Z",
    "2026-06-30T23:59:60Z",
    "1969-12-31T23:59:59.5Z",
    "2026-03-29T01:00:00.1239-03:30",
    "9999-12-31t23:59:59z",
];
const NUMBERS: [f64; 9] = [0.1, 0.3, 1.5, -2.25, 100.0, 1e300, 5e-324, 1e22, -0.5];

/// A constant for `eq`, `in`, `lt` and the like, in the bounds of its attribute.
pub fn constant(draw: &mut Draw, declared: &Value) -> Value {
    match declared["type"].as_str().expect("a type") {
        "string" => json!(draw.pick(&TEXTS)),
        "enum" => draw
            .pick(declared["values"].as_array().expect("values"))
            .clone(),
        "integer" => integer(draw, declared),
        "number" => number(draw, declared),
        "version" => json!(draw.pick(&VERSIONS)),
        "datetime" => json!(draw.pick(&DATETIMES)),
        "boolean" => json!(draw.chance(50)),
        other => panic!("no constants of {other}"),
    }
}

fn integer(draw: &mut Draw, declared: &Value) -> Value {
    let bounded = (declared["min"].as_i64(), declared["max"].as_i64());
    let value = match bounded {
        (Some(min), Some(max)) => draw.between(min, max),
        _ => match draw.below(8) {
            0 => i64::MAX,
            1 => i64::MIN,
            // Beyond what a double can tell apart.
            2 => 9_007_199_254_740_992 + draw.between(-2, 2),
            _ => draw.between(-20, 20),
        },
    };
    if draw.chance(10) && value.unsigned_abs() < 1_000_000 {
        return json!(value as f64);
    }
    json!(value)
}

fn number(draw: &mut Draw, declared: &Value) -> Value {
    let (min, max) = (declared["min"].as_f64(), declared["max"].as_f64());
    let value = match draw.below(4) {
        0 => json!(draw.between(-3, 20)),
        1 => json!(draw.between(-30, 200) as f64 / 10.0),
        2 => json!(9_007_199_254_740_993_i64),
        _ => json!(draw.pick(&NUMBERS)),
    };
    let double = value.as_f64().expect("a number");
    if min.is_some_and(|min| double < min) || max.is_some_and(|max| double > max) {
        return json!(min.unwrap_or(0.5));
    }
    value
}

/// A list of up to three constants.
pub fn constants(draw: &mut Draw, declared: &Value) -> Value {
    let count = draw.below(4);
    (0..count).map(|_| constant(draw, declared)).collect()
}

/// Two constants in order most of the time.
pub fn pair(draw: &mut Draw, declared: &Value) -> Value {
    let (low, high) = (constant(draw, declared), constant(draw, declared));
    let ordered = match (low.as_f64(), high.as_f64()) {
        (Some(low), Some(high)) => low <= high,
        _ => low.as_str() <= high.as_str(),
    };
    if ordered || draw.chance(10) {
        json!([low, high])
    } else {
        json!([high, low])
    }
}
