//! Bad experiments, plans, modules, pages and pipelines.

use super::{check, check_all};

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
pub fn plan(field: &str) -> String {
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
            "pipelines: {prod: {timezone: Asia/Shangai, quiet_hours: [], gates: {min_requests: 0, max_error_increase: 10001, errors: 1}, steps: [{share: 10000, start: \"24:00\"}]}}",
            &[
                "unknown_timezone /pipelines/prod/timezone 1",
                "invalid_value /pipelines/prod/quiet_hours 1",
                "out_of_range /pipelines/prod/gates/min_requests 1",
                "out_of_range /pipelines/prod/gates/max_error_increase 1",
                "unknown_field /pipelines/prod/gates/errors 1",
                "invalid_time /pipelines/prod/steps/0/start 1",
            ],
        ),
        (
            "pipelines: {prod: {quiet_hours: [{from: \"20:00\", until: \"12:00\"}, {from: \"12:00\", until: \"20:00\"}], steps: [{share: 10000}]}}",
            &["invalid_value /pipelines/prod/quiet_hours 1"],
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
