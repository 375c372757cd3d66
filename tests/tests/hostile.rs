//! Sizes that nobody means: whatever is beyond a limit is refused by its name, in documents, in requests, and in
//! chunks that were signed although no compiler of ours wrote them. Counts, never times: `shared/fuzz/RESULTS.md` has
//! those.

use serde_json::{Value, json};
use skyful::check::{self, check};
use skyful::context::Context;
use skyful::limits;
use skyful::snapshot::records::{
    AUTOMATA, Attribute, BucketRange, Cap, Child, Counter, Entry, Experiment, Fragment, Locale,
    Meta, Module, Operator, Plan, Predicate, Rule, RuleKind, Schedule, Segment, Slot,
    SlotArrangement, Transition, Variant, Window, Word, Zone,
};
use skyful::snapshot::table::{OptRef, Record, Ref, Span};
use skyful::snapshot::{DecodeError, Kind, Object};
use skyful_tests::fuzz::surgery::Parts;
use skyful_tests::product;

/// A little of everything.
fn document() -> Value {
    let entry = |key: &str| json!({"default": {"content": {"t": key}}, "type": "note"});
    json!({
        "skyful": 1,
        "workspace": "hostile",
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {
            "age": {"type": "integer"},
            "name": {"type": "string"},
            "tier": {"type": "enum", "values": ["a", "b"]},
        },
        "segments": {"old": {"rule": {"attr": "age", "op": "gte", "value": 60}}},
        "layers": {"l": {}},
        "experiments": {"x": {
            "layer": "l",
            "buckets": [[0, 10000]],
            "variants": [{"key": "a", "weight": 5000}, {"key": "b", "weight": 5000}],
        }},
        "module_types": {"note": {"schema": {"type": "object", "properties": {"t": {"type": "string"}}}}},
        "modules": {
            "one": {"type": "note", "default": {"content": {"t": "1"}}, "plans": [{
                "key": "p",
                "audience": {"any": [
                    {"segment": "old"},
                    {"not": {"attr": "name", "op": "matches", "value": "^a+b"}},
                    {"attr": "tier", "op": "in", "value": ["a"]},
                ]},
                "schedule": {
                    "timezone": "Europe/Paris",
                    "weekly": [{"days": ["mon"], "from": "09:00", "until": "17:00"}],
                },
                "caps": [{"limit": 3, "per": "1d"}, {"cooldown": "2h"}],
                "experiment": {"key": "x", "variant": "a"},
            }]},
            "two": entry("2"),
        },
        "pages": {"home": {
            "slots": [{"key": "main"}],
            "default": {"modules": {"main": ["one", "two"]}},
            "plans": [{"key": "q", "audience": {"attr": "age", "op": "lt", "value": 5}}],
        }},
    })
}

fn parts() -> Parts {
    let snapshot = product::snapshot(&document(), &Default::default()).expect("a valid document");
    let pages = snapshot.objects.values();
    let page = pages
        .into_iter()
        .find(|bytes| Object::decode(bytes).is_ok_and(|object| object.kind == Kind::Page));
    Parts::split(page.expect("a page")).expect("a chunk")
}

/// A first row, as often as said.
fn repeat<R: Record>(parts: &mut Parts, times: usize) {
    let row = parts.rows::<R>()[0];
    parts.set(std::iter::repeat_n(row, times));
}

fn refused(name: &str, change: impl FnOnce(&mut Parts)) {
    let mut parts = parts();
    change(&mut parts);
    let error = parts.open().err();
    let Some(DecodeError::Meaning(what)) = error else {
        panic!("{name}: {error:?}");
    };
    // Some limits can't be passed within an object.
    let named = what == format!("beyond {name}") || what == "object larger than allowed";
    assert!(named, "{name}: {what}");
}

#[test]
fn a_chunk_beyond_a_table_limit_is_refused_by_its_name() {
    assert!(parts().open().is_ok());
    refused("SLOTS", |p| repeat::<Slot>(p, limits::SLOTS + 1));
    refused("MODULES", |p| repeat::<Module>(p, limits::MODULES + 1));
    refused("ATTRIBUTES", |p| {
        repeat::<Attribute>(p, limits::ATTRIBUTES + 1);
    });
    refused("LOCALES", |p| repeat::<Locale>(p, limits::LOCALES + 1));
    refused("EXPERIMENTS", |p| {
        repeat::<Experiment>(p, limits::EXPERIMENTS + 1);
    });
    refused("SEGMENTS", |p| repeat::<Segment>(p, limits::SEGMENTS + 1));
    refused("ZONES", |p| repeat::<Zone>(p, limits::ZONES + 1));
}

