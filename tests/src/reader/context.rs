//! The context of one request, read from its text, so that number literals survive.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::instant;

pub struct Context {
    pub unit: Option<String>,
    pub device: Option<String>,
    pub attributes: BTreeMap<String, Box<RawValue>>,
    pub locale: Option<String>,
    /// Milliseconds since 1970.
    pub now: i64,
    /// Counters by name.
    pub caps: BTreeMap<String, Counter>,
}

#[derive(Clone, Copy, Default)]
pub struct Counter {
    pub count: u64,
    /// Milliseconds since 1970.
    pub last: Option<i64>,
}

#[derive(Deserialize)]
struct Text {
    unit: Option<Value>,
    device: Option<Value>,
    attributes: Option<BTreeMap<String, Box<RawValue>>>,
    locale: Option<Value>,
    now: String,
    caps: Option<BTreeMap<String, CounterText>>,
}

#[derive(Deserialize)]
struct CounterText {
    #[serde(default)]
    count: u64,
    last: Option<String>,
}

/// Reads a context. Tests always give `now`.
pub fn parse(json: &str) -> Context {
    let text: Text = serde_json::from_str(json).expect("a context with `now`");
    let not_empty = |value: Option<Value>| -> Option<String> {
        let text = value?.as_str()?.to_owned();
        (!text.is_empty()).then_some(text)
    };
    let counters = text.caps.unwrap_or_default().into_iter();
    Context {
        unit: not_empty(text.unit),
        device: not_empty(text.device),
        attributes: text.attributes.unwrap_or_default(),
        locale: not_empty(text.locale),
        now: instant::parse(&text.now).expect("`now` in RFC 3339"),
        caps: counters
            .map(|(name, text)| (name, counter(&text)))
            .collect(),
    }
}

fn counter(text: &CounterText) -> Counter {
    Counter {
        count: text.count,
        last: text.last.as_deref().and_then(instant::parse),
    }
}
