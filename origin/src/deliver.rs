//! From a snapshot to where edges read it: objects first, read back, then the manifest with its
//! fallback. Safe to repeat; a crash goes on where it ended. What a target is stands in [`dir`] and
//! [`edge`].

pub mod dir;
pub mod edge;
mod stored;

use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use skyful::compile::Snapshot;
use skyful::manifest::{Tail, TrustSet, Value, sign};
use skyful::snapshot::Digest;

use crate::failure::Failure;
use crate::key_file;
use stored::Stored;

/// One environment of one workspace, where edges read it.
pub trait Target {
    /// The stored manifest value.
    fn manifest(&self) -> Result<Option<Vec<u8>>, Failure>;
    /// The stored settled envelope.
    fn settled(&self) -> Result<Option<Vec<u8>>, Failure>;
    /// Uploads what is missing or damaged, and returns once all of it reads back.
    fn put_objects(&self, snapshot: &Snapshot, progress: Progress<'_>) -> Result<(), Failure>;
    fn put_manifest(&self, value: &[u8]) -> Result<(), Failure>;
    fn put_settled(&self, envelope: &[u8]) -> Result<(), Failure>;
    /// How long after it was stored every edge can load what a manifest names.
    fn settle_ms(&self) -> i64;
    /// How long what was written may be missing from what is read.
    fn lag(&self) -> Duration;
    /// What messages call the manifest.
    fn place(&self) -> String;
}

/// Between two looks whether something has become visible.
const LOOK: Duration = Duration::from_secs(1);

/// Told how many objects of how many are there.
pub type Progress<'a> = &'a dyn Fn(usize, usize);

/// What a delivery came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    New {
        sequence: u64,
    },
    /// The target already shows this snapshot.
    Unchanged {
        sequence: u64,
    },
}

/// Delivers a snapshot to everybody.
pub fn deliver(
    target: &impl Target,
    env: &str,
    snapshot: &Snapshot,
    key: &SigningKey,
    clock: &dyn Fn() -> i64,
    progress: Progress<'_>,
) -> Result<Delivered, Failure> {
    let own = TrustSet::parse(&key_file::public_hex(key)).map_err(Failure::usage)?;
    let workspace = &snapshot.listing.workspace;
    let stored = Stored::read(target, &own, workspace, env)?;
    let shown = stored.shown(snapshot.listing.digest());
    // Counted before anything is written: a store that cannot go on stays as it is.
    let sequence = match shown {
        Some(shown) => shown,
        None => stored.next_sequence(&target.place())?,
    };
    target.put_objects(snapshot, progress)?;
    // Signed after the upload, which may wait for a store that lags: from now on it settles.
    let now_ms = clock();
    let settled = stored.settled_before(now_ms.saturating_sub(target.settle_ms()));
    if shown.is_some() {
        if let Some(settled) = settled.filter(|head| stored.is_news(head)) {
            target.put_settled(&settled.envelope)?;
        }
        return Ok(Delivered::Unchanged { sequence });
    }
    let tail = Tail {
        stable: snapshot.listing.clone(),
        gray: None,
        allow: Vec::new(),
    };
    let header = sign::full_release(workspace, env, sequence, now_ms);
    let envelope = sign::sign(header, &tail, key);
    let value = Value {
        current: &envelope,
        fallback: settled.map_or(&[], |head| &head.envelope),
    };
    let value = value.join();
    target.put_manifest(&value)?;
    // The whole value, since the fallback stands in it too; or a newer one of another publisher.
    let since = Instant::now();
    while target.manifest()?.is_none_or(|stored| stored != value)
        && Stored::read(target, &own, workspace, env)?
            .current
            .sequence()
            <= Some(sequence)
    {
        if since.elapsed() >= target.lag() {
            let message = format!("{} was written but not kept", target.place());
            return Err(Failure::usage(message).hint("publish again"));
        }
        std::thread::sleep(LOOK);
    }
    // Where nothing lags, what was read back has settled.
    let settled = match target.settle_ms() {
        0 => Some(&*envelope),
        _ => settled
            .filter(|head| stored.is_news(head))
            .map(|head| &*head.envelope),
    };
    if let Some(settled) = settled {
        target.put_settled(settled)?;
    }
    Ok(Delivered::New { sequence })
}

/// What to say of an object that came back as something else.
fn not_kept(digest: &Digest, place: &str) -> Failure {
    Failure::usage(format!(
        "{digest} reads back from {place} other than it was written"
    ))
}
