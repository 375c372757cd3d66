//! What is beyond a limit, by where it is refused.

use serde_json::json;
use skyful::context::Context;
use skyful::problem::Severity;
use skyful::snapshot::records::{Attribute, Fragment, Meta, Module, Plan, Rule, RuleKind, Word};
use skyful::snapshot::table::{OptRef, Record, Ref, Span};
use skyful::snapshot::{Chunk, Kind};
use skyful_tests::fuzz::surgery::Parts;

use super::{attributes, checked, compiled, document, join, module, page, page_of, timed};

const MILLION: usize = 1_000_000;

pub fn documents() {
    let refuse = |what: &str, text: String| {
        let (checked, time) = timed(|| checked(&text));
        let first = checked
            .problems
            .iter()
            .find(|p| p.severity == Severity::Error);
        let first = first.map_or("accepted", |p| p.message.as_str());
        row(what, "document", first, time);
    };
    let plain = module(json!([]));
    refuse(
        "10^6 attributes",
        document(
            &page(),
            &json!("@"),
            &plain,
            &format!(
                "{{{}}}",
                join(MILLION, |n| format!("\"a{n}\":{{\"type\":\"string\"}}"))
            ),
        ),
    );
    let values = format!("[{}]", join(MILLION, |n| format!("\"v{n}\"")));
    refuse(
        "an enum of 10^6 values",
        document(
            &page(),
            &json!({"tier": {"type": "enum", "values": "@"}}),
            &plain,
            &values,
        ),
    );
    let listed = module(json!([{"key": "k", "content": {},
        "audience": {"attr": "name", "op": "in", "value": "@"}}]));
    refuse(
        "a rule of 10^6 values",
        document(&page(), &attributes(), &listed, &values),
    );
    let long = format!("\"{}\"", "x".repeat(10 * MILLION));
    refuse(
        "a content of 10 MB",
        document(
            &page(),
            &attributes(),
            &json!({"type": "note", "default": {"content": {"t": "@"}}}),
            &long,
        ),
    );
    let constant = module(json!([{"key": "k", "content": {},
        "audience": {"attr": "name", "op": "eq", "value": "@"}}]));
    refuse(
        "a constant of 10 MB",
        document(&page(), &attributes(), &constant, &long),
    );
    let deep = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(10_000), close.repeat(10_000))
    };
    let nested = module(json!([{"key": "k", "content": {}, "audience": "@"}]));
    let rule = deep("{\"not\":", "{\"attr\":\"name\",\"op\":\"exists\"}", "}");
    refuse(
        "a rule of depth 10,000",
        document(&page(), &attributes(), &nested, &rule),
    );
    refuse(
        "a content of depth 10,000",
        document(
            &page(),
            &attributes(),
            &json!({"type": "note", "default": {"content": {"t": "@"}}}),
            &deep("[", "1", "]"),
        ),
    );
    let plans = format!("[{}]", join(100_001, |n| format!("{{\"key\":\"k{n}\"}}")));
    refuse(
        "100,001 plans",
        document(&page(), &attributes(), &module(json!("@")), &plans),
    );
}

pub fn chunks() {
    let plans = json!([{"key": "k", "content": {},
        "audience": {"any": [{"attr": "tier", "op": "eq", "value": "a"},
            {"attr": "name", "op": "contains", "value": "x"}]}}]);
    let text = document(&page(), &attributes(), &module(plans), "");
    let snapshot = compiled(&text);
    let whole = Parts::split(page_of(&snapshot)).expect("a chunk");
    let refuse = |what: &str, change: &dyn Fn(&mut Parts)| {
        let mut parts = whole.clone();
        change(&mut parts);
        let bytes = parts.join();
        let digest = Kind::Page.digest(&bytes);
        let (opened, time) = timed(|| Chunk::open(bytes, digest, &parts.workspace, &parts.name));
        let said = opened
            .err()
            .map_or(String::from("accepted"), |e| e.to_string());
        row(what, "chunk", &said, time);
    };
    refuse("as compiled", &|_| {});
    // As many as 25 MB hold.
    refuse("250,000 attributes", &|p| repeat::<Attribute>(p, 250_000));
    refuse("an enum of 10^6 values", &|p| {
        repeat::<Word>(p, MILLION);
        p.each(|a: &mut Attribute| a.values = Span::new(0, MILLION as u32));
    });
    refuse("a content of 10 MB", &|p| {
        let json = p.text(&format!("{{{}}}", " ".repeat(10 * MILLION)));
        p.each(|f: &mut Fragment| f.json = json);
    });
    refuse("10^6 texts of 10 MB, one on another", &|p| {
        let text = p.text(&"x".repeat(10 * MILLION));
        repeat::<Word>(p, MILLION);
        p.each(|w: &mut Word| w.text = text);
    });
    refuse("a rule of depth 10,000", &|p| {
        let mut rules = p.rows::<Rule>();
        for _ in 0..10_000 {
            let below = rules.len() as u32 - 1;
            rules.push(Rule {
                kind: RuleKind::Not as u32,
                a: below,
                b: 0,
            });
        }
        let top = rules.len() as u32 - 1;
        p.set(rules);
        p.each(|plan: &mut Plan| plan.audience = OptRef::some(Ref::new(top)));
    });
    refuse("300,000 plans", &|p| {
        repeat::<Plan>(p, 300_000);
        p.each(|m: &mut Meta| m.plans = Span::new(0, 300_000));
    });
    refuse("50,000 modules of the same 100,000 plans", &|p| {
        repeat::<Plan>(p, 100_000);
        repeat::<Module>(p, 50_000);
        p.each(|m: &mut Module| m.plans = Span::new(0, 100_000));
    });
}

pub fn requests() {
    let refuse = |what: &str, body: &str| {
        let (read, time) = timed(|| Context::from_json(body.as_bytes()).err());
        let said = read.map_or(String::from("accepted"), |e| e.to_string());
        row(what, "request", &said, time);
    };
    let numbers = join(MILLION, |n| format!("\"a{n}\":1"));
    refuse(
        "10^6 attributes",
        &format!("{{\"attributes\":{{{numbers}}}}}"),
    );
    let numbers = join(257, |n| format!("\"a{n}\":1"));
    refuse(
        "257 attributes",
        &format!("{{\"attributes\":{{{numbers}}}}}"),
    );
    refuse(
        "a text of 10 MB",
        &format!(
            "{{\"attributes\":{{\"name\":\"{}\"}}}}",
            "x".repeat(10 * MILLION)
        ),
    );
    refuse(
        "a text of 60 KB",
        &format!("{{\"attributes\":{{\"name\":\"{}\"}}}}", "x".repeat(60_000)),
    );
    refuse(
        "a list of 10,000",
        &format!(
            "{{\"attributes\":{{\"tags\":[{}]}}}}",
            join(10_000, |_| "\"a\"".into())
        ),
    );
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    refuse(
        "depth 10,000",
        &format!("{{\"attributes\":{{\"tags\":{deep}}}}}"),
    );
}

fn row(what: &str, place: &str, answer: &str, time: f64) {
    println!("| {what} | {place} | {answer} | {time:.1} |");
}

fn repeat<R: Record>(parts: &mut Parts, times: usize) {
    let row = parts.rows::<R>()[0];
    parts.set(std::iter::repeat_n(row, times));
}
