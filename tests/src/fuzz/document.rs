//! Target `document`: any text, checked; what is fine compiles, opens and answers.

use serde_json::Value;
use skyful::check::{self, check};
use skyful::compile::{Snapshot, compile};
use skyful::problem::Severity;
use skyful::snapshot::{self, Object};

use super::{Fallback, Mutant, resolve, settle};
use crate::generate::draw::Draw;

/// The time zone database and the schema library make large documents slow without making them better.
const LARGEST: usize = 32 << 10;

/// Whether it was compiled.
pub fn run(text: &[u8]) -> bool {
    if text.len() > LARGEST {
        return false;
    }
    let Some(snapshot) = compiled(text) else {
        return false;
    };
    let workspace = &snapshot.listing.workspace;
    for (digest, bytes) in &snapshot.objects {
        if let Err(why) = snapshot::verify(bytes.clone(), *digest, workspace) {
            panic!("compile wrote what no edge takes: {why}");
        }
        if Object::decode(bytes).is_ok_and(|object| object.kind == snapshot::Kind::Page) {
            assert!(resolve::run(&resolve::input(&[], bytes)));
        }
    }
    super::release::ask(&snapshot.listing);
    true
}

fn compiled(text: &[u8]) -> Option<Snapshot> {
    let read_file = |_: &str| Ok(check::IdFile::Text(b"u-1\nu-2\n".to_vec()));
    let options = check::Options {
        now_ms: Some(1_764_032_400_000),
        read_file: &read_file,
    };
    let checked = check(text, &options);
    let errors = checked
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    // Either a workspace or an error, never both or neither.
    assert_eq!(checked.workspace.is_none(), errors.count() > 0);
    match compile(&checked.workspace?, &mut |_, _| {}) {
        Ok(snapshot) => Some(snapshot),
        Err(problems) => {
            for problem in problems {
                assert_eq!(problem.code, "limit", "{}", problem.message);
            }
            None
        }
    }
}

/// A document that reads as JSON is changed as a tree, others by bytes.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    theirs: Fallback<'_>,
) -> usize {
    let mut draw = Draw::new(u64::from(seed));
    let bytes = data.get(..size).unwrap_or_default();
    let tree = match draw.chance(75) {
        true => serde_json::from_slice::<Value>(bytes).ok(),
        false => None,
    };
    let mutant = tree.map(|mut tree| {
        for _ in 0..=draw.below(3) {
            graft(&mut tree, &mut draw);
        }
        tree.to_string().into_bytes()
    });
    settle(
        mutant.map_or(Mutant::Theirs(0), Mutant::Ours),
        data,
        size,
        max_size,
        theirs,
    )
}

/// Pointers to all nodes.
fn nodes(at: &Value, pointer: &str, out: &mut Vec<String>) {
    out.push(pointer.to_owned());
    match at {
        Value::Object(fields) => {
            for (key, child) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                nodes(child, &format!("{pointer}/{key}"), out);
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter().enumerate() {
                nodes(child, &format!("{pointer}/{index}"), out);
            }
        }
        _ => {}
    }
}

const SCALARS: [&str; 18] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "10000",
    "18446744073709551615",
    "1.5",
    "1e300",
    "\"\"",
    "\"default\"",
    "\"home\"",
    "\"2026-03-29T02:30\"",
    "\"Europe/Paris\"",
    "\"24:00\"",
    "\"(a|b)*c\"",
    "[]",
    "{}",
];

/// Replaces a node by another of the tree or by a scalar, doubles it, or takes it away.
fn graft(tree: &mut Value, draw: &mut Draw) {
    let mut all = Vec::new();
    nodes(tree, "", &mut all);
    let (to, from) = (draw.pick(&all).clone(), draw.pick(&all).clone());
    let donor = tree.pointer(&from).cloned().unwrap_or_default();
    let Some(node) = tree.pointer_mut(&to) else {
        return;
    };
    match draw.below(6) {
        0 => *node = serde_json::from_str(draw.pick::<&str>(&SCALARS)).unwrap_or_default(),
        1 if !to.is_empty() => *node = donor,
        2 => match node {
            Value::Array(items) => items.push(donor),
            Value::Object(fields) => {
                let key = from.rsplit('/').next().unwrap_or_default();
                fields.insert(key.to_owned(), donor);
            }
            Value::Number(number) => {
                let near = number
                    .as_i64()
                    .unwrap_or(0)
                    .wrapping_add(draw.between(-2, 2));
                *node = near.into();
            }
            Value::String(text) => text.push('x'),
            _ => *node = donor,
        },
        3 => match node {
            Value::Array(items) if !items.is_empty() => {
                let at = draw.below(items.len() as u64) as usize;
                drop(items.remove(at));
            }
            Value::Object(fields) => {
                let keys: Vec<String> = fields.keys().cloned().collect();
                if !keys.is_empty() {
                    fields.remove(draw.pick(&keys));
                }
            }
            _ => *node = Value::Null,
        },
        4 => {
            // Deeper rules, which nobody writes by hand.
            if node.get("attr").or_else(|| node.get("all")).is_some() {
                let inner = node.take();
                let word = *draw.pick(&["not", "all", "any"]);
                *node = match word {
                    "not" => serde_json::json!({ word: inner }),
                    _ => serde_json::json!({ word: [inner] }),
                };
            }
        }
        _ => {
            if let Value::Array(items) = node {
                for _ in 0..draw.below(16) {
                    items.extend(items.first().cloned());
                }
            }
        }
    }
}
