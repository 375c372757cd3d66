//! Whole workspace documents: small, valid, and rich in kinds.

use serde_json::{Map, Value, json};

use super::constraints::{self, Known};
use super::content::{self, Filler};
use super::draw::Draw;
use super::rules::{self, Names};
use crate::reader::Files;

const TAGS: [&str; 10] = [
    "en",
    "zh-CN",
    "zh-HK",
    "zh-Hant",
    "zh",
    "th",
    "pt-BR",
    "en-US",
    "zh-Hant-HK",
    "fr",
];

/// How much of a document to draw.
#[derive(Clone, Copy)]
pub struct Size {
    pub modules: u64,
    /// Plans of each module; a few if none.
    pub plans: Option<u64>,
}

/// A small document, and the files that it refers to.
pub fn document(draw: &mut Draw) -> (Value, Files) {
    let modules = 1 + draw.below(8);
    sized(
        draw,
        Size {
            modules,
            plans: None,
        },
    )
}

pub fn sized(draw: &mut Draw, size: Size) -> (Value, Files) {
    let mut files = Files::new();
    let locales = locales(draw);
    let attributes = attributes(draw);
    let segments = segments(draw, &attributes, &mut files);
    let groups = numbered("g", draw.below(3), |_| constraints::limit(draw));
    let (layers, experiments) = experiments(draw);
    let known = Known {
        names: Names {
            attributes: &attributes,
            segments: segments.keys().cloned().collect(),
        },
        groups: groups.keys().cloned().collect(),
        experiments: experiments
            .iter()
            .map(|(key, experiment)| (key.clone(), keys_of(&experiment["variants"])))
            .collect(),
    };
    let types = types(draw);
    let modules = numbered("m", size.modules, |index| {
        let plans = size
            .plans
            .unwrap_or_else(|| draw.below(if index == 0 { 9 } else { 6 }));
        module(draw, &known, &types, &locales, plans)
    });
    let module_keys: Vec<String> = modules.keys().cloned().collect();
    let pages = numbered("p", 1 + draw.below(3), |_| page(draw, &known, &module_keys));
    let document = json!({
        "skyful": 1, "workspace": "generated", "locales": locales, "attributes": attributes,
        "module_types": types, "segments": segments, "cap_groups": groups, "layers": layers,
        "experiments": experiments, "modules": modules, "pages": pages
    });
    (document, files)
}

fn numbered(prefix: &str, count: u64, mut make: impl FnMut(u64) -> Value) -> Map<String, Value> {
    (0..count)
        .map(|index| (format!("{prefix}{index}"), make(index)))
        .collect()
}

fn keys_of(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list of keyed things");
    list.iter()
        .map(|each| each["key"].as_str().expect("a key").to_owned())
        .collect()
}

fn locales(draw: &mut Draw) -> Value {
    let mut supported = draw.some(&TAGS, 5);
    if supported.is_empty() {
        supported.push("en");
    }
    draw.shuffle(&mut supported);
    let default = *draw.pick(&supported);
    let mut fallback = Map::new();
    for tag in draw.some(&TAGS, 3) {
        let mut list = draw.some(&TAGS, 3);
        list.retain(|other| *other != tag);
        draw.shuffle(&mut list);
        if !list.is_empty() {
            fallback.insert(tag.to_owned(), json!(list));
        }
    }
    json!({"default": default, "supported": supported, "fallback": fallback})
}

fn attributes(draw: &mut Draw) -> Value {
    let mut declared = json!({
        "platform": {"type": "enum", "values": ["ios", "android", "h5", "mini"]},
        "channel": {"type": "string"},
        "app_version": {"type": "version"}
    });
    let optional = [
        ("country", json!({"type": "string", "from": "edge.country"})),
        ("ip", json!({"type": "string", "from": "edge.ip"})),
        (
            "tier",
            json!({"type": "enum", "values": ["gold", "silver", "é", "old gold"]}),
        ),
        ("age", json!({"type": "integer", "min": 0, "max": 150})),
        ("balance", json!({"type": "integer"})),
        ("score", json!({"type": "number"})),
        ("rate", json!({"type": "number", "min": 0, "max": 1.5})),
        ("tags", json!({"type": "string_list"})),
        ("vip", json!({"type": "boolean", "from": "signed"})),
        ("os_version", json!({"type": "version"})),
        ("joined", json!({"type": "datetime"})),
    ];
    for (name, attribute) in optional {
        if draw.chance(60) {
            declared[name] = attribute;
        }
    }
    if draw.chance(30) {
        declared["channel"] = json!({"type": "enum", "values": ["store", "web", "mail"]});
    }
    declared
}

