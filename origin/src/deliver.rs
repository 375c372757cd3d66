//! From a snapshot to where edges read it: objects first, read back, then the manifest with its
//! fallback. Safe to repeat; a crash goes on where it ended. What a target is stands in [`dir`] and
//! [`edge`].

pub mod dir;
pub mod edge;
mod stored;
pub mod terms;

use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use skyful::compile::Snapshot;
use skyful::manifest::{Mode, TrustSet, Value, sign};
use skyful::snapshot::Digest;

use crate::failure::Failure;
use crate::key_file;
use stored::Stored;
use terms::{Next, Terms};

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

/// Who signs for which environment, and when.
pub struct Signer<'a> {
    pub workspace: &'a str,
    pub env: &'a str,
    pub key: &'a SigningKey,
    pub clock: &'a dyn Fn() -> i64,
}

/// Delivers a snapshot to whom the terms say.
pub fn deliver(
    target: &impl Target,
    signer: &Signer<'_>,
    snapshot: &Snapshot,
    terms: &Terms,
    progress: Progress<'_>,
) -> Result<Delivered, Failure> {
    let (own, stored) = signer.look(target)?;
    let next = Next::release(snapshot, terms, stored.current.head())?;
    // Counted before anything is written: a store that cannot go on stays as it is.
    let sequence = match stored.shown(&next) {
        Some(shown) => shown,
        None => stored.next_sequence(&target.place())?,
    };
    target.put_objects(snapshot, progress)?;
    sign_and_put(target, signer, (&own, &stored), &next, sequence)
}

/// Delivers what is released already, in another mode: no document and no upload in the way.
pub fn switch(target: &impl Target, signer: &Signer<'_>, mode: Mode) -> Result<Delivered, Failure> {
    let (own, stored) = signer.look(target)?;
    let Some(released) = stored.current.head() else {
        let message = format!("{} is missing or signed with another key", target.place());
        return Err(Failure::usage(message).hint("publish a document"));
    };
    let next = Next::switched(released, mode);
    let sequence = match stored.shown(&next) {
        Some(shown) => shown,
        None => stored.next_sequence(&target.place())?,
    };
    sign_and_put(target, signer, (&own, &stored), &next, sequence)
}

impl Signer<'_> {
    fn look(&self, target: &impl Target) -> Result<(TrustSet, Stored), Failure> {
        let own = TrustSet::parse(&key_file::public_hex(self.key)).map_err(Failure::usage)?;
        let stored = Stored::read(target, &own, self.workspace, self.env)?;
        Ok((own, stored))
    }
}

fn sign_and_put(
    target: &impl Target,
    signer: &Signer<'_>,
    (own, stored): (&TrustSet, &Stored),
    next: &Next,
    sequence: u64,
) -> Result<Delivered, Failure> {
    let (workspace, env) = (signer.workspace, signer.env);
    // Signed after the upload, which may wait for a store that lags: from now on it settles.
    let now_ms = (signer.clock)();
    let settled = stored.settled_before(now_ms.saturating_sub(target.settle_ms()));
    if stored.shown(next).is_some() {
        if let Some(settled) = settled.filter(|head| stored.is_news(head)) {
            target.put_settled(&settled.envelope)?;
        }
        return Ok(Delivered::Unchanged { sequence });
    }
    let mut header = sign::full_release(workspace, env, sequence, now_ms);
    header.gray = next.gray;
    header.mode = next.mode;
    let envelope = sign::sign(header, &next.tail, signer.key);
    let value = Value {
        current: &envelope,
        fallback: settled.map_or(&[], |head| &head.envelope),
    };
    let value = value.join();
    target.put_manifest(&value)?;
    // The whole value, since the fallback stands in it too; or a newer one of another publisher.
    let since = Instant::now();
    while target.manifest()?.is_none_or(|stored| stored != value)
        && Stored::read(target, own, workspace, env)?
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
