//! From the objects of a draft to the document that they are parts of, and from a place in that document back to the object.

use serde_json::{Map, Value, json};
use skyful::problem::Problem;

use super::path::{Path, SECTIONS};
use super::value;
use crate::store::sqlite::drafts::ObjectRow;

/// Fields of a document that the object `settings` holds.
pub const SETTINGS: [&str; 3] = ["locales", "ofrep", "assertions"];

/// A document, and which keys its lists of plans have.
pub fn document(workspace: &str, rows: &[ObjectRow]) -> Value {
    let mut document = Map::new();
    document.insert("skyful".into(), json!(1));
    document.insert("workspace".into(), json!(workspace));
    // Parents before their plans, in whatever order the rows are.
    for plans in [false, true] {
        for row in rows {
            let Ok(path) = Path::parse(&row.path) else {
                continue;
            };
            if plans == matches!(path, Path::Plan { .. }) {
                add(&mut document, &path, value(&row.body));
            }
        }
    }
    Value::Object(document)
}

fn add(document: &mut Map<String, Value>, path: &Path, body: Value) {
    match path {
        // Read by name while the document is checked.
        Path::IdList { .. } => {}
        Path::Settings => {
            if let Value::Object(fields) = body {
                let own = |(name, _): &(String, Value)| SETTINGS.contains(&name.as_str());
                document.extend(fields.into_iter().filter(own));
            }
        }
        Path::Object { section, key } => {
            let section = document.entry(*section).or_insert_with(|| json!({}));
            if let Value::Object(section) = section {
                section.insert(key.clone(), body);
            }
        }
        Path::Plan { section, key, plan } => {
            let parent = document.get_mut(*section).and_then(|of| of.get_mut(key));
            let (Some(Value::Object(parent)), Value::Object(fields)) = (parent, body) else {
                return;
            };
            let mut whole = Map::new();
            whole.insert("key".into(), json!(plan));
            whole.extend(fields);
            let plans = parent.entry("plans").or_insert_with(|| json!([]));
            if let Value::Array(plans) = plans {
                plans.push(Value::Object(whole));
            }
        }
    }
}

/// Which object a problem is in, and where in it.
pub fn place(document: &Value, problem: &Problem) -> (String, String) {
    let steps: Vec<&str> = problem.path.split('/').skip(1).collect();
    let rest = |from: usize| {
        let rest = steps.get(from..).unwrap_or_default();
        rest.iter()
            .fold(String::new(), |all, step| all + "/" + step)
    };
    match steps.as_slice() {
        [section, key, "plans", index, ..] if SECTIONS.contains(section) => {
            let plan = document.pointer(&format!("/{section}/{key}/plans/{index}/key"));
            match plan.and_then(Value::as_str) {
                Some(plan) => (format!("{section}/{key}/plans/{plan}"), rest(4)),
                None => (format!("{section}/{key}"), rest(2)),
            }
        }
        [section, key, ..] if SECTIONS.contains(section) => (format!("{section}/{key}"), rest(2)),
        [section] if SECTIONS.contains(section) => ((*section).to_owned(), String::new()),
        _ => ("settings".into(), rest(0)),
    }
}
