use std::collections::BTreeMap;

use super::*;
use serde_json::json;

fn holds(attribute: &str, rule: &Value) -> bool {
    let document = json!({
        "attributes": {
            "s": {"type": "string"}, "e": {"type": "enum", "values": ["ios", "h5"]},
            "l": {"type": "string_list"}, "i": {"type": "integer", "min": 0, "max": 150},
            "w": {"type": "integer"}, "n": {"type": "number", "max": 10},
            "v": {"type": "version"}, "d": {"type": "datetime"}, "b": {"type": "boolean"}
        },
        "segments": {
            "grown": {"rule": {"attr": "i", "op": "gte", "value": 18}},
            "nested": {"rule": {"not": {"segment": "grown"}}},
            "listed": {"ids": {"list": ["u-1", "u-2"]}},
            "filed": {"ids": {"file": "ids.csv"}}
        }
    });
    let files = BTreeMap::from([("ids.csv".to_owned(), "u-7\r\nu-1\n\n".to_owned())]);
    let context = format!(
        r#"{{"unit": "u-1", "now": "2026-11-22T00:00:00Z", "attributes": {{{attribute}}}}}"#
    );
    Reader::new(&document, &files, &context).rule(rule)
}

#[track_caller]
fn check(attribute: &str, op: &str, value: Value, expected: bool) {
    let name = attribute.split('"').nth(1).expect("a quoted name");
    let rule = json!({"attr": name, "op": op, "value": value});
    assert_eq!(
        holds(attribute, &rule),
        expected,
        "{attribute} {op} {value}"
    );
}

