//! Bad documents. Each is a few sections put before those of a small valid document, which they
//! replace, so that lines count from the snippet's first.

#[path = "faults/content.rs"]
mod content;
#[path = "faults/plans.rs"]
mod plans;
#[path = "faults/rules.rs"]
mod rules;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use skyful::problem::Severity;

use self::plans::plan;
use super::{listed, run};

const BASE: &str = "\
skyful: 1
workspace: w
locales: {default: en, supported: [en, zh-CN], fallback: {zh-CN: [zh-TW]}}
attributes: {age: {type: integer, min: 0, max: 150}, country: {type: string}, platform: {type: enum, values: [ios, android]}, app_version: {type: version}, tags: {type: string_list}, since: {type: datetime}, vip: {type: boolean}, score: {type: number}}
module_types: {banner: {schema: {type: object, required: [title], additionalProperties: false, properties: {title: {type: string, maxLength: 10, x-localizable: true}, image: {type: string, format: uri}, n: {type: integer}}}}}
segments: {seniors: {rule: {attr: age, op: gte, value: 60}}}
cap_groups: {promo: {limit: 3, per: 1d}}
layers: {copy: {holdout: [9000, 10000]}}
experiments: {words: {layer: copy, buckets: [[0, 5000]], variants: [{key: a, weight: 5000}, {key: b, weight: 5000}]}}
modules: {hero: {type: banner, default: {content: {title: Hi}}}, feed: {type: banner}}
pages: {home: {slots: [{key: top}, {key: low}], default: {modules: {top: [hero], low: [feed]}}}}
";

/// The snippet, and whatever of the base it doesn't replace.
pub fn spliced(snippet: &str) -> String {
    let mut text = format!("{}\n", snippet.trim_end());
    for section in BASE.lines() {
        let name = section.split_once(':').expect("a section").0;
        let replaced = snippet.lines().any(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(':'))
        });
        if !replaced {
            text.push_str(section);
            text.push('\n');
        }
    }
    text
}

#[track_caller]
pub fn check(snippet: &str, expected: &[&str]) {
    let checked = run(spliced(snippet).as_bytes());
    let found = listed(&checked, Severity::Error);
    assert_eq!(found, expected, "{snippet}\n{:#?}", checked.problems);
}

#[track_caller]
pub fn check_all(cases: &[(&str, &[&str])]) {
    for (snippet, expected) in cases {
        check(snippet, expected);
    }
}

/// The hint of the only problem.
#[track_caller]
pub fn hint(snippet: &str) -> String {
    let checked = run(spliced(snippet).as_bytes());
    assert_eq!(checked.problems.len(), 1, "{:#?}", checked.problems);
    checked.problems[0].hint.clone().unwrap_or_default()
}

#[test]
fn the_base_itself_is_free_of_problems_but_one_warning() {
    let checked = run(BASE.as_bytes());
    assert_eq!(listed(&checked, Severity::Error), [""; 0]);
    assert_eq!(
        listed(&checked, Severity::Warning),
        ["unused_experiment /experiments/words 9"]
    );
}

#[test]
fn the_document_as_a_whole() {
    check_all(&[
        ("skyful: 2", &["unsupported_version /skyful 1"]),
        ("skyful: \"1\"", &["wrong_type /skyful 1"]),
        ("skyful: 1.5", &["wrong_type /skyful 1"]),
        ("workspace: My_Wallet", &["invalid_key /workspace 1"]),
        ("workspace: 12", &["quote_it /workspace 1"]),
        ("pagse: {}", &["unknown_field /pagse 1"]),
        ("pages: []", &["wrong_type /pages 1"]),
        ("pages:", &["wrong_type /pages 1"]),
        ("pages: {}", &["invalid_value /pages 1"]),
        ("templates: []", &["wrong_type /templates 1"]),
        ("assertions: [1]", &["not_supported /assertions 1"]),
        (
            "ofrep: [home, hom, home]",
            &["unknown_page /ofrep/1 1", "duplicate /ofrep/2 1"],
        ),
        ("ofrep: [a, b, c, d, e, f, g, h, i]", &["limit /ofrep 1"]),
        ("skyful: 1\nskyful: 1", &["duplicate_key /skyful 2"]),
    ]);
    for (text, expected) in [
        ("", vec!["wrong_type  1"]),
        ("[]", vec!["wrong_type  1"]),
        ("{}", vec!["missing_field  1"; 4]),
        ("skyful: 1\nworkspace: {\n", vec!["syntax  2"]),
    ] {
        assert_eq!(
            listed(&run(text.as_bytes()), Severity::Error),
            expected,
            "{text}"
        );
    }
}

#[test]
fn locales() {
    check_all(&[
        ("locales: {default: en}", &["missing_field /locales 1"]),
        (
            "locales: {default: fr, supported: [en]}",
            &["unknown_locale /locales/default 1"],
        ),
        (
            "locales: {default: en, supported: [en, EN]}",
            &["duplicate /locales/supported/1 1"],
        ),
        (
            "locales: {default: en, supported: []}",
            &["invalid_value /locales/supported 1"],
        ),
        (
            "locales: {default: en, supported: [en, 'e n', 12]}",
            &[
                "invalid_locale /locales/supported/1 1",
                "quote_it /locales/supported/2 1",
            ],
        ),
        (
            "locales: {default: en, supported: [en], fallback: {en: [x-], 1-2: [en]}}",
            &[
                "invalid_locale /locales/fallback/en/0 1",
                "invalid_locale /locales/fallback/1-2 1",
            ],
        ),
    ]);
}

