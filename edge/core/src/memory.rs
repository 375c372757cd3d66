//! Stores and a sink in memory, for tests and for platforms that publish straight into a process. They can be
//! told to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Absent, CapStore, EventSink, Ports, SnapshotStore, StoreError, caps};

#[derive(Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    published: BTreeMap<String, Vec<u8>>,
    /// The edge's own copy, which outlives it as long as this store does.
    own: BTreeMap<String, Vec<u8>>,
    failing: bool,
    reads: Vec<String>,
}

impl MemoryStore {
    /// Publishes behind the edge's back.
    pub fn insert(&self, key: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.inner().published.insert(key.into(), value.into());
    }

    pub fn remove(&self, key: &str) {
        self.inner().published.remove(key);
    }

    /// Empties what is published; the edge's own copy stays.
    pub fn clear(&self) {
        self.inner().published.clear();
    }

    /// Forgets the edge's own copy.
    pub fn forget(&self) {
        self.inner().own.clear();
    }

    pub fn value(&self, key: &str) -> Option<Vec<u8>> {
        self.inner().published.get(key).cloned()
    }

    pub fn kept(&self) -> Vec<String> {
        self.inner().own.keys().cloned().collect()
    }

    /// Whether every read is answered with an error from now on.
    pub fn fail(&self, failing: bool) {
        self.inner().failing = failing;
    }

    /// The keys read from what is published since this was last asked.
    pub fn take_reads(&self) -> Vec<String> {
        std::mem::take(&mut self.inner().reads)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SnapshotStore for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut inner = self.inner();
        inner.reads.push(key.to_owned());
        if inner.failing {
            return Err(StoreError("told to fail".into()));
        }
        Ok(inner.published.get(key).cloned())
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if inner.failing {
            return Err(StoreError("told to fail".into()));
        }
        inner.published.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn recall(&self, key: &str) -> Option<Vec<u8>> {
        self.inner().own.get(key).cloned()
    }

    async fn keep(&self, key: &str, value: &[u8]) {
        self.inner().own.insert(key.to_owned(), value.to_vec());
    }

    async fn keep_only(&self, keys: &BTreeSet<String>) {
        self.inner()
            .own
            .retain(|key, _| !key.contains("/o/") || keys.contains(key));
    }
}

/// Exact as long as it lives.
#[derive(Default)]
pub struct MemoryCaps {
    books: Mutex<BTreeMap<String, Vec<u8>>>,
    failing: AtomicBool,
}

impl MemoryCaps {
    /// Whether every command is answered with an error from now on.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }
}

impl CapStore for MemoryCaps {
    async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        if self.failing.load(Ordering::Relaxed) {
            return Err(StoreError("told to fail".into()));
        }
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let applied = caps::apply(books.get(subject).map(Vec::as_slice), command)?;
        if let Some(book) = applied.stored {
            books.insert(subject.to_owned(), book);
        }
        Ok(applied.reply)
    }
}

/// Events as they were sent, line by line.
#[derive(Default)]
pub struct MemoryEvents {
    sent: Mutex<Sent>,
}

#[derive(Default)]
struct Sent {
    lines: Vec<String>,
    failing: bool,
}

impl MemoryEvents {
    /// Whether no batch is kept from now on.
    pub fn fail(&self, failing: bool) {
        self.inner().failing = failing;
    }

    /// What was sent since this was last asked.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.inner().lines)
    }

    fn inner(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for MemoryEvents {
    async fn send(&self, batch: &[u8]) -> Result<(), StoreError> {
        let mut sent = self.inner();
        if sent.failing {
            return Err(StoreError("told to fail".into()));
        }
        let lines = String::from_utf8_lossy(batch);
        sent.lines.extend(lines.lines().map(str::to_owned));
        Ok(())
    }
}

/// Both of them.
pub struct MemoryPorts<'a> {
    pub store: &'a MemoryStore,
    pub events: &'a MemoryEvents,
}

impl Ports for MemoryPorts<'_> {
    type Store = MemoryStore;
    type Caps = Absent;
    type Events = MemoryEvents;

    fn store(&self) -> &MemoryStore {
        self.store
    }

    fn caps(&self) -> &Absent {
        &Absent
    }

    fn events(&self) -> &MemoryEvents {
        self.events
    }
}
