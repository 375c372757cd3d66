//! What the origin does for people, without a word about HTTP: drafts, who may do what, the audit log. Each operation is one
//! transaction of the store and checks in it whatever it depends on.

pub mod access;
pub mod audit;
pub mod drafts;
pub mod error;
pub mod media;
pub mod preview;
#[cfg(test)]
pub mod testing;
pub mod workspaces;

use std::sync::Arc;

use crate::store::sqlite::Sqlite;
use drafts::compiled::Compiled;

pub use error::Error;

/// The origin, shared by all that runs in it.
#[derive(Clone)]
pub struct App {
    pub store: Sqlite,
    /// Unix milliseconds.
    pub clock: fn() -> i64,
    compiled: Arc<Compiled>,
}

impl App {
    pub fn new(store: Sqlite, clock: fn() -> i64) -> Self {
        Self {
            store,
            clock,
            compiled: Arc::default(),
        }
    }

    pub fn now_ms(&self) -> i64 {
        (self.clock)()
    }
}
