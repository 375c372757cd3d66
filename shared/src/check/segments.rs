//! Segments: named rules without circles, and id lists as hashes.

use std::collections::{BTreeMap, BTreeSet};

use super::at::At;
use super::id_lines::{BadLine, IdFile, IdLines, TooMany};
use super::reader::Reader;
use super::{rules, shapes};
use crate::document::Value;
use crate::ids::IdKey;
use crate::limits;
use crate::model::{Rule, Segment};
use crate::problem::Severity;
use crate::snapshot::rule_size::RuleSize;

/// Reads them all, then measures them with each other put in.
pub(crate) fn segments(
    r: &mut Reader<'_>,
    root: &At<'_>,
    workspace: Option<&str>,
) -> BTreeMap<String, Segment> {
    // Without a readable name nothing is compiled; hashes then only have to exist.
    let key = IdKey::of_workspace(workspace.unwrap_or_default());
    let section = ("segments", "a segment", limits::SEGMENTS);
    let read = r.section(root, section, |r, _, at| segment(r, at, &key));
    measure(r, root, &read);
    read
}

fn segment(r: &mut Reader<'_>, at: &At<'_>, key: &IdKey) -> Option<Segment> {
    let object = r.object(at, shapes::SEGMENT)?;
    r.description(object);
    match (object.get("rule"), object.get("ids")) {
        (Some(rule), None) => rules::rule(r, &rule).map(Segment::Rule),
        (None, Some(ids)) => id_list(r, &ids, key).map(Segment::Ids),
        (None, None) => {
            let message = "a segment needs the field `rule` or the field `ids`";
            r.error_intro("missing_field", object, message);
            None
        }
        (Some(_), Some(ids)) => {
            let message = "a segment has a rule or ids, not both";
            r.error_intro("ambiguous_segment", &ids, message);
            None
        }
    }
}

/// Depth and cost of every segment, in an order in which what one refers to is measured before it.
fn measure(r: &mut Reader<'_>, root: &At<'_>, read: &BTreeMap<String, Segment>) {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in read.keys() {
        // A way through references: each with those of its own that are still to be visited.
        let mut way: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut next = (!done.contains(start.as_str())).then_some(start.as_str());
        loop {
            if let Some(key) = next.take() {
                let mut refers = Vec::new();
                if let Some(Segment::Rule(rule)) = read.get(key) {
                    references(rule, &mut refers);
                }
                way.push((key, refers));
            }
            let Some((key, refers)) = way.last_mut() else {
                break;
            };
            let key = *key;
            match refers.pop() {
                None => {
                    way.pop();
                    done.insert(key);
                    measure_one(r, root, key, read);
                }
                Some(other) if done.contains(other) => {}
                Some(other) => match way.iter().position(|(on_way, _)| *on_way == other) {
                    Some(begin) => circle(r, root, way.iter().skip(begin).map(|(key, _)| *key)),
                    None => next = Some(other),
                },
            }
        }
    }
}

fn references<'s>(rule: &'s Rule, out: &mut Vec<&'s str>) {
    match rule {
        Rule::Segment(key) => out.push(key),
        Rule::Not(child) => references(child, out),
        Rule::All(children) | Rule::Any(children) => {
            for child in children {
                references(child, out);
            }
        }
        Rule::Predicate(_) => {}
    }
}

fn measure_one(r: &mut Reader<'_>, root: &At<'_>, key: &str, read: &BTreeMap<String, Segment>) {
    let size = match read.get(key) {
        Some(Segment::Ids(_)) => Some(RuleSize::id_list().segment()),
        Some(Segment::Rule(rule)) => rules::size(r, rule).map(RuleSize::segment),
        None => None,
    };
    let Some(size) = size else { return };
    if size.excess().is_none() {
        r.segment_sizes.insert(key.to_owned(), size);
        return;
    }
    // What is too large is reported once, not again for whatever refers to it.
    let section = root.get("segments");
    if let Some(at) = section.as_ref().and_then(|s| s.get(key)) {
        rules::within_limits(r, &at, size);
    }
}

