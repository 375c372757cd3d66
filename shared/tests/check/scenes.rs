//! Scene templates: what is wrong with one, and the pages that are made of them.

#[path = "scenes/made.rs"]
mod made;
#[path = "scenes/property.rs"]
mod property;
#[path = "scenes/wider.rs"]
mod wider;

use skyful::problem::Severity;

use super::faults::{check_all, hint, spliced};
use super::{listed, run};

/// A template with these fields and modules, the latter placed by its page.
fn scene(fields: &str, modules: &str) -> String {
    format!(
        "templates:\n  t:\n    fields: {{type: object, properties: {{{fields}}}}}\n    modules: {{{modules}}}\n    page: {{slots: [{{key: s}}], default: {{modules: {{s: [m, feed]}}}}}}"
    )
}

/// A banner with this content.
fn banner(content: &str) -> String {
    format!("m: {{type: banner, default: {{content: {{{content}}}}}}}")
}

#[test]
fn a_template_is_a_page_with_modules_of_its_own_and_others() {
    let text = spliced(&scene(
        "a: {type: string, default: Hi}",
        &banner("title: '{{ a }}'"),
    ));
    let checked = run(text.as_bytes());
    assert_eq!(listed(&checked, Severity::Error), [""; 0]);
}

#[test]
fn what_a_template_is_made_of() {
    check_all(&[
        ("templates: {t: {}}", &["missing_field /templates/t 1"]),
        (
            "templates: {T: {page: {slots: [{key: s}]}}}",
            &["invalid_key /templates/T 1"],
        ),
        (
            "templates: {t: {page: {slots: [{key: s}]}, module: {}}}",
            &["unknown_field /templates/t/module 1"],
        ),
        (
            "templates: {t: {page: {slots: []}}}",
            &["invalid_value /templates/t/page/slots 1"],
        ),
        (
            "templates: {t: {page: {slots: [{key: s}], default: {modules: {s: [none], x: []}}}}}",
            &[
                "unknown_module /templates/t/page/default/modules/s/0 1",
                "unknown_slot /templates/t/page/default/modules/x 1",
            ],
        ),
        (
            &scene(
                "a: {type: string, default: Hi}",
                "m: {type: bannr, description: '{{ a }}'}",
            ),
            &["unknown_module_type /templates/t/modules/m/type 4"],
        ),
    ]);
}

#[test]
fn fields_are_declared_with_what_to_try_them_with() {
    let field = |field: &str| scene(field, &banner("title: '{{ a }}'"));
    check_all(&[
        (
            &field("a: {type: string}"),
            &["missing_field /templates/t/fields/properties/a 3"],
        ),
        (
            &field("a: {type: string, examples: [Hi]}"),
            &["missing_field /templates/t/fields/properties/a 3"],
        ),
        (
            &field("a: {type: string, maxLength: 1, default: Hi}"),
            &["content_schema /templates/t/fields/properties/a/default 3"],
        ),
        (
            &field("a: {type: string, x-localizable: true, default: {zh-CN: Hi}}"),
            &["missing_locale /templates/t/fields/properties/a/default 3"],
        ),
        (
            &field("a: {type: string, default: Hi}, A: {type: string, default: Hi}"),
            &["invalid_key /templates/t/fields/properties/A 3"],
        ),
        (
            &field("a: {type: strin, default: Hi}"),
            &["invalid_schema /templates/t/fields/properties/a/type 3"],
        ),
        (
            "templates: {t: {fields: {type: array}, page: {slots: [{key: s}]}}}",
            &["invalid_schema /templates/t/fields/type 1"],
        ),
        (
            "templates: {t: {fields: {required: [a], properties: {b: {default: 1}}}, page: {slots: [{key: s}], plans: [{key: k, rollout: '{{ b }}'}]}}}",
            &["unknown_template_field /templates/t/fields/required/0 1"],
        ),
        (
            "templates: {t: {fields: {required: [b], properties: {b: {type: integer, examples: [1]}}}, page: {slots: [{key: s}], plans: [{key: k, rollout: '{{ b }}'}]}}}",
            &[],
        ),
        (
            "templates: {t: {fields: {required: [b], properties: {b: {type: integer, examples: [x]}}}, page: {slots: [{key: s}], plans: [{key: k, rollout: '{{ b }}'}]}}}",
            &["content_schema /templates/t/fields/properties/b/examples/0 1"],
        ),
    ]);
}

