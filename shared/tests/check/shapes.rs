//! The check and the published JSON Schema know the same fields.

use std::collections::BTreeSet;

use serde_json::Value;
use skyful::check::shapes::{SHAPES, Shape};

/// Every closed object below a part of the schema.
fn objects<'s>(schema: &'s Value, out: &mut Vec<&'s Value>) {
    match schema {
        Value::Object(fields) => {
            if schema["additionalProperties"] == false && schema["properties"].is_object() {
                out.push(schema);
            }
            fields.values().for_each(|value| objects(value, out));
        }
        Value::Array(items) => items.iter().for_each(|value| objects(value, out)),
        _ => {}
    }
}

fn properties(object: &Value) -> BTreeSet<&str> {
    let properties = object["properties"].as_object().expect("an object");
    properties.keys().map(String::as_str).collect()
}

fn fields(shape: &Shape) -> BTreeSet<&'static str> {
    shape
        .required
        .iter()
        .chain(shape.optional)
        .copied()
        .collect()
}

/// One shape may stand for several objects of the schema, which say which fields go together.
fn nearest(definition: &str, properties: &BTreeSet<&str>) -> usize {
    let holding = SHAPES.iter().enumerate();
    let holding = holding.filter(|(_, shape)| properties.is_subset(&fields(shape)));
    let (index, _) = holding
        .min_by_key(|(_, shape)| (shape.name != definition, fields(shape).len()))
        .unwrap_or_else(|| panic!("no shape for {properties:?} of {definition}"));
    index
}

#[test]
fn the_schema_and_the_check_know_the_same_fields() {
    let mut schema: Value = serde_json::from_str(skyful::model::SCHEMA).expect("JSON");
    let definitions = schema["$defs"].take();
    let mut found = vec![BTreeSet::new(); SHAPES.len()];
    let mut all = vec![("workspace", &schema)];
    for (name, definition) in definitions.as_object().expect("an object") {
        let mut below = Vec::new();
        objects(definition, &mut below);
        all.extend(below.into_iter().map(|object| (name.as_str(), object)));
    }
    for (definition, object) in all {
        let properties = properties(object);
        let index = nearest(definition, &properties);
        let required = object["required"].as_array();
        let required: BTreeSet<&str> = required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for field in SHAPES[index].required {
            assert!(required.contains(field), "{definition} requires {field}");
        }
        found[index].extend(properties);
    }
    for (shape, found) in SHAPES.iter().zip(found) {
        assert_eq!(fields(shape), found, "{}", shape.name);
    }
}