fn segments(draw: &mut Draw, attributes: &Value, files: &mut Files) -> Map<String, Value> {
    let mut segments = Map::new();
    for index in 0..draw.below(5) {
        let key = format!("s{index}");
        // Only earlier ones, so that there is no circle.
        let names = Names {
            attributes,
            segments: segments.keys().cloned().collect(),
        };
        let segment = match draw.below(4) {
            0 => json!({"ids": {"list": ids(draw)}}),
            1 => {
                let file = format!("{key}.csv");
                let ending = *draw.pick(&["\n", "\r\n"]);
                let text: String = ids(draw).iter().map(|id| format!("{id}{ending}")).collect();
                files.insert(file.clone(), text);
                json!({"ids": {"file": file}})
            }
            _ => json!({"rule": rules::rule(draw, &names, 3)}),
        };
        segments.insert(key, segment);
    }
    segments
}

fn ids(draw: &mut Draw) -> Vec<String> {
    let count = 1 + draw.below(5);
    let mut ids: Vec<String> = (0..count)
        .map(|_| format!("u-{}", draw.below(30)))
        .collect();
    if draw.chance(20) {
        ids.push("用户-1".to_owned());
    }
    ids.sort();
    ids.dedup();
    ids
}

/// Layers cut into pieces that belong to a holdout, an experiment, or nobody.
fn experiments(draw: &mut Draw) -> (Map<String, Value>, Map<String, Value>) {
    let mut layers = Map::new();
    let mut experiments = Map::new();
    for layer in 0..draw.below(3) {
        let layer = format!("l{layer}");
        let owners = 1 + draw.below(3);
        let mut buckets: Vec<Vec<Value>> = vec![Vec::new(); owners as usize];
        let mut holdout = Value::Null;
        let mut at = if draw.chance(50) {
            0
        } else {
            draw.between(0, 2_000)
        };
        while at < 10_000 {
            let mut end = (at + draw.between(1, 4_000)).min(10_000);
            if end > 9_800 {
                end = 10_000;
            }
            match draw.below(owners + 2) {
                0 => {}
                1 if holdout.is_null() => holdout = json!([at, end]),
                1 => {}
                owner => buckets[owner as usize - 2].push(json!([at, end])),
            }
            at = end;
        }
        for (index, buckets) in buckets.into_iter().enumerate() {
            if !buckets.is_empty() {
                experiments.insert(
                    format!("{layer}_x{index}"),
                    experiment(draw, &layer, buckets),
                );
            }
        }
        let definition = if holdout.is_null() {
            json!({})
        } else {
            json!({"holdout": holdout})
        };
        layers.insert(layer, definition);
    }
    (layers, experiments)
}

fn experiment(draw: &mut Draw, layer: &str, mut buckets: Vec<Value>) -> Value {
    draw.shuffle(&mut buckets);
    let weights: &[u64] = match draw.below(4) {
        0 => &[5_000, 5_000],
        1 => &[1, 9_999],
        2 => &[3_333, 3_333, 3_334],
        _ => &[2_000, 8_000],
    };
    let keys = ["control", "warm", "cold"];
    let variants = weights.iter().zip(keys);
    let variants: Value = variants
        .map(|(weight, key)| json!({"key": key, "weight": weight}))
        .collect();
    let mut experiment = json!({"layer": layer, "buckets": buckets, "variants": variants});
    if draw.chance(30) {
        experiment["by"] = json!("device");
    }
    if draw.chance(30) {
        experiment["salt"] = json!("own salt");
    }
    experiment
}

fn types(draw: &mut Draw) -> Map<String, Value> {
    let mut schemas = content::schemas();
    draw.shuffle(&mut schemas);
    schemas.truncate(1 + draw.below(3) as usize);
    let mut schemas = schemas.into_iter();
    let count = schemas.len() as u64;
    numbered(
        "t",
        count,
        |_| json!({"schema": schemas.next().expect("as many as counted")}),
    )
}

