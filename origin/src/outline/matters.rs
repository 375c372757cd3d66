//! What a page depends on, as a part of the tree that only `inspect` shows: a change of it shows in plans as well.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use skyful::compile::Snapshot;
use skyful::resolve::matters::{Asked, Matters};
use skyful::resolve::trace;
use skyful::snapshot::Chunk;
use skyful::value::datetime;

use super::{Broken, object, open, plans, rules, text};
use crate::output::{DIM, PLAIN};

/// Items of a list that JSON shows; all are counted. A person gets fewer.
const LISTED: usize = 100;
const SHOWN: usize = 8;
/// Columns of names: as wide as those of constraints, and not so wide that nothing fits beside them.
const NAME: usize = 10;
const LONG_NAME: usize = 20;

/// Adds `depends_on` to each page of a tree that [`super::of`] made.
pub fn add(tree: &mut Value, snapshot: &Snapshot, now_ms: i64) -> Result<(), Broken> {
    for entry in &snapshot.listing.pages {
        let chunk = open(snapshot, object(snapshot, &entry.chunk), entry.chunk)?;
        let key = chunk.text(chunk.meta().page);
        // Parts of a page differ in contents only.
        if let Some(page) = tree["pages"].get_mut(key)
            && page.get("depends_on").is_none()
        {
            page["depends_on"] = of(&chunk, now_ms);
        }
    }
    Ok(())
}

fn of(chunk: &Chunk, now_ms: i64) -> Value {
    let matters = Matters::of(chunk, now_ms);
    let attributes: Map<String, Value> = matters
        .attributes
        .iter()
        .map(|asked| (asked.name.to_owned(), attribute(chunk, asked)))
        .collect();
    let rollouts = matters.rollouts.iter().map(|rollout| {
        json!({
            "by": plans::subject(rollout.by),
            "salt": format!("{:016x}", rollout.salt),
            "shares": listed(rollout.shares.iter().map(|share| json!(share))),
            "plans": listed(rollout.plans.iter().map(|plan| json!(plan))),
        })
    });
    let experiments = matters.experiments.iter().map(|experiment| {
        let ranges = chunk.rows(experiment.ranges).map(|r| json!([r.from, r.to]));
        json!({
            "key": chunk.text(experiment.key),
            "by": plans::subject(experiment.by),
            "buckets": ranges.collect::<Vec<_>>(),
        })
    });
    let counters = matters.counters.iter().map(|counter| {
        json!({
            "counter": chunk.text(counter.name),
            "count": plans::counted(counter.count),
            "by": plans::subject(counter.by),
            "per": plans::per(chunk, counter),
        })
    });
    let times = &matters.times;
    let boundaries = times
        .boundaries_ms
        .iter()
        .map(|at| json!(datetime::format(*at)));
    let weekly = times.weekly.iter().map(|row| plans::schedule(chunk, row));
    json!({
        "attributes": attributes,
        "id_lists": matters.lists,
        "rollouts": listed(rollouts),
        "experiments": listed(experiments),
        "drawn_slots": matters.drawn,
        "counters": listed(counters),
        "times": {
            "next": times.next_ms.map(datetime::format),
            "boundaries": listed(boundaries),
            "weekly": listed(weekly),
        },
    })
}

fn attribute(chunk: &Chunk, asked: &Asked<'_>) -> Value {
    let thresholds = asked.thresholds.iter().map(|value| {
        let json = trace::value_json(*value);
        serde_json::from_slice(&json).unwrap_or_default()
    });
    let searches = asked.searches.iter().filter_map(|at| {
        let mut said = rules::describe(chunk, &chunk.row(*at)?);
        said.as_object_mut()?.remove("attr");
        Some(said)
    });
    let mut out = json!({});
    for (name, list) in [
        ("values", listed(asked.words.iter().map(|word| json!(word)))),
        ("thresholds", listed(thresholds)),
        ("searches", listed(searches)),
    ] {
        if list["count"] != 0 {
            out[name] = list;
        }
    }
    out
}

fn listed(mut items: impl Iterator<Item = Value>) -> Value {
    let first: Vec<Value> = items.by_ref().take(LISTED).collect();
    json!({"count": first.len() + items.count(), "first": first})
}

/// The same for a person.
pub fn describe(out: &mut String, tree: &Value) {
    let mut lines: Vec<(String, String)> = Vec::new();
    for (name, asked) in tree["attributes"].as_object().into_iter().flatten() {
        lines.push((name.clone(), attribute_line(asked)));
    }
    for list in tree["id_lists"].as_array().into_iter().flatten() {
        lines.push(("id list".into(), text::plain(list)));
    }
    for rollout in items(&tree["rollouts"]) {
        let shares = shown(&rollout["shares"], |share| text::percent(Some(share)));
        let plans = shown(&rollout["plans"], text::plain);
        let by = text::plain(&rollout["by"]);
        lines.push(("rollout".into(), format!("{shares} of {by}s: {plans}")));
    }
    for experiment in items(&tree["experiments"]) {
        let (key, by) = (
            text::plain(&experiment["key"]),
            text::plain(&experiment["by"]),
        );
        let buckets = text::plain(&experiment["buckets"]);
        lines.push((
            "experiment".into(),
            format!("{key}: {by}s in buckets {buckets}"),
        ));
    }
    for slot in tree["drawn_slots"].as_array().into_iter().flatten() {
        lines.push((
            "order".into(),
            format!("slot {} is drawn for each unit", text::plain(slot)),
        ));
    }
    for counter in items(&tree["counters"]) {
        let said = |name: &str| text::plain(&counter[name]);
        let line = format!(
            "{}: {}, per {} and {}",
            said("counter"),
            said("count"),
            said("by"),
            said("per")
        );
        lines.push(("counter".into(), line));
    }
    let times = &tree["times"];
    if let Some(next) = times["next"].as_str() {
        lines.push(("next change".into(), next.to_owned()));
    }
    if times["boundaries"]["count"] != 0 {
        lines.push(("instants".into(), shown(&times["boundaries"], text::plain)));
    }
    for schedule in items(&times["weekly"]) {
        lines.push(("weekly".into(), text::constraint("schedule", schedule)));
    }
    _ = writeln!(
        out,
        "  depends on{}",
        if lines.is_empty() { " nothing" } else { "" }
    );
    let names = lines.iter().map(|(name, _)| name.len());
    let width = names.max().unwrap_or(0).clamp(NAME, LONG_NAME);
    for (name, said) in lines {
        _ = writeln!(out, "      {DIM}{name:<width$}{PLAIN} {said}");
    }
}

fn attribute_line(asked: &Value) -> String {
    let search = |value: &Value| {
        let constant = value.get("value").map(text::plain).unwrap_or_default();
        format!("{} {constant}", text::plain(&value["op"]))
            .trim_end()
            .to_owned()
    };
    let parts = [
        shown(&asked["values"], text::plain),
        shown(&asked["thresholds"], text::plain),
        shown(&asked["searches"], search),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    match parts.is_empty() {
        true => "whether it is given".to_owned(),
        false => parts.join(", "),
    }
}

fn items(list: &Value) -> &[Value] {
    list["first"].as_array().map_or(&[], Vec::as_slice)
}

fn shown(list: &Value, one: impl Fn(&Value) -> String) -> String {
    let mut parts: Vec<String> = items(list).iter().take(SHOWN).map(one).collect();
    let count = list["count"].as_u64().unwrap_or(0);
    let more = usize::try_from(count)
        .unwrap_or(usize::MAX)
        .saturating_sub(parts.len());
    if more != 0 {
        parts.push(format!("… {more} more"));
    }
    parts.join(", ")
}
