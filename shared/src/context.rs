//! One request: who asks for what, as clients write it. Borrowed from the bytes; values get their
//! types later, from the attributes that a chunk declares.

mod fingerprint;
mod json;
mod ofrep;
mod query;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) use json::{Strict, Text};

use crate::event::EventKind;
use crate::limits;

/// Everything a page can depend on but the snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context<'a> {
    pub page: Option<Cow<'a, str>>,
    /// Never empty.
    pub unit: Option<Cow<'a, str>>,
    pub device: Option<Cow<'a, str>>,
    pub locale: Option<Cow<'a, str>>,
    pub attributes: Vec<(Cow<'a, str>, Fact<'a>)>,
    /// Unix milliseconds. Command line and preview only: an edge uses its own clock.
    pub now_ms: Option<i64>,
    /// Command line and preview only: an edge counts by itself.
    pub caps: Vec<(Cow<'a, str>, Tally)>,
    pub explain: bool,
    /// What the client reported but nobody acknowledged yet.
    pub seen: Vec<Seen<'a>>,
    /// Who this visitor was before a login.
    pub previous_unit: Option<Cow<'a, str>>,
    /// What the client holds of this page, as an edge named it ([`Context::fingerprint`]).
    pub have: Option<Cow<'a, str>>,
    /// Attributes that an edge left out, and why: for an answer that explains.
    pub dropped: Vec<(String, &'static str)>,
}

/// What is known about one counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: u32,
    /// When it last counted, Unix milliseconds.
    pub last_ms: Option<i64>,
}

/// As much of an event as counts for caps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    pub kind: EventKind,
    pub page: Cow<'a, str>,
    pub module: Option<Cow<'a, str>>,
    pub grant: Cow<'a, str>,
    pub at_ms: i64,
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact<'a> {
    Null,
    Boolean(bool),
    /// The literal; whether it is an integer is decided on its digits.
    Number(&'a str),
    Text(Cow<'a, str>),
    Texts(Vec<Cow<'a, str>>),
    /// An object, or a list of other things than text.
    Other,
    /// From a query string, or filled in by an edge: text whose type the attribute declares.
    Untyped(Vec<Cow<'a, str>>),
}

/// A request that cannot be answered, with the place and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRequest {
    /// JSON Pointer or parameter name; empty for the whole.
    pub place: String,
    pub message: String,
}

impl BadRequest {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

impl core::fmt::Display for BadRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.message),
            place => write!(f, "{place}: {}", self.message),
        }
    }
}

impl core::error::Error for BadRequest {}

impl<'a> Context<'a> {
    /// From the body of `POST /v1/resolve`, or a context file of the command line.
    pub fn from_json(body: &'a [u8]) -> Result<Self, BadRequest> {
        if body.len() > limits::REQUEST_BYTES {
            return Err(BadRequest::new(
                "",
                alloc::format!("a request is at most {} bytes", limits::REQUEST_BYTES),
            ));
        }
        json::read(body)?.limited()
    }

    /// From the query string of `GET /v1/pages/{page}`, without its `?`.
    pub fn from_query(query: &'a str) -> Result<Self, BadRequest> {
        if query.len() > limits::REQUEST_BYTES {
            return Err(BadRequest::new(
                "",
                alloc::format!("a query is at most {} bytes", limits::REQUEST_BYTES),
            ));
        }
        query::read(query)?.limited()
    }

    pub fn attribute(&self, name: &str) -> Option<&Fact<'a>> {
        self.attributes
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, fact)| fact)
    }

    pub fn tally(&self, counter: &str) -> Option<Tally> {
        self.caps
            .iter()
            .find(|(name, _)| name == counter)
            .map(|(_, tally)| *tally)
    }

    /// `""` is no unit, and ids stay within what events and stores accept.
    fn limited(mut self) -> Result<Self, BadRequest> {
        for (place, id) in [
            ("/unit", &mut self.unit),
            ("/device", &mut self.device),
            ("/previous_unit", &mut self.previous_unit),
        ] {
            if id.as_ref().is_some_and(|id| id.is_empty()) {
                *id = None;
            }
            if id.as_ref().is_some_and(|id| id.len() > limits::UNIT_BYTES) {
                return Err(BadRequest::new(
                    place,
                    alloc::format!("an id is at most {} bytes", limits::UNIT_BYTES),
                ));
            }
        }
        if self.attributes.len() > limits::REQUEST_ATTRIBUTES {
            let message = alloc::format!(
                "a request has at most {} attributes",
                limits::REQUEST_ATTRIBUTES
            );
            return Err(BadRequest::new("/attributes", message));
        }
        for (name, fact) in &self.attributes {
            let (texts, longest) = match fact {
                Fact::Text(text) => (1, text.len()),
                Fact::Number(literal) => (1, literal.len()),
                Fact::Texts(texts) | Fact::Untyped(texts) => (
                    texts.len(),
                    texts.iter().map(|t| t.len()).max().unwrap_or(0),
                ),
                Fact::Null | Fact::Boolean(_) | Fact::Other => (0, 0),
            };
            if texts > limits::REQUEST_LIST || longest > limits::REQUEST_TEXT_BYTES {
                let message = alloc::format!(
                    "a list has at most {} elements, a text at most {} bytes",
                    limits::REQUEST_LIST,
                    limits::REQUEST_TEXT_BYTES
                );
                return Err(BadRequest::new(
                    alloc::format!("/attributes/{name}"),
                    message,
                ));
            }
        }
        Ok(self)
    }
}
