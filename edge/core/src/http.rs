//! The little of HTTP that all platforms share, and RFC 9457 problem details.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use skyful::bucket::{SaltHash, UnitHash};

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
    /// An adapter may stop reading one byte beyond [`crate::Edge::body_limit`].
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

/// The values of one header name as one, for a [`Lookup`]. `None` if there is none, or one is no plain text.
pub fn joined<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let mut joined: Option<String> = None;
    for value in values {
        let plain = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
        let text = str::from_utf8(value)
            .ok()
            .filter(|text| text.bytes().all(|byte| plain(&byte)))?;
        match &mut joined {
            None => joined = Some(text.to_owned()),
            Some(joined) => {
                joined.push_str(", ");
                joined.push_str(text);
            }
        }
    }
    joined
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// Empty for HEAD, 204 and 304.
    pub body: Vec<u8>,
    /// What this answer cost in reads of the store.
    pub reads: u32,
    /// The page that was answered, if the release has it. For logs and traces: nothing about a visitor.
    pub page: Option<Box<str>>,
    /// Of the release that answered.
    pub sequence: Option<u64>,
}

impl Response {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            reads: 0,
            page: None,
            sequence: None,
        }
    }

    pub(crate) fn about(mut self, page: &str, sequence: u64) -> Self {
        self.page = Some(page.into());
        self.sequence = Some(sequence);
        self
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

    /// For an adapter: the body did not arrive whole.
    pub fn broken_off() -> Self {
        Problem::new(
            400,
            "bad-request",
            "The request cannot be read",
            "the body ended before it was whole",
        )
        .response()
    }

    /// For an adapter: the body came too slowly.
    pub fn too_slow() -> Self {
        Problem::new(
            408,
            "too-slow",
            "The request took too long",
            "the body did not arrive in time",
        )
        .response()
    }

    /// For an adapter that has no edge, because its deployment says something wrong. `setting` is named,
    /// its value never.
    pub fn misconfigured(setting: &str, why: &str) -> Self {
        Problem::new(
            503,
            "misconfigured",
            "This edge is not set up",
            format!("the setting {setting}: {why}"),
        )
        .at(setting)
        .hint("correct the deployment; nothing is lost")
        .response()
    }

    /// For an adapter that caught a panic: a bug, and nobody else's request is touched.
    pub fn bug() -> Self {
        Problem::new(
            500,
            "internal",
            "This edge has a bug",
            "the request could not be answered",
        )
        .response()
    }

    /// Adds what the answer took, for whoever looks at it in a browser. An adapter has the clock.
    pub fn timed(self, took: Duration) -> Self {
        let reads = self.reads;
        // Not as a float: its formatting would be the largest function of this crate's Wasm.
        let (ms, hundredths) = (took.as_millis(), took.subsec_micros() % 1_000 / 10);
        let timing = format!("edge;dur={ms}.{hundredths:02}, store;desc=\"reads={reads}\"");
        self.with("server-timing", timing)
    }

    /// What each answer carries, also one that an adapter made without an edge: a name by which it is found
    /// again in logs, and no body for HEAD. `random` as in [`crate::Edge::handle`].
    pub fn identified(mut self, method: &str, header: Lookup<'_>, random: [u8; 16]) -> Self {
        if method == "HEAD" {
            self.body.clear();
        }
        self.with("x-request-id", request_id(header, random))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| *given == name)
            .map(|(_, value)| &**value)
    }
}

/// The client's own id if it has the usual form, else made from this call's chance (and telling nothing
/// about a unit that was minted from it).
fn request_id(header: Lookup<'_>, random: [u8; 16]) -> String {
    let usual = |id: &String| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    header("x-request-id").filter(usual).unwrap_or_else(|| {
        let text = format!("{:032x}", u128::from_be_bytes(random));
        let half = |salt| UnitHash::of(&text).mix(SaltHash::of(salt));
        format!("{:016x}{:016x}", half("request"), half("id"))
    })
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
        if self.status == 503 {
            response = response.with("retry-after", "2");
        }
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

pub(crate) fn hex_pair(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}
