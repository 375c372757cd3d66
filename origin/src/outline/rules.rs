//! Rules in the form of the document.

use serde_json::{Value, json};
use skyful::limits;
use skyful::resolve::trace;
use skyful::snapshot::Chunk;
use skyful::snapshot::records::{Child, Operator, Predicate, Rule, RuleKind, Segment};
use skyful::snapshot::table::{Ref, Span};

pub fn rule(chunk: &Chunk, at: Ref<Rule>, depth: usize) -> Value {
    let row = chunk.row(at).filter(|_| depth <= limits::RULE_DEPTH);
    let kind = row.and_then(|row| RuleKind::from_code(row.kind));
    let (Some(row), Some(kind)) = (row, kind) else {
        return Value::Null;
    };
    let children = || -> Vec<Value> {
        chunk
            .rows::<Child>(Span::new(row.a, row.b))
            .map(|child| rule(chunk, child.rule, depth + 1))
            .collect()
    };
    match kind {
        RuleKind::All => json!({"all": children()}),
        RuleKind::Any => json!({"any": children()}),
        RuleKind::Not => json!({"not": rule(chunk, Ref::new(row.a), depth + 1)}),
        RuleKind::Segment => {
            let segment = chunk.row(Ref::<Segment>::new(row.a));
            json!({"segment": segment.map_or("", |segment| chunk.text(segment.key))})
        }
        RuleKind::Predicate => chunk
            .row(Ref::<Predicate>::new(row.a))
            .map_or(Value::Null, |predicate| describe(chunk, &predicate)),
    }
}

pub fn describe(chunk: &Chunk, predicate: &Predicate) -> Value {
    let bytes = trace::predicate_json(chunk, predicate);
    let mut value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if Operator::from_code(predicate.operator) == Some(Operator::Matches)
        && let Some(automaton) = chunk.automaton(predicate.start, predicate.len)
    {
        // The pattern is not kept; its automaton tells one from another.
        let hash = skyful::snapshot::listing::page_hash(&format!("{automaton:?}"));
        value["automaton"] = json!(format!("{hash:016x}"));
    }
    value
}
