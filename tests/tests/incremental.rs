//! Versions of generated documents, one edit after the other: a compiler that keeps what an edit doesn't touch gives
//! the very bytes of a new one. `SKYFUL_CASES` documents, 40 unless given; `SKYFUL_SEED` is the first.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use skyful::check::{self, check};
use skyful::compile::{Compiler, Snapshot, compile};
use skyful::model::Workspace;
use skyful::snapshot::listing::page_hash;
use skyful_tests::generate::batch;
use skyful_tests::generate::draw::Draw;
use skyful_tests::reader::Files;

/// Edits that leave a document valid.
const EDITS: usize = 12;

fn number(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(default, |text| {
        text.replace('_', "").parse().expect(variable)
    })
}

fn checked(document: &Value, files: &Files) -> Option<Workspace> {
    let options = check::Options {
        now_ms: None,
        read_file: &|path| {
            let text = files.get(path).cloned();
            text.map(|text| check::IdFile::Text(text.into_bytes()))
                .ok_or_else(|| String::from("no such file"))
        },
    };
    check(document.to_string().as_bytes(), &options).workspace
}

/// JSON Pointers of everything in a document, but of it as a whole.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    let mut visit = |key: &str, inner: &Value| {
        let key = key.replace('~', "~0").replace('/', "~1");
        let path = format!("{path}/{key}");
        places(inner, &path, found);
        found.push(path);
    };
    match value {
        Value::Array(items) => (0..).zip(items).for_each(|(n, inner): (usize, _)| {
            visit(&n.to_string(), inner);
        }),
        Value::Object(fields) => fields.iter().for_each(|(key, inner)| visit(key, inner)),
        _ => {}
    }
}

/// Changes something somewhere; whether that makes sense is for check to say.
fn edit(draw: &mut Draw, document: &mut Value) -> String {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let place = draw.pick(&all).clone();
    let (parent, key) = place.rsplit_once('/').expect("not the root");
    // What stands elsewhere under the same name: another segment, another constant, another list of plans.
    let alike = all
        .iter()
        .filter(|other| other.ends_with(&format!("/{key}")));
    let alike: Vec<_> = alike.cloned().collect();
    let other: &String = draw.pick(&alike);
    let other = document.pointer(other).cloned();
    let remove = draw.chance(20);
    if remove {
        match document.pointer_mut(parent).expect("a parent") {
            Value::Array(items) => _ = items.remove(key.parse().expect("a position")),
            Value::Object(fields) => _ = fields.remove(&key.replace("~1", "/").replace("~0", "~")),
            _ => {}
        }
        return place;
    }
    let value = document.pointer_mut(&place).expect("a value");
    match value {
        Value::Number(number) if draw.chance(50) => {
            if let Some(number) = number.as_i64() {
                *value = (number + draw.between(-2, 2)).into();
            }
        }
        Value::Bool(is) => *is = !*is,
        Value::Array(items) if items.len() > 1 && draw.chance(50) => {
            let last = items.len() as u64;
            items.swap(draw.below(last) as usize, draw.below(last) as usize);
        }
        Value::String(text) if draw.chance(30) => text.push('x'),
        _ => *value = other.expect("it was found"),
    }
    place
}

fn assert_same(again: &Snapshot, new: &Snapshot, what: &str) {
    assert_eq!(again.listing.to_object(), new.listing.to_object(), "{what}");
    assert!(again.objects == new.objects, "{what}: other objects");
    assert_eq!(again.warnings, new.warnings, "{what}");
}

/// Chunks of a page.
fn chunks(snapshot: &Snapshot, page: &str) -> Vec<skyful::snapshot::Digest> {
    let entries = snapshot.listing.pages.iter();
    let own = entries.filter(|entry| entry.page == page_hash(page));
    own.map(|entry| entry.chunk).collect()
}

/// Pages that place each module.
fn placing(workspace: &Workspace) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut pages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, page) in &workspace.pages {
        let plans = page.plans.iter().map(|plan| &plan.arrangement);
        let slots = plans.chain(&page.default).flat_map(|all| &all.slots);
        for module in slots.flat_map(|slot| &slot.modules) {
            pages.entry(module).or_default().insert(key);
        }
    }
    pages
}

#[test]
fn after_any_edit_a_kept_compiler_gives_the_bytes_of_a_new_one() {
    let first = number("SKYFUL_SEED", 7);
    let (mut compiled, mut kept, mut in_plans) = (0, 0, 0);
    for seed in first..first + number("SKYFUL_CASES", 40) {
        let mut draw = Draw::new(seed);
        let generated = batch(seed, 0);
        let (mut document, files) = (generated.document, generated.files);
        let mut compiler = Compiler::default();
        let workspace = checked(&document, &files).expect("a valid document");
        let mut before = compile(&workspace, &mut |_, _| {}).expect("it compiles");
        let again = compiler.compile(&workspace, &mut |_, _| {});
        assert_same(again.expect("it compiles"), &before, "the first version");
        assert_eq!(compiler.compiled(), workspace.pages.len());
        let mut edits = 0;
        // Most edits make no valid document.
        for _ in 0..EDITS * 20 {
            let mut edited = document.clone();
            let place = edit(&mut draw, &mut edited);
            let Some(workspace) = checked(&edited, &files) else {
                continue;
            };
            let what = format!("seed {seed}, {place}");
            let again = compiler.compile(&workspace, &mut |_, _| {});
            let again = again.expect("it compiles");
            let new = compile(&workspace, &mut |_, _| {}).expect("it compiles");
            assert_same(again, &new, &what);
            compiled += compiler.compiled();
            kept += workspace.pages.len() - compiler.compiled();
            if let ["", "modules", module, "plans", ..] = place.split('/').collect::<Vec<_>>()[..] {
                in_plans += 1;
                let placing = placing(&workspace);
                let placing = placing.get(module).cloned().unwrap_or_default();
                assert!(compiler.compiled() <= placing.len(), "{what}");
                for page in workspace.pages.keys() {
                    if !placing.contains(page.as_str()) {
                        assert_eq!(chunks(&before, page), chunks(&new, page), "{what}");
                    }
                }
            }
            (document, before) = (edited, new);
            edits += 1;
            if edits == EDITS {
                break;
            }
        }
    }
    // Otherwise nothing was tested.
    assert!(
        compiled > 0 && kept > 0 && in_plans > 0,
        "{compiled} {kept} {in_plans}"
    );
}
