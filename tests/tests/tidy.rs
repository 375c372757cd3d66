//! House rules that a machine can hold: who may know whom, and how long a file gets.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the repository")
        .to_path_buf()
}

/// Rust files below a folder, with their path from the root and their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let skipped = path.ends_with("target") || path.ends_with("node_modules");
            if !skipped {
                open.extend(
                    fs::read_dir(&path)
                        .expect("a folder")
                        .map(|entry| entry.expect("an entry").path()),
                );
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path
                .strip_prefix(root())
                .expect("below the root")
                .display()
                .to_string();
            found.push((name, fs::read_to_string(&path).expect("a source file")));
        }
    }
    assert!(!found.is_empty(), "no sources below {folder}");
    found
}

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

fn offenders(files: &[(String, String)], wrong: impl Fn(&str) -> bool) -> Vec<String> {
    files
        .iter()
        .flat_map(|(name, text)| {
            code(text)
                .filter(|line| wrong(line))
                .map(move |line| format!("{name}: {}", line.trim()))
        })
        .collect()
}

#[test]
fn serving_never_imports_authoring() {
    let mut files = sources("shared/src");
    files.retain(|(name, _)| {
        let authoring = [
            "model",
            "check",
            "compile",
            "document",
            "problem",
            "lib.rs",
            "manifest/sign.rs",
        ];
        !authoring
            .iter()
            .any(|part| name.starts_with(&format!("shared/src/{part}")))
    });
    let authoring = [
        "crate::model",
        "crate::check",
        "crate::compile",
        "crate::document",
        "std::",
        "jiff",
        "jsonschema",
    ];
    let found = offenders(&files, |line| {
        authoring.iter().any(|word| line.contains(word))
    });
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_platform_free_edge_has_no_clock_and_no_sockets() {
    let words = [
        "SystemTime",
        "Instant::now",
        "std::net",
        "tokio",
        "std::fs",
        "rand::",
        "getrandom",
    ];
    let mut files = sources("edge/core/src");
    files.extend(sources("shared/src/resolve"));
    let found = offenders(&files, |line| words.iter().any(|word| line.contains(word)));
    assert!(found.is_empty(), "{found:#?}");
}

/// A panic in workerd fails every request in flight, and a tree of JSON costs what it describes.
#[test]
fn edges_cannot_panic_by_a_careless_word_and_build_no_json_trees() {
    let folders = [
        "edge/core/src",
        "edge/cloudflare/src",
        "edge/fastly/src",
        "edge/spin/src",
    ];
    for folder in folders {
        let root = root().join(folder).join("lib.rs");
        let text = fs::read_to_string(&root).expect("a crate");
        for lint in ["unwrap_used", "expect_used", "indexing_slicing", "panic"] {
            assert!(
                text.contains(&format!("clippy::{lint}")),
                "{folder}: {lint}"
            );
        }
        let words = ["serde_json::Value", "json!(", "process::exit", "assert!("];
        let files = sources(folder).into_iter().map(|(name, text)| {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            (name, code.to_owned())
        });
        let found = offenders(&files.collect::<Vec<_>>(), |line| {
            words.iter().any(|word| line.contains(word))
        });
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn the_second_reader_shares_no_code_with_the_product() {
    let files: Vec<_> = sources("tests/src")
        .into_iter()
        .filter(|(name, _)| {
            name.starts_with("tests/src/reader") || name.starts_with("tests/src/generate")
        })
        .collect();
    let found = offenders(&files, |line| line.contains("skyful::"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn files_stay_short_enough_to_read() {
    let folders = ["shared", "edge", "origin/src", "tests"];
    let files: Vec<_> = folders.iter().flat_map(|folder| sources(folder)).collect();
    let long: Vec<String> = files
        .iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn no_file_is_named_for_leftovers() {
    let vague = [
        "config", "manager", "helper", "helpers", "util", "utils", "common", "misc",
    ];
    let files = ["shared", "edge", "origin/src", "tests"]
        .iter()
        .flat_map(|folder| sources(folder));
    let found: Vec<String> = files
        .map(|(name, _)| name)
        .filter(|name| {
            Path::new(name)
                .file_stem()
                .is_some_and(|stem| vague.iter().any(|word| stem == *word))
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// Each page of a platform tells of each of its settings, and how caps are counted there.
#[test]
fn every_setting_stands_on_its_platforms_page() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("a file");
    let mut missing = Vec::new();
    for (page, source, settings) in [
        ("docs/cloudflare.md", "edge/cloudflare/src/settings.rs", 10),
        ("docs/fastly.md", "edge/fastly/src/settings.rs", 10),
        ("docs/native.md", "edge/native/src/options.rs", 8),
        ("docs/spin.md", "edge/spin/src/settings.rs", 10),
    ] {
        let (told, source) = (read(page), read(source));
        let names = source
            .lines()
            .filter(|line| line.trim_start().starts_with("Setting::"))
            .filter_map(|line| line.split_once("=> \"")?.1.split(['"', ' ']).next())
            .filter(|name| *name != "a");
        let names: Vec<&str> = names.collect();
        assert_eq!(names.len(), settings, "{page}: {names:?}");
        let names = names.iter().map(|name| format!("`{name}`"));
        let wanted = names.chain(["\n## Caps\n".into(), "| `ledger` | ".into()]);
        missing.extend(
            wanted
                .filter(|name| !told.contains(name))
                .map(|name| format!("{page}: {name}")),
        );
    }
    let bindings = sources("edge/cloudflare/src");
    let bindings: Vec<&str> = bindings.iter().flat_map(|(_, text)| code(text)).collect();
    for binding in ["SNAPSHOTS", "PUBLISHER", "CAPS", "EVENTS"] {
        let quoted = format!("\"{binding}\"");
        assert!(
            bindings.iter().any(|line| line.contains(&quoted)),
            "{binding} is read"
        );
        let told = read("docs/cloudflare.md").contains(&format!("| binding `{binding}` |"));
        let deployed = read("wrangler.toml").contains(&quoted);
        if !told || !deployed {
            missing.push(format!("binding {binding}: {told}, {deployed}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
