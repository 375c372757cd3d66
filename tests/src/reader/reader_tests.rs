use super::*;

fn units() -> impl Iterator<Item = String> {
    (0..2000).map(|n| format!("u-{n}"))
}

fn read(document: &Value, context: Value) -> Value {
    let mut full = json!({"now": "2026-11-22T00:00:00Z"});
    for (key, value) in context.as_object().expect("a context") {
        full[key] = value.clone();
    }
    answer(document, &Files::new(), "home", &full).expect("a page named home")
}

fn document(modules: Value, page: Value) -> Value {
    json!({
        "skyful": 1, "workspace": "w", "locales": {"default": "en", "supported": ["en"]},
        "attributes": {"age": {"type": "integer"}},
        "module_types": {"text": {"schema": {"type": "object"}}},
        "cap_groups": {"promo": {"limit": 1, "per": "1d"}, "clicks": {"limit": 1, "per": "1d", "count": "click"}},
        "layers": {"l": {"holdout": [9000, 10000]}},
        "experiments": {
            "x": {"layer": "l", "buckets": [[0, 3000], [6000, 7000]], "variants": [
                {"key": "control", "weight": 5000}, {"key": "warm", "weight": 5000}]},
            "y": {"layer": "l", "buckets": [[3000, 6000]], "variants": [{"key": "only", "weight": 10000}]}
        },
        "modules": modules,
        "pages": {"home": page}
    })
}

fn module(plans: Value) -> Value {
    json!({"type": "text", "default": {"content": {}}, "plans": plans})
}

/// The modules of an answer, as `slot/module/plan`.
fn modules(answer: &Value) -> Vec<String> {
    let part = |module: &Value, field: &str| module[field].as_str().unwrap().to_owned();
    list(&answer["modules"])
        .map(|each| {
            ["slot", "module", "plan"]
                .map(|field| part(each, field))
                .join("/")
        })
        .collect()
}

#[test]
fn the_first_plan_that_holds_wins() {
    let plans = json!([
        {"key": "old", "audience": {"attr": "age", "op": "gte", "value": 60}, "content": {"n": 1}},
        {"key": "any", "content": {"n": 2}},
        {"key": "never"}
    ]);
    let page = json!({"slots": [{"key": "s"}], "default": {"modules": {"s": ["a"]}}});
    let document = document(json!({"a": module(plans)}), page);
    let old = read(&document, json!({"attributes": {"age": 60}}));
    assert_eq!(old["plan"], "default");
    assert_eq!(old["reason"], "DEFAULT");
    assert_eq!(old["modules"][0]["plan"], "old");
    assert_eq!(old["modules"][0]["reason"], "TARGETING_MATCH");
    assert_eq!(old["modules"][0]["content"]["n"], 1);
    let young = read(&document, json!({}));
    assert_eq!(young["modules"][0]["plan"], "any");
    assert_eq!(young["modules"][0]["reason"], "STATIC");
    assert!(
        answer(
            &document,
            &Files::new(),
            "other",
            &json!({"now": "2026-11-22T00:00:00Z"})
        )
        .is_none()
    );
}

#[test]
fn a_page_plan_replaces_modules_as_a_whole() {
    let page = json!({
        "slots": [{"key": "s"}, {"key": "t", "max": 1}],
        "default": {"modules": {"s": ["a"], "t": ["a", "b"]}},
        "plans": [
            {"key": "own", "audience": {"attr": "age", "op": "eq", "value": 1}, "modules": {"t": ["b", "a"]}},
            {"key": "same", "audience": {"attr": "age", "op": "eq", "value": 2}}
        ]
    });
    let bare = json!({"type": "text", "plans": []});
    let document = document(json!({"a": module(json!([])), "b": bare}), page);
    let seen = |age: u8| modules(&read(&document, json!({"attributes": {"age": age}})));
    // `b` has no default, so it is left out before `max` cuts.
    assert_eq!(seen(1), ["t/a/default"]);
    assert_eq!(seen(2), ["s/a/default", "t/a/default"]);
    assert_eq!(seen(3), ["s/a/default", "t/a/default"]);
}

#[test]
fn the_modules_of_one_group_cannot_overshoot_together() {
    let plans = |group: &str| json!([{"key": "p", "caps": [{"group": group}, {"group": group}]}]);
    let modules_of = json!({"a": module(plans("promo")), "b": module(plans("promo")),
        "c": module(plans("clicks")), "d": module(plans("clicks"))});
    let page = json!({"slots": [{"key": "s", "max": 1}, {"key": "t"}],
        "default": {"modules": {"s": ["c", "a"], "t": ["b", "c", "d", "a"]}}});
    let document = document(modules_of, page);
    // `a` wins in `s` and is cut by `max`, yet it has been counted. Clicks aren't counted by serving.
    let seen = modules(&read(&document, json!({})));
    assert_eq!(
        seen,
        ["s/c/p", "t/b/default", "t/c/p", "t/d/p", "t/a/default"]
    );
    let clicked = json!({"caps": {"group/clicks": {"count": 1}, "group/promo": {"count": 0}}});
    let seen = modules(&read(&document, clicked));
    assert_eq!(seen[0], "s/c/default");
}

#[test]
fn a_module_in_two_slots_is_decided_anew() {
    let plans = json!([{"key": "once", "caps": [{"limit": 1, "per": "1d"}]}, {"key": "then"}]);
    let page = json!({"slots": [{"key": "s"}, {"key": "t"}],
        "default": {"modules": {"s": ["a"], "t": ["a"]}}});
    let document = document(json!({"a": module(plans)}), page);
    assert_eq!(
        modules(&read(&document, json!({}))),
        ["s/a/once", "t/a/then"]
    );
}

