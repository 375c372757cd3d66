//! Bad documents. Each is a few sections put before those of a small valid document, which they
//! replace, so that lines count from the snippet's first.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use skyful::problem::Severity;

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
fn check(snippet: &str, expected: &[&str]) {
    let checked = run(spliced(snippet).as_bytes());
    let found = listed(&checked, Severity::Error);
    assert_eq!(found, expected, "{snippet}\n{:#?}", checked.problems);
}

#[track_caller]
fn check_all(cases: &[(&str, &[&str])]) {
    for (snippet, expected) in cases {
        check(snippet, expected);
    }
}

/// The hint of the only problem.
#[track_caller]
fn hint(snippet: &str) -> String {
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
        ("templates: {a: {}}", &["not_supported /templates 1"]),
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
        ("{}", vec!["missing_field  1"; 3]),
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

#[test]
fn layers_and_experiments() {
    check_all(&[
        (
            "layers: {copy: {holdout: [5, 5]}}",
            &["invalid_value /layers/copy/holdout 1"],
        ),
        (
            "layers: {copy: {holdout: [5, 10001]}}",
            &["out_of_range /layers/copy/holdout/1 1"],
        ),
        (
            "layers: {other: {}}",
            &["unknown_layer /experiments/words/layer 9"],
        ),
        (
            "layers: {copy: {hold_out: [0, 1]}}",
            &["unknown_field /layers/copy/hold_out 1"],
        ),
        (
            "experiments: {e: {}}",
            &["missing_field /experiments/e 1"; 3],
        ),
        (
            "experiments: {e: {layer: copy, buckets: [0, 5], variants: [{key: a, weight: 10000}]}}",
            &[
                "wrong_type /experiments/e/buckets/0 1",
                "wrong_type /experiments/e/buckets/1 1",
            ],
        ),
        (
            "experiments: {e: {layer: copy, buckets: [[0, 1]], variants: [{key: a, weight: 9999}]}}",
            &["weights_sum /experiments/e/variants 1"],
        ),
        (
            "experiments: {e: {layer: copy, buckets: [[0, 1]], variants: [{key: a, weight: 5000}, {key: a, weight: 5000}], by: devise, salt: ''}}",
            &[
                "duplicate /experiments/e/variants/1/key 1",
                "invalid_value /experiments/e/by 1",
                "invalid_value /experiments/e/salt 1",
            ],
        ),
        (
            "experiments:\n  e: {layer: copy, buckets: [[0, 100]], variants: [{key: a, weight: 10000}]}\n  d: {layer: copy, buckets: [[200, 300], [99, 101]], variants: [{key: a, weight: 10000}]}\n  c: {layer: copy, buckets: [[8000, 9001]], variants: [{key: a, weight: 10000}]}\n  b: {layer: copy, buckets: [[300, 400], [350, 360]], variants: [{key: a, weight: 10000}]}",
            &[
                "overlap /experiments/d/buckets 3",
                "overlap /experiments/c/buckets 4",
                "overlap /experiments/b/buckets 5",
            ],
        ),
    ]);
}

/// A module plan's field.
fn plan(field: &str) -> String {
    format!(
        "modules:\n  hero:\n    type: banner\n    default: {{content: {{title: Hi}}}}\n    plans:\n      - key: p\n        {field}\n  feed: {{type: banner}}"
    )
}

#[test]
fn constraints() {
    let field = |field: &str, expected: &[&str]| {
        let at = |e: &&str| {
            let (code, rest) = e.split_once(' ').unwrap_or((e, ""));
            format!("{code} /modules/hero/plans/0{rest} 7")
        };
        let expected: Vec<String> = expected.iter().map(at).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(&plan(field), &expected);
    };
    field("schedule: {}", &["missing_field /schedule"]);
    field("schedule: {timezone: UTC}", &["missing_field /schedule"]);
    field(
        "schedule: {from: 2026-13-01T00:00}",
        &["invalid_time /schedule/from"],
    );
    field(
        "schedule: {from: '2026-01-01T00:00Z', until: 2026-01-01}",
        &[
            "invalid_time /schedule/from",
            "invalid_time /schedule/until",
        ],
    );
    field(
        "schedule: {from: 1999-12-31T23:59, until: 2100-12-31T23:59:59}",
        &["out_of_range /schedule/from"],
    );
    field(
        "schedule: {from: 2026-01-01T00:00, timezone: Asia/Shangai}",
        &["unknown_timezone /schedule/timezone"],
    );
    field(
        "schedule: {from: 2026-01-01T00:00, timezone: asia/shanghai}",
        &["unknown_timezone /schedule/timezone"],
    );
    field(
        "schedule: {weekly: []}",
        &["invalid_value /schedule/weekly"],
    );
    field(
        "schedule: {weekly: [{days: []}, {days: [monday]}, {from: '24:00'}, {until: '24:01'}, {until: '9:00'}]}",
        &[
            "invalid_value /schedule/weekly/0/days",
            "invalid_value /schedule/weekly/1/days/0",
            "invalid_time /schedule/weekly/2/from",
            "invalid_time /schedule/weekly/3/until",
            "invalid_time /schedule/weekly/4/until",
        ],
    );
    field("placement: {}", &["missing_field /placement"]);
    field(
        "placement: {platforms: [ois], channels: [x], min_app_version: 8.2}",
        &[
            "unknown_value /placement/platforms/0",
            "unknown_attribute /placement/channels",
            "quote_it /placement/min_app_version",
        ],
    );
    field(
        "audience: {segment: senior}",
        &["unknown_segment /audience/segment"],
    );
    field("caps: {limit: 3}", &["wrong_type /caps"]);
    field(
        "caps: [{limit: 1001, per: 1d}, {limit: -1, per: 1w}, {limit: 1}]",
        &[
            "limit /caps/0/limit",
            "out_of_range /caps/1/limit",
            "invalid_duration /caps/1/per",
            "missing_field /caps/2",
        ],
    );
    field(
        "caps: [{cooldown: 0s}, {cooldown: 9999d}, {cooldown: 1h, count: dismiss}, {stop_after: exposure}, {group: prom}, {limt: 3}, {group: promo, limit: 1, per: lifetime}]",
        &[
            "out_of_range /caps/0/cooldown",
            "limit /caps/1/cooldown",
            "invalid_value /caps/2/count",
            "invalid_value /caps/3/stop_after",
            "unknown_cap_group /caps/4/group",
            "missing_field /caps/5",
            "unknown_field /caps/6/group",
        ],
    );
    field(
        "caps: [{limit: 1, per: {calendar: year, timezone: Mars}}]",
        &[
            "invalid_value /caps/0/per/calendar",
            "unknown_timezone /caps/0/per/timezone",
        ],
    );
    field(
        "caps: [{}, {}, {}, {}, {}, {}, {}, {}, {}]",
        &["limit /caps"],
    );
    field("rollout: 10001", &["out_of_range /rollout"]);
    field("rollout: 25%", &["wrong_type /rollout"]);
    field("rollout: {by: device}", &["missing_field /rollout"]);
    field(
        "experiment: {key: wrods, variant: a}",
        &["unknown_experiment /experiment/key"],
    );
    field(
        "experiment: {key: words, variant: c}",
        &["unknown_variant /experiment/variant"],
    );
    field("experiment: words", &["wrong_type /experiment"]);
}

#[test]
fn plans_and_modules() {
    check_all(&[
        (
            &plan("content: {title: Hi}\n      - key: p"),
            &["duplicate /modules/hero/plans/1/key 8"],
        ),
        (
            &plan("content: {title: Hi}\n      - key: default"),
            &["reserved_key /modules/hero/plans/1/key 8"],
        ),
        (
            &plan("content: {title: Hi}\n      - key: A b"),
            &["invalid_key /modules/hero/plans/1/key 8"],
        ),
        (
            &plan("contents: {title: Hi}"),
            &["unknown_field /modules/hero/plans/0/contents 7"],
        ),
        (
            "modules: {hero: {type: banner, plans: [{key: p}]}, feed: {type: banner}}",
            &["missing_field /modules/hero/plans/0 1"],
        ),
        (
            "modules: {hero: {type: baner}, feed: {}}",
            &[
                "unknown_module_type /modules/hero/type 1",
                "missing_field /modules/feed 1",
            ],
        ),
        (
            "modules: {hero: {type: banner, default: {title: x}}, feed: {type: banner}}",
            &[
                "missing_field /modules/hero/default 1",
                "unknown_field /modules/hero/default/title 1",
            ],
        ),
    ]);
}

#[test]
fn pages() {
    check_all(&[
        ("pages: {home: {}}", &["missing_field /pages/home 1"]),
        (
            "pages: {home: {slots: [{key: a}, {key: a}, {max: 501}]}}",
            &[
                "duplicate /pages/home/slots/1/key 1",
                "missing_field /pages/home/slots/2 1",
                "limit /pages/home/slots/2/max 1",
            ],
        ),
        (
            "pages: {home: {slots: [{key: top}], default: {modules: {tpo: [hero], top: [heor, hero, hero]}}}}",
            &[
                "unknown_slot /pages/home/default/modules/tpo 1",
                "unknown_module /pages/home/default/modules/top/0 1",
                "duplicate /pages/home/default/modules/top/2 1",
            ],
        ),
        (
            "pages: {home: {slots: [], default: {}}, b: {slots: [{key: top, max: 0}]}}",
            &[
                "invalid_value /pages/home/slots 1",
                "out_of_range /pages/b/slots/0/max 1",
            ],
        ),
        (
            "pages: {home: {slots: [{key: top}], default: {modules: {}}, plans: [{key: p, ordering: {top: {by: fastest}, low: {by: manual}}}]}}",
            &[
                "invalid_value /pages/home/plans/0/ordering/top/by 1",
                "unknown_slot /pages/home/plans/0/ordering/low 1",
            ],
        ),
        (
            "pages: {home: {slots: [{key: top}, {key: low}], default: {modules: {top: [hero]}, ordering: {top: {by: weighted, weights: {hero: 0, heroo: 1000001}}, low: {by: learned, weights: {}}}}}}",
            &[
                "out_of_range /pages/home/default/ordering/top/weights/hero 1",
                "unknown_module /pages/home/default/ordering/top/weights/heroo 1",
                "limit /pages/home/default/ordering/top/weights/heroo 1",
                "missing_field /pages/home/default/ordering/low 1",
            ],
        ),
        (
            "pages: {home: {slots: [{key: top}], default: {modules: {top: [hero]}, ordering: {top: {by: newest, metric: x}}}}}",
            &["unknown_field /pages/home/default/ordering/top/metric 1"],
        ),
        (
            "pages: {home: {slots: [{key: top}], plans: [{key: p, modules: [hero]}]}}",
            &["wrong_type /pages/home/plans/0/modules 1"],
        ),
    ]);
}

#[test]
fn pipelines_and_cap_groups() {
    check_all(&[
        (
            "pipelines: {prod: {steps: []}}",
            &["invalid_value /pipelines/prod/steps 1"],
        ),
        (
            "pipelines: {prod: {steps: [{staff: false}, {hold: 1h}, {share: 100, hold: 1 h}, {share: 50}, {staff: true, share: 1}]}}",
            &[
                "invalid_value /pipelines/prod/steps/0/staff 1",
                "missing_field /pipelines/prod/steps/1 1",
                "invalid_duration /pipelines/prod/steps/2/hold 1",
                "missing_field /pipelines/prod/steps/4 1",
            ],
        ),
        (
            "pipelines: {prod: {steps: [{share: 100}, {share: 50}]}}",
            &["invalid_value /pipelines/prod/steps/1 1"],
        ),
        (
            "cap_groups: {promo: {limit: 3, per: 30, by: device}}",
            &[
                "invalid_duration /cap_groups/promo/per 1",
                "unknown_field /cap_groups/promo/by 1",
            ],
        ),
    ]);
}

#[test]
fn content() {
    let hero = |content: &str| {
        format!(
            "modules:\n  hero:\n    type: banner\n    default:\n      content:\n        {content}\n  feed: {{type: banner}}"
        )
    };
    check_all(&[
        (
            &hero("image: x"),
            &[
                "content_schema /modules/hero/default/content 5",
                "content_schema /modules/hero/default/content/image 6",
            ],
        ),
        (
            &hero("title: {en: Hi, zh-CN: much too long}"),
            &["content_schema /modules/hero/default/content/title/zh-CN 6"],
        ),
        (
            &hero("title: {zh_tw: far too long a text, en: Hi}"),
            &["content_schema /modules/hero/default/content/title/zh_tw 6"],
        ),
        (
            &hero("title: {zh-CN: Hi}"),
            &["missing_locale /modules/hero/default/content/title 6"],
        ),
        (
            &hero("title: {en: Hi, fr: Salut}"),
            &["unknown_locale /modules/hero/default/content/title/fr 6"],
        ),
        (
            &hero("title: {en: Hi, EN: Hi}"),
            &["duplicate /modules/hero/default/content/title/EN 6"],
        ),
        (
            &hero("title: {}"),
            &["missing_locale /modules/hero/default/content/title 6"],
        ),
        (
            &hero("title: 5"),
            &["content_schema /modules/hero/default/content/title 6"],
        ),
        (
            &hero("title: Hi\n        titel: Ho"),
            &["content_schema /modules/hero/default/content/titel 7"],
        ),
        (
            &hero("title: Hi\n        n: 1.5"),
            &["content_schema /modules/hero/default/content/n 7"],
        ),
        (
            &hero("title: Hi\n        n: 1e999"),
            &["invalid_value /modules/hero/default/content/n 7"],
        ),
        (
            "modules: {hero: {type: banner, default: {content: [1]}}, feed: {type: banner}}",
            &["wrong_type /modules/hero/default/content 1"],
        ),
    ]);
    assert_eq!(
        hint(&(hero("title: Hi\n        titel: Ho") + "\nexperiments: {}")),
        "did you mean `title`?"
    );
    let long = format!(
        "title: Hi\n        image: \"https://x/{}\"",
        "x".repeat(300_000)
    );
    check(&hero(&long), &["limit /modules/hero/default/content 5"]);
}

#[test]
fn localized_fields_are_found_at_any_depth() {
    let schema = "module_types:\n  banner:\n    schema:\n      $defs:\n        text: {type: string, maxLength: 3, x-localizable: true}\n        tree: {type: object, properties: {text: {$ref: '#/$defs/text'}, below: {$ref: '#/$defs/tree'}}}\n      allOf: [{properties: {a: {type: array, prefixItems: [{type: integer}], items: {$ref: '#/$defs/text'}}}}]\n      anyOf: [{properties: {o: {type: object, additionalProperties: {$ref: '#/$defs/text'}}}}, false]\n      properties:\n        t: {$ref: '#/$defs/tree'}\n        free: {x-localizable: true}\nmodules:\n";
    let hero = |content: &str| {
        format!(
            "{schema}  feed: {{type: banner}}\n  hero: {{type: banner, default: {{content: {content}}}}}"
        )
    };
    check_all(&[
        (
            &hero("{a: [1, {en: abc, zh-CN: abcd}, abcd]}"),
            &[
                "content_schema /modules/hero/default/content/a/1/zh-CN 14",
                "content_schema /modules/hero/default/content/a/2 14",
            ],
        ),
        (
            &hero("{t: {below: {below: {text: {en: ok, zh-CN: abcd}}}}}"),
            &["content_schema /modules/hero/default/content/t/below/below/text/zh-CN 14"],
        ),
        (
            &hero("{o: {x: {en: ok}, y: {fr: x}}}"),
            &[
                "missing_locale /modules/hero/default/content/o/y 14",
                "unknown_locale /modules/hero/default/content/o/y/fr 14",
            ],
        ),
        (&hero("{free: {any: thing}, o: {en: ok}}"), &[]),
        (
            &hero("{free: {en: [1], any: 2}}"),
            &["unknown_locale /modules/hero/default/content/free/any 14"],
        ),
    ]);
}

#[test]
fn schemas_and_templates() {
    let types = |schema: &str, template: &str| {
        format!(
            "module_types:\n  banner:\n    schema: {schema}\n    template: '{template}'\nmodules: {{hero: {{type: banner}}, feed: {{type: banner}}}}"
        )
    };
    let bad = |schema: &str, expected: &[&str]| check(&types(schema, ""), expected);
    bad(
        "{type: objekt}",
        &["invalid_schema /module_types/banner/schema/type 3"],
    );
    bad(
        "{properties: {a: {maxLength: -1}}}",
        &["invalid_schema /module_types/banner/schema/properties/a/maxLength 3"],
    );
    bad(
        "{properties: {a: {pattern: '('}}}",
        &["invalid_schema /module_types/banner/schema/properties/a/pattern 3"],
    );
    bad(
        "{$ref: https://example.com/schema.json}",
        &["invalid_schema /module_types/banner/schema/$ref 3"],
    );
    bad(
        "{properties: {a: {$ref: '#/$defs/none'}}}",
        &["invalid_schema /module_types/banner/schema/properties/a/$ref 3"],
    );
    bad(
        "{$schema: http://json-schema.org/draft-07/schema#}",
        &["invalid_schema /module_types/banner/schema/$schema 3"],
    );
    bad(
        "{not: {x-localizable: true}, properties: {a: {x-localizable: 1}}}",
        &[
            "invalid_schema /module_types/banner/schema/not/x-localizable 3",
            "wrong_type /module_types/banner/schema/properties/a/x-localizable 3",
        ],
    );
    bad("true", &["wrong_type /module_types/banner/schema 3"]);
    bad("{$ref: '#'}", &[]);
    let schema = "{properties: {a: {type: string}, o: {properties: {b: {}}}}}";
    let template = |template: &str, expected: &[&str]| check(&types(schema, template), expected);
    template("{{a}} {{ o.b }} }} {", &[]);
    template(
        "{{ b }} {{ o.c }}",
        &["unknown_template_field /module_types/banner/template 4"; 2],
    );
    template(
        "{{{ a }}}",
        &["invalid_template /module_types/banner/template 4"],
    );
    template(
        "{{#a}}x{{/a}} {{& a}} {{! a }}",
        &["invalid_template /module_types/banner/template 4"; 4],
    );
    template(
        "{{ a",
        &["invalid_template /module_types/banner/template 4"],
    );
}

#[test]
fn schemas_that_refer_to_themselves_come_to_an_end() {
    for schema in [
        "{$ref: '#'}",
        "{allOf: [{$ref: '#'}]}",
        "{allOf: [{$ref: '#'}, {$ref: '#'}], x-localizable: true}",
        "{anyOf: [{$ref: '#/$defs/a'}, {$ref: '#/$defs/b'}], $defs: {a: {$ref: '#/$defs/b'}, b: {allOf: [{$ref: '#/$defs/a'}, {$ref: '#'}], x-localizable: true}}}",
        "{additionalProperties: {$ref: '#'}, x-localizable: true}",
    ] {
        let text = format!(
            "module_types: {{banner: {{schema: {schema}}}}}\nmodules: {{hero: {{type: banner, default: {{content: {{a: {{b: {{c: d}}}}}}}}}}, feed: {{type: banner}}}}"
        );
        run(spliced(&text).as_bytes());
    }
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
