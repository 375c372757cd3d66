//! Contexts that sit on the edges of one document.

use serde_json::{Value, json};

use super::constants;
use super::draw::Draw;
use super::edges::Edges;
use super::spelling;
use crate::reader::instant::DAY;

const ADDRESSES: [&str; 14] = [
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "::ffff:a80:1",
    "11.0.0.0",
    "9.255.255.255",
    "203.0.113.7",
    "010.0.0.1",
    "2001:db8::1",
    "2001:DB8:ffff::",
    "2001:db9::",
    "10.0.0.1 ",
    "[::1]",
    "10.0.0.1/32",
    "febf::1",
];
const REQUESTED: [&str; 18] = [
    "zh-Hant-HK",
    "zh_hant_hk",
    "ZH-hk",
    "zh-HK-x-a",
    "en",
    "EN-us",
    "en_US",
    "en-AU",
    "fr-CA",
    "zh",
    "zh-TW",
    "th-TH",
    "pt",
    "pt-br",
    "??",
    "-",
    "zh-",
    "中文",
];

/// The text of one context for a page.
pub fn context(draw: &mut Draw, document: &Value, edges: &Edges, page: &str) -> String {
    let now = now(draw, edges);
    let mut parts = vec![
        format!("\"page\":{}", json!(page)),
        format!("\"now\":{}", json!(spelling::moment(draw, now))),
    ];
    if draw.chance(88) {
        parts.push(format!("\"unit\":{}", json!(unit(draw, edges))));
    }
    if draw.chance(70) {
        parts.push(format!("\"device\":{}", json!(unit(draw, edges))));
    }
    if draw.chance(85) {
        parts.push(format!("\"locale\":{}", json!(locale(draw, document))));
    }
    parts.push(format!(
        "\"attributes\":{}",
        attributes(draw, document, edges)
    ));
    if !edges.counters.is_empty() && draw.chance(70) {
        parts.push(format!("\"caps\":{}", counters(draw, edges, now)));
    }
    draw.shuffle(&mut parts);
    format!("{{{}}}", parts.join(","))
}

fn now(draw: &mut Draw, edges: &Edges) -> i64 {
    // 2026-11-22T00:00:00Z
    let somewhere = 1_795_305_600_000 + draw.between(-200 * DAY, 200 * DAY);
    if edges.instants.is_empty() || draw.chance(10) {
        return somewhere;
    }
    let edge = *draw.pick(&edges.instants);
    match draw.below(8) {
        0 => edge + draw.between(-2 * DAY, 2 * DAY),
        1 => edge - 1_000,
        2 | 3 => edge - 1,
        4 | 5 => edge,
        6 => edge + 1,
        _ => edge + 1_000,
    }
}

fn unit(draw: &mut Draw, edges: &Edges) -> String {
    match draw.below(20) {
        0 => String::new(),
        1 => (*draw.pick(&["用户-1", " ", "U-1", "0"])).to_owned(),
        2..=5 if !edges.listed.is_empty() => draw.pick(&edges.listed).clone(),
        6..=14 if !edges.units.is_empty() => draw.pick(&edges.units).clone(),
        _ => format!("u-{}", draw.below(100_000)),
    }
}

fn locale(draw: &mut Draw, document: &Value) -> String {
    let supported = document["locales"]["supported"]
        .as_array()
        .expect("supported");
    let fallback = document["locales"]["fallback"]
        .as_object()
        .expect("fallback");
    let tag = match draw.below(4) {
        0 => draw.pick(supported).as_str().expect("a tag").to_owned(),
        1 if !fallback.is_empty() => {
            let keys: Vec<&String> = fallback.keys().collect();
            (*draw.pick(&keys)).clone()
        }
        _ => (*draw.pick(&REQUESTED)).to_owned(),
    };
    match draw.below(8) {
        0 => tag.to_uppercase(),
        1 => tag.replace('-', "_"),
        2 => format!("{tag}-x-more"),
        _ => tag,
    }
}

fn attributes(draw: &mut Draw, document: &Value, edges: &Edges) -> String {
    let declared = document["attributes"].as_object().expect("attributes");
    let mut fields = Vec::new();
    for (name, declared) in declared {
        let asked = edges.constants.contains_key(name);
        if draw.chance(if asked { 88 } else { 40 }) {
            let value = attribute(draw, name, declared, edges);
            fields.push(format!("{}:{value}", json!(name)));
        }
    }
    if draw.chance(10) {
        fields.push(format!("\"undeclared\":{}", spelling::odd(draw)));
    }
    format!("{{{}}}", fields.join(","))
}

fn attribute(draw: &mut Draw, name: &str, declared: &Value, edges: &Edges) -> String {
    let kind = declared["type"].as_str().expect("a type");
    if draw.chance(6) {
        return spelling::odd(draw);
    }
    if name == "ip" && draw.chance(80) {
        return json!(draw.pick(&ADDRESSES)).to_string();
    }
    let empty = Vec::new();
    let known = edges.constants.get(name).unwrap_or(&empty);
    if kind == "string_list" {
        let mut list: Vec<Value> = draw.some(known, 3);
        if draw.chance(30) {
            list.push(json!(draw.pick(&constants::TAGS)));
        }
        return json!(list).to_string();
    }
    let constant = if known.is_empty() || draw.chance(15) {
        constants::constant(draw, declared)
    } else {
        draw.pick(known).clone()
    };
    // What a text operator looks for is no value of an enum; a whole one holds it more often.
    if kind == "enum" && draw.chance(60) {
        return constants::constant(draw, declared).to_string();
    }
    spelling::near(draw, kind, &constant)
}

fn counters(draw: &mut Draw, edges: &Edges, now: i64) -> String {
    let mut fields = Vec::new();
    for counter in &edges.counters {
        if draw.chance(30) {
            continue;
        }
        let count = match draw.below(6) {
            0 => counter.limit,
            1 => counter.limit + 1,
            2 | 3 => 0,
            _ => counter.limit - 1,
        };
        let mut value = json!({"count": count});
        let ago =
            counter.cooldown.unwrap_or(DAY) + draw.between(-1, 1) * *draw.pick(&[1, 1, 60_000]);
        if draw.chance(70) {
            value["last"] = json!(spelling::moment(draw, now - ago));
        }
        fields.push(format!("{}:{value}", json!(counter.name)));
    }
    if draw.chance(5) {
        fields.push("\"module/unknown/plan#0\":{\"count\":1}".to_owned());
    }
    format!("{{{}}}", fields.join(","))
}
