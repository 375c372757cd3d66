//! Events on Fastly: to the collector, whose word they wait for; while it gives none, into the KV Store under keys of
//! their own, from where later requests deliver them. Log streams promise no delivery and are not used.

use std::cell::OnceCell;
use std::time::Duration;

use fastly::backend::BackendCreationError;
use fastly::handle::{BodyHandle, CacheOverride, RequestHandle};
use fastly::http::{HeaderValue, Method, Url, header};
use fastly::{Backend, Body};
use skyful_edge::forward::{self, Verdict};
use skyful_edge::{EventSink, StoreError};

use crate::kv::{self, After, Kv};
use crate::own_copy;
use crate::serve::{now_ms, random};
use crate::settings::Collector;

/// For a connection, for the answer, and for each part of it: a visitor waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);
/// Nothing of use is longer: a batch has at most 100 events.
const ANSWER_BYTES: usize = 64 << 10;
/// How often a data centre looks for what was put aside, unless it did so itself meanwhile, and how much of it a
/// request delivers then.
const LOOK_MS: i64 = 60_000;
const DELIVERED_AT_ONCE: u32 = 4;
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
        match self.post(collector, batch) {
            Verdict::Settled(refused) => {
                told(&refused);
                self.deliver_some(collector);
                Ok(())
            }
            // Also what is refused as a whole: a person can still look at it.
            Verdict::Later | Verdict::Poison => self.put_aside(batch),
        }
    }
}

impl Events<'_> {
    fn put_aside(&self, batch: &[u8]) -> Result<(), StoreError> {
        // Nobody else has this key: the time only sorts, what tells keys apart is chance.
        let random = u128::from_le_bytes(random());
        let key = format!("{}{:013}-{random:032x}", self.prefix(), now_ms());
        if !self.kv.put(&key, batch, After::Nothing)? {
            return Err(StoreError("the KV Store has this key already".into()));
        }
        self.look_next_time();
        Ok(())
    }

    fn prefix(&self) -> String {
        format!("e1/{}/", self.place)
    }

    /// What an earlier request put aside, here or elsewhere. Two instances may deliver the same: each id is counted once.
    fn deliver_some(&self, collector: &Collector) {
        let now_ms = now_ms();
        let looked = own_copy::recall(&self.looked()).and_then(|text| String::from_utf8(text).ok());
        let looked_ms: i64 = looked.and_then(|text| text.parse().ok()).unwrap_or(0);
        if now_ms.saturating_sub(looked_ms) < LOOK_MS && now_ms >= looked_ms {
            return;
        }
        own_copy::keep(&self.looked(), now_ms.to_string().as_bytes());
        if let Err(error) = self.look(collector) {
            eprintln!("skyful: events that were put aside: {error}");
        }
    }

    /// Under which Core Cache says when this data centre looked: an instance remembers nothing.
    fn looked(&self) -> String {
        format!("looked/{}", self.place)
    }

    fn look_next_time(&self) {
        own_copy::keep(&self.looked(), b"0");
    }

    fn look(&self, collector: &Collector) -> Result<(), StoreError> {
        let keys = self.kv.keys(&self.prefix(), DELIVERED_AT_ONCE)?;
        // As many as were asked for: there may be more.
        if keys.len() >= DELIVERED_AT_ONCE as usize {
            self.look_next_time();
        }
        for key in keys {
            // None: somebody else was quicker, or the store lags.
            let Some(stored) = self.kv.get(&key)? else {
                continue;
            };
            match self.post(collector, &stored.value) {
                Verdict::Settled(refused) => told(&refused),
                Verdict::Poison => {
                    let dead = format!("dead-{key}");
                    eprintln!("skyful: events will never be counted, see {dead} in the KV Store");
                    self.kv.put(&dead, &stored.value, After::Anything)?;
                }
                Verdict::Later => {
                    self.look_next_time();
                    return Ok(());
                }
            }
            self.kv.delete(&key)?;
        }
        Ok(())
    }

    /// Never an error: no answer is a reason to try again.
    fn post(&self, collector: &Collector, batch: &[u8]) -> Verdict {
        match self.answer(collector, batch) {
            Ok((status, said)) => {
                let verdict = forward::verdict(status, &said);
                if !matches!(verdict, Verdict::Settled(_)) {
                    eprintln!("skyful: the collector answered {status}");
                }
                verdict
            }
            Err(error) => {
                eprintln!("skyful: the collector gave no answer: {error}");
                Verdict::Later
            }
        }
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

fn told(refused: &[forward::Refused]) {
    for refused in refused {
        eprintln!("skyful: an event will never be counted: {}", refused.why);
    }
}
