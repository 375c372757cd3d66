//! Content schemas: JSON Schema 2020-12 with `x-localizable`. References stay inside a schema, so that
//! what is checked here is what a designer wrote, whatever else the network holds.

use std::ptr;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

use super::at::At;
use super::content;
use super::reader::{Reader, shortened};
use crate::document;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Schemas that can apply to one value at once; more than any sensible schema reaches.
const ALTERNATIVES: usize = 1_000;

pub(crate) struct ContentSchema {
    pub schema: Value,
    pub validator: Validator,
    /// Whether any field is localizable; if not, one reading serves all locales.
    pub localizable: bool,
    /// Names of all properties, for suggestions.
    pub properties: Vec<String>,
}

/// Keywords whose value is one schema, a list of them, or an object of them.
const ONE: &[&str] = &[
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
const LIST: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];
const OBJECT: &[&str] = &[
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
];
/// Below these a localizable field would never be seen.
const BLIND: &[&str] = &[
    "not",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
    "patternProperties",
];

pub(crate) fn read(r: &mut Reader<'_>, at: &At<'_>) -> Option<ContentSchema> {
    if !matches!(at.node.value, document::Value::Map(_)) {
        r.wrong_type(at, "a JSON Schema (an object)");
        return None;
    }
    let schema = content::json(r, at, "a schema")?;
    let mut walk = Walk {
        fine: true,
        localizable: false,
        properties: Vec::new(),
        root: &schema,
    };
    walk.schema(r, at, true, false);
    let (fine, localizable, properties) = (walk.fine, walk.localizable, walk.properties);
    if !fine {
        return None;
    }
    let built = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .offline()
        .build(&schema);
    match built {
        Ok(validator) => Some(ContentSchema {
            schema,
            validator,
            localizable,
            properties,
        }),
        Err(error) => {
            let why = shortened_long(&error.to_string());
            let pointer = error.instance_path().as_str().to_owned();
            let (place, path) = content::descend(at, &pointer);
            r.report(
                crate::problem::Severity::Error,
                "invalid_schema",
                place,
                path,
                format!("not a JSON Schema 2020-12: {why}"),
                None,
            );
            None
        }
    }
}

pub(crate) fn shortened_long(text: &str) -> String {
    const SHOWN: usize = 240;
    if text.chars().count() <= SHOWN {
        text.to_owned()
    } else {
        text.chars().take(SHOWN).chain(['…']).collect()
    }
}

struct Walk<'s> {
    fine: bool,
    localizable: bool,
    properties: Vec<String>,
    root: &'s Value,
}

impl Walk<'_> {
    fn refuse(&mut self, r: &mut Reader<'_>, at: &At<'_>, message: String) {
        r.error_intro("invalid_schema", at, message);
        self.fine = false;
    }

    fn schema(&mut self, r: &mut Reader<'_>, at: &At<'_>, top: bool, blind: bool) {
        for entry in at.entries() {
            let field = at.field(entry);
            let keyword = &*entry.key;
            if ONE.contains(&keyword) {
                self.schema(r, &field, false, blind || BLIND.contains(&keyword));
            } else if LIST.contains(&keyword) {
                for item in field.items() {
                    self.schema(r, &item, false, blind);
                }
            } else if OBJECT.contains(&keyword) {
                for entry in field.entries() {
                    if keyword == "properties" {
                        self.properties.push(entry.key.as_ref().to_owned());
                    }
                    let child = field.field(entry);
                    self.schema(r, &child, false, blind || BLIND.contains(&keyword));
                }
            } else {
                self.keyword(r, &field, keyword, top, blind);
            }
        }
    }

    fn keyword(&mut self, r: &mut Reader<'_>, at: &At<'_>, keyword: &str, top: bool, blind: bool) {
        let text = match &at.node.value {
            document::Value::Text(text) => Some(&**text),
            _ => None,
        };
        match keyword {
            "x-localizable" => match at.node.value {
                document::Value::Bool(true) if blind => {
                    let message = "a localizable field is only seen below properties, items, \
                         prefixItems, additionalProperties and combinations of schemas";
                    self.refuse(r, at, message.to_owned());
                }
                document::Value::Bool(yes) => self.localizable |= yes,
                _ => {
                    r.wrong_type(at, "true or false");
                    self.fine = false;
                }
            },
            "$schema" if text.is_none_or(|t| t.trim_end_matches('#') != DIALECT) => {
                let message = format!("schemas are of JSON Schema 2020-12, {DIALECT}");
                self.refuse(r, at, message);
            }
            "$ref" => self.reference(r, at, text.unwrap_or_default()),
            "$dynamicRef" | "$recursiveRef" => {
                let message = format!("`{keyword}` is not supported; use `$ref`");
                self.refuse(r, at, message);
            }
            "$id" if !top => {
                let message = "`$id` inside a schema is not supported".to_owned();
                self.refuse(r, at, message);
            }
            "format" => {
                let known =
                    |name: &str| jsonschema::options().is_known_format(Draft::Draft202012, name);
                if let Some(name) = text
                    && !known(name)
                {
                    let message = format!("the format `{}` is not checked", shortened(name));
                    r.warn("unknown_format", at, message);
                }
            }
            _ => {}
        }
    }

    fn reference(&mut self, r: &mut Reader<'_>, at: &At<'_>, target: &str) {
        if !(target == "#" || target.starts_with("#/")) {
            let message = format!(
                "`$ref` stays inside the schema, as `#/$defs/name`, not `{}`",
                shortened(target)
            );
            self.refuse(r, at, message);
        } else if resolve(self.root, target).is_none() {
            let message = format!("the schema has nothing at `{}`", shortened(target));
            self.refuse(r, at, message);
        }
    }
}

