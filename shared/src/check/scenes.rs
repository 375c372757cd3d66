//! Scene templates: skeletons of pages, with fields to fill in. Each is tried out: filled with its samples, it is read as
//! the page and the modules that it would make. Nothing of them reaches a snapshot, so nothing becomes part of the model.

pub(crate) mod fields;
pub(crate) mod fill;
mod places;
mod rename;
mod wider;

pub(crate) use rename::renamed;

use std::mem;

use super::at::At;
use super::costs::Costs;
use super::reader::Reader;
use super::{content, modules, pages, shapes};
use crate::document::{Entry, Node, Value};
use crate::limits;
use crate::problem::Problems;
use fields::Fields;

pub(crate) fn templates(r: &mut Reader<'_>, root: &At<'_>, costs: &Costs<'_>) {
    let section = ("templates", "a template", limits::SCENES);
    r.section(root, section, |r, key, at| template(r, key, at, costs));
}

fn template(r: &mut Reader<'_>, key: &str, at: &At<'_>, costs: &Costs<'_>) -> Option<()> {
    let object = r.object(at, shapes::SCENE)?;
    r.description(object);
    if !fill::fits(object.node) {
        let message = format!(
            "a template takes at most {} bytes (SCENE_BYTES); this is more",
            limits::SCENE_BYTES
        );
        r.error_intro("limit", object, message);
        return None;
    }
    let fields = match object.get("fields") {
        Some(at) => fields::read(r, &at)?,
        None => Fields::none(),
    };
    let placed = places::find(r, object, &fields);
    let sampled = fields::sampled(r, object, &fields);
    if !placed {
        return None;
    }
    let Some(node) = filled(object.node, &sampled?) else {
        let message = format!(
            "filled with its samples, a template takes at most {} bytes (SCENE_BYTES); this is more",
            limits::SCENE_BYTES
        );
        r.error_intro("limit", object, message);
        return None;
    };
    try_out(r, key, object, &object.with(&node), costs);
    wider::warn(r, object, &fields);
    Some(())
}

/// A template with what is filled in. None: that takes too much.
pub(crate) fn filled(template: &Node, values: &fill::Values) -> Option<Node> {
    let Value::Map(entries) = &template.value else {
        return Some(template.clone());
    };
    let mut room = limits::SCENE_BYTES;
    let mut parts: Vec<Entry> = Vec::new();
    for entry in entries.iter() {
        let part = match &*entry.key {
            "page" | "modules" => fill::filled(&entry.value, values, &mut room)?,
            _ => entry.value.clone(),
        };
        parts.push(Entry {
            value: part,
            ..entry.clone()
        });
    }
    Some(Node {
        value: Value::Map(parts.into()),
        place: template.place,
    })
}

/// Reads what the samples make as if it stood in the document. Whoever only a template names stays unused.
fn try_out(r: &mut Reader<'_>, key: &str, at: &At<'_>, filled: &At<'_>, costs: &Costs<'_>) {
    let section = filled.get("modules");
    let own = section.iter().flat_map(At::entries);
    r.own_modules = own.map(|entry| entry.key.as_ref().to_owned()).collect();
    let placed = mem::take(&mut r.placed);
    let used_experiments = mem::take(&mut r.used_experiments);
    let problems = mem::take(&mut r.problems);

    let page_at = filled.get("page");
    let page = page_at.as_ref().and_then(|at| pages::page(r, key, at));
    let section = ("modules", "a module", limits::SCENE_MODULES);
    let modules = r.section(filled, section, modules::module);
    if let (Some(at), Some(page)) = (&page_at, &page) {
        let own = costs.of_own(r, &modules);
        costs.page(r, at, key, page, Some(&own));
    }

    r.own_modules.clear();
    r.placed = placed;
    r.used_experiments = used_experiments;
    let found = mem::replace(&mut r.problems, problems);
    report(r, at, found);
}

/// Problems of what was filled in stand where the field does.
fn report(r: &mut Reader<'_>, at: &At<'_>, found: Problems) {
    let base = at.path();
    r.problems.append(found, |problem| {
        if let Some(rest) = problem.path.strip_prefix(&base) {
            let (place, path) = content::descend(at, rest);
            if path != problem.path {
                (problem.line, problem.column) = (place.line, place.column);
            }
            problem.path = path;
        }
    });
}
