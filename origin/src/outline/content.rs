//! Contents of all locales in one tree: what is equal everywhere stands once, what differs becomes a
//! map of locales, at the place where it differs.

use serde_json::{Map, Value, json};
use skyful::locale::Locales;
use skyful::snapshot::Chunk;

/// Marks a content whose locales were not folded yet.
const BY_LOCALE: &str = "\u{0}locales";

/// The content in every locale that the chunk has.
pub fn of(chunk: &Chunk, content: u32, locales: &Locales) -> Value {
    let mut by_locale = Map::new();
    for (locale, tag) in (0..).zip(&locales.supported) {
        if let Some(json) = chunk.fragment(content, locale) {
            let value = serde_json::from_slice(json).unwrap_or_default();
            by_locale.insert(tag.clone(), value);
        }
    }
    json!({ BY_LOCALE: by_locale })
}

/// Adds the locales that another chunk of the same page has.
pub fn merge(known: &mut Value, more: Value) {
    match (known, more) {
        (Value::Object(known), Value::Object(more)) => {
            for (key, value) in more {
                match known.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => _ = known.insert(key, value),
                }
            }
        }
        (Value::Array(known), Value::Array(more)) => {
            known.iter_mut().zip(more).for_each(|(a, b)| merge(a, b));
        }
        _ => {}
    }
}

/// Folds every content below.
pub fn fold(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(by_locale)) = map.remove(BY_LOCALE) {
                let (tags, values): (Vec<_>, Vec<_>) = by_locale.into_iter().unzip();
                *value = together(&tags, &values.iter().collect::<Vec<_>>());
            } else {
                map.values_mut().for_each(fold);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(fold),
        _ => {}
    }
}

fn together(tags: &[String], values: &[&Value]) -> Value {
    let Some(first) = values.first() else {
        return Value::Null;
    };
    if values.iter().all(|value| value == first) {
        return (*first).clone();
    }
    let by_locale = || {
        let pairs = tags.iter().zip(values);
        Value::Object(
            pairs
                .map(|(tag, value)| (tag.clone(), (*value).clone()))
                .collect(),
        )
    };
    match first {
        Value::Object(shape) if values.iter().all(|value| same_keys(value, shape)) => {
            let fields = shape.keys().map(|key| {
                let inner: Vec<&Value> = values.iter().filter_map(|v| v.get(key)).collect();
                (key.clone(), together(tags, &inner))
            });
            Value::Object(fields.collect())
        }
        Value::Array(shape)
            if values
                .iter()
                .all(|v| v.as_array().is_some_and(|list| list.len() == shape.len())) =>
        {
            let items = (0..shape.len()).map(|index| {
                let inner: Vec<&Value> = values.iter().filter_map(|v| v.get(index)).collect();
                together(tags, &inner)
            });
            Value::Array(items.collect())
        }
        _ => by_locale(),
    }
}

fn same_keys(value: &Value, shape: &Map<String, Value>) -> bool {
    value
        .as_object()
        .is_some_and(|map| map.keys().eq(shape.keys()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_everywhere_stands_once() {
        let mut value = json!({"content": {BY_LOCALE: {
            "en": {"title": "Hello", "href": "/a", "items": [{"text": "x"}]},
            "th": {"title": "สวัสดี", "href": "/a", "items": [{"text": "y"}]},
        }}});
        fold(&mut value);
        let expected = json!({"content": {
            "title": {"en": "Hello", "th": "สวัสดี"},
            "href": "/a",
            "items": [{"text": {"en": "x", "th": "y"}}],
        }});
        assert_eq!(value, expected);
    }

    #[test]
    fn what_has_another_shape_in_one_locale_is_kept_by_locale() {
        let mut value = json!({BY_LOCALE: {"en": {"a": 1}, "th": {"b": 1}}});
        fold(&mut value);
        assert_eq!(value, json!({"en": {"a": 1}, "th": {"b": 1}}));
    }
}