#[test]
fn attributes() {
    check_all(&[
        (
            "attributes:\n  a: {}\nsegments: {}",
            &["missing_field /attributes/a 2"],
        ),
        (
            "attributes: {a: {type: text}}\nsegments: {}",
            &["invalid_value /attributes/a/type 1"],
        ),
        (
            "attributes: {A-b: {type: string}}\nsegments: {}",
            &["invalid_key /attributes/A-b 1"],
        ),
        (
            "attributes: {a: {type: enum}}\nsegments: {}",
            &["missing_field /attributes/a 1"],
        ),
        (
            "attributes: {a: {type: enum, values: []}}\nsegments: {}",
            &["invalid_value /attributes/a/values 1"],
        ),
        (
            "attributes: {a: {type: enum, values: [x, x, 1, NO]}}\nsegments: {}",
            &[
                "duplicate /attributes/a/values/1 1",
                "quote_it /attributes/a/values/2 1",
            ],
        ),
        (
            "attributes: {a: {type: string, values: [x]}}\nsegments: {}",
            &["unknown_field /attributes/a/values 1"],
        ),
        (
            "attributes: {a: {type: version, min: 1}}\nsegments: {}",
            &["unknown_field /attributes/a/min 1"],
        ),
        (
            "attributes: {a: {type: integer, min: 0.5, max: 9223372036854775808}}\nsegments: {}",
            &[
                "wrong_type /attributes/a/min 1",
                "wrong_type /attributes/a/max 1",
            ],
        ),
        (
            "attributes: {a: {type: string, from: edge.contry}, b: {type: string, from: 'header.a b'}}\nsegments: {}",
            &[
                "invalid_value /attributes/a/from 1",
                "invalid_value /attributes/b/from 1",
            ],
        ),
        (
            "attributes: {a: {type: string, description: 5, typ: x}}\nsegments: {}",
            &[
                "quote_it /attributes/a/description 1",
                "unknown_field /attributes/a/typ 1",
            ],
        ),
    ]);
}

#[test]
fn hints_name_what_is_possible() {
    let rule = |rule: &str| {
        hint(&format!(
            "segments: {{s: {{rule: {rule}}}}}\nexperiments: {{}}"
        ))
    };
    assert_eq!(
        rule("{attr: age, op: gt_e, value: 1}"),
        "did you mean `gte`?"
    );
    assert_eq!(
        rule("{attr: countri, op: eq, value: x}"),
        "did you mean `country`?"
    );
    assert_eq!(
        rule("{attr: platform, op: eq, value: iso}"),
        "did you mean `ios`?"
    );
    assert_eq!(
        rule("{attr: app_version, op: eq, value: 8.20}"),
        "quote it: \"8.20\""
    );
    assert_eq!(
        rule("{attr: age, op: eq, value: '5'}"),
        "write it without quotes: 5"
    );
    assert_eq!(
        rule("{attr: vip, op: gt, value: true}"),
        "of boolean are allowed: eq, ne, exists, missing"
    );
    assert_eq!(
        hint(
            &(plan("schedule: {from: 2099-01-01T00:00, timezone: Asia/Shangai}")
                + "\nexperiments: {}")
        ),
        "did you mean `Asia/Shanghai`?"
    );
    assert_eq!(hint("pagse: {}\nexperiments: {}"), "did you mean `pages`?");
}

#[test]
fn all_faults_of_a_document_come_at_once_in_its_order() {
    check(
        "\
attributes:
  age: {type: intger}
  country: {type: string}
segments:
  a: {rule: {attr: country, op: equals, value: CN}}
  a: {rule: {all: []}}
  c: {rule: {segment: d}}
experiments:
  words: {layer: copy, buckets: [[0, 9001]], variants: [{key: a, weight: 1}]}
modules:
  hero:
    type: banner
    plans:
      - audience: {attr: contry, op: eq, value: NO}
      - {key: x, rollout: -1, content: {titel: Hi}}
pages:
  home: {slots: [{key: top}], plans: [{key: a, modules: {top: [hero, her]}}, {key: a}]}
nothing: here",
        &[
            "invalid_value /attributes/age/type 2",
            "unknown_operator /segments/a/rule/op 5",
            "duplicate_key /segments/a 6",
            "unknown_segment /segments/c/rule/segment 7",
            "weights_sum /experiments/words/variants 9",
            "missing_field /modules/hero/plans/0 14",
            "missing_field /modules/hero/plans/0 14",
            "unknown_attribute /modules/hero/plans/0/audience/attr 14",
            "out_of_range /modules/hero/plans/1/rollout 15",
            "content_schema /modules/hero/plans/1/content 15",
            "content_schema /modules/hero/plans/1/content/titel 15",
            "unknown_module /pages/home/plans/0/modules/top/1 17",
            "duplicate /pages/home/plans/1/key 17",
            "unknown_field /nothing 18",
        ],
    );
}

#[test]
fn more_problems_than_are_listed_are_counted() {
    let list = vec!["1"; 1_500].join(", ");
    let checked = run(spliced(&format!("segments: {{s: {{ids: {{list: [{list}]}}}}}}")).as_bytes());
    assert_eq!(checked.problems.len(), 1_000);
    assert_eq!(checked.suppressed, 501);
}

#[test]
fn what_is_too_large_is_refused_at_once() {
    let started = Instant::now();
    let checked = run(&vec![b'#'; 65 << 20]);
    assert_eq!(listed(&checked, Severity::Error), ["limit  0"]);
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("segments:\n  s0: &s0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..9 {
        let alias = vec![format!("*s{}", i - 1); 10].join(", ");
        let _ = writeln!(text, "  s{i}: &s{i} [{alias}]");
    }
    check(&text, &["limit  9"]);
}
