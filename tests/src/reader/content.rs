//! Content in one locale: wherever the schema marks a place `x-localizable`, one value is chosen.

use serde_json::{Map, Value};

use super::locale;

pub struct Localizer<'a> {
    /// The schema of the whole module type, in which `$ref` is looked up.
    pub root: &'a Value,
    pub chain: Vec<String>,
    pub known: Vec<String>,
}

impl<'a> Localizer<'a> {
    pub fn new(root: &'a Value, locales: &Value, found: &str) -> Self {
        Self {
            root,
            chain: locale::chain(locales, found),
            known: locale::known(locales),
        }
    }

    pub fn content(&self, content: &Value) -> Value {
        self.value(content, &[self.root])
    }

    /// A value where these schemas apply. Each branch of `oneOf` and `anyOf` counts as applying: a mark
    /// in any of them marks the place.
    fn value(&self, value: &Value, schemas: &[&'a Value]) -> Value {
        let own = schemas;
        let schemas: Vec<&Value> = own.iter().flat_map(|schema| self.all(schema)).collect();
        let value = if schemas.iter().any(|schema| schema["x-localizable"] == true) {
            self.choose(value, own)
        } else {
            value
        };
        match value {
            Value::Object(fields) => {
                let localized = fields.iter().map(|(name, field)| {
                    let of_field: Vec<&Value> = schemas
                        .iter()
                        .filter_map(|schema| schema["properties"].get(name))
                        .collect();
                    (name.clone(), self.value(field, &of_field))
                });
                Value::Object(localized.collect::<Map<_, _>>())
            }
            Value::Array(items) => {
                let localized = items.iter().enumerate().map(|(index, item)| {
                    let of_item: Vec<&Value> = schemas
                        .iter()
                        .filter_map(|schema| item_schema(schema, index))
                        .collect();
                    self.value(item, &of_item)
                });
                Value::Array(localized.collect())
            }
            scalar => scalar.clone(),
        }
    }

    fn choose<'v>(&self, value: &'v Value, schemas: &[&'a Value]) -> &'v Value {
        let Some(map) = value.as_object() else {
            return value;
        };
        let names_a_locale = map
            .keys()
            .any(|key| self.known.contains(&locale::fold(key)));
        let allows_objects = schemas.iter().any(|schema| self.allows_object(schema));
        if allows_objects && !names_a_locale {
            return value;
        }
        self.chain
            .iter()
            .find_map(|tag| {
                map.iter()
                    .find(|(key, _)| locale::fold(key) == *tag)
                    .map(|(_, chosen)| chosen)
            })
            .expect("the default locale is there")
    }

    /// Whether an object could fit by its type. Without `type`, a schema allows anything.
    fn allows_object(&self, schema: &'a Value) -> bool {
        let by_type = match &schema["type"] {
            Value::String(name) => name == "object",
            Value::Array(names) => names.iter().any(|name| name == "object"),
            _ => true,
        };
        let branches = |keyword: &str| schema[keyword].as_array();
        by_type
            && self
                .referred(schema)
                .is_none_or(|target| self.allows_object(target))
            && branches("allOf").is_none_or(|list| list.iter().all(|one| self.allows_object(one)))
            && branches("anyOf").is_none_or(|list| list.iter().any(|one| self.allows_object(one)))
            && branches("oneOf").is_none_or(|list| list.iter().any(|one| self.allows_object(one)))
    }

    fn referred(&self, schema: &'a Value) -> Option<&'a Value> {
        let pointer = schema["$ref"].as_str()?.strip_prefix('#');
        let pointer = pointer.expect("a local reference");
        Some(self.root.pointer(pointer).expect("a known reference"))
    }

    /// A schema, and all that it refers to or branches into.
    fn all(&self, schema: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![schema];
        if let Some(target) = self.referred(schema) {
            found.extend(self.all(target));
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for branch in schema[keyword].as_array().into_iter().flatten() {
                found.extend(self.all(branch));
            }
        }
        found
    }
}

fn item_schema(schema: &Value, index: usize) -> Option<&Value> {
    match schema["prefixItems"].as_array() {
        Some(prefix) if index < prefix.len() => prefix.get(index),
        _ => schema.get("items"),
    }
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
