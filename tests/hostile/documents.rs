//! Documents: check names the limit, and takes nothing that compiling or opening would refuse.

use serde_json::{Value, json};
use skyful::check::{self, check};
use skyful::limits;
use skyful::snapshot::keys;
use skyful_tests::product;

use super::document;

/// As many different ones as a page has room for.
const SEARCHES: usize = 1_992;

/// Codes and messages of what check says.
fn problems(text: &str) -> Vec<(String, String)> {
    let read_file = |_: &str| Err(String::from("no such file"));
    let options = check::Options {
        now_ms: None,
        read_file: &read_file,
    };
    let checked = check(text.as_bytes(), &options);
    assert!(checked.problems.len() <= limits::PROBLEMS);
    let problems = checked.problems.into_iter();
    problems.map(|p| (p.code.to_owned(), p.message)).collect()
}

fn limited(document: &str, word: &str) {
    let found = problems(document);
    let named = found
        .iter()
        .any(|(code, message)| code == "limit" && message.contains(word));
    assert!(named, "{word}: {:?}", found.first());
}

/// A document with some JSON in some place; a million nodes are cheaper as text than as a tree.
fn with(pointer: &str, json: &str) -> String {
    let mut document = document();
    *document.pointer_mut(pointer).expect("a place") = json!("@");
    document.to_string().replace("\"@\"", json)
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let items: Vec<String> = (0..count).map(item).collect();
    format!("[{}]", items.join(","))
}

#[test]
fn a_document_beyond_a_limit_is_refused_by_it() {
    let names = |count: usize| list(count, |n| format!("\"{n}\""));
    let attributes = list(limits::ATTRIBUTES + 1, |n| format!("\"a{n}\":{{}}"));
    let attributes = format!("{{{}}}", attributes.trim_matches(['[', ']']));
    limited(&with("/attributes", &attributes), "at most 256");
    limited(
        &with("/attributes/tier/values", &names(limits::ENUM_VALUES + 1)),
        "at most 1000",
    );
    let rule = "/modules/one/plans/0/audience/any";
    let values = names(limits::LIST_VALUES + 1);
    limited(&with(&format!("{rule}/2/value"), &values), "at most 10000");
    let long = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    limited(
        &with(
            "/modules/one/default/content/t",
            &long(limits::CONTENT_BYTES),
        ),
        "CONTENT_BYTES",
    );
    let pattern = long(limits::TEXT_BYTES + 1);
    limited(&with(&format!("{rule}/1/not/value"), &pattern), "bytes");
    let plans = list(limits::PLANS + 1, |_| String::from("{}"));
    limited(&with("/pages/home/plans", &plans), "at most 100000");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let found = problems(&deep);
    let refused = |(code, _): &(String, String)| code == "limit" || code == "syntax";
    assert!(found.iter().any(refused), "{found:?}");
}

fn opens(document: &Value) {
    let snapshot = product::snapshot(document, &Default::default()).expect("within the limits");
    for (digest, bytes) in &snapshot.objects {
        skyful::snapshot::verify(bytes.clone(), *digest, "hostile").expect("opens");
    }
}

/// Just within the limit it also opens. Searches, because they are dear and no index takes them away.
#[test]
fn a_page_whose_rules_cost_too_much_together_is_refused() {
    let page = |plans: usize| {
        let mut document = document();
        let plan = |n| {
            let search = json!({"attr": "name", "op": "contains", "value": format!("{n:04}")});
            json!({"key": format!("p{n}"), "audience": search})
        };
        document["pages"]["home"]["plans"] = (0..plans).map(plan).collect();
        document
    };
    opens(&page(SEARCHES));
    limited(&page(SEARCHES + 1).to_string(), "CHUNK_RULE_COST");
}

/// A request asks it once, so the page pays for it once.
#[test]
fn what_many_plans_ask_alike_counts_once() {
    let mut document = document();
    let plan = |n| {
        let dear = json!([{"attr": "name", "op": "matches", "value": "^a+c"},
            {"attr": "name", "op": "contains", "value": "b"}]);
        json!({"key": format!("p{n}"), "audience": {"any": dear}})
    };
    document["pages"]["home"]["plans"] = (0..SEARCHES * 2).map(plan).collect();
    opens(&document);
}

/// Opening refuses long runs of taken slots, so compiling must not write them where it can help it.
#[test]
fn words_that_crowd_in_their_table_get_a_larger_one() {
    let mut document = document();
    // Names are the second attribute; a table of 1,100 words has 4,096 slots.
    let space = keys::space(1);
    let crowded = |word: &String| keys::hash(space, word) % 4_096 < 64;
    let words = (0..).map(|n| format!("w{n}")).filter(crowded);
    let words: Vec<String> = words.take(limits::KEY_RUN + 76).collect();
    document["modules"]["one"]["plans"][0]["audience"] =
        json!({"attr": "name", "op": "in", "value": words});
    opens(&document);
}

/// Check used to count neither segments as levels nor groups as visits, and edges refused what it let through.
#[test]
fn what_check_takes_compiles_and_opens() {
    let mut document = document();
    for n in 0..70 {
        let inner = if n == 69 {
            "old".to_owned()
        } else {
            format!("s{}", n + 1)
        };
        document["segments"][format!("s{n}")] = json!({"rule": {"segment": inner}});
    }
    document["pages"]["home"]["plans"][0]["audience"] = json!({"segment": "s0"});
    limited(&document.to_string(), "RULE_LEVELS");
    document["pages"]["home"]["plans"][0]["audience"] = json!({"segment": "s10"});
    document["segments"]["s0"] = json!({"rule": {"segment": "old"}});
    for n in 1..8 {
        document["segments"][format!("s{n}")] = json!({"rule": {"segment": "old"}});
    }
    product::snapshot(&document, &Default::default()).expect("62 levels");
}
