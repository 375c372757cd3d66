//! Whatever a template's fields take makes a page that the check takes: of all templates that it takes, within bounds.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use skyful::check::invoke::{Ask, Refused, invoke};
use skyful::check::{IdFile, Options};
use skyful::document;
use skyful::problem::Severity;

use super::super::{listed, run};

/// A field, the schema of the place that it is put into, and how it is put there.
#[derive(Clone, Debug)]
struct Case {
    field: Value,
    place: Value,
    value: String,
    /// In a rollout instead of a content.
    is_share: bool,
    given: Value,
}

fn word() -> impl Strategy<Value = String> {
    "[a-zé😀 ]{0,6}"
}

/// A text, or one for each locale.
fn text(by_locale: bool) -> BoxedStrategy<Value> {
    if by_locale {
        prop_oneof![
            word().prop_map(Value::from),
            (word(), word()).prop_map(|(en, th)| json!({"en": en, "th": th})),
        ]
        .boxed()
    } else {
        word().prop_map(Value::from).boxed()
    }
}

fn texts() -> impl Strategy<Value = Case> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_flat_map(|(field_loc, place_loc, longer)| {
        let limits = (0..9_u32, 0..9_u32, 0..3_u32, 0..3_u32);
        (limits, text(field_loc), text(field_loc)).prop_map(
            move |((most, room, least, floor), sample, given)| {
                let value = if longer {
                    "x{{ NAME }}-{{ NAME }}"
                } else {
                    "{{ NAME }}"
                };
                Case {
                    field: json!({"type": "string", "maxLength": most, "minLength": least,
                        "x-localizable": field_loc, "default": sample}),
                    place: json!({"type": "string", "maxLength": 2 * room, "minLength": floor,
                        "x-localizable": place_loc}),
                    value: value.to_owned(),
                    is_share: false,
                    given,
                }
            },
        )
    })
}

fn addresses() -> impl Strategy<Value = Case> {
    let pattern = prop_oneof![Just("^[a-z0-9-]+$"), Just("^[ -z]+$")];
    let value = prop_oneof![
        Just("/c/{{ NAME }}?b={{ NAME }}"),
        Just("https://x/{{NAME}}.png"),
        Just("{{ NAME }}://x/"),
        Just("{{ NAME }}"),
    ];
    let format = prop_oneof![Just("uri"), Just("uri-reference")];
    (pattern, value, format, "[a-z]{1,3}", "[ -z]{1,4}").prop_map(
        |(pattern, value, format, sample, given)| Case {
            field: json!({"type": "string", "pattern": pattern, "default": sample}),
            place: json!({"type": "string", "format": format}),
            value: value.to_owned(),
            is_share: false,
            given: json!(given),
        },
    )
}

fn numbers() -> impl Strategy<Value = Case> {
    let value = prop_oneof![Just("{{ NAME }}"), Just("n {{ NAME }}")];
    (value, 0..9_i64, 0..9_i64, -9..9_i64, -9..18_i64, -9..18_i64).prop_map(
        |(value, most, room, low, sample, given)| {
            let place = if value == "{{ NAME }}" {
                json!({"type": "number", "minimum": -5, "maximum": 2 * room})
            } else {
                json!({"type": "string", "maxLength": 20 + room})
            };
            Case {
                field: json!({"type": "integer", "minimum": low, "maximum": 2 * most, "default": sample}),
                place,
                value: value.to_owned(),
                is_share: false,
                given: json!(given),
            }
        },
    )
}

fn words() -> impl Strategy<Value = Case> {
    let few = || prop::sample::subsequence(vec!["a", "b", "c", "dd"], 1..4);
    let value = prop_oneof![Just("{{ NAME }}"), Just("-{{ NAME }}")];
    (few(), few(), value, 0..4_usize).prop_map(|(takes, wanted, value, given)| {
        let dash = if value.starts_with('-') { "-" } else { "" };
        let wanted: Vec<String> = wanted.iter().map(|word| format!("{dash}{word}")).collect();
        Case {
            field: json!({"type": "string", "enum": takes, "default": takes[0]}),
            place: json!({"enum": wanted}),
            value: value.to_owned(),
            is_share: false,
            given: json!(takes[given % takes.len()]),
        }
    })
}

fn shares() -> impl Strategy<Value = Case> {
    (1..10_000_u32, 1..20_000_u32).prop_map(|(sample, given)| Case {
        field: json!({"type": "integer", "default": sample}),
        place: json!({}),
        value: "{{ NAME }}".to_owned(),
        is_share: true,
        given: json!(given),
    })
}

