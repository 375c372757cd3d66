//! A store whose reads are counted for one request: how many a page costs is a promise.

use std::collections::BTreeSet;
#[cfg(feature = "inject")]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Rule, Ruling, SnapshotStore, StoreError};

pub(crate) struct Counted<'a, S> {
    store: &'a S,
    reads: AtomicU32,
    /// Behind the next read.
    #[cfg(feature = "inject")]
    pub panics: AtomicBool,
}

impl<'a, S> Counted<'a, S> {
    pub fn new(store: &'a S) -> Self {
        Self {
            store,
            reads: AtomicU32::new(0),
            #[cfg(feature = "inject")]
            panics: AtomicBool::new(false),
        }
    }

    pub fn reads(&self) -> u32 {
        self.reads.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    fn answered(&self) {
        #[cfg(feature = "inject")]
        if self.panics.load(Ordering::Relaxed) {
            crate::inject::told();
        }
    }
}

impl<S: SnapshotStore> SnapshotStore for Counted<'_, S> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.count();
        let found = self.store.get(key).await;
        self.answered();
        found
    }

    async fn fresh(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.count();
        let found = self.store.fresh(key).await;
        self.answered();
        found
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.store.put(key, value).await
    }

    async fn replace(&self, key: &str, value: &[u8], rule: Rule<'_>) -> Result<Ruling, StoreError> {
        self.store.replace(key, value, rule).await
    }

    async fn recall(&self, key: &str) -> Option<Vec<u8>> {
        self.store.recall(key).await
    }

    async fn keep(&self, key: &str, value: &[u8]) {
        self.store.keep(key, value).await;
    }

    async fn keep_only(&self, keys: &BTreeSet<String>) {
        self.store.keep_only(keys).await;
    }
}
