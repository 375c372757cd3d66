//! What the origin does for people, without a word about HTTP: drafts, who may do what, the audit log. Each operation is one
//! transaction of the store and checks in it whatever it depends on.

pub mod access;
pub mod audit;
pub mod delivery;
pub mod doctor;
pub mod drafts;
pub mod error;
pub mod heavy;
pub mod keys;
pub mod media;
pub mod people;
pub mod places;
pub mod preview;
pub mod releases;
#[cfg(test)]
pub mod testing;
pub mod workspaces;

use std::sync::Arc;

use tokio::sync::watch;

use crate::health::Health;
use crate::store::StoreError;
use crate::store::sqlite::Sqlite;
use drafts::compiled::Compiled;
use keys::{Eras, Keyring};

pub use error::Error;

/// How browsers get here, as the process was told.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// Where they think they are, if it isn't what `Host` says.
    pub public_url: Option<String>,
    /// How many proxies in front say in `X-Forwarded-For` where a request comes from. Without it everybody behind one shares the
    /// guesses of all.
    pub proxies: usize,
}

/// The origin, shared by all that runs in it.
#[derive(Clone)]
pub struct App {
    pub store: Sqlite,
    /// Unix milliseconds.
    pub clock: fn() -> i64,
    /// Opens keys and tokens; empty where there is no master secret.
    pub keyring: Keyring,
    /// The highest eras that were begun here; keeps nothing where no file was named.
    pub eras: Eras,
    /// What edges report.
    pub health: Health,
    pub delivery: delivery::Options,
    compiled: Arc<Compiled>,
    pub heavy: heavy::Heavy,
    people: Arc<people::People>,
    pub reached: Reached,
    /// Counts up whenever there is something new to deliver.
    manifests: watch::Sender<u64>,
    /// Counts up whenever a release is another than before, or somebody's rights are; at its end nobody needs to listen any more.
    changed: watch::Sender<u64>,
    /// How the releases that are under way did lately.
    watches: releases::Watches,
    pub listeners: places::Taken,
    /// Those who send something large.
    uploads: places::Taken,
}

impl App {
    pub fn new(store: Sqlite, clock: fn() -> i64) -> Self {
        Self {
            store,
            clock,
            keyring: Keyring::default(),
            eras: Eras::default(),
            health: Health::default(),
            delivery: delivery::Options::default(),
            compiled: Arc::default(),
            heavy: heavy::Heavy::default(),
            people: Arc::default(),
            reached: Reached::default(),
            manifests: watch::Sender::new(0),
            changed: watch::Sender::new(0),
            watches: releases::Watches::default(),
            listeners: places::Taken::none_of(&places::LISTENERS),
            uploads: places::Taken::none_of(&places::UPLOADS),
        }
    }

    pub fn with_health(mut self, health: Health) -> Self {
        self.health = health;
        self
    }

    /// What is secret is sealed with it, and the end of the audit log.
    pub fn with_keyring(mut self, keyring: Keyring) -> Self {
        self.store.seal_audit(keyring.audit_keys());
        self.keyring = keyring;
        self
    }

    pub fn with_eras(mut self, eras: Eras) -> Self {
        self.eras = eras;
        self
    }

    pub fn with_delivery(mut self, options: delivery::Options) -> Self {
        self.delivery = options;
        self
    }

    /// How browsers get here.
    pub fn reached_by(mut self, reached: Reached) -> Self {
        self.reached = reached;
        self
    }

    /// For whoever may change something of the draft; kept until it is dropped.
    pub fn place_for_upload(
        &self,
        actor: &access::Actor,
        workspace: &str,
    ) -> Result<places::Place, Error> {
        actor.need(access::Action::EditContent, workspace, None)?;
        self.uploads.place(&actor.user)
    }

    pub fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// All environments, by workspace: also what never released may have, since the backup.
    pub async fn restored(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut tx = self.store.read().await?;
        crate::store::sqlite::workspaces::places(&mut tx).await
    }

    /// To be called once a transaction with a new manifest is committed: it is delivered at once. Forgotten, it is delivered
    /// at the next look.
    pub fn manifests_changed(&self, workspace: &str, env: &str) {
        tracing::debug!(workspace, env, "a new manifest");
        self.manifests.send_modify(|count| *count += 1);
    }
}
