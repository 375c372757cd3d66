//! Events on Spin: to the collector, or into the key-value store. Nothing runs here between requests, so what is sent when
//! is [`aside`]'s.

use std::sync::atomic::{AtomicI64, Ordering};

use skyful_edge::forward::aside::{self, Desk};
use skyful_edge::{EventSink, StoreError};

use crate::collector;
use crate::serve::{now_ms, random};
use crate::settings::Collector;
use crate::store::KeyValue;

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
        let answered = collector::deliver(self.collector, batch.to_vec()).await;
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
