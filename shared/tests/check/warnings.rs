//! What can hardly be meant is said, and never in the way.

use skyful::problem::Severity;

use super::faults::spliced;
use super::{listed, run};

#[track_caller]
fn check(snippet: &str, expected: &[&str]) {
    let checked = run(spliced(snippet).as_bytes());
    assert!(checked.workspace.is_some(), "{:#?}", checked.problems);
    let mut found = listed(&checked, Severity::Warning);
    found.retain(|w| !w.starts_with("unused_experiment /experiments/words"));
    assert_eq!(found, expected, "{snippet}\n{:#?}", checked.problems);
}

fn plans(plans: &str) -> String {
    format!(
        "modules:\n  hero:\n    type: banner\n    default: {{content: {{title: Hi}}}}\n    plans:\n{plans}\n  feed: {{type: banner}}"
    )
}

#[test]
fn plans_that_are_never_reached() {
    check(
        &plans("      - {key: a, caps: []}\n      - {key: b}"),
        &["unreachable_plan /modules/hero/plans/1 7"],
    );
    check(
        &plans("      - {key: a, caps: [{limit: 1, per: 1d}]}\n      - {key: b}"),
        &[],
    );
    check(
        &plans(
            "      - {key: a, audience: {attr: age, op: gt, value: 5}}\n      - {key: b, audience: {value: 5, op: gt, attr: age}, caps: [{stop_after: click}]}",
        ),
        &["unreachable_plan /modules/hero/plans/1 7"],
    );
    // Each draws its own visitors, unless a salt says otherwise.
    check(
        &plans("      - {key: a, rollout: 5}\n      - {key: b, rollout: 5}"),
        &[],
    );
    check(
        &plans(
            "      - {key: a, rollout: {share: 5, salt: x}}\n      - {key: b, rollout: {share: 5, salt: x}}",
        ),
        &["unreachable_plan /modules/hero/plans/1 7"],
    );
}

#[test]
fn constraints_that_never_hold() {
    check(
        &plans(
            "      - {key: a, schedule: {from: 2027-01-01T00:00, until: 2027-01-01T00:00}}\n      - {key: b, schedule: {until: 2026-11-22T08:00, timezone: Asia/Shanghai}}\n      - {key: c, schedule: {until: 2026-11-22T00:00:01}}",
        ),
        &[
            "empty_schedule /modules/hero/plans/0/schedule 6",
            "expired_schedule /modules/hero/plans/1/schedule 7",
        ],
    );
    check(
        &plans(
            "      - {key: a, placement: {min_app_version: \"2\", max_app_version: \"1.9\"}}\n      - {key: b, rollout: 0}\n      - {key: c, caps: [{limit: 0, per: 1d}]}",
        ),
        &[
            "empty_range /modules/hero/plans/0/placement 6",
            "dead_rollout /modules/hero/plans/1/rollout 7",
            "dead_cap /modules/hero/plans/2/caps/0/limit 8",
        ],
    );
    check(
        "segments:\n  a: {rule: {attr: age, op: between, value: [60, 50]}}\n  b: {rule: {attr: age, op: in, value: [151, 150]}}",
        &[
            "empty_range /segments/a/rule/value 2",
            "never_reached /segments/b/rule/value/0 3",
        ],
    );
    check(
        "cap_groups: {promo: {limit: 0, per: 1d}}",
        &["dead_cap /cap_groups/promo/limit 1"],
    );
    check(
        "attributes: {age: {type: integer, min: 5, max: 4}}\nsegments: {}",
        &["empty_range /attributes/age 1"],
    );
}

#[test]
fn things_that_nothing_uses() {
    check(
        "pages: {home: {slots: [{key: top}], plans: [{key: p, modules: {top: [hero]}, ordering: {top: {by: weighted, weights: {hero: 1, feed: 2}}}}]}}",
        &[
            "no_default /pages/home 1",
            "unused_weight /pages/home/plans/0/ordering/top/weights/feed 1",
            "module_unplaced /modules/feed 11",
        ],
    );
    check(
        "pipelines: {prod: {steps: [{share: 100}]}}",
        &["unfinished_pipeline /pipelines/prod/steps 1"],
    );
    check(
        "module_types:\n  banner:\n    schema: {properties: {a: {format: url}}}",
        &["unknown_format /module_types/banner/schema/properties/a/format 3"],
    );
}
