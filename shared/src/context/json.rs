//! The JSON form of a context. Broken JSON and lone surrogates are refused wherever they stand; number
//! literals are kept as written. What is wrong is described here; what nearly all clients write is read by [`quick`].

mod quick;
#[cfg(test)]
mod quick_tests;

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{BadRequest, Context, Fact, Seen, Tally};
use crate::event::EventKind;
use crate::limits;
use crate::value::datetime;

pub(super) fn read(body: &[u8]) -> Result<Context<'_>, BadRequest> {
    let text = text_of(body)?;
    match quick::read(text) {
        Some(context) => Ok(context),
        None => thorough(text),
    }
}

pub(super) fn text_of(body: &[u8]) -> Result<&str, BadRequest> {
    core::str::from_utf8(body).map_err(|_| BadRequest::new("", "the body is not UTF-8"))
}

/// Decides what a request means, and with what words it is refused.
#[cold]
fn thorough(text: &str) -> Result<Context<'_>, BadRequest> {
    let fields: Object<'_> = parse(text, "")?;
    let mut context = Context::default();
    for (name, raw) in fields.0 {
        let place = format!("/{name}");
        match &*name {
            "page" => context.page = optional_text(raw, &place)?,
            "unit" => context.unit = optional_text(raw, &place)?,
            "device" => context.device = optional_text(raw, &place)?,
            "locale" => context.locale = optional_text(raw, &place)?,
            "have" => context.have = optional_text(raw, &place)?,
            "attributes" => context.attributes = attributes(raw, &place)?,
            "now" => context.now_ms = instant(raw, &place)?,
            "caps" => context.caps = counters(raw, &place)?,
            "explain" => context.explain = parse(raw.get(), &place)?,
            "seen" => context.seen = seen(raw, &place)?,
            "previous_unit" => context.previous_unit = optional_text(raw, &place)?,
            _ => return Err(BadRequest::new(place, "unknown field")),
        }
    }
    Ok(context)
}

pub(super) fn optional_text<'a>(
    raw: &'a RawValue,
    place: &str,
) -> Result<Option<Cow<'a, str>>, BadRequest> {
    Ok(parse::<Option<Text<'a>>>(raw.get(), place)?.map(|text| text.0))
}

fn instant(raw: &RawValue, place: &str) -> Result<Option<i64>, BadRequest> {
    let Some(text) = optional_text(raw, place)? else {
        return Ok(None);
    };
    let hint = "write an RFC 3339 instant, for example 2026-11-22T09:00:00Z";
    datetime::parse(&text)
        .map(Some)
        .ok_or_else(|| BadRequest::new(place, hint))
}

fn attributes<'a>(
    raw: &'a RawValue,
    place: &str,
) -> Result<Vec<(Cow<'a, str>, Fact<'a>)>, BadRequest> {
    let object: Object<'a> = parse(raw.get(), place)?;
    let mut attributes = Vec::with_capacity(object.0.len());
    for (name, raw) in object.0 {
        let fact = fact(raw, &format!("{place}/{name}"))?;
        attributes.push((name, fact));
    }
    Ok(attributes)
}

fn counters<'a>(raw: &'a RawValue, place: &str) -> Result<Vec<(Cow<'a, str>, Tally)>, BadRequest> {
    let object: Object<'a> = parse(raw.get(), place)?;
    if object.0.len() > limits::REQUEST_COUNTERS {
        return Err(BadRequest::new(
            place,
            format!(
                "a request has at most {} counters",
                limits::REQUEST_COUNTERS
            ),
        ));
    }
    let mut counters = Vec::with_capacity(object.0.len());
    for (name, raw) in object.0 {
        let place = format!("{place}/{name}");
        let mut tally = Tally::default();
        for (field, raw) in parse::<Object<'_>>(raw.get(), &place)?.0 {
            match &*field {
                "count" => tally.count = parse(raw.get(), &format!("{place}/count"))?,
                "last" => tally.last_ms = instant(raw, &format!("{place}/last"))?,
                _ => {
                    return Err(BadRequest::new(
                        format!("{place}/{field}"),
                        "unknown field; use count and last",
                    ));
                }
            }
        }
        counters.push((name, tally));
    }
    Ok(counters)
}