pub(crate) fn resolve<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    // Percent signs are rare enough in pointers to refuse rather than to decode.
    root.pointer(reference.strip_prefix('#')?)
}

/// All schemas that may speak about a value: those given, what they refer to, and their branches.
pub(crate) fn alternatives<'s>(
    root: &'s Value,
    schemas: impl IntoIterator<Item = &'s Value>,
) -> Vec<&'s Value> {
    let mut all: Vec<&Value> = Vec::new();
    let mut todo: Vec<&Value> = schemas.into_iter().collect();
    while let Some(schema) = todo.pop() {
        let Value::Object(fields) = schema else {
            continue;
        };
        if all.len() >= ALTERNATIVES || all.iter().any(|known| ptr::eq(*known, schema)) {
            continue;
        }
        all.push(schema);
        let reference = fields.get("$ref").and_then(Value::as_str);
        todo.extend(reference.and_then(|target| resolve(root, target)));
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let branches = fields.get(keyword).and_then(Value::as_array);
            todo.extend(branches.into_iter().flatten());
        }
        todo.extend(["if", "then", "else"].iter().filter_map(|k| fields.get(*k)));
        let dependent = fields.get("dependentSchemas").and_then(Value::as_object);
        todo.extend(dependent.into_iter().flat_map(Map::values));
    }
    all
}

/// The schemas of a declared property.
pub(crate) fn children<'s>(root: &'s Value, schemas: &[&'s Value], key: &str) -> Vec<&'s Value> {
    let declared = schemas
        .iter()
        .filter_map(|schema| schema.get("properties")?.get(key));
    let mut found: Vec<&Value> = declared.collect();
    if found.iter().all(|schema| schema.is_object()) {
        found = alternatives(root, found);
    }
    found
}

/// The schemas of a field, declared or additional.
pub(crate) fn field_schemas<'s>(
    root: &'s Value,
    schemas: &[&'s Value],
    key: &str,
) -> Vec<&'s Value> {
    let own = schemas.iter().filter_map(|schema| {
        let declared = schema.get("properties").and_then(|p| p.get(key));
        declared.or_else(|| schema.get("additionalProperties"))
    });
    alternatives(root, own)
}

/// The schemas of a list's element.
pub(crate) fn item_schemas<'s>(
    root: &'s Value,
    schemas: &[&'s Value],
    index: usize,
) -> Vec<&'s Value> {
    let own = schemas.iter().filter_map(|schema| {
        let prefix = schema.get("prefixItems").and_then(|items| items.get(index));
        prefix.or_else(|| schema.get("items"))
    });
    alternatives(root, own)
}

pub(crate) fn is_localizable(schemas: &[&Value]) -> bool {
    schemas
        .iter()
        .any(|schema| schema.get("x-localizable") == Some(&Value::Bool(true)))
}

/// Whether a value of a schema may itself be an object. A reference met again says nothing new.
pub(crate) fn allows_objects<'s>(
    root: &'s Value,
    schema: &'s Value,
    met: &mut Vec<&'s Value>,
) -> bool {
    let Value::Object(fields) = schema else {
        return *schema != Value::Bool(false);
    };
    if met.len() >= ALTERNATIVES || met.iter().any(|known| ptr::eq(*known, schema)) {
        return true;
    }
    met.push(schema);
    let by_type = match fields.get("type") {
        None => true,
        Some(Value::Array(types)) => types.iter().any(|t| t == "object"),
        Some(one) => one == "object",
    };
    let values = fields.get("enum").and_then(Value::as_array);
    let by_value = fields.get("const").is_none_or(Value::is_object)
        && values.is_none_or(|values| values.iter().any(Value::is_object));
    let reference = fields.get("$ref").and_then(Value::as_str);
    let referred = reference.and_then(|target| resolve(root, target));
    let branches = |keyword: &str| fields.get(keyword).and_then(Value::as_array);
    by_type
        && by_value
        && referred.is_none_or(|schema| allows_objects(root, schema, met))
        && branches("allOf").is_none_or(|list| list.iter().all(|s| allows_objects(root, s, met)))
        && ["anyOf", "oneOf"].iter().all(|keyword| {
            branches(keyword).is_none_or(|list| list.iter().any(|s| allows_objects(root, s, met)))
        })
}
