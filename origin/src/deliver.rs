//! From a snapshot to where edges read it: objects first, read back, then the manifest with its fallback. Safe to repeat; a
//! crash goes on where it ended. What a target is stands in a file for each kind; the command line delivers to one by
//! [`publish`], the origin to many by its outbox (`app/delivery`).

pub mod api;
pub mod cloudflare_kv;
pub mod dir;
pub mod edge;
pub mod fastly_kv;
pub mod publish;
pub mod reach;
pub mod redis;
pub mod rule;
mod stored;
pub mod terms;
pub mod upload;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use skyful_native::{Rule, Ruling};

use skyful::snapshot::Digest;

use crate::failure::Failure;

pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// A part of a snapshot and its name.
pub type Object = (Digest, Vec<u8>);

/// How long what was written may be missing from what is read, where a store lags.
pub const LAG: Duration = Duration::from_secs(300);
/// How long after a manifest was stored every edge can load what it names, where a store lags.
pub const SETTLE_MS: i64 = 600_000;

/// A value of an environment that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The current envelope and its fallback.
    Manifest,
    /// The newest settled envelope.
    Settled,
}

/// One environment of one workspace, where edges read it. No call takes for ever.
pub trait Target: Send + Sync {
    /// As stored, from the freshest source there is.
    fn get(&self, slot: Slot) -> Doing<'_, Option<Vec<u8>>>;
    /// Writes the value if the rule allows it over what is stored; see [`Traits::compares`].
    fn replace<'a>(&'a self, slot: Slot, value: &'a [u8], rule: Rule<'a>) -> Doing<'a, Ruling>;
    /// Whether the object reads back, byte for byte what its digest says.
    fn has<'a>(&'a self, digest: &'a Digest) -> Doing<'a, bool>;
    /// Writes objects, at most [`Traits::batch_bytes`] of them unless it is one.
    fn put<'a>(&'a self, objects: &'a [Object]) -> Doing<'a, ()>;
    /// Deletes objects, there or not, where [`Traits::deletes`]; at most [`Traits::deletes_at_once`].
    fn delete<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, ()>;
    /// The objects that are there, where that is cheaper to ask than each of them.
    fn list(&self) -> Doing<'_, Option<BTreeSet<Digest>>> {
        Box::pin(async { Ok(None) })
    }
    /// Whether it can be read and written, without touching what edges read.
    fn probe(&self) -> Doing<'_, ()>;
    fn traits(&self) -> Traits;
    /// What messages call it: no secrets.
    fn place(&self) -> String;
}

/// What can be relied on.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// How long after it was stored every edge can load what a manifest names.
    pub settle_ms: i64,
    /// How long what was written may be missing from what is read.
    pub lag: Duration,
    /// Whether reading and writing a slot is one step: without that a slow writer can put an older manifest over a newer one,
    /// which edges ignore and the next look repairs.
    pub compares: bool,
    pub deletes: bool,
    /// How many objects one call of `delete` takes: as many as go in one request, which is sent once and answered within its
    /// deadline, or never.
    pub deletes_at_once: usize,
    /// How much one call of `put` takes.
    pub batch_bytes: usize,
}

impl Traits {
    /// A store without lag and with compare-and-set.
    pub const AT_ONCE: Self = Self {
        settle_ms: 0,
        lag: Duration::ZERO,
        compares: true,
        deletes: true,
        deletes_at_once: 1_000,
        batch_bytes: 0,
    };

    /// A hosted store that is told of everywhere after a while.
    pub const HOSTED: Self = Self {
        settle_ms: SETTLE_MS,
        lag: LAG,
        compares: false,
        deletes: true,
        deletes_at_once: 1_000,
        batch_bytes: 0,
    };
}

/// What to say of an object that came back as something else.
pub fn not_kept(what: &str, place: &str) -> Failure {
    Failure::usage(format!(
        "{what} reads back from {place} other than it was written"
    ))
}

/// Work that would hold up everybody else.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Failure::usage(format!("interrupted: {error}"))))
}
