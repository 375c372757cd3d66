//! Spin's key-value store as a snapshot store. Which value counts is decided elsewhere.
//!
//! There is no compare-and-set here, so `replace` is the port's own: a slow publisher can put an older
//! manifest over a newer one, which warm instances ignore and publishers repair. Nor is there a place for
//! an own copy that would outlive an instance and isn't this very store; writing one there would cost
//! each fresh instance a write, and stores allow far fewer writes than reads.

use std::cell::OnceCell;

use skyful_edge::{CapStore, SnapshotStore, StoreError, caps};
use spin_sdk::key_value::{Error, Store};

/// The store of one request. Opened when it is first asked: a warm answer needs none.
#[derive(Default)]
pub struct KeyValue {
    open: OnceCell<Store>,
}

impl KeyValue {
    async fn open(&self) -> Result<&Store, StoreError> {
        if let Some(store) = self.open.get() {
            return Ok(store);
        }
        let store = Store::open_default().await.map_err(unanswered)?;
        Ok(self.open.get_or_init(|| store))
    }
}

/// Approximate: two requests of one visitor may read the same, and one write is lost.
impl CapStore for KeyValue {
    async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        caps::apply_in(self, subject, command).await
    }
}

/// What is kept besides snapshots.
impl KeyValue {
    pub async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.open().await?.get(key).await.map_err(unanswered)
    }

    pub async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.open().await?.set(key, value).await.map_err(unanswered)
    }

    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.open().await?.delete(key).await.map_err(unanswered)
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
        keys.result().await.map_err(unanswered)?;
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
fn unanswered(error: Error) -> StoreError {
    StoreError(
        match error {
            Error::StoreTableFull => "too many key-value stores are open",
            Error::NoSuchStore | Error::AccessDenied => {
                "the key-value store `default` is not granted to this component"
            }
            Error::Other(text) => {
                eprintln!("skyful: key-value: {text}");
                "the key-value store gave no answer"
            }
        }
        .into(),
    )
}