#[test]
fn a_row_with_too_many_others_is_refused_by_the_limits_name() {
    refused("PLANS", |p| {
        repeat::<Plan>(p, limits::PLANS + 1);
        p.each(|m: &mut Meta| m.plans = Span::new(0, limits::PLANS as u32 + 1));
    });
    refused("PLANS", |p| {
        repeat::<Plan>(p, limits::PLANS + 1);
        p.each(|m: &mut Module| m.plans = Span::new(0, limits::PLANS as u32 + 1));
    });
    refused("ENUM_VALUES", |p| {
        repeat::<Word>(p, limits::ENUM_VALUES + 1);
        p.each(|a: &mut Attribute| a.values = Span::new(0, limits::ENUM_VALUES as u32 + 1));
    });
    refused("LIST_VALUES", |p| {
        repeat::<Word>(p, limits::LIST_VALUES + 1);
        p.each(|r: &mut Predicate| {
            if r.operator == Operator::In as u32 {
                (r.start, r.len) = (0, limits::LIST_VALUES as u32 + 1);
            }
        });
    });
    refused("CAPS_PER_PLAN", |p| {
        repeat::<Cap>(p, limits::CAPS_PER_PLAN + 1);
        p.each(|r: &mut Plan| r.caps = Span::new(0, limits::CAPS_PER_PLAN as u32 + 1));
    });
    refused("VARIANTS", |p| {
        repeat::<Variant>(p, limits::VARIANTS + 1);
        p.each(|x: &mut Experiment| x.variants = Span::new(0, limits::VARIANTS as u32 + 1));
    });
    refused("BUCKET_RANGES", |p| {
        repeat::<BucketRange>(p, limits::BUCKET_RANGES + 1);
        p.each(|x: &mut Experiment| x.ranges = Span::new(0, limits::BUCKET_RANGES as u32 + 1));
    });
    refused("SLOT_MODULES", |p| {
        repeat::<Entry>(p, limits::SLOT_MODULES + 1);
        p.each(|s: &mut SlotArrangement| s.entries = Span::new(0, limits::SLOT_MODULES as u32 + 1));
    });
    refused("WEEKLY_WINDOWS", |p| {
        let most = limits::WEEKLY_WINDOWS * 8 + 1;
        repeat::<Window>(p, most);
        p.each(|s: &mut Schedule| s.windows = Span::new(0, most as u32));
    });
    // Each is small enough; all of them aren't.
    refused("CHUNK_WINDOWS", |p| {
        repeat::<Window>(p, 500);
        p.each(|s: &mut Schedule| s.windows = Span::new(0, 500));
        repeat::<Schedule>(p, limits::CHUNK_WINDOWS / 500 + 1);
    });
    refused("TRANSITIONS", |p| {
        repeat::<Transition>(p, limits::TRANSITIONS + 1);
        p.each(|z: &mut Zone| z.transitions = Span::new(0, limits::TRANSITIONS as u32 + 1));
    });
    refused("REGEX_DFA_BYTES", |p| {
        p.sections[AUTOMATA].resize(limits::REGEX_DFA_BYTES + 1, 0);
        p.each(|r: &mut Predicate| {
            if r.operator == Operator::Matches as u32 {
                (r.start, r.len) = (0, limits::REGEX_DFA_BYTES as u32 + 1);
            }
        });
    });
}

