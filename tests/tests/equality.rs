//! Generated documents and contexts: the product and the second reader give the same answers.
//!
//! `SKYFUL_CASES` says how many (20,000 unless given), `SKYFUL_SEED` where to begin. A failing case is cut
//! down and printed; put its document into `tests/regressions/` and it is asked for ever.

use std::fs;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};
use skyful::context::Context;
use skyful_tests::generate::crowd::crowd;
use skyful_tests::generate::long::long_list;
use skyful_tests::generate::minimize::minimize;
use skyful_tests::generate::ranges::many_ranges;
use skyful_tests::generate::{Batch, Case, batch};
use skyful_tests::product::Product;
use skyful_tests::reader;

const CONTEXTS: usize = 40;

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .replace('_', "")
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number")),
        Err(_) => default,
    }
}

/// The answer, which explaining doesn't change.
fn ask(product: &mut Product, page: &str, context_text: &str) -> Option<Value> {
    let mut context = Context::from_json(context_text.as_bytes())
        .unwrap_or_else(|e| panic!("{e}: {context_text}"));
    let answer = product.answer(page, &context);
    context.explain = true;
    assert_eq!(
        product.answer(page, &context),
        answer,
        "explained: {context_text}"
    );
    answer
}

fn differs(case: &Case) -> bool {
    let Ok(mut product) = Product::compile(&case.document, &case.files) else {
        return false;
    };
    let expected = reader::answer_text(&case.document, &case.files, &case.page, &case.context_text);
    ask(&mut product, &case.page, &case.context_text) != expected
}

/// What is wrong with a batch, cut down.
fn fault(batch: &Batch) -> Option<String> {
    let mut product = match Product::compile(&batch.document, &batch.files) {
        Ok(product) => product,
        Err(problems) => {
            return Some(format!(
                "seed {}: a valid document was refused\n{problems}",
                batch.seed
            ));
        }
    };
    for case in batch.cases() {
        let expected =
            reader::answer_text(&case.document, &case.files, &case.page, &case.context_text);
        if ask(&mut product, &case.page, &case.context_text) == expected {
            continue;
        }
        let least = minimize(&case, differs);
        let expected = reader::answer_text(
            &least.document,
            &least.files,
            &least.page,
            &least.context_text,
        );
        let found = Product::compile(&least.document, &least.files)
            .map(|mut product| ask(&mut product, &least.page, &least.context_text));
        let show = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
        return Some(format!(
            "seed {}, page {}\ndocument: {}\nfiles: {:?}\ncontext: {}\nsecond reader: {}\nproduct: {}",
            batch.seed,
            least.page,
            show(&least.document),
            least.files,
            least.context_text,
            show(&json!(expected)),
            show(&json!(found)),
        ));
    }
    None
}

#[test]
fn the_product_and_the_second_reader_agree_on_generated_cases() {
    let batches = number("SKYFUL_CASES", 20_000).div_ceil(CONTEXTS as u64);
    let first = number("SKYFUL_SEED", 1);
    let workers = thread::available_parallelism().map_or(2, usize::from) as u64;
    let found = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    (first + worker..first + batches)
                        .step_by(workers as usize)
                        .find_map(|seed| fault(&batch(seed, CONTEXTS)))
                })
            })
            .collect();
        workers
            .into_iter()
            .find_map(|worker| worker.join().expect("a worker"))
    });
    if let Some(fault) = found {
        panic!("{fault}");
    }
    println!(
        "{} cases from seed {first} agree",
        batches * CONTEXTS as u64
    );
}

/// Lists of hundreds and thousands of plans, where the index works differently.
#[test]
fn the_product_and_the_second_reader_agree_on_long_lists() {
    let batches = number("SKYFUL_LONG_LISTS", 2);
    let first = number("SKYFUL_SEED", 1);
    let contexts = 50;
    let mut late = 0;
    for seed in first..first + batches {
        let batch = long_list(seed, contexts);
        if let Some(fault) = fault(&batch) {
            panic!("{fault}");
        }
        late += won_late(&batch);
    }
    let answers = batches * contexts as u64;
    assert!(
        late * 40 > answers,
        "of {answers} only {late} in the last quarter"
    );
    println!(
        "{answers} answers from {batches} long lists agree, {late} by a plan of the last quarter"
    );
}

/// More bounds than the index has room for.
#[test]
fn the_product_and_the_second_reader_agree_on_many_ranges() {
    let contexts = number("SKYFUL_RANGES", 60) as usize;
    let batch = many_ranges(number("SKYFUL_SEED", 1), contexts);
    if let Some(fault) = fault(&batch) {
        panic!("{fault}");
    }
}

/// More words of a visitor, and more lists, than runs of postings are looked through for.
#[test]
fn the_product_and_the_second_reader_agree_on_a_crowd_of_words() {
    let batch = crowd(number("SKYFUL_SEED", 1), 20);
    if let Some(fault) = fault(&batch) {
        panic!("{fault}");
    }
}

/// A list is asked for each of many words: more than a plan may have conditions.
#[test]
fn a_rule_of_many_words_is_served() {
    let words: Vec<String> = (0..300).map(|n| format!("w{n}")).collect();
    let rule = json!({"attr": "tags", "op": "contains_all", "value": words});
    let mut batch = crowd(1, 0);
    batch.document["modules"]["m0"]["plans"][0]["audience"] = rule;
    for given in [&words[..], &words[1..]] {
        let context = json!({"now": "2026-11-23T12:00:00Z", "attributes": {"tags": given}});
        batch.contexts.push(("p".to_owned(), context.to_string()));
    }
    if let Some(fault) = fault(&batch) {
        panic!("{fault}");
    }
}

fn won_late(batch: &Batch) -> u64 {
    let mut product = Product::compile(&batch.document, &batch.files).expect("a valid document");
    let plans = batch.document["modules"]["long"]["plans"].as_array();
    let plans = plans.expect("plans").len();
    let late = |(page, text): &(String, String)| {
        let answer = ask(&mut product, page, text);
        let n = answer
            .as_ref()
            .and_then(|a| a["modules"][0]["content"]["n"].as_u64());
        n.is_some_and(|n| n as usize * 4 > plans * 3 && (n as usize) < plans)
    };
    batch.contexts.iter().map(late).filter(|late| *late).count() as u64
}

#[test]
fn past_differences_stay_settled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for entry in fs::read_dir(folder).expect("the folder of regressions") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a regression");
        let value: Value =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let case = Case {
            document: value["document"].clone(),
            files: serde_json::from_value(value["files"].clone()).unwrap_or_default(),
            page: value["page"].as_str().expect("a page").to_owned(),
            context_text: value["context"]
                .as_str()
                .expect("the text of a context")
                .to_owned(),
        };
        assert!(!differs(&case), "{} differs again", path.display());
    }
}
