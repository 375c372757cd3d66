//! What the suite needs of an edge, wherever it runs.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::native::Native;
use crate::process::Process;

pub const WORKSPACE: &str = "vectors";
pub const ENV: &str = "dev";
/// What the collector wants to be told.
pub const TOKEN: &str = "a token of the tests";

/// What becomes of reads of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    Down,
    Missing,
    Torn,
    Swapped,
    Throttled,
}

impl Fault {
    pub const ALL: [Self; 5] = [
        // Errors last: an edge then leaves its store alone for a while.
        Self::Missing,
        Self::Torn,
        Self::Swapped,
        Self::Down,
        Self::Throttled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Down => "down",
            Self::Missing => "missing",
            Self::Torn => "torn",
            Self::Swapped => "swapped",
            Self::Throttled => "throttled",
        }
    }
}

/// One running edge with its store.
pub trait Platform {
    fn name(&self) -> &str;
    fn url(&self) -> String;
    /// All memory is lost; the store and the edge's own copy stay.
    fn restart(&mut self);
    /// The edge's own copy is lost.
    fn forget(&mut self);
    fn fault(&mut self, fault: Fault);
    /// Whether it keeps a copy of its own beside the store.
    fn keeps_copy(&self) -> bool;
}

/// What a deployment says.
#[derive(Clone)]
pub struct Settings {
    pub trust: String,
    pub preview: bool,
    pub recheck_ms: u32,
    pub cors: Vec<String>,
    /// Empty: none.
    pub secret: String,
    /// Where events are delivered to.
    pub collector: Option<String>,
    /// Empty: none.
    pub context_keys: String,
    /// None: what the platform does by itself.
    pub caps: Option<&'static str>,
}

impl Settings {
    /// Looks at the manifest at every request, takes `now` and `caps`.
    pub fn preview(trust: &str) -> Self {
        Self {
            trust: trust.to_owned(),
            preview: true,
            recheck_ms: 0,
            cors: Vec::new(),
            secret: String::new(),
            collector: None,
            context_keys: String::new(),
            caps: None,
        }
    }

    pub fn json(&self) -> Value {
        let mut settings = json!({
            "workspace": WORKSPACE, "env": ENV, "trust": self.trust, "preview": self.preview,
            "recheck_ms": self.recheck_ms, "cors": self.cors.join(","), "secret": self.secret,
            "context_keys": self.context_keys,
        });
        if let Some(caps) = self.caps {
            settings["caps"] = caps.into();
        }
        if let Some(collector) = &self.collector {
            settings["collector"] = collector.as_str().into();
            settings["collector_token"] = TOKEN.into();
        }
        settings
    }
}

/// Starts every platform that is asked for.
pub fn all(settings: &Settings) -> Vec<Box<dyn Platform>> {
    let mut platforms: Vec<Box<dyn Platform>> = vec![Box::new(Native::start(settings))];
    for line in asked() {
        platforms.push(Box::new(Process::start(&line, &settings.json())));
    }
    platforms
}

/// The platforms besides the native one, each as `name=command`.
pub fn asked() -> Vec<String> {
    let asked = std::env::var("SKYFUL_PLATFORMS").unwrap_or_default();
    let lines = asked
        .split(';')
        .map(str::trim)
        .filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// An answer as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| &**value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// What is the edge's own: neither the transport's headers nor what differs at every request.
    pub fn comparable(&self) -> Self {
        let ours = |name: &str| {
            name.starts_with("skyful-")
                || name.starts_with("access-control-")
                || [
                    "content-type",
                    "etag",
                    "cache-control",
                    "allow",
                    "retry-after",
                ]
                .contains(&name)
        };
        let mut headers = self.headers.clone();
        headers.retain(|(name, _)| ours(name) && name != "skyful-unit");
        headers.sort();
        Self {
            status: self.status,
            headers,
            body: self.body.clone(),
        }
    }

    /// Reads of the store that this answer cost, as the edge counts them.
    pub fn reads(&self) -> u32 {
        let timing = self.header("server-timing").unwrap_or_default();
        let reads = timing.split("reads=").nth(1).unwrap_or_default();
        let digits: String = reads.chars().take_while(char::is_ascii_digit).collect();
        digits
            .parse()
            .unwrap_or_else(|_| panic!("no count of reads in {timing:?}"))
    }
}

/// A client that keeps its connections.
#[derive(Clone)]
pub struct Client(Arc<ureq::Agent>);

/// A request as it goes out.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub method: &'static str,
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn get(target: impl Into<String>) -> Self {
        Self {
            method: "GET",
            target: target.into(),
            ..Self::default()
        }
    }

    pub fn events(body: impl Into<Vec<u8>>) -> Self {
        Self {
            target: "/v1/events".into(),
            ..Self::resolve(body)
        }
    }

    pub fn resolve(body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST",
            target: "/v1/resolve".into(),
            body: body.into(),
            ..Self::default()
        }
    }

    pub fn post(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST",
            target: target.into(),
            body: body.into(),
            ..Self::default()
        }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As HTTP/1.1.
    pub fn wire(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: edge.test\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

impl Client {
    pub fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .timeout_global(Some(std::time::Duration::from_secs(60)))
            .build();
        Self(Arc::new(config.into()))
    }

    pub fn send(&self, platform: &dyn Platform, ask: &Ask) -> Answer {
        self.send_to(&platform.url(), ask)
    }

    pub fn send_to(&self, url: &str, ask: &Ask) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(ask.method)
            .uri(format!("{url}{}", ask.target));
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let request = request.body(ask.body.clone()).expect("a request");
        let mut answer = self
            .0
            .run(request)
            .unwrap_or_else(|error| panic!("{} {} on {url}: {error}", ask.method, ask.target));
        let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap_or("").to_owned();
        Answer {
            status: answer.status().as_u16(),
            headers: answer
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body: answer.body_mut().read_to_vec().expect("a body"),
        }
    }
}
