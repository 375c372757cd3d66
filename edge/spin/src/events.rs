//! Events on Spin: to the collector, or into the key-value store. Nothing runs here between requests, so what is sent when
//! is [`aside`]'s.

use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt;
use skyful_edge::forward;
use skyful_edge::forward::aside::{self, Desk};
use skyful_edge::{EventSink, StoreError};
use spin_sdk::http::FullBody;
use spin_sdk::wasip3::http::types::RequestOptions;
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

use crate::serve::{now_ms, random};
use crate::settings::Collector;
use crate::store::KeyValue;

/// For a connection, and again for the answer: a visitor waits meanwhile.
const PATIENCE_NS: u64 = 3_000_000_000;
/// Nothing of use is longer.
const ANSWER_BYTES: usize = 1 << 20;

/// When this instance looks for what was put aside. A new one does so at once.
static DUE_MS: AtomicI64 = AtomicI64::new(0);

pub struct Events<'a> {
    pub store: &'a KeyValue,
    pub collector: Option<&'a Collector>,
    /// Workspace and environment, as in all keys of the store.
    pub place: String,
}

impl EventSink for Events<'_> {
    async fn send(&self, batch: &[u8]) -> Result<(), StoreError> {
        let Some(collector) = self.collector else {
            return Err(StoreError("no collector is set".into()));
        };
        let desk = Spin {
            store: self.store,
            collector,
        };
        aside::send(&desk, &self.place, batch).await
    }
}

struct Spin<'a> {
    store: &'a KeyValue,
    collector: &'a Collector,
}

impl Desk for Spin<'_> {
    const LOOK_MS: i64 = 5_000;

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
        let answered = answer(self.collector, batch.to_vec()).await;
        if answered.is_none() {
            self.tell("the collector gave no answer");
        }
        answered
    }

    async fn keys(
        &self,
        prefix: &str,
        before: &str,
        most: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.store.keys(prefix, before, most).await
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.read(key).await
    }

    async fn write(&self, key: &str, batch: &[u8]) -> Result<(), StoreError> {
        self.store.set(key, batch).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    fn due_ms(&self) -> i64 {
        DUE_MS.load(Ordering::Relaxed)
    }

    fn look_at(&self, due_ms: i64) {
        DUE_MS.store(due_ms, Ordering::Relaxed);
    }
}

async fn answer(collector: &Collector, batch: Vec<u8>) -> Option<(u16, Vec<u8>)> {
    let options = RequestOptions::new();
    options.set_connect_timeout(Some(PATIENCE_NS)).ok()?;
    options.set_first_byte_timeout(Some(PATIENCE_NS)).ok()?;
    options.set_between_bytes_timeout(Some(PATIENCE_NS)).ok()?;
    let request = http::Request::post(format!("{}{}", collector.url, forward::PATH))
        .header("authorization", format!("Bearer {}", collector.token))
        .header("content-type", "application/x-ndjson")
        .extension(RequestOptionsExtension(options))
        .body(FullBody::new(Bytes::from(batch)))
        .ok()?;
    let answer = spin_sdk::http::send(request).await.ok()?;
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    let mut said = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            said.extend_from_slice(&data);
        }
        if said.len() > ANSWER_BYTES {
            return None;
        }
    }
    Some((status, said))
}
