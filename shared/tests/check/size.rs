//! Large documents. Run with `--release -- --ignored --nocapture` to see the times.

use std::fmt::Write as _;
use std::time::Instant;

use super::{run, run_with};

/// A module with 100,000 plans, about 34 MB.
fn large() -> String {
    let mut text = String::from(
        "skyful: 1\nworkspace: w\nlocales: {default: zh-CN, supported: [zh-CN, en]}\nattributes:\n  country: {type: string}\n  age: {type: integer}\n  tags: {type: string_list}\nmodule_types:\n  banner:\n    schema: {type: object, required: [title, image], properties: {title: {type: string, x-localizable: true}, image: {type: string, format: uri}}}\nmodules:\n  m:\n    type: banner\n    default: {content: {title: x, image: https://cdn.example/a.png}}\n    plans:\n",
    );
    for i in 0..100_000 {
        let _ = write!(
            text,
            "      - key: p{i}\n        audience: {{all: [{{attr: country, op: in, value: [C{}, D{i}, E{}]}}, {{attr: age, op: between, value: [{}, {}]}}, {{not: {{attr: tags, op: contains_any, value: [t{i}, blocked]}}}}]}}\n        rollout: {}\n        content: {{title: {{zh-CN: 长辈版 {i}, en: Senior {i}}}, image: \"https://cdn.example/assets/{i}.png\"}}\n",
            i % 200,
            i % 97,
            i % 50,
            i % 50 + 20,
            i % 10_000,
        );
    }
    text.push_str("pages: {home: {slots: [{key: s}], default: {modules: {s: [m]}}}}\n");
    text
}

#[test]
#[ignore = "takes seconds; prints times"]
fn a_hundred_thousand_plans() {
    let text = large();
    let started = Instant::now();
    let checked = run(text.as_bytes());
    let plans = checked.workspace.expect("valid").modules["m"].plans.len();
    println!(
        "{plans} plans in {} MB: {:?}",
        text.len() / 1_000_000,
        started.elapsed()
    );
}

#[test]
#[ignore = "takes seconds; prints times"]
fn ten_million_ids() {
    let mut file = String::new();
    for i in 0..10_000_000 {
        let _ = writeln!(file, "user-{i:012}");
    }
    let text = super::faults::spliced("segments: {s: {ids: {file: ids.csv}}}");
    let started = Instant::now();
    let checked = run_with(text.as_bytes(), &|_| Ok(file.clone().into_bytes()));
    assert!(checked.workspace.is_some());
    println!("10 million ids: {:?}", started.elapsed());
}

#[test]
#[ignore = "takes seconds; prints times"]
fn everything_misspelt() {
    let text = large().replace("attr: country", "attr: countri");
    let started = Instant::now();
    let checked = run(text.as_bytes());
    assert!(checked.suppressed >= 99_000);
    println!("100,000 faults: {:?}", started.elapsed());
}
