//! The little of HTTP that all platforms share, and RFC 9457 problem details.

use std::borrow::Cow;

use serde::Serialize;

/// Finds a request header by its lower-case name; several of one name are joined by `, `.
#[cfg(not(target_family = "wasm"))]
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);
#[cfg(target_family = "wasm")]
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a platform was asked.
#[derive(Clone)]
pub struct Request<'a> {
    /// Upper case.
    pub method: &'a str,
    /// As sent, still percent-encoded.
    pub path: &'a str,
    /// As sent, without `?`; empty if there is none.
    pub query: &'a str,
    pub header: Lookup<'a>,
    /// An adapter may stop reading one byte beyond [`skyful::limits::REQUEST_BYTES`].
    pub body: &'a [u8],
    pub facts: Facts,
}

/// What the platform knows about the client. Given to attributes that are declared `from: edge.…`.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
    /// As the platform names it, for example an ISO 3166-2 subdivision.
    pub region: Option<String>,
    pub ip: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// Empty for HEAD and 204.
    pub body: Vec<u8>,
}

impl Response {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn json(status: u16, body: Vec<u8>) -> Self {
        let mut response = Self::new(status)
            .with("content-type", "application/json")
            .with("x-content-type-options", "nosniff");
        response.body = body;
        response
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| *given == name)
            .map(|(_, value)| &**value)
    }
}

/// An error as clients see it. `kind` is the stable last part of its `type`.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub status: u16,
    pub kind: &'static str,
    pub title: &'static str,
    pub detail: String,
    pub place: Option<String>,
    pub hint: Option<&'static str>,
}

#[derive(Serialize)]
struct ProblemWire<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl Problem {
    pub fn new(
        status: u16,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            place: None,
            hint: None,
        }
    }

    /// JSON Pointer or parameter name; the empty one is the whole request and isn't said.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into()).filter(|place| !place.is_empty());
        self
    }

    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    pub fn response(&self) -> Response {
        let wire = ProblemWire {
            r#type: format!("urn:skyful:problem:{}", self.kind),
            title: self.title,
            status: self.status,
            detail: &self.detail,
            place: self.place.as_deref(),
            hint: self.hint,
        };
        let mut response = Response::new(self.status)
            .with("content-type", "application/problem+json")
            .with("x-content-type-options", "nosniff")
            .with("cache-control", "no-store");
        response.body = serde_json::to_vec(&wire).unwrap_or_default();
        response
    }
}

/// Decodes one path segment. What isn't an escape stands for itself; `None` if the result isn't UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let escaped = (*byte == b'%')
            .then(|| after.split_first_chunk::<2>())
            .flatten()
            .and_then(|(digits, after)| Some((hex_pair(*digits)?, after)));
        if let Some((decoded, after)) = escaped {
            out.push(decoded);
            rest = after;
        } else {
            out.push(*byte);
        }
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

fn hex_pair(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}
