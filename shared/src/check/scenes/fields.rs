//! The fields of a template: a JSON Schema of an object, like that of a module type, with a sample of each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::super::at::At;
use super::super::content;
use super::super::reader::{Reader, shortened};
use super::super::schemas::{self, ContentSchema};
use super::fill::Values;
use crate::document::{Entry, Node, Value};
use crate::limits;
use crate::problem::{Problem, Problems, Severity};

pub(crate) struct Fields {
    /// None: the template has no fields.
    schema: Option<ContentSchema>,
    pub declared: BTreeMap<String, Field>,
}

pub(crate) struct Field {
    /// What stands there unless it is given.
    default: Option<Node>,
    /// What the template is tried with: the default, if there is one.
    sample: Option<Node>,
    /// Whether it can be a part of a longer text.
    pub is_short: bool,
}

impl Fields {
    pub fn none() -> Self {
        Self {
            schema: None,
            declared: BTreeMap::new(),
        }
    }

    /// What a field may be, as its schema says it.
    pub fn schema_of(&self, name: &str) -> Option<&Json> {
        self.schema.as_ref()?.schema.get("properties")?.get(name)
    }
}

pub(crate) fn read(r: &mut Reader<'_>, at: &At<'_>) -> Option<Fields> {
    let schema = schemas::read(r, at)?;
    if let Some(kind) = at.get("type")
        && schema.schema.get("type").is_none_or(|t| t != "object")
    {
        let message = "the fields of a template are one object: `type: object`";
        r.error("invalid_schema", &kind, message);
        return None;
    }
    let mut declared = BTreeMap::new();
    if let Some(properties) = at.get("properties") {
        let count = properties.entries().len();
        r.within(&properties, count, limits::SCENE_FIELDS, "fields");
        let required = required(r, at, &properties)?;
        for entry in properties.entries().iter().take(limits::SCENE_FIELDS) {
            let here = properties.field(entry);
            r.key_grammar(&entry.key, "a field", entry.place, || here.path());
            let field = field(r, &here, required.contains(&*entry.key));
            declared.insert(entry.key.as_ref().to_owned(), field);
        }
    }
    Some(Fields {
        schema: Some(schema),
        declared,
    })
}

/// None: one of them is no field, so nothing could be filled in.
fn required(r: &mut Reader<'_>, at: &At<'_>, properties: &At<'_>) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut known_all = true;
    let list = at.get("required");
    for item in list.iter().flat_map(At::items) {
        let Value::Text(name) = &item.node.value else {
            continue;
        };
        if properties.get(name).is_none() {
            let message = format!("there is no field `{}`", shortened(name));
            let known = properties.entries().iter().map(|entry| &*entry.key);
            let hint = r.did_you_mean(name, known);
            r.error_hint("unknown_template_field", &item, message, hint);
            known_all = false;
        }
        names.insert(name.as_ref().to_owned());
    }
    known_all.then_some(names)
}

fn field(r: &mut Reader<'_>, at: &At<'_>, required: bool) -> Field {
    let default = at.get("default").map(|at| at.node.clone());
    let examples = at.get("examples");
    let example = examples.and_then(|at| at.items().next().map(|item| item.node.clone()));
    if default.is_none() && !required {
        let message = "a field that may be left out needs a `default`";
        let hint = "or name it in `required`".to_owned();
        r.error_hint("missing_field", at, message, hint);
    } else if default.is_none() && example.is_none() {
        let message = "this field needs `examples` or a `default`: its template is tried with it";
        r.error_intro("missing_field", at, message);
    }
    let kind = at.get("type").map(|at| at.node.value.clone());
    let is_scalar = matches!(&kind, Some(Value::Text(kind))
        if matches!(&**kind, "string" | "integer" | "number" | "boolean"));
    let scalar = |at: At<'_>| {
        matches!(
            at.node.value,
            Value::Text(_) | Value::Number(_) | Value::Bool(_)
        )
    };
    let values = at.get("enum");
    let are_scalars = values.is_some_and(|at| at.items().all(scalar));
    let localizable = at
        .get("x-localizable")
        .is_some_and(|at| matches!(at.node.value, Value::Bool(true)));
    Field {
        sample: default.clone().or(example),
        default,
        is_short: (is_scalar || are_scalars) && !localizable,
    }
}

