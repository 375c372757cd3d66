//! Bad rules and segments.

use std::fmt::Write as _;

use super::super::run;
use super::{check, check_all, spliced};

#[test]
fn rules() {
    let rule = |rule: &str, expected: &[&str]| {
        check(&format!("segments: {{s: {{rule: {rule}}}}}"), expected);
    };
    rule(
        "{attr: aeg, op: eq, value: 1}",
        &["unknown_attribute /segments/s/rule/attr 1"],
    );
    rule(
        "{attr: age, op: gt_e, value: 1}",
        &["unknown_operator /segments/s/rule/op 1"],
    );
    rule(
        "{attr: age, op: contains, value: x}",
        &["operator_type /segments/s/rule/op 1"],
    );
    rule(
        "{attr: vip, op: in, value: [true]}",
        &["operator_type /segments/s/rule/op 1"],
    );
    rule(
        "{attr: tags, op: eq, value: x}",
        &["operator_type /segments/s/rule/op 1"],
    );
    rule(
        "{attr: age, op: gte}",
        &["missing_field /segments/s/rule 1"],
    );
    rule("{attr: age}", &["missing_field /segments/s/rule 1"]);
    rule("{op: gte, value: 5}", &["missing_field /segments/s/rule 1"]);
    rule(
        "{attr: age, op: exists, value: 5}",
        &["unknown_field /segments/s/rule/value 1"],
    );
    rule(
        "{attr: age, op: gte, value: 5, values: 6}",
        &["unknown_field /segments/s/rule/values 1"],
    );
    rule(
        "{attr: age, op: gte, value: '5'}",
        &["wrong_type /segments/s/rule/value 1"],
    );
    rule(
        "{attr: age, op: gte, value: 5.5}",
        &["wrong_type /segments/s/rule/value 1"],
    );
    rule(
        "{attr: age, op: in, value: 5}",
        &["wrong_type /segments/s/rule/value 1"],
    );
    rule(
        "{attr: age, op: between, value: [5]}",
        &["invalid_value /segments/s/rule/value 1"],
    );
    rule(
        "{attr: score, op: lt, value: 1e999}",
        &["wrong_type /segments/s/rule/value 1"],
    );
    rule(
        "{attr: score, op: lt, value: .inf}",
        &["unusual_number /segments/s/rule/value 1"],
    );
    rule(
        "{attr: country, op: eq, value: 44}",
        &["quote_it /segments/s/rule/value 1"],
    );
    rule(
        "{attr: country, op: in, value: [NO, true]}",
        &["quote_it /segments/s/rule/value/1 1"],
    );
    rule(
        "{attr: platform, op: eq, value: iso}",
        &["unknown_value /segments/s/rule/value 1"],
    );
    rule("{attr: platform, op: contains, value: iso}", &[]);
    rule(
        "{attr: app_version, op: gte, value: 8.2}",
        &["quote_it /segments/s/rule/value 1"],
    );
    rule(
        "{attr: app_version, op: gte, value: 8.2.x}",
        &["invalid_value /segments/s/rule/value 1"],
    );
    rule(
        "{attr: since, op: lt, value: 2026-01-01}",
        &["invalid_value /segments/s/rule/value 1"],
    );
    rule(
        "{attr: vip, op: eq, value: yes}",
        &["wrong_type /segments/s/rule/value 1"],
    );
    rule(
        "{attr: country, op: matches, value: '('}",
        &["invalid_pattern /segments/s/rule/value 1"],
    );
    rule(
        "{attr: country, op: matches, value: '\\b中'}",
        &["invalid_pattern /segments/s/rule/value 1"],
    );
    rule(
        "{attr: country, op: in_cidr, value: [10.0.0.1/8, 10.0.0.0/8, x]}",
        &[
            "invalid_value /segments/s/rule/value/0 1",
            "invalid_value /segments/s/rule/value/2 1",
        ],
    );
    rule("{al: []}", &["unknown_field /segments/s/rule/al 1"]);
    rule("{}", &["missing_field /segments/s/rule 1"]);
    rule("[]", &["wrong_type /segments/s/rule 1"]);
    rule("{all: [], any: []}", &["ambiguous_rule /segments/s/rule 1"]);
    rule("{not: [{all: []}]}", &["wrong_type /segments/s/rule/not 1"]);
    rule(
        "{all: [{not: {attr: x, op: eq, value: 1}}, {any: [{segment: t}]}]}",
        &[
            "unknown_attribute /segments/s/rule/all/0/not/attr 1",
            "unknown_segment /segments/s/rule/all/1/any/0/segment 1",
        ],
    );
    // One fault in a declaration is one fault, however often it is used.
    check(
        "attributes: {a: {type: nothing}}\nsegments: {s: {rule: {attr: a, op: eq, value: 1}}}",
        &["invalid_value /attributes/a/type 1"],
    );
}

#[test]
fn segments() {
    check_all(&[
        ("segments: {s: {}}", &["missing_field /segments/s 1"]),
        (
            "segments: {s: {rule: {all: []}, ids: {list: []}}}",
            &["ambiguous_segment /segments/s/ids 1"],
        ),
        (
            "segments: {s: {ids: {list: [u, 5, '']}}}",
            &[
                "quote_it /segments/s/ids/list/1 1",
                "invalid_value /segments/s/ids/list/2 1",
            ],
        ),
        (
            "segments: {s: {ids: {}}}",
            &["missing_field /segments/s/ids 1"],
        ),
        (
            "segments: {s: {ids: {list: [], file: x}}}",
            &["ambiguous_segment /segments/s/ids/file 1"],
        ),
        (
            "segments: {s: {rule: {segment: s}}}",
            &["circular_segment /segments/s 1"],
        ),
        (
            "segments:\n  d: {rule: {segment: b}}\n  a: {rule: {not: {segment: b}}}\n  b: {rule: {any: [{segment: c}]}}\n  c: {rule: {segment: a}}",
            &["circular_segment /segments/a 3"],
        ),
        (
            "segments: {S: {rule: {all: []}}}",
            &["invalid_key /segments/S 1"],
        ),
    ]);
    let checked =
        run(spliced("segments: {a: {rule: {segment: b}}, b: {rule: {segment: a}}}").as_bytes());
    assert!(checked.problems[0].message.ends_with("a → b → a"));
}

#[test]
fn rules_have_limits_with_segments_put_in() {
    let nested =
        |depth: usize| format!("{}{{all: []}}{}", "{not: ".repeat(depth), "}".repeat(depth));
    check(&format!("segments:\n  s: {{rule: {}}}", nested(31)), &[]);
    check(
        &format!("segments:\n  s: {{rule: {}}}", nested(32)),
        &["limit /segments/s 2"],
    );
    let halves = format!(
        "segments:\n  a: {{rule: {}}}\n  b:\n    rule: {}",
        nested(19),
        nested(19).replace("all: []", "segment: a")
    );
    check(&halves, &["limit /segments/b 3"]);
    // 10 to the power of 6 predicates, in six lines.
    let mut text = String::from("segments:\n  s0: {rule: {attr: vip, op: exists}}\n");
    for i in 1..=6 {
        let child = format!("{{segment: s{}}}", i - 1);
        let _ = writeln!(
            text,
            "  s{i}: {{rule: {{any: [{}]}}}}",
            vec![child; 10].join(", ")
        );
    }
    check(&text, &["limit /segments/s6 8"]);
    let deep = format!("segments:\n  s:\n    rule: {}", nested(10_000));
    check(&deep, &["limit  3"]);
}