#[test]
fn cooldowns_and_stops_look_at_their_own_counter() {
    let plans = json!([{"key": "p", "caps": [{"cooldown": "2h"}, {"stop_after": "click"}]}]);
    let page = json!({"slots": [{"key": "s"}], "default": {"modules": {"s": ["a"]}}});
    let document = document(json!({"a": module(plans)}), page);
    let wins = |caps: Value| modules(&read(&document, json!({"caps": caps})))[0] == "s/a/p";
    assert!(wins(json!({})));
    assert!(wins(json!({"module/a/p#0": {"count": 9}})));
    assert!(!wins(
        json!({"module/a/p#0": {"count": 9, "last": "2026-11-21T22:00:00.001Z"}})
    ));
    assert!(wins(
        json!({"module/a/p#0": {"count": 9, "last": "2026-11-21T22:00:00Z"}})
    ));
    assert!(!wins(json!({"module/a/p#1": {"count": 1}})));
}

#[test]
fn whoever_is_inside_is_enrolled_even_in_control() {
    let plans = json!([
        {"key": "warm", "experiment": {"key": "x", "variant": "warm"}},
        {"key": "again", "experiment": {"key": "x", "variant": "warm"}},
        {"key": "other", "experiment": {"key": "y", "variant": "only"}},
        {"key": "rest"}
    ]);
    let page = json!({"slots": [{"key": "s"}], "default": {"modules": {"s": ["a"]}}});
    let document = document(json!({"a": module(plans)}), page);
    for unit in units() {
        let place = bucket::bucket(Some(&unit), "layer/l");
        let warm = bucket::bucket(Some(&unit), "experiment/x") >= 5000;
        let (plan, enrolled) = match place {
            0..3000 | 6000..7000 if warm => ("warm", json!([{"key": "x", "variant": "warm"}])),
            0..3000 | 6000..7000 => ("rest", json!([{"key": "x", "variant": "control"}])),
            3000..6000 => ("other", json!([{"key": "y", "variant": "only"}])),
            _ => ("rest", json!([])),
        };
        let answer = read(&document, json!({"unit": unit}));
        assert_eq!(answer["modules"][0]["plan"], plan, "{unit}");
        assert_eq!(answer["modules"][0]["experiments"], enrolled, "{unit}");
    }
    let nobody = read(&document, json!({"unit": ""}));
    assert_eq!(nobody["modules"][0]["experiments"], json!([]));
}

#[test]
fn a_rollout_holds_below_its_share() {
    let plans = json!([
        {"key": "half", "rollout": 5000},
        {"key": "device", "rollout": {"share": 10000, "by": "device"}}
    ]);
    let page = json!({"slots": [{"key": "s"}], "default": {"modules": {"s": ["a"]}}});
    let document = document(json!({"a": module(plans)}), page);
    for unit in units() {
        let inside = bucket::bucket(Some(&unit), "rollout/module/a/half") < 5000;
        let answer = read(&document, json!({"unit": unit}));
        let expected = if inside { "half" } else { "default" };
        assert_eq!(answer["modules"][0]["plan"], expected, "{unit}");
    }
    let by_device = read(&document, json!({"device": "d"}));
    assert_eq!(by_device["modules"][0]["plan"], "device");
    assert_eq!(by_device["modules"][0]["reason"], "SPLIT");
}

#[test]
fn newest_ranks_by_the_start_of_the_winner() {
    let starting = |from: &str, zone: &str| {
        module(json!([{"key": "p", "schedule": {"from": from, "timezone": zone}}]))
    };
    let modules_of = json!({
        "a": module(json!([])), "b": starting("2026-11-01T00:00", "UTC"),
        "c": starting("2026-11-01T01:00", "Asia/Shanghai"), "d": starting("2026-11-02T00:00", "UTC"),
        "e": starting("2027-11-02T00:00", "UTC")
    });
    let page = json!({"slots": [{"key": "s", "max": 4}],
        "default": {"modules": {"s": ["a", "c", "b", "e", "d"]}, "ordering": {"s": {"by": "newest"}}}});
    let document = document(modules_of, page);
    let answer = read(&document, json!({}));
    assert_eq!(modules(&answer), ["s/d/p", "s/b/p", "s/c/p", "s/a/default"]);
    assert_eq!(answer["valid_until"], "2027-11-02T00:00:00Z");
}

#[test]
fn weighted_draws_in_proportion() {
    let modules_of =
        json!({"a": module(json!([])), "b": module(json!([])), "c": module(json!([]))});
    let page = json!({"slots": [{"key": "s"}], "default": {"modules": {"s": ["a", "b", "c"]},
        "ordering": {"s": {"by": "weighted", "weights": {"a": 6, "b": 3}}}}});
    let document = document(modules_of, page);
    let first = |name: &str| {
        let starts =
            units().filter(|unit| modules(&read(&document, json!({"unit": unit})))[0] == name);
        starts.count() as f64 / 2000.0
    };
    // Four standard deviations of a share among 2,000 are below 0.045.
    assert!((first("s/a/default") - 0.6).abs() < 0.045);
    assert!((first("s/b/default") - 0.3).abs() < 0.045);
    assert!((first("s/c/default") - 0.1).abs() < 0.045);
    let nobody = modules(&read(&document, json!({})));
    assert_eq!(nobody, ["s/a/default", "s/b/default", "s/c/default"]);
}
