//! The generators reach what they should: every reason, every operator both ways, every kind of edge.

use std::collections::BTreeMap;
use std::time::Instant;

use proptest::prelude::*;
use serde_json::{Value, json};
use skyful_tests::generate::minimize::minimize;
use skyful_tests::generate::{batch, batches};
use skyful_tests::reader::{self, Reader};

const BATCHES: u64 = 250;
const CONTEXTS: usize = 40;

#[derive(Default)]
struct Tally(BTreeMap<String, [u64; 2]>);

impl Tally {
    fn add(&mut self, what: &str, outcome: bool) {
        self.0.entry(what.to_owned()).or_default()[usize::from(outcome)] += 1;
    }

    fn count(&self, what: &str) -> u64 {
        self.0.get(what).map_or(0, |[no, yes]| no + yes)
    }

    fn share(&self, what: &str) -> f64 {
        let [no, yes] = self.0[what];
        yes as f64 / (no + yes) as f64
    }
}

/// Every rule below a value: predicates, segments and groups.
fn rules<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    let is_rule = ["op", "segment", "not", "all", "any"]
        .iter()
        .any(|key| value.get(key).is_some());
    if is_rule {
        found.push(value);
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|field| rules(field, found)),
        Value::Array(items) => items.iter().for_each(|item| rules(item, found)),
        _ => {}
    }
}

fn kind_of(document: &Value, rule: &Value) -> String {
    let kind = &document["attributes"][rule["attr"].as_str().unwrap_or_default()]["type"];
    match rule["op"].as_str() {
        Some(op) => format!("{} {op}", kind.as_str().expect("a declared attribute")),
        None => rule
            .as_object()
            .expect("a rule")
            .keys()
            .next()
            .expect("a key")
            .clone(),
    }
}

fn tally_rules(tally: &mut Tally, document: &Value, reader: &Reader<'_>) {
    let mut found = Vec::new();
    for section in ["segments", "modules", "pages"] {
        rules(&document[section], &mut found);
    }
    for rule in found {
        tally.add(&kind_of(document, rule), reader.rule(rule));
    }
    let owners = ["page", "module"].map(|kind| {
        (
            kind,
            document[format!("{kind}s")].as_object().expect("owners"),
        )
    });
    for (kind, owners) in owners {
        for (owner, definition) in owners {
            for plan in definition["plans"].as_array().into_iter().flatten() {
                let name = format!("{kind}/{owner}/{}", plan["key"].as_str().expect("a key"));
                tally_plan(tally, reader, &name, plan);
            }
        }
    }
}

fn tally_plan(tally: &mut Tally, reader: &Reader<'_>, name: &str, plan: &Value) {
    if let Some(schedule) = plan.get("schedule") {
        let holds = reader::schedule::holds(schedule, reader.context.now);
        let part = if schedule.get("weekly").is_some() {
            "weekly"
        } else {
            "range"
        };
        tally.add(part, holds);
    }
    for field in ["schedule", "placement", "audience", "rollout"] {
        if let Some(constraint) = plan.get(field) {
            let alone = json!({field: constraint});
            tally.add(field, reader.all_but_experiment(name, &alone));
        }
    }
    if plan.get("caps").is_some() {
        tally.add("caps", reader.caps_allow(name, plan));
    }
}

fn tally_answer(tally: &mut Tally, answer: &Value) {
    let reason = |part: &Value| part["reason"].as_str().expect("a reason").to_owned();
    tally.add(&format!("page {}", reason(answer)), true);
    tally.add("page plan wins", answer["plan"] != "default");
    tally.add("valid_until", answer["valid_until"].is_string());
    tally.add("page enrolled", answer["experiments"] != json!([]));
    let modules = answer["modules"].as_array().expect("modules");
    tally.add("page shows something", !modules.is_empty());
    for module in modules {
        tally.add(&format!("module {}", reason(module)), true);
        tally.add("module plan wins", module["plan"] != "default");
        tally.add("module enrolled", module["experiments"] != json!([]));
    }
}

