//! Requests to what delivers over HTTP. Each has its deadlines; redirects are not followed, since a signature or a token goes
//! to whom it was meant for only. What is short of breath is asked again a few times, as late as it wants.

use std::io::Read as _;
use std::time::Duration;

use skyful::limits;
use ureq::Agent;
use ureq::http::{HeaderMap, Method, Request};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;

use super::reach::{self, Bounded, Reach};
use super::{Doing, blocking};
use crate::failure::Failure;

/// One more byte than anything that is stored may have.
const LIMIT: u64 = if limits::MANIFEST_BYTES > limits::OBJECT_BYTES {
    limits::MANIFEST_BYTES as u64 + 1
} else {
    limits::OBJECT_BYTES as u64 + 1
};
const CONNECT: Duration = Duration::from_secs(10);
/// The waits between attempts double.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Who wants to be left alone for longer is left alone by the whole delivery.
const LONGEST_WAIT: Duration = Duration::from_secs(16);

/// How patient whoever asks is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub attempts: u32,
    /// For one request and its answer.
    pub deadline: Duration,
}

impl Patience {
    /// A person waits, and has nothing else to do.
    pub const PERSON: Self = Self {
        attempts: 6,
        deadline: Duration::from_secs(60),
    };
    /// Comes back later by itself.
    pub const WORKER: Self = Self {
        attempts: 2,
        deadline: Duration::from_secs(30),
    };
}

/// Whom all requests go to.
pub struct Api {
    agent: Agent,
    /// Without a slash at its end.
    pub base: String,
    patience: Patience,
    /// Bytes that are read of an answer.
    limit: u64,
}

#[derive(Clone)]
pub struct Call {
    method: Method,
    /// Behind the base.
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    attempts: Option<u32>,
    /// For when nobody answers.
    hint: &'static str,
}

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Call {
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            attempts: None,
            hint: "is it up, and is this its address?",
        }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn body(mut self, kind: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("content-type", kind)
    }

    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// In place of what the patience says.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }
}

impl Reply {
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Worth another attempt: nothing was decided.
    fn busy(&self) -> bool {
        matches!(self.status, 408 | 429 | 500 | 502 | 503 | 504)
    }

    /// Also a day in words is a wait of its own choice.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

impl Api {
    pub fn new(base: &str, patience: Patience, reach: &Reach) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(patience.deadline))
            .timeout_connect(Some(CONNECT))
            .max_redirects(0)
            .build();
        let resolver = Bounded {
            reach: reach.clone(),
            inner: DefaultResolver::default(),
        };
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), resolver),
            base: base.trim_end_matches('/').to_owned(),
            patience,
            limit: LIMIT,
        }
    }

    /// For what is larger than anything that is stored.
    pub fn reading(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Sends until there is an answer that isn't about being short of breath.
    pub fn send(&self, call: Call) -> Doing<'_, Reply> {
        Box::pin(async move {
            let attempts = call.attempts.unwrap_or(self.patience.attempts).max(1);
            let hint = call.hint;
            let mut wait = FIRST_WAIT;
            for attempt in 1.. {
                let last = attempt >= attempts;
                let (agent, base, call) = (self.agent.clone(), self.base.clone(), call.clone());
                let named = format!("{} {base}{}", call.method, call.path);
                let limit = self.limit;
                let done = blocking(move || Ok(once(&agent, &base, call, limit))).await?;
                let asked = match done {
                    Ok(reply) if last || !reply.busy() => return Ok(reply),
                    Ok(reply) => match reply.retry_after() {
                        Some(asked) if asked > LONGEST_WAIT => return Ok(reply),
                        asked => asked,
                    },
                    Err(ureq::Error::Io(error)) if reach::refused(&error) => {
                        let failure = Failure::usage(format!("{named}: {error}"));
                        return Err(failure.hint(reach::HINT));
                    }
                    Err(error) if last || !passing(&error) => {
                        return Err(Failure::usage(format!("{named}: {error}")).hint(hint));
                    }
                    Err(_) => None,
                };
                tokio::time::sleep(asked.unwrap_or(wait).max(wait)).await;
                wait *= 2;
            }
            Err(Failure::usage("no attempt was made"))
        })
    }
}

fn once(agent: &Agent, base: &str, call: Call, limit: u64) -> Result<Reply, ureq::Error> {
    let with_body = call.method == Method::PUT || call.method == Method::POST;
    let mut request = Request::builder()
        .method(call.method)
        .uri(format!("{base}{}", call.path));
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let mut response = if with_body {
        agent.run(request.body(call.body)?)?
    } else {
        agent.run(request.body(())?)?
    };
    let mut body = Vec::new();
    response
        .body_mut()
        .as_reader()
        .take(limit)
        .read_to_end(&mut body)?;
    Ok(Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body,
    })
}

/// Text as one part of a path or of a query.
pub fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let byte = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// What may be otherwise in a moment. A wrong address is not.
fn passing(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Timeout(_) => true,
        ureq::Error::Io(error) => error.kind() != std::io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}
