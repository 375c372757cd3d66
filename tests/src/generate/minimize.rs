//! Cuts a failing case down: drops whatever can be dropped from its document and its context without
//! making the document invalid, as long as the case still fails.

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

use super::Case;

/// Steps into a document: the key of an object or the index in a list.
type Path = Vec<String>;

/// Fields that a document is still valid without, wherever they stand in a plan or on a page.
const OPTIONAL: [&str; 12] = [
    "schedule",
    "placement",
    "audience",
    "caps",
    "rollout",
    "experiment",
    "ordering",
    "plans",
    "weekly",
    "holdout",
    "by",
    "salt",
];
/// Attributes that placements ask for without naming them.
const PLACING: [&str; 3] = ["platform", "channel", "app_version"];
/// Lists that are still valid one shorter.
const LISTS: [&str; 5] = ["plans", "caps", "all", "any", "weekly"];

/// The smallest case that this finds and that still fails. `fails` must answer the same each time.
pub fn minimize(case: &Case, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut best = case.clone();
    loop {
        let smaller = cuts_of_context(&best)
            .chain(cuts_of_document(&best))
            .find(|candidate| fails(candidate));
        match smaller {
            Some(candidate) => best = candidate,
            None => return best,
        }
    }
}

fn cuts_of_context(case: &Case) -> impl Iterator<Item = Case> {
    let fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(&case.context_text).expect("a context");
    let mut texts = Vec::new();
    for name in fields
        .keys()
        .filter(|name| !["now", "page"].contains(&name.as_str()))
    {
        let mut fewer = fields.clone();
        fewer.remove(name);
        texts.push(write(&fewer));
        if let Ok(inner) =
            serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(fields[name].get())
        {
            for part in inner.keys() {
                let mut less = inner.clone();
                less.remove(part);
                let mut fewer = fields.clone();
                fewer.insert(
                    name.clone(),
                    RawValue::from_string(write(&less)).expect("JSON"),
                );
                texts.push(write(&fewer));
            }
        }
    }
    texts.into_iter().map(|context_text| Case {
        context_text,
        ..case.clone()
    })
}

fn write(fields: &BTreeMap<String, Box<RawValue>>) -> String {
    serde_json::to_string(fields).expect("JSON")
}

fn cuts_of_document(case: &Case) -> impl Iterator<Item = Case> {
    let mut paths = Vec::new();
    let text = case.document.to_string();
    let unused = |section: &str| -> Vec<Path> {
        let entries = case.document[section].as_object().into_iter().flatten();
        let unused = entries.filter(|(key, _)| {
            text.matches(&format!("\"{key}\"")).count() == 1 && !PLACING.contains(&key.as_str())
        });
        unused
            .map(|(key, _)| vec![section.to_owned(), key.clone()])
            .collect()
    };
    for page in case.document["pages"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
    {
        if *page != case.page {
            paths.push(vec!["pages".to_owned(), page.clone()]);
        }
    }
    for section in [
        "modules",
        "experiments",
        "layers",
        "cap_groups",
        "segments",
        "module_types",
        "attributes",
    ] {
        paths.extend(unused(section));
    }
    for section in ["pages", "modules", "segments"] {
        collect(
            &case.document[section],
            &mut vec![section.to_owned()],
            &mut paths,
        );
    }
    let mut documents: Vec<Value> = paths
        .iter()
        .map(|path| without(&case.document, path))
        .collect();
    documents.extend(hoisted(&case.document, &case.document, &mut Vec::new()));
    documents.retain(|document| *document != case.document);
    let case = case.clone();
    documents.into_iter().map(move |document| Case {
        document,
        ..case.clone()
    })
}

/// Everything below a value that may go.
fn collect(value: &Value, path: &mut Path, found: &mut Vec<Path>) {
    let in_slots = path.len() >= 2 && path[path.len() - 2] == "modules" && path.len() > 3;
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                path.push(key.clone());
                // What a schedule or content consists of is not for cutting by name.
                let emptied = key == "weekly" && fields.len() == 1;
                if OPTIONAL.contains(&key.as_str()) && !emptied {
                    found.push(path.clone());
                }
                if key != "content" {
                    collect(field, path, found);
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            let name = path.last().cloned().unwrap_or_default();
            let keep_one = name == "weekly" && items.len() == 1;
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                if (LISTS.contains(&name.as_str()) || in_slots) && !keep_one {
                    found.push(path.clone());
                }
                collect(item, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

fn without(document: &Value, path: &[String]) -> Value {
    let mut copy = document.clone();
    let (last, parents) = path.split_last().expect("a path");
    match parents
        .iter()
        .fold(&mut copy, |value, step| child(value, step))
    {
        Value::Object(fields) => {
            fields.remove(last);
        }
        Value::Array(items) => {
            items.remove(last.parse().expect("an index"));
        }
        _ => unreachable!("a path leads through objects and lists"),
    }
    copy
}

fn child<'a>(value: &'a mut Value, step: &str) -> &'a mut Value {
    match value {
        Value::Array(items) => &mut items[step.parse::<usize>().expect("an index")],
        other => &mut other[step],
    }
}

/// Documents in which one rule has been replaced by a rule inside it.
fn hoisted(document: &Value, value: &Value, path: &mut Path) -> Vec<Value> {
    let mut found = Vec::new();
    let mut inner: Vec<&Value> = value.get("not").into_iter().collect();
    for keyword in ["all", "any"] {
        inner.extend(
            value
                .get(keyword)
                .and_then(Value::as_array)
                .into_iter()
                .flatten(),
        );
    }
    for rule in inner {
        let mut copy = document.clone();
        *path
            .iter()
            .fold(&mut copy, |value, step| child(value, step)) = rule.clone();
        found.push(copy);
    }
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                path.push(key.clone());
                found.extend(hoisted(document, field, path));
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                found.extend(hoisted(document, item, path));
                path.pop();
            }
        }
        _ => {}
    }
    found
}