#[test]
fn texts_and_numbers_of_a_chunk_have_the_limits_of_documents() {
    refused("KEY_BYTES", |p| {
        let key = p.text(&"k".repeat(limits::KEY_BYTES + 1));
        p.each(|r: &mut Plan| r.key = key);
    });
    refused("LOCALE_BYTES", |p| {
        let tag = p.text(&"x".repeat(limits::LOCALE_BYTES + 1));
        p.each(|r: &mut Locale| r.tag = tag);
    });
    refused("TEXT_BYTES", |p| {
        let text = p.text(&"x".repeat(limits::TEXT_BYTES + 1));
        p.each(|r: &mut Word| r.text = text);
    });
    refused("CONTENT_BYTES", |p| {
        let json = p.text(&format!("{{{}}}", " ".repeat(limits::CONTENT_BYTES - 1)));
        p.each(|r: &mut Fragment| r.json = json);
    });
    refused("SLOT_MAX", |p| {
        p.each(|r: &mut Slot| r.max = limits::SLOT_MAX + 1);
    });
    refused("WEIGHT", |p| {
        p.each(|r: &mut Entry| r.weight = limits::WEIGHT + 1);
    });
    refused("CAP_LIMIT", |p| {
        p.each(|r: &mut Cap| r.limit = limits::CAP_LIMIT + 1);
    });
    refused("DURATION_SECS", |p| {
        p.each(|r: &mut Cap| r.cooldown_ms = i64::MAX);
    });
    refused("DURATION_SECS", |p| {
        p.each(|r: &mut Counter| r.window_secs = u64::MAX);
    });
}

/// Rules that lie one on another: `rule` makes the next of the one before.
fn chain(parts: &mut Parts, levels: usize, mut rule: impl FnMut(&mut Parts, u32) -> Rule) {
    for _ in 0..levels {
        let top = parts.rows::<Rule>().len() as u32 - 1;
        let next = rule(parts, top);
        let mut rules = parts.rows::<Rule>();
        rules.push(next);
        parts.set(rules);
    }
    let top = parts.rows::<Rule>().len() as u32 - 1;
    parts.each(|p: &mut Plan| p.audience = OptRef::some(Ref::new(top)));
}

fn not(_: &mut Parts, below: u32) -> Rule {
    Rule {
        kind: RuleKind::Not as u32,
        a: below,
        b: 0,
    }
}

fn segment(parts: &mut Parts, below: u32) -> Rule {
    let mut segments = parts.rows::<Segment>();
    let mut row = segments[0];
    row.rule = OptRef::some(Ref::new(below));
    segments.push(row);
    let a = segments.len() as u32 - 1;
    parts.set(segments);
    Rule {
        kind: RuleKind::Segment as u32,
        a,
        b: 0,
    }
}

/// `any` of the same rule, so often.
fn many(times: usize) -> impl FnMut(&mut Parts, u32) -> Rule {
    move |parts, below| {
        let mut children = parts.rows::<Child>();
        let a = children.len() as u32;
        let child = Child {
            rule: Ref::new(below),
        };
        children.extend(std::iter::repeat_n(child, times));
        parts.set(children);
        Rule {
            kind: RuleKind::Any as u32,
            a,
            b: times as u32,
        }
    }
}

#[test]
fn what_rules_may_cost_is_bounded_by_rule_and_by_page() {
    refused("RULE_DEPTH", |p| chain(p, limits::RULE_DEPTH + 1, not));
    refused("RULE_LEVELS", |p| {
        chain(p, limits::RULE_LEVELS + 1, segment);
    });
    // Ten of ten of ten: few rows, many visits.
    refused("RULE_COST", |p| chain(p, 6, many(10)));
    refused("RULE_NODES", |p| {
        chain(p, 1, not);
        chain(p, 2, not);
        chain(p, 1, many(90_000));
    });
    refused("CHUNK_RULE_COST", |p| {
        chain(p, 3, many(20));
        repeat::<Plan>(p, 400);
        p.each(|m: &mut Meta| m.plans = Span::new(0, 400));
    });
    // The same module in every place of a slot.
    refused("CHUNK_RULE_COST", |p| {
        chain(p, 3, many(20));
        repeat::<Entry>(p, limits::SLOT_MODULES);
        p.each(|e: &mut Entry| e.module = Ref::new(0));
        p.each(|s: &mut SlotArrangement| s.entries = Span::new(0, limits::SLOT_MODULES as u32));
    });
    // Overlapping runs would make opening itself dear.
    let mut parts = parts();
    chain(&mut parts, 1, many(20_000));
    let widest = *parts.rows::<Rule>().last().expect("a rule");
    let mut rules = parts.rows::<Rule>();
    rules.extend(std::iter::repeat_n(widest, 20_000));
    parts.set(rules);
    assert_eq!(parts.open().err(), Some(DecodeError::Meaning("rule")));
}

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

fn limited(document: &Value, word: &str) {
    let found = problems(&document.to_string());
    let named = found
        .iter()
        .any(|(code, message)| code == "limit" && message.contains(word));
    assert!(named, "{word}: {:?}", found.first());
}

