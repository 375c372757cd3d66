//! The query string of a page, as the context that it means.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The text of the context. Parameters are read by the declared type of their attribute; what doesn't
/// fit is left out, which is the same as missing.
pub fn context_of_query(document: &Value, query: &str, now: &str) -> String {
    let mut plain: BTreeMap<String, Value> = BTreeMap::from([("now".to_owned(), now.into())]);
    let mut repeated: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        match name.strip_prefix("attr.") {
            Some(attribute) => repeated
                .entry(attribute.to_owned())
                .or_default()
                .push(value),
            None => {
                plain.insert(name, value.into());
            }
        }
    }
    let attributes = repeated.iter().filter_map(|(name, values)| {
        let kind = document["attributes"][name]["type"].as_str()?;
        Some(format!(
            "{}:{}",
            Value::from(name.as_str()),
            json_of(kind, values)?
        ))
    });
    let attributes = attributes.collect::<Vec<_>>().join(",");
    let plain = Value::from_iter(plain).to_string();
    let open = plain.strip_suffix('}').expect("an object");
    format!(r#"{open},"attributes":{{{attributes}}}}}"#)
}

fn json_of(kind: &str, values: &[String]) -> Option<String> {
    if kind == "string_list" {
        return Some(Value::from(values).to_string());
    }
    // Repeated, it fits a list only.
    let [value] = values else {
        return None;
    };
    match kind {
        // The literal itself, so that its spelling survives.
        "integer" | "number" => {
            let literal = value.starts_with(|first: char| first == '-' || first.is_ascii_digit())
                && !value.contains(char::is_whitespace)
                && serde_json::from_str::<&RawValue>(value).is_ok();
            literal.then(|| value.clone())
        }
        "boolean" => ["true", "false"]
            .contains(&value.as_str())
            .then(|| value.clone()),
        _ => Some(Value::from(value.as_str()).to_string()),
    }
}

/// `application/x-www-form-urlencoded`: `+` is a space, `%XX` a byte of UTF-8.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            // Without this, a sign would pass for a digit.
            if digits.starts_with('+') {
                return None;
            }
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_are_read_by_their_declared_type() {
        let document = json!({"attributes": {
            "age": {"type": "integer"}, "tags": {"type": "string_list"}, "vip": {"type": "boolean"}, "c": {"type": "string"}
        }});
        let context = |query: &str| -> Value {
            let text = context_of_query(&document, query, "2026-11-22T00:00:00Z");
            serde_json::from_str(&text).expect("a context")
        };
        let seen = context(
            "unit=u%2B1+x&locale=zh-HK&attr.age=6.7e1&attr.tags=a&attr.vip=true&attr.c=&attr.z=1",
        );
        assert_eq!(seen["unit"], "u+1 x");
        assert_eq!(seen["locale"], "zh-HK");
        assert_eq!(
            seen["attributes"],
            json!({"age": 67.0, "tags": ["a"], "vip": true, "c": ""})
        );
        assert_eq!(
            context("attr.age=1&attr.age=1&attr.vip=1&attr.tags=a&attr.tags=b")["attributes"],
            json!({"tags": ["a", "b"]})
        );
        assert_eq!(context("attr.age=067")["attributes"], json!({}));
    }
}
