//! Whether everything that a field may be fits the content that it stands in. What is warned of would be refused when somebody
//! makes a page; a template without warnings takes whatever its fields take. Nothing is said of places whose schemas have
//! conditions, and of constraints, for which a field's schema has no words: whoever makes a page is told there.

mod text;

use serde_json::{Map, Value as Json, json};

use super::super::at::At;
use super::super::reader::{Reader, shortened};
use super::super::schemas::{allows_objects, is_localizable, resolve};
use super::super::templates::{Piece, pieces};
use super::fields::Fields;
use crate::document::Value;
use crate::problem::Severity;

/// What a value may be then depends on more than the schema of its place.
const CONDITIONS: &[&str] = &[
    "anyOf",
    "oneOf",
    "not",
    "if",
    "dependentSchemas",
    "dependentRequired",
    "$dynamicRef",
];
/// The same on the way to a value.
const CONDITIONS_ABOVE: &[&str] = &[
    "enum",
    "const",
    "uniqueItems",
    "contains",
    "patternProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords that refuse nothing, or that were looked into already.
const SILENT: &[&str] = &[
    "$ref",
    "$defs",
    "definitions",
    "allOf",
    "x-localizable",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$comment",
    "$schema",
    "$id",
];
/// Schemas that apply to one value.
const SCHEMAS: usize = 100;

pub(crate) fn warn(r: &mut Reader<'_>, template: &At<'_>, fields: &Fields) {
    let modules = template.get("modules");
    for module in modules
        .iter()
        .flat_map(|at| at.entries().iter().map(|entry| at.field(entry)))
    {
        let kind = module.get("type").map(|at| at.node.value.clone());
        let Some(Value::Text(kind)) = kind else {
            continue;
        };
        let Some(schema) = r.schemas.get(&*kind).cloned() else {
            continue;
        };
        let walk = Walk {
            fields,
            root: &schema.schema,
        };
        let default = module.get("default");
        let plans = module.get("plans");
        let plans = plans.iter().flat_map(At::items);
        for plan in default.into_iter().chain(plans) {
            if let Some(content) = plan.get("content") {
                walk.value(r, &content, &[&schema.schema]);
            }
        }
    }
}

struct Walk<'s> {
    fields: &'s Fields,
    root: &'s Json,
}

