//! Fields that may be more than their places take.

use skyful::problem::Severity;

use super::super::faults::spliced;
use super::super::{listed, run};

/// Warnings of a template whose field `a` is the field `v` of a module of a type with this field.
fn warned(place: &str, field: &str, value: &str) -> Vec<String> {
    let text = format!(
        "module_types: {{banner: {{schema: {{type: object, properties: {{v: {place}}}}}}}}}
experiments: {{}}
modules: {{hero: {{type: banner}}, feed: {{type: banner}}}}
templates:
  t:
    fields: {{properties: {{a: {field}}}}}
    modules: {{m: {{type: banner, default: {{content: {{v: {value}}}}}}}}}
    page: {{slots: [{{key: s}}], default: {{modules: {{s: [m]}}}}}}
"
    );
    let checked = run(spliced(&text).as_bytes());
    assert_eq!(
        listed(&checked, Severity::Error),
        [""; 0],
        "{text}{:#?}",
        checked.problems
    );
    listed(&checked, Severity::Warning)
}

#[track_caller]
fn fits(place: &str, field: &str, value: &str) {
    assert_eq!(warned(place, field, value), [""; 0], "{field} in {place}");
}

#[track_caller]
fn is_wider(place: &str, field: &str, value: &str) {
    let at = ["wider_template_field /templates/t/modules/m/default/content/v 7"];
    assert_eq!(warned(place, field, value), at, "{field} in {place}");
}

#[test]
fn a_field_takes_no_more_than_its_place() {
    let whole = "'{{ a }}'";
    let text = "{type: string, default: x}";
    fits("{type: string}", text, whole);
    fits("{}", text, whole);
    fits("true", text, whole);
    fits("{title: Any, description: thing}", "{default: 1}", whole);
    is_wider("{type: string, maxLength: 4}", text, whole);
    is_wider("{type: string}", "{default: x}", whole);
    fits(
        "{type: string, maxLength: 4}",
        "{type: string, maxLength: 4, default: x}",
        whole,
    );
    is_wider(
        "{type: string, maxLength: 4}",
        "{type: string, maxLength: 5, default: x}",
        whole,
    );
    is_wider("{type: string, minLength: 1}", text, whole);
    fits("{type: number}", "{type: integer, default: 1}", whole);
    is_wider("{type: integer}", "{type: number, default: 1}", whole);
    is_wider(
        "{type: integer, maximum: 5}",
        "{type: integer, default: 1}",
        whole,
    );
    fits(
        "{format: uri}",
        "{type: string, format: uri, default: 'x:y'}",
        whole,
    );
    is_wider("{format: uri}", "{type: string, default: 'x:y'}", whole);
    fits("{enum: [a, b, c]}", "{enum: [a, b], default: a}", whole);
    is_wider("{enum: [a, b, c]}", "{enum: [a, d], default: a}", whole);
    fits(
        "{maxLength: 1, pattern: '^[a-c]$'}",
        "{enum: [a, b], default: a}",
        whole,
    );
    fits(
        "{enum: [true, false]}",
        "{type: boolean, default: true}",
        whole,
    );
    fits("{$ref: '#/properties/w'}, w: {type: string}", text, whole);
    is_wider(
        "{allOf: [{maxLength: 4}, {maxLength: 5}]}",
        "{type: string, maxLength: 5, default: x}",
        whole,
    );
    fits(
        "{type: array, items: {type: string}}",
        "{type: array, items: {type: string}, default: [x]}",
        whole,
    );
    is_wider(
        "{type: array, items: {type: string}}",
        "{type: array, default: [x]}",
        whole,
    );
}

#[test]
fn texts_by_locale_go_where_texts_by_locale_are_wanted() {
    let whole = "'{{ a }}'";
    let by_locale = "{type: string, x-localizable: true, default: x}";
    fits("{type: string, x-localizable: true}", by_locale, whole);
    fits(
        "{type: string, x-localizable: true}",
        "{type: string, default: x}",
        whole,
    );
    is_wider("{type: string}", by_locale, whole);
    is_wider("{x-localizable: true}", "{default: x}", whole);
    let en = "{en: 'x{{ a }}'}";
    let place = "{type: string, x-localizable: true, maxLength: 3}";
    fits(
        place,
        "{type: string, maxLength: 2, default: x}",
        "'x{{ a }}'",
    );
    assert_eq!(
        warned(place, "{type: string, maxLength: 3, default: x}", en),
        ["wider_template_field /templates/t/modules/m/default/content/v/en 7"]
    );
}

#[test]
fn a_text_with_fields_fits_as_a_whole() {
    let short = "{type: string, maxLength: 3, default: x}";
    fits("{type: string, maxLength: 8}", short, "'ab{{ a }}{{ a }}'");
    is_wider("{type: string, maxLength: 7}", short, "'ab{{ a }}{{ a }}'");
    fits("{type: string, minLength: 2}", short, "'ab{{ a }}'");
    is_wider("{type: string, minLength: 3}", short, "'ab{{ a }}'");
    fits(
        "{type: string, maxLength: 25}",
        "{type: integer, default: 1}",
        "'x{{ a }}'",
    );
    fits(
        "{pattern: '^x[ab]$'}",
        "{enum: [a, b], default: a}",
        "'x{{ a }}'",
    );
    is_wider(
        "{pattern: '^x[ab]$'}",
        "{enum: [a, c], default: a}",
        "'x{{ a }}'",
    );
    is_wider(
        "{pattern: '^xa*$'}",
        "{type: string, pattern: '^a*$', default: a}",
        "'x{{ a }}'",
    );
    let slug = "{type: string, pattern: '^[a-z0-9-]+$', default: a}";
    fits("{format: uri}", slug, "'https://x/{{ a }}.png'");
    fits("{format: uri-reference}", slug, "'/c/{{ a }}?b={{ a }}'");
    is_wider("{format: uri}", slug, "'https://{{ a }}/'");
    is_wider("{format: uri}", slug, "'https://x/%2{{ a }}'");
    is_wider(
        "{format: uri}",
        "{type: string, default: a}",
        "'https://x/{{ a }}'",
    );
}

#[test]
fn nothing_is_said_where_it_depends_on_more() {
    let text = "{type: string, default: x}";
    fits(
        "{anyOf: [{maxLength: 4}, {minLength: 4}]}",
        text,
        "'{{ a }}'",
    );
    fits("{not: {maxLength: 0}}", text, "'{{ a }}'");
    fits("{contains: {maxLength: 4}}", text, "['{{ a }}']");
}
