//! Attribute values, read by their declared type. Whatever doesn't fit is missing.

use std::cmp::Ordering;

use serde_json::Value;

use super::version::Version;
use super::{digits, instant, version};

#[derive(Debug, Clone)]
pub enum Fact {
    Text(String),
    List(Vec<String>),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    Version(Version),
    Datetime(i64),
}

/// The value of an attribute from its JSON text, in which a number still stands as written.
pub fn read(declared: &Value, json: &str) -> Option<Fact> {
    let json = json.trim();
    let text = || serde_json::from_str::<String>(json).ok();
    let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    match declared["type"].as_str().expect("a declared type") {
        "string" => text().map(Fact::Text),
        "enum" => {
            let text = text()?;
            let values = declared["values"].as_array().expect("values of an enum");
            let known = values.iter().any(|value| *value == text.as_str());
            known.then_some(Fact::Text(text))
        }
        "string_list" => serde_json::from_str(json).ok().map(Fact::List),
        "integer" if is_number => {
            let value = digits::whole(json)?;
            let bound = |field: &str| {
                let bound = declared.get(field)?;
                digits::whole(&bound.to_string())
            };
            let fits = bound("min").is_none_or(|min| min <= value)
                && bound("max").is_none_or(|max| value <= max);
            fits.then_some(Fact::Integer(value))
        }
        "number" if is_number => {
            let value = digits::double(json)?;
            let bound = |field: &str| digits::double(&declared.get(field)?.to_string());
            let fits = bound("min").is_none_or(|min| min <= value)
                && bound("max").is_none_or(|max| value <= max);
            fits.then_some(Fact::Number(value))
        }
        "boolean" => serde_json::from_str(json).ok().map(Fact::Boolean),
        "version" => version::parse(&text()?).map(Fact::Version),
        "datetime" => instant::parse(&text()?).map(Fact::Datetime),
        _ => None,
    }
}

/// The order of two values of one type.
pub fn compare(a: &Fact, b: &Fact) -> Ordering {
    match (a, b) {
        (Fact::Text(a), Fact::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Fact::Integer(a), Fact::Integer(b)) => a.cmp(b),
        (Fact::Number(a), Fact::Number(b)) => a.partial_cmp(b).expect("no NaN in JSON"),
        (Fact::Boolean(a), Fact::Boolean(b)) => a.cmp(b),
        (Fact::Version(a), Fact::Version(b)) => version::compare(a, b),
        (Fact::Datetime(a), Fact::Datetime(b)) => a.cmp(b),
        _ => panic!("values of two types are never compared: {a:?} {b:?}"),
    }
}
