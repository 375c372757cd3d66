//! Events on Fastly: to the collector, or into the KV Store; what is sent when is [`aside`]'s. Log streams promise no
//! delivery and are not used.

use std::cell::OnceCell;
use std::time::Duration;

use fastly::backend::BackendCreationError;
use fastly::handle::{BodyHandle, CacheOverride, RequestHandle};
use fastly::http::{HeaderValue, Method, Url, header};
use fastly::{Backend, Body};
use skyful_edge::forward;
use skyful_edge::forward::aside::{self, Desk};
use skyful_edge::{EventSink, StoreError};

use crate::kv::{self, After, Kv};
use crate::own_copy;
use crate::serve::{now_ms, random};
use crate::settings::Collector;

/// For a connection, for the answer, and for each part of it: a visitor waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);
/// Nothing of use is longer: a batch has at most 100 events.
const ANSWER_BYTES: usize = 64 << 10;
/// Static backends of the service may not have this name.
const BACKEND: &str = "skyful_collector";

pub struct Events<'a> {
    kv: Kv<'a>,
    collector: Option<&'a Collector>,
    /// Workspace and environment, as in all keys of the store.
    place: String,
    /// A name can be registered once in an instance.
    backend: OnceCell<Backend>,
}

impl<'a> Events<'a> {
    /// With the KV Store of this name, which is opened only when it is needed.
    pub fn new(name: &'a str, collector: Option<&'a Collector>, place: String) -> Self {
        Self {
            kv: Kv::new(name),
            collector,
            place,
            backend: OnceCell::new(),
        }
    }
}

/// Fastly's calls return when they are done, so this is never pending.
impl EventSink for Events<'_> {
    async fn send(&self, batch: &[u8]) -> Result<(), StoreError> {
        let Some(collector) = self.collector else {
            return Err(StoreError("no collector is set".into()));
        };
        let desk = Fastly {
            events: self,
            collector,
        };
        aside::send(&desk, &self.place, batch).await
    }
}

struct Fastly<'a> {
    events: &'a Events<'a>,
    collector: &'a Collector,
}

impl Desk for Fastly<'_> {
    const LOOK_MS: i64 = 60_000;

    fn now_ms(&self) -> i64 {
        now_ms()
    }

    fn random(&self) -> [u8; 16] {
        random()
    }

    fn tell(&self, what: &str) {
        eprintln!("skyful: {what}");
    }

    async fn post(&self, batch: &[u8]) -> Option<(u16, Vec<u8>)> {
        let answered = self.events.answer(self.collector, batch);
        answered
            .inspect_err(|error| eprintln!("skyful: the collector gave no answer: {error}"))
            .ok()
    }

    /// The store lists them in order.
    async fn keys(&self, prefix: &str, _: &str, most: usize) -> Result<Vec<String>, StoreError> {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        self.events.kv.keys(prefix, most)
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.events.kv.get(key)?.map(|stored| stored.value))
    }

    async fn write(&self, key: &str, batch: &[u8]) -> Result<(), StoreError> {
        self.events.kv.put(key, batch, After::Anything).map(|_| ())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.events.kv.delete(key)
    }

    fn due_ms(&self) -> i64 {
        let due = own_copy::recall(&self.events.due());
        let due = due.and_then(|text| String::from_utf8(text).ok());
        due.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn look_at(&self, due_ms: i64) {
        own_copy::keep(&self.events.due(), due_ms.to_string().as_bytes());
    }
}

impl Events<'_> {
    /// Under which Core Cache says when this data centre looks for what was put aside: an instance remembers nothing.
    fn due(&self) -> String {
        format!("due/{}", self.place)
    }

    /// By handles, since `Request::send` brings the library's own HTTP cache into the program.
    fn answer(&self, collector: &Collector, batch: &[u8]) -> Result<(u16, Vec<u8>), fastly::Error> {
        let url = Url::parse(&format!("{}{}", collector.url, forward::PATH))?;
        let backend = self.backend(&url)?;
        let mut request = RequestHandle::new();
        request.set_method(&Method::POST);
        request.set_url(&url);
        request.set_cache_override(&CacheOverride::Pass);
        let token = HeaderValue::from_str(&format!("Bearer {}", collector.token))?;
        request.insert_header(&header::AUTHORIZATION, &token);
        let lines = HeaderValue::from_static("application/x-ndjson");
        request.insert_header(&header::CONTENT_TYPE, &lines);
        let (answer, body) = request.send(BodyHandle::from(batch), backend.name())?;
        let mut body = Body::from(body);
        let length = body.known_length();
        let said = kv::fill(&mut body, length, ANSWER_BYTES)?;
        Ok((answer.get_status().as_u16(), said))
    }

    /// Made here and not in the dashboard, so that its address is a setting and its patience is ours.
    fn backend(&self, url: &Url) -> Result<&Backend, BackendCreationError> {
        if let Some(backend) = self.backend.get() {
            return Ok(backend);
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let mut builder = Backend::builder(BACKEND, format!("{host}:{port}"))
            .connect_timeout(PATIENCE)
            .first_byte_timeout(PATIENCE)
            .between_bytes_timeout(PATIENCE);
        if url.scheme() == "https" {
            builder = builder.check_certificate(host).sni_hostname(host);
        }
        let backend = builder.finish()?;
        Ok(self.backend.get_or_init(|| backend))
    }
}
