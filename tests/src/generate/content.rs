//! Module types, and content that fits them in every locale.

use serde_json::{Map, Value, json};

use super::draw::Draw;

const TEXTS: [&str; 8] = [
    "Hello",
    "余额",
    "a \"quoted\" <b>",
    "",
    "emoji 🌟",
    "line\nbreak",
    "สวัสดี",
    "back\\slash",
];

/// A few kinds of schema; between them they have every keyword that is walked for localized fields.
pub fn schemas() -> Vec<Value> {
    let text = json!({"type": "string", "x-localizable": true});
    vec![
        json!({
            "type": "object", "required": ["title"], "additionalProperties": false,
            "properties": {"title": {"type": "string", "maxLength": 40, "x-localizable": true},
                "image": {"type": "string"}, "rank": {"type": "integer"}}
        }),
        json!({
            "type": "object",
            "properties": {
                "header": {"type": "object", "properties": {"text": text, "plain": {"type": "string"}}},
                "rows": {"type": "array", "items": {"type": "object", "required": ["label"],
                    "properties": {"label": text, "n": {"type": "number"}, "on": {"type": "boolean"}}}}
            }
        }),
        json!({
            "$defs": {"text": text, "row": {"type": "object", "properties": {"label": {"$ref": "#/$defs/text"}}}},
            "type": "object",
            "properties": {
                "title": {"$ref": "#/$defs/text"},
                "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}},
                "pair": {"type": "array", "prefixItems": [text, {"type": "integer"}], "items": {"$ref": "#/$defs/text"}}
            }
        }),
        json!({
            "type": "object",
            "allOf": [{"properties": {"title": text}}, {"properties": {"note": {"type": "string"}}}],
            "properties": {
                "body": {"oneOf": [{"type": "object", "required": ["text"], "properties": {"text": text}}, {"type": "integer"}]},
                "foot": {"anyOf": [{"type": "array", "items": text}, {"type": "object", "required": ["a"], "properties": {"a": text}}]}
            }
        }),
        json!({
            "type": "object",
            "properties": {
                "link": {"type": "object", "x-localizable": true, "required": ["href"],
                    "properties": {"href": {"type": "string"}, "label": {"type": "string"}}},
                "words": {"type": "array", "x-localizable": true, "items": {"type": "string"}},
                "count": {"type": "integer", "x-localizable": true}
            }
        }),
    ]
}

pub struct Filler<'a> {
    pub root: &'a Value,
    pub default: &'a str,
    /// Tags that content may use, besides the default.
    pub tags: &'a [String],
}

impl Filler<'_> {
    pub fn content(&self, draw: &mut Draw) -> Value {
        self.fill(draw, self.root, true)
    }

    fn fill(&self, draw: &mut Draw, schema: &Value, localize: bool) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.root.pointer(reference.trim_start_matches('#'));
            return self.fill(draw, target.expect("a definition"), localize);
        }
        for keyword in ["oneOf", "anyOf"] {
            if let Some(branches) = schema[keyword].as_array() {
                let branch = draw.pick(branches);
                return self.fill(draw, branch, localize);
            }
        }
        if localize && schema["x-localizable"] == true && draw.chance(75) {
            return self.map(draw, schema);
        }
        match schema["type"].as_str() {
            Some("object") => self.object(draw, schema, localize),
            Some("array") => self.array(draw, schema, localize),
            Some("integer") => json!(draw.between(-5, 1000)),
            // Halves, so that no two writers of JSON could spell them otherwise.
            Some("number") => json!(draw.between(-9, 9) as f64 + 0.5),
            Some("boolean") => json!(draw.chance(50)),
            _ => json!(draw.pick(&TEXTS)),
        }
    }

    fn map(&self, draw: &mut Draw, schema: &Value) -> Value {
        let mut map = Map::new();
        map.insert(self.default.to_owned(), self.fill(draw, schema, false));
        for tag in draw.some(self.tags, 4) {
            map.insert(tag, self.fill(draw, schema, false));
        }
        Value::Object(map)
    }

    fn object(&self, draw: &mut Draw, schema: &Value, localize: bool) -> Value {
        let mut fields = Map::new();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let parts = schema["allOf"].as_array().cloned().unwrap_or_default();
        for part in parts.iter().chain([schema]) {
            for (name, field) in part["properties"].as_object().into_iter().flatten() {
                if required.contains(&json!(name)) || draw.chance(70) {
                    fields.insert(name.clone(), self.fill(draw, field, localize));
                }
            }
        }
        Value::Object(fields)
    }

    fn array(&self, draw: &mut Draw, schema: &Value, localize: bool) -> Value {
        let prefix = schema["prefixItems"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let count = draw.below(4) as usize;
        (0..count)
            .map(|index| {
                self.fill(
                    draw,
                    prefix.get(index).unwrap_or(&schema["items"]),
                    localize,
                )
            })
            .collect()
    }
}