/// Events never fail a page: what is no list, or not of events, is refused as JSON of the wrong shape, but an event that
/// says too little is left out.
fn seen<'a>(raw: &'a RawValue, place: &str) -> Result<Vec<Seen<'a>>, BadRequest> {
    let events = parse::<Option<Vec<Object<'a>>>>(raw.get(), place)?.unwrap_or_default();
    if events.len() > limits::EVENTS {
        let message = format!("a request has at most {} events", limits::EVENTS);
        return Err(BadRequest::new(place, message));
    }
    for (_, raw) in events.iter().flat_map(|event| &event.0) {
        fact(raw, place)?;
    }
    Ok(events
        .iter()
        .filter_map(|event| one_seen(&event.0))
        .collect())
}

fn one_seen<'a>(fields: &[(Cow<'a, str>, &'a RawValue)]) -> Option<Seen<'a>> {
    let text = |wanted: &str| {
        let (_, raw) = fields.iter().find(|(name, _)| name == wanted)?;
        parse::<Text<'a>>(raw.get(), "").ok().map(|text| text.0)
    };
    Some(Seen {
        kind: EventKind::from_name(&text("type")?)?,
        page: text("page")?,
        module: text("module"),
        grant: text("grant")?,
        at_ms: datetime::parse(&text("at")?)?,
    })
}

pub(super) fn fact<'a>(raw: &'a RawValue, place: &str) -> Result<Fact<'a>, BadRequest> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'"') => Fact::Text(parse::<Text<'a>>(text, place)?.0),
        Some(b'[') => match parse::<Vec<Text<'a>>>(text, place) {
            Ok(texts) => Fact::Texts(texts.into_iter().map(|text| text.0).collect()),
            Err(_) => parse::<Strict>(text, place).map(|_| Fact::Other)?,
        },
        Some(b'{') => parse::<Strict>(text, place).map(|_| Fact::Other)?,
        Some(b't') => Fact::Boolean(true),
        Some(b'f') => Fact::Boolean(false),
        Some(b'n') => Fact::Null,
        _ => Fact::Number(text),
    })
}

pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str, place: &str) -> Result<T, BadRequest> {
    serde_json::from_str(text).map_err(|e| BadRequest::new(place, e.to_string()))
}

/// Text, borrowed if it has no escapes.
pub(crate) struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text.into())))
            }
        }
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

/// An object in the order written, values unread. A repeated name is refused: which one counts would
/// be anybody's guess.
pub(super) struct Object<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for ObjectVisitor<'a> {
            type Value = Object<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'a>, A::Error> {
                let mut fields: Vec<(Cow<'a, str>, &'a RawValue)> = Vec::new();
                let mut names = BTreeSet::new();
                while let Some((name, value)) = map.next_entry::<Text<'a>, &'a RawValue>()? {
                    if fields.len() >= limits::REQUEST_COUNTERS {
                        return Err(serde::de::Error::custom("too many fields"));
                    }
                    if !names.insert(name.0.clone()) {
                        return Err(serde::de::Error::custom(format!(
                            "`{}` is given twice",
                            name.0
                        )));
                    }
                    fields.push((name.0, value));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Reads a value only to make sure that all text in it is text.
pub(crate) struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrictVisitor;
        impl<'de> Visitor<'de> for StrictVisitor {
            type Value = Strict;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_str<E>(self, _: &str) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
                while seq.next_element::<Strict>()?.is_some() {}
                Ok(Strict)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
                while map.next_entry::<Strict, Strict>()?.is_some() {}
                Ok(Strict)
            }
        }
        deserializer.deserialize_any(StrictVisitor)
    }
}
