//! Where edges deliver their events in these tests: keeps each id once, and can be told to be out of order. Takes their
//! reports too, as the real one does.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use skyful::health::{Release, Report, Totals};
use skyful::secret::Secrets;

use crate::platform::{ENV, TOKEN, WORKSPACE};

/// What seals the reports of edges here.
pub const SECRET: &str = "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b";

#[derive(Clone)]
pub struct Collector {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// By id, as they came first.
    events: BTreeMap<String, Value>,
    /// By sequence.
    reported: BTreeMap<u64, Release>,
    out_of_order: bool,
    refused: usize,
    /// Beginnings of ids, and why these are refused one by one.
    refuses: Vec<(&'static str, &'static str)>,
}

impl Collector {
    /// On a port of its own, as long as the tests run.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let collector = Self {
            url,
            inner: Arc::default(),
        };
        let serving = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.answer(stream));
            }
        });
        collector
    }

    /// From now on every batch is answered 503, or none is.
    pub fn out_of_order(&self, out_of_order: bool) {
        self.with(|inner| inner.out_of_order = out_of_order);
    }

    /// From now on events whose ids begin so are refused one by one, each for its reason.
    pub fn refuse(&self, refuses: &[(&'static str, &'static str)]) {
        self.with(|inner| inner.refuses = refuses.to_vec());
    }

    /// How many batches it did not take.
    pub fn refused(&self) -> usize {
        self.with(|inner| inner.refused)
    }

    /// Waits until this event is here.
    pub fn event(&self, id: &str) -> Value {
        let since = Instant::now();
        loop {
            if let Some(event) = self.with(|inner| inner.events.get(id).cloned()) {
                return event;
            }
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "{id} did not arrive"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What was reported of this release, once that many answers were.
    pub fn reported(&self, sequence: u64, answers: u64) -> Totals {
        let since = Instant::now();
        loop {
            let totals = self.with(|inner| inner.reported.get(&sequence).map(Release::totals));
            let totals = totals.unwrap_or_default();
            if totals.stable.requests + totals.gray.requests >= answers {
                return totals;
            }
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "{totals:?} of {answers} answers were reported"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn has(&self, id: &str) -> bool {
        self.with(|inner| inner.events.contains_key(id))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, mut stream: TcpStream) {
        let Some((head, body)) = request(&mut stream) else {
            return;
        };
        let (status, said) = if head.contains(TOKEN) && head.starts_with("POST /v1/collect ") {
            self.take(&body)
        } else if head.contains(TOKEN) && head.starts_with("POST /v1/health ") {
            self.hear(&head, &body)
        } else {
            (401, json!({}))
        };
        let said = said.to_string();
        let length = said.len();
        let _ = write!(
            stream,
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{said}"
        );
    }

    fn hear(&self, head: &str, body: &str) -> (u16, Value) {
        let named = |line: &&str| line.to_ascii_lowercase().starts_with("skyful-seal:");
        let seal = head.lines().find(named).expect("a seal");
        let (_, seal) = seal.split_once(':').expect("a value");
        let secrets = Secrets::parse(SECRET, WORKSPACE, ENV).expect("a secret");
        let report = Report::open(body.as_bytes(), seal.trim(), &secrets).expect("genuine");
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = i64::try_from(now.expect("after 1970").as_millis()).expect("soon");
        self.with(|inner| {
            for row in &report.tracks {
                let release = inner.reported.entry(row.sequence).or_default();
                release.take(&report, row.sequence, now_ms);
            }
        });
        (200, json!({"taken": true}))
    }

    fn take(&self, body: &str) -> (u16, Value) {
        self.with(|inner| {
            if inner.out_of_order {
                inner.refused += 1;
                return (503, json!({}));
            }
            let mut refused = Vec::new();
            for (number, line) in body.lines().enumerate() {
                let event: Value = serde_json::from_str(line).expect("a line of JSON");
                let id = event["id"].as_str().expect("an id").to_owned();
                let found = inner
                    .refuses
                    .iter()
                    .find(|(start, _)| id.starts_with(start));
                if let Some((_, why)) = found {
                    refused.push(json!({"line": number, "id": id, "why": why}));
                } else {
                    inner.events.entry(id).or_insert(event);
                }
            }
            (
                200,
                json!({"stored": 0, "duplicates": 0, "refused": refused}),
            )
        })
    }
}

/// Head and body, with a length or in chunks.
fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut part = [0; 16 << 10];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok());
            match length {
                Some(length) if body.len() >= length => return Some((head.into(), body.into())),
                None if body.ends_with("0\r\n\r\n") => return Some((head.into(), joined(body))),
                _ => {}
            }
        }
        let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
    }
}

fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        body.push_str(&rest[..size]);
        chunks = rest[size..].strip_prefix("\r\n").expect("an end");
    }
    body
}