/// What a template is tried with. None if there is something wrong with it, which is then reported.
pub(crate) fn sampled(r: &mut Reader<'_>, template: &At<'_>, fields: &Fields) -> Option<Values> {
    let values: Values = fields
        .declared
        .iter()
        .filter_map(|(name, field)| Some((name.clone(), field.sample.clone()?)))
        .collect();
    if values.len() < fields.declared.len() {
        return None;
    }
    let Some(schema) = &fields.schema else {
        return Some(values);
    };
    let node = object(template.node, &values);
    let mut found = Problems::default();
    std::mem::swap(&mut r.problems, &mut found);
    let read = content::content(r, &At::root(&node), schema);
    std::mem::swap(&mut r.problems, &mut found);
    r.problems.append(found, |problem| {
        problem.path = sample_path(template, &problem.path);
    });
    read.map(|_| values)
}

/// Where the sample at a place of the object of all samples is written.
fn sample_path(template: &At<'_>, path: &str) -> String {
    let path = path.strip_prefix('/').unwrap_or_default();
    let (name, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    let of_field = format!("/fields/properties/{name}");
    let (_, at) = content::descend(template, &format!("{of_field}/default"));
    if at.ends_with("/default") {
        return content::descend(template, &format!("{of_field}/default{rest}")).1;
    }
    content::descend(template, &format!("{of_field}/examples/0{rest}")).1
}

/// The values that somebody gave, with the defaults of the others. Problems stand at `/fields` of what was asked for.
pub(crate) fn given(
    r: &mut Reader<'_>,
    fields: &Fields,
    asked: &Node,
) -> Result<Values, Vec<Problem>> {
    let root = At::root(asked);
    let mut values = Values::new();
    for entry in root.entries() {
        if fields.declared.contains_key(&*entry.key) {
            values.insert(entry.key.as_ref().to_owned(), entry.value.clone());
            continue;
        }
        let here = root.field(entry);
        let message = format!("the template has no field `{}`", shortened(&entry.key));
        let known = fields.declared.keys().map(String::as_str);
        let hint = r.did_you_mean(&entry.key, known);
        r.error_hint("unknown_template_field", &here, message, hint);
    }
    for (name, field) in &fields.declared {
        if values.contains_key(name) {
            continue;
        }
        if field.default.is_none() {
            let message = format!("the field `{name}` is missing, and has no default");
            let (place, path) = (root.place(), format!("/{name}"));
            r.report(Severity::Error, "missing_field", place, path, message, None);
        }
        // A sample, so that the others can be looked at together.
        values.extend(field.sample.clone().map(|value| (name.clone(), value)));
    }
    if let Some(schema) = &fields.schema {
        let node = object(asked, &values);
        content::content(r, &At::root(&node), schema);
    }
    let problems = std::mem::take(&mut r.problems);
    if !problems.has_errors() {
        return Ok(values);
    }
    let mut found = problems.finish().0;
    for problem in &mut found {
        problem.path.insert_str(0, "/fields");
        // The line would be one of the values, which nobody sees as a text.
        (problem.line, problem.column) = (0, 0);
    }
    Err(found)
}

fn object(whole: &Node, values: &Values) -> Node {
    let entry = |(name, value): (&String, &Node)| Entry {
        key: name.as_str().into(),
        place: value.place,
        value: value.clone(),
    };
    Node {
        value: Value::Map(values.iter().map(entry).collect::<Vec<_>>().into()),
        place: whole.place,
    }
}