#[test]
fn text_is_compared_by_code_point() {
    check(r#""s": "HK""#, "eq", json!("HK"), true);
    check(r#""s": "hk""#, "eq", json!("HK"), false);
    check(r#""s": "\u00e9""#, "eq", json!("e\u{301}"), false);
    check(r#""s": """#, "ne", json!("HK"), true);
    check(r#""s": "HK""#, "in", json!([]), false);
    check(r#""s": "HK""#, "not_in", json!([]), true);
    check(r#""s": "香港岛""#, "starts_with", json!("香港"), true);
    check(r#""s": "香港岛""#, "ends_with", json!("香港"), false);
    check(r#""s": "香港岛""#, "contains", json!("港"), true);
    check(r#""s": "a1b""#, "matches", json!("[0-9]"), true);
    check(r#""s": "a1b""#, "matches", json!("^[0-9]$"), false);
    check(r#""e": "ios""#, "starts_with", json!("io"), true);
    check(r#""e": "ios""#, "in", json!(["ios", "h5"]), true);
}

#[test]
fn whatever_does_not_fit_is_missing() {
    for attribute in [
        r#""s": 1"#,
        r#""s": null"#,
        r#""e": "IOS""#,
        r#""l": "a""#,
        r#""l": ["a", 1]"#,
        r#""i": "67""#,
        r#""i": 67.5"#,
        r#""i": 151"#,
        r#""i": -1"#,
        r#""i": true"#,
        r#""w": 9223372036854775808"#,
        r#""n": 1e400"#,
        r#""n": 10.000001"#,
        r#""v": 8.2"#,
        r#""v": "8.x""#,
        r#""d": "2026-11-22""#,
        r#""b": "true""#,
        r#""b": 1"#,
        r#""x": 1"#,
    ] {
        let name = attribute.split('"').nth(1).expect("a quoted name");
        if name != "x" {
            assert!(
                holds(attribute, &json!({"attr": name, "op": "missing"})),
                "{attribute}"
            );
            assert!(
                !holds(attribute, &json!({"attr": name, "op": "exists"})),
                "{attribute}"
            );
        }
    }
    check(r#""s": null"#, "ne", json!("HK"), false);
    check(r#""s": null"#, "not_in", json!(["HK"]), false);
    check(r#""l": null"#, "contains_none", json!(["a"]), false);
    assert!(holds(
        r#""s": null"#,
        &json!({"not": {"attr": "s", "op": "eq", "value": "HK"}})
    ));
}

#[test]
fn a_whole_number_is_an_integer_however_written() {
    for spelled in ["67", "67.0", "6.7e1", "670E-1"] {
        check(&format!(r#""i": {spelled}"#), "eq", json!(67), true);
        check(&format!(r#""i": {spelled}"#), "eq", json!(67.0), true);
        check(
            &format!(r#""i": {spelled}"#),
            "between",
            json!([67, 67]),
            true,
        );
    }
    check(
        r#""w": 9007199254740993.0"#,
        "eq",
        json!(9_007_199_254_740_993_i64),
        true,
    );
    check(
        r#""w": 9007199254740993"#,
        "gt",
        json!(9_007_199_254_740_992_i64),
        true,
    );
    check(r#""i": 67"#, "between", json!([68, 66]), false);
}

#[test]
fn a_number_is_a_double() {
    check(r#""n": -0.0"#, "eq", json!(0), true);
    check(r#""n": 0"#, "lt", json!(-0.0), false);
    check(
        r#""n": 0.1000000000000000055511151231257827"#,
        "eq",
        json!(0.1),
        true,
    );
    check(r#""n": 1e-400"#, "eq", json!(0), true);
    check(r#""n": 5e-324"#, "gt", json!(0), true);
}

#[test]
fn versions_and_datetimes_have_their_own_order() {
    check(r#""v": "8.10""#, "gt", json!("8.9.1"), true);
    check(r#""v": "v8.2.0.0+x""#, "eq", json!("8.2"), true);
    check(r#""v": "8.2.0-rc.1""#, "gte", json!("8.2.0"), false);
    check(
        r#""d": "2026-11-22T08:00:00.0009+08:00""#,
        "eq",
        json!("2026-11-22T00:00:00Z"),
        true,
    );
    check(
        r#""d": "2026-11-22T00:00:00.001Z""#,
        "lte",
        json!("2026-11-22T00:00:00Z"),
        false,
    );
}

#[test]
fn lists_are_asked_for_members() {
    check(
        r#""l": ["a", "b"]"#,
        "contains_any",
        json!(["b", "c"]),
        true,
    );
    check(
        r#""l": ["a", "b"]"#,
        "contains_all",
        json!(["b", "c"]),
        false,
    );
    check(r#""l": ["a", "b"]"#, "contains_none", json!(["c"]), true);
    for (op, expected) in [
        ("contains_any", false),
        ("contains_all", true),
        ("contains_none", true),
    ] {
        check(r#""l": []"#, op, json!([]), expected);
        check(r#""l": ["a"]"#, op, json!([]), expected);
    }
}

#[test]
fn addresses_are_looked_for_in_networks() {
    let networks = json!(["10.0.0.0/8", "2001:db8::/32"]);
    for (text, expected) in [
        ("10.255.0.1", true),
        ("11.0.0.0", false),
        ("::ffff:10.1.2.3", true),
        ("::ffff:a01:203", true),
        ("2001:DB8::1", true),
        ("2001:db9::", false),
        ("10.1.2.3 ", false),
        ("010.1.2.3", false),
        ("no address", false),
        ("", false),
    ] {
        check(
            &format!(r#""s": "{text}""#),
            "in_cidr",
            networks.clone(),
            expected,
        );
        let outside = json!({"not": {"attr": "s", "op": "in_cidr", "value": networks}});
        assert_eq!(holds(&format!(r#""s": "{text}""#), &outside), !expected);
    }
    check(r#""s": "10.1.2.3""#, "in_cidr", json!(["::/0"]), false);
    check(
        r#""s": "::ffff:10.1.2.3""#,
        "in_cidr",
        json!(["::/0"]),
        false,
    );
}

#[test]
fn groups_of_none_and_segments() {
    assert!(holds("", &json!({"all": []})));
    assert!(!holds("", &json!({"any": []})));
    assert!(holds(r#""i": 18"#, &json!({"segment": "grown"})));
    assert!(holds("", &json!({"segment": "nested"})));
    assert!(holds("", &json!({"segment": "listed"})));
    assert!(holds("", &json!({"segment": "filed"})));
}