#[test]
fn what_the_samples_make_is_read_like_a_page_and_its_modules() {
    let a = "a: {type: string, default: Hello everybody}";
    let n = "a: {type: integer, default: 20000}";
    check_all(&[
        // The title of a banner has 10 characters.
        (
            &scene(a, &banner("title: '{{ a }}'")),
            &["content_schema /templates/t/modules/m/default/content/title 4"],
        ),
        (
            &scene(
                n,
                &banner("title: Hi, image: 'https://x/{{ a }}', n: '{{ a }}'"),
            ),
            &[],
        ),
        (
            &scene(n, &banner("title: '{{ a }}'")),
            &["content_schema /templates/t/modules/m/default/content/title 4"],
        ),
        (
            &scene(n, &banner("title: 'no {{ a }}!!!!!!!!!!'")),
            &["content_schema /templates/t/modules/m/default/content/title 4"],
        ),
        (
            &scene(
                n,
                "m: {type: banner, plans: [{key: k, rollout: '{{ a }}', content: {title: Hi}}]}",
            ),
            &["out_of_range /templates/t/modules/m/plans/0/rollout 4"],
        ),
        (
            &scene(
                a,
                "m: {type: banner, plans: [{key: k, schedule: {from: '{{ a }}'}, content: {title: Hi}}]}",
            ),
            &["invalid_time /templates/t/modules/m/plans/0/schedule/from 4"],
        ),
        // A fault below a field stands where the field does.
        (
            &scene(
                "a: {type: object, default: {en: x}}",
                "m: {type: banner, plans: [{key: k, audience: '{{ a }}', content: {title: Hi}}]}",
            ),
            &["unknown_field /templates/t/modules/m/plans/0/audience 4"],
        ),
    ]);
}

#[test]
fn fields_stand_where_values_do() {
    let a = "a: {type: string, default: Hi}";
    let list = "a: {type: array, default: [Hi]}";
    let text = "a: {type: string, x-localizable: true, default: {en: Hi}}";
    check_all(&[
        (
            &scene(a, &banner("title: '{{ b }}'")),
            &["unknown_template_field /templates/t/modules/m/default/content/title 4"],
        ),
        (
            &scene(a, &banner("title: '{{ a }'")),
            &["invalid_template /templates/t/modules/m/default/content/title 4"],
        ),
        (
            &scene(a, &banner("title: Hi, '{{ a }}': 1")),
            &["misplaced_template_field /templates/t/modules/m/default/content/{{ a }} 4"],
        ),
        (
            &scene(a, "m: {type: '{{ a }}'}"),
            &["misplaced_template_field /templates/t/modules/m/type 4"],
        ),
        (
            &scene(a, "m: {type: banner, default: '{{ a }}'}"),
            &["misplaced_template_field /templates/t/modules/m/default 4"],
        ),
        (
            &scene(list, &banner("title: 'x{{ a }}'")),
            &["template_field_type /templates/t/modules/m/default/content/title 4"],
        ),
        (
            &scene(text, &banner("title: 'x{{ a }}'")),
            &["template_field_type /templates/t/modules/m/default/content/title 4"],
        ),
        (&scene(text, &banner("title: '{{a}}'")), &[]),
        (
            "templates: {t: {fields: {properties: {a: {default: feed}}}, page: {slots: [{key: s}], default: {modules: {s: ['{{ a }}']}}}}}",
            &["misplaced_template_field /templates/t/page/default/modules/s/0 1"],
        ),
    ]);
    assert_eq!(
        hint(
            &(scene(
                "title: {type: string, default: Hi}",
                &banner("title: '{{ titel }}'")
            ) + "\nexperiments: {}")
        ),
        "did you mean `title`?"
    );
}

#[test]
fn what_nothing_uses_is_a_warning() {
    let warned = |snippet: &str, expected: &[&str]| {
        let checked = run(spliced(&format!("{snippet}\nexperiments: {{}}")).as_bytes());
        assert_eq!(listed(&checked, Severity::Error), [""; 0], "{snippet}");
        assert_eq!(listed(&checked, Severity::Warning), expected, "{snippet}");
    };
    warned(
        &scene("a: {type: string, default: Hi}", &banner("title: Hi")),
        &["unused_template_field /templates/t/fields/properties/a 3"],
    );
    warned(
        "templates:\n  t:\n    modules: {m: {type: banner}}\n    page: {slots: [{key: s}], default: {}}",
        &["module_unplaced /templates/t/modules/m 3"],
    );
}

#[test]
fn templates_have_their_limits() {
    let fields: Vec<String> = (0..65).map(|n| format!("f{n}: {{default: {n}}}")).collect();
    let modules: Vec<String> = (0..201)
        .map(|n| format!("m{n}: {{type: banner}}"))
        .collect();
    let long = "x".repeat(100_000);
    let many: Vec<String> = (0..8)
        .map(|n| format!("m{n}: {{type: free, default: {{content: {{t: '{{{{ a }}}}'}}}}}}"))
        .collect();
    let types =
        "module_types: {free: {schema: {type: object}}, banner: {schema: {type: object}}}\n";
    check_all(&[
        (
            &scene(&fields.join(", "), &banner("title: Hi")),
            &["limit /templates/t/fields/properties 3"],
        ),
        (
            &scene("", &modules.join(", ")).replace("[m, feed]", "[feed]"),
            &["limit /templates/t/modules 4"],
        ),
        (
            &format!(
                "{types}{}",
                scene(
                    &format!("a: {{type: string, default: {long}}}"),
                    &many.join(", ")
                )
                .replace("[m, feed]", "[feed]")
            ),
            &["limit /templates/t 3"],
        ),
        (
            &scene("", &banner(&format!("title: '{}'", "x".repeat(600_000)))),
            &["limit /templates/t 2"],
        ),
    ]);
}