fn circle<'s>(r: &mut Reader<'_>, root: &At<'_>, keys: impl Iterator<Item = &'s str>) {
    let mut keys: Vec<_> = keys.collect();
    let Some(first) = keys.first().copied() else {
        return;
    };
    keys.push(first);
    let section = root.get("segments");
    if let Some(at) = section.as_ref().and_then(|s| s.get(first)) {
        let message = format!(
            "segments refer to each other in a circle: {}",
            keys.join(" → ")
        );
        r.error_intro("circular_segment", &at, message);
    }
}

fn id_list(r: &mut Reader<'_>, at: &At<'_>, key: &IdKey) -> Option<Vec<u64>> {
    let object = r.object(at, shapes::IDS)?;
    let mut hashes = match (object.get("list"), object.get("file")) {
        (Some(list), None) => written_ids(r, &list, key)?,
        (None, Some(file)) => file_ids(r, &file, key)?,
        (None, None) => {
            let message = "an id list needs the field `file` or the field `list`";
            r.error_intro("missing_field", object, message);
            return None;
        }
        (Some(_), Some(file)) => {
            let message = "an id list has a file or a list, not both";
            r.error_intro("ambiguous_segment", &file, message);
            return None;
        }
    };
    hashes.sort_unstable();
    hashes.dedup();
    hashes.shrink_to_fit();
    Some(hashes)
}

fn written_ids(r: &mut Reader<'_>, at: &At<'_>, key: &IdKey) -> Option<Vec<u64>> {
    let room = limits::IDS.saturating_sub(r.ids);
    let mut hashes = Vec::new();
    let mut whole = true;
    if let Value::List(items) = &at.node.value
        && items.len() > room
    {
        too_many(r, at);
        return None;
    }
    for item in r.list(at, "ids", limits::IDS)? {
        match r.short_text(&item, "an id", limits::UNIT_BYTES) {
            Some(id) => hashes.push(key.hash(id)),
            None => whole = false,
        }
    }
    r.ids = r.ids.saturating_add(hashes.len());
    whole.then_some(hashes)
}

fn file_ids(r: &mut Reader<'_>, at: &At<'_>, key: &IdKey) -> Option<Vec<u64>> {
    let path = r.text(at)?;
    if !is_below(path) {
        let message = format!("`{path}` is not a path below the document's folder");
        let hint = "relative, with `/`, without `..`, for example lists/payday.csv".to_owned();
        r.error_hint("invalid_path", at, message, hint);
        return None;
    }
    let room = limits::IDS.saturating_sub(r.ids);
    let found = match (r.options.read_file)(path) {
        Ok(IdFile::Hashes(hashes)) if hashes.len() > room => Err(TooMany),
        Ok(IdFile::Hashes(hashes)) => Ok((hashes, Vec::new(), 0)),
        Ok(IdFile::Text(text)) => {
            let mut lines = IdLines::new(*key, room);
            lines.push(&text).and_then(|()| lines.finish())
        }
        Err(why) => {
            let message = format!("`{path}` cannot be read: {why}");
            r.error("unreadable_file", at, message);
            return None;
        }
    };
    let Ok((hashes, bad, bad_lines)) = found else {
        too_many(r, at);
        return None;
    };
    r.ids = r.ids.saturating_add(hashes.len());
    report_lines(r, at, path, &bad, bad_lines);
    (bad_lines == 0).then_some(hashes)
}

fn report_lines(r: &mut Reader<'_>, at: &At<'_>, path: &str, bad: &[BadLine], all: usize) {
    for BadLine { line, why } in bad {
        let message = format!(
            "line {line} of `{path}` {why}; an id has at most {} bytes, one a line",
            limits::UNIT_BYTES
        );
        r.error("invalid_id", at, message);
    }
    let more = all.saturating_sub(bad.len());
    if more > 0 {
        let message = format!("{more} more lines of `{path}` hold no ids");
        r.error("invalid_id", at, message);
    }
}

fn too_many(r: &mut Reader<'_>, at: &At<'_>) {
    let message = format!(
        "the id lists of a workspace hold at most {} ids (IDS) together; this one goes beyond",
        limits::IDS
    );
    r.report(
        Severity::Error,
        "limit",
        at.intro(),
        at.path(),
        message,
        None,
    );
}

/// A relative path that stays below where it starts, on every system.
fn is_below(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', ':', '\0'])
        && path.split('/').all(|part| !part.is_empty() && part != "..")
}