#[test]
fn both_outcomes_of_everything_are_reached() {
    let mut tally = Tally::default();
    for seed in 0..BATCHES {
        let batch = batch(seed, CONTEXTS);
        for (page, context) in &batch.contexts {
            let answer = reader::answer_text(&batch.document, &batch.files, page, context);
            tally_answer(&mut tally, &answer.expect("a known page"));
            let reader = Reader::new(&batch.document, &batch.files, context);
            tally_rules(&mut tally, &batch.document, &reader);
        }
    }
    for (what, [no, yes]) in &tally.0 {
        println!("{what:32} {no:>8} no {yes:>8} yes");
    }
    for reason in ["STATIC", "SPLIT", "TARGETING_MATCH", "DEFAULT"] {
        for part in ["page", "module"] {
            assert!(
                tally.count(&format!("{part} {reason}")) > 100,
                "{part} {reason}"
            );
        }
    }
    assert!(tally.share("page plan wins") > 0.2);
    assert!(tally.share("module plan wins") > 0.2);
    // 11 operators of string and of enum, 5 of lists, 11 each of four ordered types, 4 of booleans.
    let operators = tally.0.keys().filter(|what| {
        let kind = what.split(' ').next().unwrap_or_default();
        let kinds = [
            "string",
            "enum",
            "string_list",
            "integer",
            "number",
            "version",
            "datetime",
            "boolean",
        ];
        kinds.contains(&kind)
    });
    assert_eq!(operators.count(), 22 + 5 + 44 + 4);
    for (what, [no, yes]) in &tally.0 {
        let one_way = what.starts_with("page ") || what.starts_with("module ");
        // No value of the enum is an address.
        let never = what == "enum in_cidr";
        assert!(
            one_way || never || (*no > 20 && *yes > 20),
            "{what}: {no} no, {yes} yes"
        );
    }
}

#[test]
fn a_seed_gives_the_same_batch_again() {
    let (one, two) = (batch(7, 5), batch(7, 5));
    assert_eq!((one.document, one.contexts), (two.document, two.contexts));
}

#[test]
fn a_failing_case_is_cut_down() {
    let fails = |case: &skyful_tests::generate::Case| {
        let answer =
            reader::answer_text(&case.document, &case.files, &case.page, &case.context_text);
        let modules = answer.expect("a known page")["modules"].clone();
        modules
            .as_array()
            .expect("modules")
            .iter()
            .any(|module| module["reason"] == "TARGETING_MATCH")
    };
    let found = (0..50).find_map(|seed| batch(seed, 5).cases().find(fails));
    let case = found.expect("a case with a targeted module");
    let small = minimize(&case, fails);
    assert!(fails(&small));
    let plans: usize = small.document["modules"]
        .as_object()
        .expect("modules")
        .values()
        .map(|module| module["plans"].as_array().map_or(0, Vec::len))
        .sum();
    println!("{}\n{}", small.document, small.context_text);
    assert_eq!(
        (
            small.document["modules"]
                .as_object()
                .map(serde_json::Map::len),
            plans
        ),
        (Some(1), 1)
    );
}

#[test]
fn answers_come_fast_enough_to_try_many() {
    let started = Instant::now();
    let mut cases = 0;
    for seed in 1_000..1_050 {
        let batch = batch(seed, CONTEXTS);
        for (page, context) in &batch.contexts {
            assert!(reader::answer_text(&batch.document, &batch.files, page, context).is_some());
            cases += 1;
        }
    }
    // Only printed: how fast a machine is doesn't decide whether a test passes.
    println!(
        "{:.0} cases a second",
        f64::from(cases) / started.elapsed().as_secs_f64()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_documents_always_give_the_same_answer_twice(batch in batches(20)) {
        for case in batch.cases() {
            let ask = || reader::answer_text(&case.document, &case.files, &case.page, &case.context_text);
            prop_assert!(ask().is_some());
            prop_assert_eq!(ask(), ask());
        }
    }
}
