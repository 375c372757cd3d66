//! Requests: refused with the number that they are beyond.

use serde_json::{Value, json};
use skyful::context::Context;
use skyful::limits;
use skyful_tests::product::Product;

use super::document;

#[test]
fn a_request_beyond_a_limit_is_refused_with_its_number() {
    let refused = |body: &str, word: &str| {
        let error = Context::from_json(body.as_bytes()).expect_err(word);
        assert!(error.to_string().contains(word), "{word}: {error}");
    };
    let attributes = |count: usize| {
        let fields: Vec<String> = (0..count).map(|n| format!("\"a{n}\":1")).collect();
        format!("{{\"attributes\":{{{}}}}}", fields.join(","))
    };
    refused(&attributes(10_000), "65536");
    refused(&attributes(257), "256");
    assert!(Context::from_json(attributes(256).as_bytes()).is_ok());
    refused(
        &format!("{{\"unit\":\"{}\"}}", "x".repeat(limits::REQUEST_BYTES)),
        "65536",
    );
    refused(&format!("{{\"unit\":\"{}\"}}", "x".repeat(129)), "128");
    let list = |count: usize| format!("{{\"attributes\":{{\"a\":[{}1]}}}}", "1,".repeat(count));
    assert!(Context::from_json(list(10).as_bytes()).is_ok());
    let texts = vec!["\"a\""; 1_001].join(",");
    refused(&format!("{{\"attributes\":{{\"a\":[{texts}]}}}}"), "1000");
    let text = "x".repeat(limits::REQUEST_TEXT_BYTES + 1);
    refused(&format!("{{\"attributes\":{{\"a\":\"{text}\"}}}}"), "8192");
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(Context::from_json(format!("{{\"attributes\":{{\"a\":{deep}}}}}").as_bytes()).is_err());
    let query: Vec<String> = (0..257).map(|n| format!("attr.a{n}=1")).collect();
    assert!(Context::from_query(&query.join("&")).is_err());
    assert!(Context::from_query(&"x".repeat(limits::REQUEST_BYTES)).is_err());
}

/// Long lists are looked through in another way than short ones. The condition on another attribute keeps the index out of it.
#[test]
fn words_of_a_long_list_are_found_in_a_long_list() {
    let words = |from: usize, to: usize| -> Vec<String> {
        (from..to).map(|n| format!("w{}", n * 7 % 100)).collect()
    };
    let plan = |op: &str| {
        json!({"key": op, "content": {"t": op}, "audience": {"any": [
            {"attr": "tags", "op": op, "value": words(0, 20)},
            {"attr": "name", "op": "contains", "value": "never"}]}})
    };
    let mut document = document();
    document["attributes"]["tags"] = json!({"type": "string_list"});
    let ops = ["contains_all", "contains_any", "contains_none"];
    document["modules"]["two"]["plans"] = ops.map(plan).into();
    let mut product = Product::compile(&document, &Default::default()).expect("valid");
    let given = [
        (words(0, 40), "contains_all"),
        (words(1, 40), "contains_any"),
        (words(19, 60), "contains_any"),
        (words(20, 60), "contains_none"),
        (words(0, 15), "contains_any"),
        (words(20, 30), "contains_none"),
    ];
    for (tags, wanted) in given {
        let context = json!({"now": "2026-11-22T09:00:00Z", "attributes": {"tags": tags}});
        let text = context.to_string();
        let context = Context::from_json(text.as_bytes()).expect("a context");
        let answer = product.answer("home", &context).expect("a page");
        let modules = answer["modules"].as_array().expect("modules");
        let two = modules.iter().find(|m| m["module"] == "two").expect("two");
        assert_eq!(two["plan"], wanted, "{text}");
    }
}

/// The trace ends, the answer doesn't change: neither by what is asked nor by what is left untold.
#[test]
fn a_trace_ends_at_its_limit_and_says_so() {
    let rule = |word: &str| {
        let words: Vec<String> = (0..50).map(|n| format!("{word}{n}")).collect();
        json!({"any": [{"attr": "name", "op": "in", "value": words},
            {"not": {"attr": "age", "op": "gte", "value": 5}}]})
    };
    let plan = |n: usize| json!({"key": format!("p{n}"), "audience": rule(&format!("w{n}_"))});
    let product_of = |plans: usize| {
        let mut document = document();
        document["pages"]["home"]["plans"] = (0..plans).map(plan).collect();
        Product::compile(&document, &Default::default()).expect("valid")
    };
    let given =
        json!({"now": "2026-11-22T09:00:00Z", "attributes": {"age": 67, "name": "w2999_7"}});
    for (plans, winner, whole) in [(100, "default", true), (3_000, "p2999", false)] {
        let mut product = product_of(plans);
        let mut answer = |explain: bool| {
            let mut given = given.clone();
            given["explain"] = json!(explain);
            let text = given.to_string();
            let context = Context::from_json(text.as_bytes()).expect("a context");
            let body = product.body("home", &context).expect("a page");
            serde_json::from_slice::<Value>(&body).expect("JSON")
        };
        let (plain, mut explained) = (answer(false), answer(true));
        let trace = explained["trace"].take();
        assert_eq!(trace["truncated"].is_null(), whole);
        assert!(trace.to_string().len() < limits::TRACE_BYTES + 10_000);
        assert_eq!(plain["plan"], winner);
        explained
            .as_object_mut()
            .expect("an object")
            .remove("trace");
        assert_eq!(plain, explained);
        // What was begun is told to its end.
        let told = trace["decisions"][0]["plans"].as_array().expect("plans");
        assert!(told.len() == plans || !whole);
        assert!(told.iter().all(|plan| plan["holds"] == json!(false)));
    }
}