fn document(cases: &[Case]) -> Value {
    let (mut fields, mut places, mut content) = (Map::new(), Map::new(), Map::new());
    let mut plans = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        let name = format!("f{n}");
        let value = case.value.replace("NAME", &name);
        fields.insert(name.clone(), case.field.clone());
        if case.is_share {
            plans.push(json!({"key": name, "rollout": value}));
        } else {
            places.insert(name.clone(), case.place.clone());
            content.insert(name, json!(value));
        }
    }
    json!({
        "skyful": 1, "workspace": "w", "locales": {"default": "en", "supported": ["en", "th"]},
        "module_types": {"card": {"schema": {"type": "object", "required": ["f0"], "properties": places}},
            "any": {"schema": {"type": "object"}}},
        "modules": {"other": {"type": "any", "default": {"content": {}}}},
        "pages": {"home": {"slots": [{"key": "s"}], "default": {"modules": {"s": ["other"]}}}},
        "templates": {"t": {
            "fields": {"type": "object", "properties": fields},
            "modules": {"own": {"type": "card", "default": {"content": content}}},
            "page": {"slots": [{"key": "s"}], "default": {"modules": {"s": ["own", "other"]}}, "plans": plans},
        }},
    })
}

#[test]
fn what_the_fields_of_a_sound_template_take_makes_a_sound_page() {
    let case =
        prop_oneof![4 => texts(), 2 => addresses(), 2 => numbers(), 2 => words(), 1 => shares()];
    let cases = prop::collection::vec(case, 1..4);
    let settings = ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let (made_pages, refused_later) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(settings);
    let ran = runner.run(&cases, |cases| {
        let whole = document(&cases);
        let checked = run(whole.to_string().as_bytes());
        if checked.workspace.is_none() {
            return Ok(());
        }
        let warnings = listed(&checked, Severity::Warning);
        let told = warnings
            .iter()
            .any(|w| w.starts_with("wider_template_field"));
        let given = cases.iter().enumerate();
        let given: Map<_, _> = given
            .map(|(n, case)| (format!("f{n}"), case.given.clone()))
            .collect();
        let given = Value::Object(given);
        let ask = Ask {
            template: "t",
            page: "p",
            prefix: None,
            fields: &given,
        };
        let options = Options {
            now_ms: None,
            read_file: &|_| Ok(IdFile::Hashes(Vec::new())),
        };
        match invoke(whole.to_string().as_bytes(), &ask, &options) {
            Ok(made) => {
                made_pages.set(made_pages.get() + 1);
                let mut with = whole.clone();
                let made = document::json(&made.document()).expect("JSON");
                with["pages"]["p"] = made["pages"]["p"].clone();
                with["modules"]["p_own"] = made["modules"]["p_own"].clone();
                let checked = run(with.to_string().as_bytes());
                prop_assert_eq!(
                    listed(&checked, Severity::Error),
                    [""; 0],
                    "{} {}",
                    whole,
                    given
                );
            }
            Err(Refused::Faulty(problems)) => {
                for problem in &problems {
                    let place = problem.path.strip_prefix("/fields/f");
                    let field =
                        place.and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
                    let Some(case) = field.and_then(|n| cases.get(n)) else {
                        return Err(TestCaseError::fail(format!("{problem:?}")));
                    };
                    // Refused by the field's own schema, or foretold, or in a constraint.
                    let by_field = problem
                        .message
                        .starts_with("content doesn't fit its schema")
                        && !accepts(&case.field, &case.given);
                    if !by_field {
                        refused_later.set(refused_later.get() + 1);
                        prop_assert!(told || case.is_share, "{problem:?} {whole} {given}");
                    }
                }
            }
            Err(refused) => return Err(TestCaseError::fail(format!("{refused:?}"))),
        }
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
    assert!(made_pages.get() > 100, "{}", made_pages.get());
    assert!(refused_later.get() > 20, "{}", refused_later.get());
}

/// Whether a field takes a value, or each text of one.
fn accepts(field: &Value, given: &Value) -> bool {
    let one = |value: &Value| {
        let number = value.as_i64();
        let text = value.as_str();
        let length = text.map(|text| text.chars().count() as u64);
        let within = |name: &str, fits: fn(u64, u64) -> bool| {
            let limit = field[name].as_u64();
            limit
                .zip(length)
                .is_none_or(|(limit, length)| fits(length, limit))
        };
        let least = field["minimum"].as_i64().zip(number);
        let most = field["maximum"].as_i64().zip(number);
        let slug = field["pattern"] == "^[a-z0-9-]+$";
        let in_slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        within("maxLength", |length, most| length <= most)
            && within("minLength", |length, least| length >= least)
            && least.is_none_or(|(least, number)| number >= least)
            && most.is_none_or(|(most, number)| number <= most)
            && (!slug || text.is_some_and(|text| text.chars().all(in_slug)))
    };
    match given {
        Value::Object(texts) => texts.values().all(one),
        value => one(value),
    }
}
