//! Bad content, schemas and templates.

use super::super::run;
use super::{check, check_all, hint, spliced};

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
