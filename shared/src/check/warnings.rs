//! What is allowed and yet can hardly be meant, where it takes more than one value to see it. Lacks
//! proofs about rules: only what reads the same is taken to be the same.

use std::collections::HashMap;

use xxhash_rust::xxh3::Xxh3;

use super::at::At;
use super::constants;
use super::reader::{Reader, shortened};
use crate::document::{Node, Value, json_number};
use crate::model::Scalar;

/// Constraints that hold for the same visitors in every plan that writes them alike.
const SAME_FOR_ALL: [&str; 4] = ["schedule", "placement", "audience", "experiment"];

/// Plans that come after one which holds whenever they would.
pub(crate) fn unreachable_plans(r: &mut Reader<'_>, plans: &At<'_>) {
    let mut open: Option<String> = None;
    let mut seen: HashMap<u128, String> = HashMap::new();
    for plan in plans.items() {
        let key = plan
            .get("key")
            .map_or(String::new(), |at| match &at.node.value {
                Value::Text(text) => shortened(text),
                _ => String::new(),
            });
        if let Some(before) = &open {
            let message =
                format!("`{before}` before it has no constraints, so this is never tried");
            r.warn("unreachable_plan", &plan, message);
            continue;
        }
        let print = fingerprint(&plan);
        if let Some(before) = seen.get(&print) {
            let message = format!("`{before}` before it has the same constraints and always wins");
            r.warn("unreachable_plan", &plan, message);
        }
        let caps = plan.get("caps");
        let capped = caps.is_some_and(|at| at.items().next().is_some());
        let rollout = plan.get("rollout");
        // Without a salt of its own a rollout draws other visitors in every plan.
        let own_draw = rollout.is_some_and(|at| at.get("salt").is_none());
        if capped || own_draw {
            continue;
        }
        let constrained = SAME_FOR_ALL.iter().chain(&["rollout"]);
        let mut given = constrained.filter(|field| plan.get(field).is_some());
        if given.next().is_none() {
            open = Some(key);
        } else {
            seen.entry(print).or_insert(key);
        }
    }
}

/// Of the constraints of a plan but its caps, whatever the order of their fields.
fn fingerprint(plan: &At<'_>) -> u128 {
    let mut hasher = Xxh3::new();
    for field in SAME_FOR_ALL.iter().chain(&["rollout"]) {
        hasher.update(field.as_bytes());
        let print = plan.get(field).map_or(0, |at| node_print(at.node));
        hasher.update(&print.to_le_bytes());
    }
    hasher.digest128()
}

fn node_print(node: &Node) -> u128 {
    let mut hasher = Xxh3::new();
    match &node.value {
        Value::Null | Value::Unusable => hasher.update(b"n"),
        Value::Bool(value) => hasher.update(if *value { b"t" } else { b"f" }),
        Value::Number(literal) => {
            hasher.update(b"d");
            hasher.update(json_number(literal).as_bytes());
        }
        Value::Text(text) => {
            hasher.update(b"s");
            hasher.update(text.as_bytes());
        }
        Value::List(items) => {
            hasher.update(b"l");
            for item in items.iter() {
                hasher.update(&node_print(item).to_le_bytes());
            }
        }
        Value::Map(entries) => {
            hasher.update(b"m");
            let mut fields: Vec<_> = entries
                .iter()
                .map(|e| (&*e.key, node_print(&e.value)))
                .collect();
            fields.sort_unstable();
            for (key, print) in fields {
                hasher.update(&key.len().to_le_bytes());
                hasher.update(key.as_bytes());
                hasher.update(&print.to_le_bytes());
            }
        }
    }
    hasher.digest128()
}

/// `min_app_version` above `max_app_version`.
pub(crate) fn crossed_versions(r: &mut Reader<'_>, placement: &At<'_>) {
    let version = |field: &str| match &placement.get(field)?.node.value {
        Value::Text(text) => Some(Scalar::Version(text.as_ref().to_owned())),
        _ => None,
    };
    let (Some(min), Some(max)) = (version("min_app_version"), version("max_app_version")) else {
        return;
    };
    if constants::compare(&min, &max).is_some_and(std::cmp::Ordering::is_gt) {
        let message = "`min_app_version` is above `max_app_version`, so this never holds";
        r.warn("empty_range", placement, message);
    }
}

pub(crate) fn unused_experiments(r: &mut Reader<'_>, root: &At<'_>) {
    let Some(section) = root.get("experiments") else {
        return;
    };
    for entry in section.entries() {
        if !r.used_experiments.contains(&*entry.key) {
            let message = "no plan names this experiment, so nobody is enrolled";
            r.warn("unused_experiment", &section.field(entry), message);
        }
    }
}