fn with(pointer: &str, value: Value) -> Value {
    let mut document = document();
    *document.pointer_mut(pointer).expect("a place") = value;
    document
}

#[test]
fn a_document_beyond_a_limit_is_refused_by_it() {
    let attributes = (0..1_000_000).map(|n| (format!("a{n}"), json!({})));
    limited(&with("/attributes", attributes.collect()), "at most 256");
    let values: Value = (0..1_000_000).map(|n| n.to_string()).collect();
    limited(
        &with("/attributes/tier/values", values.clone()),
        "at most 1000",
    );
    let rule = "/modules/one/plans/0/audience/any";
    limited(&with(&format!("{rule}/2/value"), values), "at most 10000");
    let long = json!("x".repeat(10_000_000));
    limited(
        &with("/modules/one/default/content/t", long.clone()),
        "CONTENT_BYTES",
    );
    limited(&with(&format!("{rule}/1/not/value"), long), "bytes");
    let plan = document()["pages"]["home"]["plans"][0].clone();
    let plans = Value::Array(vec![plan.clone(); limits::PLANS + 1]);
    limited(&with("/pages/home/plans", plans), "at most 100000");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(
        problems(&deep)
            .iter()
            .any(|(code, _)| code == "limit" || code == "syntax")
    );
}

#[test]
fn a_page_whose_rules_cost_too_much_together_is_refused() {
    let mut document = document();
    let ask = json!({"attr": "age", "op": "gt", "value": 1});
    document["segments"]["many"] = json!({"rule": {"any": vec![ask.clone(); 3_000]}});
    let plans = |count: usize| -> Value {
        let plan = |n| json!({"key": format!("p{n}"), "audience": {"segment": "many"}});
        (0..count).map(plan).collect()
    };
    document["pages"]["home"]["plans"] = plans(600);
    product::snapshot(&document, &Default::default()).expect("within the limit");
    document["pages"]["home"]["plans"] = plans(700);
    limited(&document, "CHUNK_RULE_COST");
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
    limited(&document, "RULE_LEVELS");
    document["pages"]["home"]["plans"][0]["audience"] = json!({"segment": "s10"});
    document["segments"]["s0"] = json!({"rule": {"segment": "old"}});
    for n in 1..8 {
        document["segments"][format!("s{n}")] = json!({"rule": {"segment": "old"}});
    }
    product::snapshot(&document, &Default::default()).expect("62 levels");
}

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
    refused(&attributes(1_000_000), "65536");
    refused(&attributes(257), "256");
    assert!(Context::from_json(attributes(256).as_bytes()).is_ok());
    refused(
        &format!("{{\"unit\":\"{}\"}}", "x".repeat(10_000_000)),
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
    assert!(Context::from_query(&"x".repeat(10_000_000)).is_err());
}

/// Run with `--release -- --ignored --nocapture`; figures go to `shared/fuzz/RESULTS.md`.
#[test]
#[ignore = "prints times"]
fn what_the_dearest_chunk_costs() {
    use skyful::resolve::fatigue::Tallies;
    use skyful::resolve::write::{Release, Track};
    use skyful::resolve::{Input, answer};
    let mut parts = parts();
    // 8,421 visits a plan, all of them false for somebody of an unknown age.
    chain(&mut parts, 3, many(20));
    repeat::<Plan>(&mut parts, 230);
    parts.each(|m: &mut Meta| m.plans = Span::new(0, 230));
    parts.each(|m: &mut Module| m.plans = Span::EMPTY);
    let opening = std::time::Instant::now();
    let chunk = parts.open().expect("just within CHUNK_RULE_COST");
    println!("opening: {:?}", opening.elapsed());
    let release = Release {
        sequence: 1,
        snapshot: skyful::snapshot::Digest::NONE,
        track: Track::Stable,
    };
    for explain in [false, true] {
        let best = (0..5).map(|_| {
            let context = Context {
                explain,
                ..Context::default()
            };
            let input = Input {
                context: &context,
                locale: 0,
                now_ms: 0,
                tallies: Tallies::read(&chunk, |_| None),
                ids: None,
                defaults_only: false,
            };
            let started = std::time::Instant::now();
            let bytes = answer(&chunk, input, "en", &release).body.len();
            (started.elapsed(), bytes)
        });
        println!("explained {explain}: {:?}", best.min().expect("a run"));
    }
}
