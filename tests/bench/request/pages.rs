//! Pages of the benchmark in `request/`: twenty modules with fifty plans each. Written by the program that has the compiler in
//! it, since linking that takes minutes.

use std::path::Path;

use serde_json::{Value, json};
use skyful_tests::product;
use skyful_tests::reader::Files;

const MODULES: usize = 20;
const PLANS: usize = 50;
/// Bytes of a content's text. Ten contents a module, since a page of a thousand big ones would outgrow what a store holds.
const CONTENTS: [usize; 3] = [20, 360, 2_000];

/// One file a size of content, named by it.
pub fn write(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    for content_bytes in CONTENTS {
        let path = folder.join(format!("{content_bytes}.page"));
        std::fs::write(path, page(content_bytes)).expect("the page is written");
    }
}

/// A plan asks one rare thing and two to four frequent ones, as campaigns do; every third module has none that is for
/// everybody before its default.
fn plan(module: usize, number: usize, text: &str) -> Value {
    let key = format!("p{number}");
    let seed = module * PLANS + number;
    let rare = match seed % 3 {
        0 => json!({"attr": "city", "op": "eq", "value": format!("city_{}", seed * 7 % 5_000)}),
        1 => {
            json!({"attr": "tags", "op": "contains_any", "value": [format!("t{}", seed * 11 % 5_000)]})
        }
        _ => json!({"attr": "country", "op": "eq", "value": format!("c{}", seed * 13 % 200)}),
    };
    let frequent = [
        json!({"attr": "platform", "op": "in", "value": ["ios", "android"]}),
        json!({"attr": "age", "op": "between", "value": [18 + seed % 20, 40 + seed % 40]}),
        json!({"attr": "app_version", "op": "gte", "value": format!("{}.{}", 5 + seed % 4, seed % 10)}),
        json!({"attr": "language", "op": "not_in", "value": ["fr"]}),
    ];
    let mut rules = vec![rare];
    rules.extend(
        frequent
            .iter()
            .cycle()
            .skip(seed)
            .take(2 + seed % 3)
            .cloned(),
    );
    let mut plan = json!({
        "key": key,
        "audience": {"all": rules},
        "content": {"text": format!("{module}-{} {text}", number % 10)},
    });
    if seed.is_multiple_of(4) {
        plan["rollout"] = json!(2_500 + seed % 5 * 1_500);
    }
    if seed.is_multiple_of(10) {
        let day = 1 + seed % 28;
        plan["schedule"] = json!({"from": format!("2026-{:02}-{day:02}T09:00", 1 + seed % 11), "until": format!("2027-01-{day:02}T21:00")});
    }
    plan
}

fn document(content_bytes: usize) -> Value {
    let text = "lorem ipsum ".repeat(content_bytes / 12 + 1);
    let text = &text[..content_bytes];
    let modules: serde_json::Map<String, Value> = (0..MODULES)
        .map(|module| {
            let plans: Vec<Value> = (0..PLANS)
                .map(|number| plan(module, number, text))
                .collect();
            let default = json!({"text": format!("{module} {text}")});
            (
                format!("module_{module}"),
                json!({"type": "note", "plans": plans, "default": {"content": default}}),
            )
        })
        .collect();
    let slots = ["top", "middle", "bottom", "footer"];
    let placed: serde_json::Map<String, Value> = slots
        .iter()
        .zip(
            modules
                .keys()
                .collect::<Vec<_>>()
                .chunks(MODULES / slots.len()),
        )
        .map(|(slot, keys)| ((*slot).to_owned(), json!(keys)))
        .collect();
    let text_attribute = json!({"type": "string"});
    json!({
        "skyful": 1,
        "workspace": "bench",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {
            "country": text_attribute, "city": text_attribute, "language": text_attribute, "channel": text_attribute,
            "platform": {"type": "enum", "values": ["ios", "android", "h5"]},
            "app_version": {"type": "version"}, "age": {"type": "integer"},
            "tags": {"type": "string_list"}, "new_user": {"type": "boolean"},
        },
        "module_types": {"note": {"schema": {
            "type": "object", "required": ["text"], "properties": {"text": {"type": "string"}},
        }}},
        "modules": modules,
        "pages": {"home": {
            "slots": slots.map(|slot| json!({"key": slot})),
            "default": {"modules": placed},
        }},
    })
}

/// The object of the only page.
fn page(content_bytes: usize) -> Vec<u8> {
    let document = document(content_bytes);
    let snapshot = product::snapshot(&document, &Files::new()).expect("a valid document");
    let entry = snapshot.listing.pages.first().expect("a page");
    snapshot.objects[&entry.chunk].clone()
}