fn module(
    draw: &mut Draw,
    known: &Known<'_>,
    types: &Map<String, Value>,
    locales: &Value,
    count: u64,
) -> Value {
    let type_keys: Vec<&String> = types.keys().collect();
    let type_key = *draw.pick(&type_keys);
    let default = locales["default"].as_str().expect("a default locale");
    let mut tags = known_tags(locales);
    tags.retain(|tag| tag != default);
    let filler = Filler {
        root: &types[type_key]["schema"],
        default,
        tags: &tags,
    };
    let mut module = json!({"type": type_key});
    let has_default = draw.chance(75);
    if has_default {
        module["default"] = json!({"content": filler.content(draw)});
    }
    let plans = numbered("", count, |number| {
        let mut plan = Map::from_iter([("key".to_owned(), json!(format!("mp{number}")))]);
        constraints::constrain(draw, known, &mut plan);
        if !has_default || draw.chance(80) {
            plan.insert("content".to_owned(), filler.content(draw));
        }
        Value::Object(plan)
    });
    if count > 0 || draw.chance(50) {
        module["plans"] = plans.into_iter().map(|(_, plan)| plan).collect();
    }
    module
}

fn known_tags(locales: &Value) -> Vec<String> {
    let known = crate::reader::locale::known(locales);
    let spelled = TAGS
        .iter()
        .filter(|tag| known.contains(&crate::reader::locale::fold(tag)));
    spelled.map(|tag| (*tag).to_owned()).collect()
}

fn page(draw: &mut Draw, known: &Known<'_>, modules: &[String]) -> Value {
    let count = 1 + draw.below(4);
    let slots: Vec<String> = (0..count).map(|index| format!("slot{index}")).collect();
    let definitions = slots.iter().map(|key| {
        let mut slot = json!({"key": key});
        if draw.chance(50) {
            slot["max"] = json!(draw.between(1, 4));
        }
        slot
    });
    let mut page = json!({"slots": definitions.collect::<Vec<_>>()});
    if draw.chance(90) {
        page["default"] = json!({"modules": placed(draw, &slots, modules)});
        if draw.chance(60) {
            page["default"]["ordering"] = ordering(draw, &slots, modules);
        }
    }
    let plans: Vec<Value> = (0..draw.below(6))
        .map(|number| {
            let mut plan = Map::from_iter([("key".to_owned(), json!(format!("pp{number}")))]);
            constraints::constrain(draw, known, &mut plan);
            if draw.chance(65) {
                plan.insert("modules".to_owned(), placed(draw, &slots, modules));
            }
            if draw.chance(50) {
                plan.insert("ordering".to_owned(), ordering(draw, &slots, modules));
            }
            Value::Object(plan)
        })
        .collect();
    if !plans.is_empty() {
        page["plans"] = json!(plans);
    }
    page
}

fn placed(draw: &mut Draw, slots: &[String], modules: &[String]) -> Value {
    let mut placed = Map::new();
    for slot in slots {
        if draw.chance(80) {
            let mut list = draw.some(modules, 6);
            draw.shuffle(&mut list);
            placed.insert(slot.clone(), json!(list));
        }
    }
    Value::Object(placed)
}

fn ordering(draw: &mut Draw, slots: &[String], modules: &[String]) -> Value {
    let mut ordering = Map::new();
    for slot in slots {
        let mut weights = Map::new();
        for module in modules {
            if draw.chance(60) {
                weights.insert(
                    module.clone(),
                    json!(draw.pick(&[1, 2, 3, 10, 999_999, 1_000_000])),
                );
            }
        }
        let by = match draw.below(6) {
            0 => continue,
            1 => json!({"by": "manual"}),
            2 => json!({"by": "newest"}),
            3 => json!({"by": "learned", "metric": "click_rate"}),
            _ if weights.is_empty() => continue,
            4 => json!({"by": "learned", "metric": "click_rate", "weights": weights}),
            _ => json!({"by": "weighted", "weights": weights}),
        };
        ordering.insert(slot.clone(), by);
    }
    Value::Object(ordering)
}
