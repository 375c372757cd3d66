//! What a valid document becomes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use skyful::model::{
    Cap, Comparison, Count, Ordering, Rule, Scalar, Segment, StepAudience, Subject, Test, Window,
};
use skyful::problem::Severity;

use super::{EXAMPLE, listed, run};

#[test]
fn the_example_passes_without_errors_or_warnings() {
    let checked = run(EXAMPLE.as_bytes());
    assert_eq!(checked.problems, []);
    let workspace = checked.workspace.expect("no problems");
    assert_eq!(workspace.key, "wallet");
    assert_eq!(workspace.locales.default, 0);
    assert_eq!(workspace.pages["home"].slots[1].max, 20);
    let Segment::Ids(ids) = &workspace.segments["payday"] else {
        panic!("payday is an id list");
    };
    assert_eq!(ids.len(), 2);
    assert!(ids.is_sorted());

    let hero = &workspace.modules["hero"];
    let default = hero.default.as_ref().expect("hero has a default");
    assert_eq!(
        default.fragments,
        [
            r#"{"image":"https://cdn.example/a.png","title":"余额"}"#,
            r#"{"image":"https://cdn.example/a.png","title":"余额"}"#,
            r#"{"image":"https://cdn.example/a.png","title":"Balance"}"#,
            r#"{"image":"https://cdn.example/a.png","title":"余额"}"#,
        ]
    );
    let constraints = &hero.plans[0].constraints;
    let schedule = constraints.schedule.as_ref().expect("given");
    assert_eq!(schedule.from_ms, Some(1_793_462_400_000));
    assert_eq!(&*schedule.zone, "Asia/Shanghai");
    assert_eq!(schedule.weekly[0].from_min, 540);
    assert_eq!(
        schedule.weekly[0].days,
        [true, true, false, false, false, false, false]
    );
    let Some(Rule::All(placement)) = &constraints.placement else {
        panic!("placement is a rule");
    };
    let Rule::Predicate(version) = &placement[1] else {
        panic!("of predicates");
    };
    assert_eq!(
        version.test,
        Test::Compare(Comparison::Gte, Scalar::Version("8.2.0".into()))
    );
    assert_eq!(
        constraints.caps[0],
        Cap::Limit {
            limit: 3,
            window: Window::Sliding { secs: 86_400 },
            count: Count::Exposure,
            by: Subject::Unit
        }
    );
    assert_eq!(
        constraints.experiment,
        Some(("hero_copy".into(), "warm".into()))
    );
    let steps = &workspace.pipelines["prod"].steps;
    assert_eq!(steps[1].audience, StepAudience::ShareBps(100));
    assert_eq!(steps[1].hold_secs, 1_800);
    let feed = &workspace.pages["home"].plans[0].arrangement.slots[1];
    assert!(matches!(&feed.ordering, Ordering::Learned { metric, .. } if metric == "click_rate"));
}

#[test]
fn json_is_yaml() {
    let text = r#"{
        "skyful": 1, "workspace": "w", "locales": {"default": "en", "supported": ["en"]},
        "module_types": {"t": {"schema": {"type": "object"}}},
        "modules": {"m": {"type": "t", "default": {"content": {
            "n": [1, -0, 1.0, 1e2, 18446744073709551615, 18446744073709551616, 0.1, 1e21],
            "s": "\ud83d\ude00\u0001\u2028", "o": {"b": null, "a": [true, {}]}}}}},
        "pages": {"p": {"slots": [{"key": "s"}], "default": {"modules": {"s": ["m"]}}}}
    }"#;
    let checked = run(text.as_bytes());
    assert_eq!(checked.problems, []);
    let workspace = checked.workspace.expect("no problems");
    let content = workspace.modules["m"].default.as_ref().expect("given");
    assert_eq!(
        content.fragments[0],
        "{\"n\":[1,0,1.0,100.0,18446744073709551615,1.8446744073709552e+19,0.1,1e+21],\
         \"o\":{\"a\":[true,{}],\"b\":null},\"s\":\"😀\\u0001\u{2028}\"}"
    );
}

/// Raw, since contexts hold numbers that no double holds.
#[derive(Deserialize)]
struct Vectors<'a> {
    #[serde(borrow)]
    document: Option<&'a RawValue>,
    #[serde(borrow, default)]
    documents: BTreeMap<String, &'a RawValue>,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

#[test]
fn every_document_of_the_vectors_is_free_of_errors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/spec");
    let folder = std::env::var("SKYFUL_SPEC").unwrap_or(folder.to_owned());
    for file in std::fs::read_dir(folder).expect("the folder of vectors") {
        let path = file.expect("readable").path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let text = std::fs::read(&path).expect("readable");
        let vectors: Vectors<'_> = serde_json::from_slice(&text).expect("vectors");
        let documents = vectors
            .document
            .into_iter()
            .chain(vectors.documents.into_values());
        for document in documents {
            let checked = super::run_with(document.get().as_bytes(), &|path| {
                let file = vectors.files.get(path);
                file.map(|f| f.clone().into_bytes()).ok_or("none".into())
            });
            let errors = listed(&checked, Severity::Error);
            assert!(
                errors.is_empty(),
                "{}: {:#?}",
                path.display(),
                checked.problems
            );
        }
    }
}

#[test]
fn the_examples_are_free_of_problems() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let folder = std::env::var("SKYFUL_EXAMPLES").unwrap_or(folder.to_owned());
    for example in std::fs::read_dir(folder).into_iter().flatten() {
        let folder = example.expect("readable").path();
        for file in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = file.expect("readable").path();
            if path.extension().is_none_or(|e| e != "yaml") {
                continue;
            }
            let text = std::fs::read(&path).expect("readable");
            let checked = super::run_with(&text, &|file| {
                std::fs::read(folder.join(file)).map_err(|e| e.to_string())
            });
            assert_eq!(checked.problems, [], "{}", path.display());
        }
    }
}
