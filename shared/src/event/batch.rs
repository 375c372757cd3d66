//! A body of `POST /v1/events`: one event, a list, or a list with the time it was sent.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::context::{Strict, Text};
use crate::limits;
use crate::value::datetime;

/// Events as they were sent, still to be read one by one, so that a wrong one takes no other along.
#[derive(Debug)]
pub struct Batch<'a> {
    pub events: Vec<&'a RawValue>,
    /// The client's clock when it sent them.
    pub sent_ms: Option<i64>,
}

/// Why a body as a whole is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not JSON, or not of one of the three forms.
    Json {
        place: &'static str,
        why: String,
    },
    TooMany(usize),
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    events: Option<&'a RawValue>,
    #[serde(borrow)]
    sent_at: Option<&'a RawValue>,
}

impl<'a> Batch<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        let text = core::str::from_utf8(body).map_err(|error| wrong("", error))?;
        // All of it, also what is ignored: broken JSON and lone surrogates are told alike wherever they stand.
        serde_json::from_str::<Strict>(text).map_err(|error| wrong("", error))?;
        let whole: &RawValue = serde_json::from_str(text).map_err(|error| wrong("", error))?;
        let batch = match whole.get().as_bytes().first() {
            Some(b'[') => Self {
                events: list(whole, "")?,
                sent_ms: None,
            },
            Some(b'{') => Self::of_object(whole)?,
            _ => return Err(wrong("", "a body is an event or a list of events")),
        };
        if batch.events.len() > limits::EVENTS {
            return Err(Unreadable::TooMany(batch.events.len()));
        }
        Ok(batch)
    }

    fn of_object(whole: &'a RawValue) -> Result<Self, Unreadable> {
        let wrapped: Wrapped<'a> =
            serde_json::from_str(whole.get()).map_err(|error| wrong("", error))?;
        let Some(events) = wrapped.events else {
            return Ok(Self {
                events: alloc::vec![whole],
                sent_ms: None,
            });
        };
        Ok(Self {
            events: list(events, "/events")?,
            sent_ms: wrapped.sent_at.map(sent_at).transpose()?,
        })
    }
}

fn list<'a>(raw: &'a RawValue, place: &'static str) -> Result<Vec<&'a RawValue>, Unreadable> {
    serde_json::from_str(raw.get()).map_err(|error| wrong(place, error))
}

fn sent_at(raw: &RawValue) -> Result<i64, Unreadable> {
    let text: Option<Text<'_>> = serde_json::from_str(raw.get()).ok();
    let instant = text.and_then(|Text(text): Text<'_>| datetime::parse(&Cow::into_owned(text)));
    instant.ok_or_else(|| {
        wrong(
            "/sent_at",
            "write an RFC 3339 instant, for example 2026-11-22T09:00:00Z",
        )
    })
}

fn wrong(place: &'static str, why: impl ToString) -> Unreadable {
    Unreadable::Json {
        place,
        why: why.to_string(),
    }
}

impl core::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Json { why, .. } => f.write_str(why),
            Self::TooMany(count) => f.write_str(&format!(
                "{count} events; a batch has at most {}",
                limits::EVENTS
            )),
        }
    }
}
