//! Rules of chunks: rows are shared, so few of them can be many visits.

use serde_json::{Value, json};
use skyful::limits;
use skyful::resolve::trace::predicate_json;
use skyful::snapshot::DecodeError;
use skyful::snapshot::records::{
    Child, Constant, Entry, Meta, Module, Plan, Predicate, Rule, RuleKind, Segment, SlotArrangement,
};
use skyful::snapshot::table::{OptRef, Ref, Span};
use skyful_tests::fuzz::surgery::Parts;

use super::{parts, refused, repeat};

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
        p.each(|m: &mut Module| m.plans = Span::EMPTY);
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

/// Found by the fuzzer: `NaN` is no JSON.
#[test]
fn a_trace_of_constants_that_are_no_numbers_is_json() {
    for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut parts = parts();
        parts.each(|c: &mut Constant| c.value = strange.to_bits().cast_signed());
        let chunk = parts.open().expect("a chunk");
        let traced: Vec<Value> = chunk
            .table::<Predicate>()
            .iter()
            .map(|p| serde_json::from_slice(&predicate_json(&chunk, &p)).expect("JSON"))
            .collect();
        let nulls = traced.iter().filter(|p| p["value"] == json!([null, null]));
        assert_eq!(nulls.count(), 1, "{traced:?}");
    }
}
