//! What a schema says against a content, told by the places of the document it was projected from.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::super::at::At;
use super::super::reader::Reader;
use super::super::schemas::{ContentSchema, shortened_long};
use super::{Part, choose};
use crate::document::{self, Node, Place, push_pointer};
use crate::problem::Severity;

/// Faults listed of one content in one locale.
const FAULTS: usize = 50;

/// A content as one locale sees it.
pub(super) struct Seen<'p> {
    pub part: &'p Part<'p>,
    pub chain: &'p [String],
    /// None if every locale sees the same.
    pub locale: Option<&'p str>,
}

/// Faults of one content: the same one in several locales is one.
#[derive(Default)]
pub(super) struct Faults {
    pub list: Vec<Fault>,
}

pub(super) struct Fault {
    path: String,
    place: Place,
    message: String,
    hint: Option<String>,
    locales: Vec<String>,
}

impl Faults {
    /// Holds a projected content against its schema.
    pub fn find(
        &mut self,
        r: &Reader<'_>,
        at: &At<'_>,
        schema: &ContentSchema,
        value: &Value,
        seen: &Seen<'_>,
    ) {
        for error in schema.validator.iter_errors(value).take(FAULTS) {
            self.add(r, at, schema, seen, &error);
        }
    }

    fn add(
        &mut self,
        r: &Reader<'_>,
        at: &At<'_>,
        schema: &ContentSchema,
        seen: &Seen<'_>,
        error: &ValidationError<'_>,
    ) {
        let pointer = error.instance_path().as_str();
        let (mut place, mut path) = locate(at, Some(seen), pointer);
        let mut hint = None;
        if let ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } = error.kind()
            && let Some(first) = unexpected.first()
        {
            let pointer = format!("{pointer}/{}", escaped(first));
            (place, path) = locate(at, Some(seen), &pointer);
            hint = r.did_you_mean(first, schema.properties.iter().map(String::as_str));
        }
        let message = shortened_long(&error.to_string());
        let known = self
            .list
            .iter_mut()
            .find(|fault| fault.path == path && fault.message == message);
        let locales = seen.locale.map(str::to_owned);
        match known {
            Some(fault) => fault.locales.extend(locales),
            None => self.list.push(Fault {
                path,
                place,
                message,
                hint,
                locales: locales.into_iter().collect(),
            }),
        }
    }

    pub fn report(self, r: &mut Reader<'_>, locales: usize) {
        for fault in self.list {
            let seen = if fault.locales.is_empty() || fault.locales.len() == locales {
                "in every locale".to_owned()
            } else {
                format!("in {}", fault.locales.join(", "))
            };
            let message = format!("content doesn't fit its schema {seen}: {}", fault.message);
            r.report(
                Severity::Error,
                "content_schema",
                fault.place,
                fault.path,
                message,
                fault.hint,
            );
        }
    }
}

fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// Where in the document a place of the projected content comes from.
fn locate(at: &At<'_>, seen: Option<&Seen<'_>>, pointer: &str) -> (Place, String) {
    let mut path = at.path();
    let mut place = at.intro();
    let mut node = at.node;
    let chain = seen.map_or(&[] as &[String], |seen| seen.chain);
    let mut part = seen.map(|seen| seen.part);
    let mut steps = pointer.split('/').skip(1).map(unescaped);
    loop {
        if let Some(Part::Locales(parts)) = part
            && let Some((_, entry, chosen)) = choose(parts, chain)
        {
            push_pointer(&mut path, &entry.key);
            (place, node, part) = (entry.place, &entry.value, Some(chosen));
            continue;
        }
        let Some(step) = steps.next() else { break };
        let Some((next_place, next)) = below(node, &step) else {
            break;
        };
        push_pointer(&mut path, &step);
        part = match part {
            Some(Part::Map(parts)) => {
                let field = parts.iter().find(|(entry, _)| *entry.key == *step);
                field.map(|(_, part)| part)
            }
            Some(Part::List(parts)) => step.parse::<usize>().ok().and_then(|i| parts.get(i)),
            _ => None,
        };
        (place, node) = (next_place, next);
    }
    (place, path)
}

/// The same for a value that is not localized.
pub(crate) fn descend(at: &At<'_>, pointer: &str) -> (Place, String) {
    locate(at, None, pointer)
}

fn below<'n>(node: &'n Node, step: &str) -> Option<(Place, &'n Node)> {
    match &node.value {
        document::Value::Map(entries) => {
            let entry = entries.iter().find(|e| &*e.key == step)?;
            Some((entry.place, &entry.value))
        }
        document::Value::List(items) => {
            let item = items.get(step.parse::<usize>().ok()?)?;
            Some((item.place, item))
        }
        _ => None,
    }
}
