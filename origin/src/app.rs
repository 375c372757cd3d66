//! What the origin does for people, without a word about HTTP: drafts, who may do what, the audit log. Each operation is one
//! transaction of the store and checks in it whatever it depends on.

pub mod access;
pub mod audit;
pub mod delivery;
pub mod drafts;
pub mod error;
pub mod keys;
pub mod workspaces;

use std::sync::Arc;

use tokio::sync::watch;

use crate::store::sqlite::Sqlite;
use drafts::compiled::Compiled;
use keys::Keyring;

pub use error::Error;

/// The origin, shared by all that runs in it.
#[derive(Clone)]
pub struct App {
    pub store: Sqlite,
    /// Unix milliseconds.
    pub clock: fn() -> i64,
    /// Opens keys and tokens; empty where there is no master secret.
    pub keyring: Keyring,
    pub delivery: delivery::Options,
    compiled: Arc<Compiled>,
    /// Counts up whenever there is something new to deliver.
    manifests: watch::Sender<u64>,
}

impl App {
    pub fn new(store: Sqlite, clock: fn() -> i64) -> Self {
        Self {
            store,
            clock,
            keyring: Keyring::default(),
            delivery: delivery::Options::default(),
            compiled: Arc::default(),
            manifests: watch::Sender::new(0),
        }
    }

    pub fn with_keyring(mut self, keyring: Keyring) -> Self {
        self.keyring = keyring;
        self
    }

    pub fn with_delivery(mut self, options: delivery::Options) -> Self {
        self.delivery = options;
        self
    }

    pub fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// To be called once a transaction with a new manifest is committed: it is delivered at once. Forgotten, it is delivered
    /// at the next look.
    pub fn manifests_changed(&self, workspace: &str, env: &str) {
        tracing::debug!(workspace, env, "a new manifest");
        self.manifests.send_modify(|count| *count += 1);
    }
}
