//! Spin's key-value store as a snapshot store, and another one as a store of caps. Which value counts is decided elsewhere.
//!
//! There is no compare-and-set here, so `replace` is the port's own: a slow publisher can put an older
//! manifest over a newer one, which warm instances ignore and publishers repair. Nor is there a place for
//! an own copy that would outlive an instance and isn't this very store; writing one there would cost
//! each fresh instance a write, and stores allow far fewer writes than reads.

use std::cell::OnceCell;

use skyful_edge::{CapMode, CapStore, SnapshotStore, StoreError, caps};
use spin_sdk::key_value::{Error, Store};

/// The store of snapshots and of events that wait.
const SNAPSHOTS: &str = "default";
/// The store of caps: a key for each visitor, who would otherwise fill up the one that releases are published into.
const CAPS: &str = "caps";

/// A store for one request. Opened when it is first asked: a warm answer needs none.
pub struct KeyValue {
    label: &'static str,
    open: OnceCell<Store>,
}

impl KeyValue {
    pub fn snapshots() -> Self {
        Self::labelled(SNAPSHOTS)
    }

    fn labelled(label: &'static str) -> Self {
        Self {
            label,
            open: OnceCell::new(),
        }
    }

    async fn open(&self) -> Result<&Store, StoreError> {
        if let Some(store) = self.open.get() {
            return Ok(store);
        }
        let store = Store::open(self.label).await;
        let store = store.map_err(|error| unanswered(self.label, error))?;
        Ok(self.open.get_or_init(|| store))
    }
}

/// Approximate: two requests of one visitor may read the same, and one write is lost.
pub struct Caps(KeyValue);

impl Default for Caps {
    fn default() -> Self {
        Self(KeyValue::labelled(CAPS))
    }
}

impl Caps {
    /// The ways of counting that this application has a store for. One that gives no answer is there all the same.
    pub async fn modes() -> &'static [CapMode] {
        match Store::open(CAPS).await {
            Err(Error::NoSuchStore | Error::AccessDenied) => &[],
            Ok(_) | Err(_) => &[CapMode::Approximate],
        }
    }
}

impl CapStore for Caps {
    async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        caps::apply_in(&self.0, subject, command).await
    }
}

/// What is kept besides snapshots.
impl KeyValue {
    pub async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.open().await?.get(key).await;
        found.map_err(|error| unanswered(self.label, error))
    }

    pub async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let done = self.open().await?.set(key, value).await;
        done.map_err(|error| unanswered(self.label, error))
    }

    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let done = self.open().await?.delete(key).await;
        done.map_err(|error| unanswered(self.label, error))
    }

    /// Some of the keys that begin so and come before `before`. A store lists all of its keys or none, so this is for what is rarely asked.
    pub async fn keys(
        &self,
        prefix: &str,
        before: &str,
        most: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut keys = self.open().await?.get_keys().await;
        let mut found = Vec::new();
        while let Some(key) = keys.next().await {
            if found.len() < most && key.starts_with(prefix) && *key < *before {
                found.push(key);
            }
        }
        let ended = keys.result().await;
        ended.map_err(|error| unanswered(self.label, error))?;
        Ok(found)
    }
}

impl SnapshotStore for KeyValue {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(key).await
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.set(key, value).await
    }
}

/// What a host says in words may name its machines: that goes to the log, not to `/v1/status`.
fn unanswered(label: &str, error: Error) -> StoreError {
    StoreError(match error {
        Error::StoreTableFull => "too many key-value stores are open".into(),
        Error::NoSuchStore | Error::AccessDenied => {
            format!("the key-value store `{label}` is not granted to this component")
        }
        Error::Other(text) => {
            eprintln!("skyful: key-value: {text}");
            "the key-value store gave no answer".into()
        }
    })
}