impl<'s> Walk<'s> {
    fn value(&self, r: &mut Reader<'_>, at: &At<'_>, schemas: &[&'s Json]) {
        let Some(own) = self.plain(schemas) else {
            return;
        };
        if let Value::Text(text) = &at.node.value {
            self.text(r, at, text, &own);
            return;
        }
        if own.iter().any(|schema| has_any(schema, CONDITIONS_ABOVE)) {
            return;
        }
        for (index, item) in at.items().enumerate() {
            let below: Vec<&Json> = own
                .iter()
                .filter_map(|schema| {
                    let prefix = schema.get("prefixItems").and_then(|items| items.get(index));
                    prefix.or_else(|| schema.get("items"))
                })
                .collect();
            self.value(r, &item, &below);
        }
        let by_locale = is_localizable(&own);
        if by_locale
            && own
                .iter()
                .all(|s| allows_objects(self.root, s, &mut Vec::new()))
        {
            return;
        }
        for entry in at.entries() {
            let below: Vec<&Json> = own
                .iter()
                .filter_map(|schema| {
                    let declared = schema.get("properties").and_then(|p| p.get(&*entry.key));
                    declared.or_else(|| schema.get("additionalProperties"))
                })
                .collect();
            let below = if by_locale { schemas } else { &below };
            self.value(r, &at.field(entry), below);
        }
    }

    /// All schemas that a value has to meet, if that depends on nothing else.
    fn plain(&self, schemas: &[&'s Json]) -> Option<Vec<&'s Json>> {
        let mut own: Vec<&Json> = Vec::new();
        let mut todo = schemas.to_vec();
        while let Some(schema) = todo.pop() {
            if *schema == Json::Bool(true) || own.iter().any(|known| std::ptr::eq(*known, schema)) {
                continue;
            }
            if !schema.is_object() || own.len() >= SCHEMAS || has_any(schema, CONDITIONS) {
                return None;
            }
            own.push(schema);
            if let Some(target) = schema.get("$ref").and_then(Json::as_str) {
                todo.push(resolve(self.root, target)?);
            }
            let all = schema.get("allOf").and_then(Json::as_array);
            todo.extend(all.into_iter().flatten());
        }
        Some(own)
    }

    fn text(&self, r: &mut Reader<'_>, at: &At<'_>, text: &str, own: &[&Json]) {
        let pieces = pieces(text);
        let names = pieces.iter().filter_map(|piece| match piece {
            Piece::Field(name) => Some(name.trim()),
            _ => None,
        });
        let names: Vec<&str> = names.collect();
        let [first, ..] = names.as_slice() else {
            return;
        };
        let alone = pieces.len() == 1;
        let mut wanted: Vec<String> = own
            .iter()
            .filter_map(|schema| schema.as_object())
            .flatten()
            .filter(|(keyword, wanted)| {
                !SILENT.contains(&keyword.as_str())
                    && !match self.fields.schema_of(first) {
                        Some(field) if alone => meets(field, keyword, wanted),
                        _ => text::meets(self.fields, &pieces, keyword, wanted),
                    }
            })
            .map(|(keyword, wanted)| format!("{keyword}: {}", shortened(&wanted.to_string())))
            .collect();
        if alone && let Some(field) = self.fields.schema_of(first) {
            let by_locale = is_localizable(own);
            if is_localizable(&[field]) && !by_locale {
                wanted.push("one text for all locales".to_owned());
            } else if by_locale && !is_localizable(&[field]) && may_be(field, "object") {
                wanted.push("x-localizable: true".to_owned());
            }
        }
        if wanted.is_empty() {
            return;
        }
        wanted.sort_unstable();
        wanted.dedup();
        let message = format!(
            "not everything that `{}` may be fits here, where {} is wanted",
            names.join("`, `"),
            wanted.join(", ")
        );
        let hint =
            "let the field take no more than its place, so that whoever fills it in is told there";
        r.report(
            Severity::Warning,
            "wider_template_field",
            at.intro(),
            at.path(),
            message,
            Some(hint.to_owned()),
        );
    }
}

fn has_any(schema: &Json, keywords: &[&str]) -> bool {
    keywords
        .iter()
        .any(|keyword| schema.get(*keyword).is_some())
}

/// Whether all values of a field's schema meet one keyword of another.
fn meets(field: &Json, keyword: &str, wanted: &Json) -> bool {
    if let Some(values) = all_values(field) {
        return accepts_all(keyword, wanted, values.iter());
    }
    let has = field.get(keyword);
    let number = |value: Option<&Json>| value.and_then(Json::as_f64);
    match keyword {
        "type" => {
            let wanted = types(wanted);
            let fits = |kind: &&str| {
                wanted.contains(kind) || *kind == "integer" && wanted.contains(&"number")
            };
            let kinds = has.map(types).unwrap_or_default();
            !kinds.is_empty() && kinds.iter().all(fits)
        }
        "maxLength" | "maximum" | "maxItems" | "maxProperties" => {
            let within = |most: f64| number(Some(wanted)).is_some_and(|wanted| most <= wanted);
            number(has).is_some_and(within)
        }
        "minLength" | "minimum" | "minItems" | "minProperties" => {
            let within = |least: f64| number(Some(wanted)).is_some_and(|wanted| least >= wanted);
            number(has).is_some_and(within) || keyword != "minimum" && *wanted == json!(0)
        }
        _ => has == Some(wanted),
    }
}

/// If they can be counted.
fn all_values(field: &Json) -> Option<Vec<Json>> {
    if let Some(values) = field.get("enum").and_then(Json::as_array) {
        return Some(values.clone());
    }
    if let Some(value) = field.get("const") {
        return Some(vec![value.clone()]);
    }
    (field.get("type")? == "boolean").then(|| vec![json!(true), json!(false)])
}

fn accepts_all<'v>(
    keyword: &str,
    wanted: &Json,
    mut values: impl Iterator<Item = &'v Json>,
) -> bool {
    let schema = Json::Object(Map::from_iter([(keyword.to_owned(), wanted.clone())]));
    let built = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .offline()
        .build(&schema);
    built.is_ok_and(|validator| values.all(|value| validator.is_valid(value)))
}

fn types(kind: &Json) -> Vec<&str> {
    match kind {
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn may_be(field: &Json, kind: &str) -> bool {
    field
        .get("type")
        .is_none_or(|own| types(own).contains(&kind))
}
