use super::*;
use serde_json::json;

#[track_caller]
fn check(schema: &Value, content: Value, found: &str, expected: Value) {
    let locales = json!({
        "default": "en", "supported": ["en", "th", "zh-HK"], "fallback": {"zh-HK": ["zh-TW", "zh-CN"]}
    });
    let localizer = Localizer::new(schema, &locales, found);
    assert_eq!(localizer.content(&content), expected);
}

fn text() -> Value {
    json!({"type": "string", "x-localizable": true})
}

#[test]
fn a_map_takes_the_first_tag_present() {
    let schema = json!({"type": "object", "properties": {"title": text()}});
    let title = json!({"title": {"en": "E", "zh_cn": "C", "zh-TW": "T"}});
    check(&schema, title.clone(), "zh-HK", json!({"title": "T"}));
    check(&schema, title.clone(), "th", json!({"title": "E"}));
    check(
        &schema,
        json!({"title": {"en": "E", "zh_cn": "C"}}),
        "zh-HK",
        json!({"title": "C"}),
    );
    check(
        &schema,
        json!({"title": "plain"}),
        "th",
        json!({"title": "plain"}),
    );
    // What isn't marked is left alone, even if it looks like a map of locales.
    check(&json!({}), title.clone(), "th", title);
}

#[test]
fn marks_are_found_at_any_depth() {
    let schema = json!({
        "$defs": {"text": text(), "row": {"type": "object", "properties": {"label": {"$ref": "#/$defs/text"}}}},
        "type": "object",
        "allOf": [{"properties": {"title": text()}}],
        "properties": {
            "rows": {"type": "array", "prefixItems": [text()], "items": {"$ref": "#/$defs/row"}},
            "body": {"oneOf": [{"type": "integer"}, {"type": "object", "properties": {"text": text()}}]}
        }
    });
    check(
        &schema,
        json!({"title": {"en": 1, "th": 2}, "rows": [{"en": 1, "th": 2}, {"label": {"en": 1, "th": 2}}], "body": {"text": {"en": 1, "th": 2}}}),
        "th",
        json!({"title": 2, "rows": [2, {"label": 2}], "body": {"text": 2}}),
    );
}

#[test]
fn an_object_stands_for_all_only_where_objects_are_allowed() {
    let link = json!({"type": "object", "x-localizable": true, "properties": {"href": {"type": "string"}}});
    let schema = json!({"properties": {"link": link}});
    let plain = json!({"link": {"href": "/"}});
    check(&schema, plain.clone(), "th", plain);
    let map = json!({"link": {"en": {"href": "/e"}, "th": {"href": "/t"}}});
    check(&schema, map, "th", json!({"link": {"href": "/t"}}));
}

#[test]
fn a_list_stands_for_all() {
    let schema = json!({"properties": {"tags": {"type": "array", "x-localizable": true}}});
    check(
        &schema,
        json!({"tags": ["a"]}),
        "th",
        json!({"tags": ["a"]}),
    );
    check(
        &schema,
        json!({"tags": {"en": ["a"], "th": []}}),
        "th",
        json!({"tags": []}),
    );
}
