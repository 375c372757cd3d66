//! Events on Fastly: to the collector, or into the KV Store; what is sent when is [`aside`]'s. Log streams promise no
//! delivery and are not used.

use skyful_edge::forward::aside::{self, Desk};
use skyful_edge::{EventSink, StoreError};

use crate::collector::Line;
use crate::kv::{After, Kv};
use crate::own_copy;
use crate::serve::{now_ms, random};

pub struct Events<'a> {
    kv: Kv<'a>,
    collector: Option<&'a Line<'a>>,
    /// Workspace and environment, as in all keys of the store.
    place: String,
}

impl<'a> Events<'a> {
    /// With the KV Store of this name, which is opened only when it is needed.
    pub fn new(name: &'a str, collector: Option<&'a Line<'a>>, place: String) -> Self {
        Self {
            kv: Kv::new(name),
            collector,
            place,
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
    collector: &'a Line<'a>,
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
        let answered = self.collector.deliver(batch);
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
}
