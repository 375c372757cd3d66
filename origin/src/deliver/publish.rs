//! One delivery by whoever has a document and a key: the count goes on from what the target has, since a publisher on the
//! command line remembers nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use skyful::compile::Snapshot;
use skyful::manifest::{Mode, TrustSet, Value, sign};
use skyful::snapshot::Digest;

use super::rule::Own;
use super::stored::Stored;
use super::terms::{Next, Terms};
use super::upload::{self, Progress, Seen, Source};
use super::{Doing, Object, Ruling, Slot, Target, not_kept};
use crate::failure::Failure;
use crate::key_file;

/// Between two looks whether something has become visible.
const LOOK: Duration = Duration::from_secs(1);

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
    pub clock: &'a (dyn Fn() -> i64 + Sync),
}

impl Source for Snapshot {
    fn load<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, Vec<Object>> {
        let object = |digest: &Digest| {
            let bytes = self.objects.get(digest)?;
            Some((*digest, bytes.clone()))
        };
        Box::pin(async move { Ok(digests.iter().filter_map(object).collect()) })
    }
}

/// Delivers a snapshot to whom the terms say.
pub async fn deliver(
    target: &Arc<dyn Target>,
    signer: &Signer<'_>,
    snapshot: &Snapshot,
    terms: &Terms,
    progress: Progress<'_>,
) -> Result<Delivered, Failure> {
    let (own, stored) = signer.look(target).await?;
    let next = Next::release(snapshot, terms, stored.current.head())?;
    // Counted before anything is written: a store that cannot go on stays as it is.
    let sequence = match stored.shown(&next) {
        Some(shown) => shown,
        None => stored.next_sequence(&target.place())?,
    };
    put_objects(target, snapshot, progress).await?;
    sign_and_put(target, signer, (&own, &stored), &next, sequence).await
}

/// Delivers what is released already, in another mode: no document and no upload in the way.
pub async fn switch(
    target: &Arc<dyn Target>,
    signer: &Signer<'_>,
    mode: Mode,
) -> Result<Delivered, Failure> {
    let (own, stored) = signer.look(target).await?;
    let Some(released) = stored.current.head() else {
        let message = format!("{} is missing or signed with another key", target.place());
        return Err(Failure::usage(message).hint("publish a document"));
    };
    let next = Next::switched(released, mode);
    let sequence = match stored.shown(&next) {
        Some(shown) => shown,
        None => stored.next_sequence(&target.place())?,
    };
    sign_and_put(target, signer, (&own, &stored), &next, sequence).await
}

impl Signer<'_> {
    async fn look(&self, target: &Arc<dyn Target>) -> Result<(Own, Stored), Failure> {
        let public = key_file::public_hex(self.key);
        let own = Own {
            trust: TrustSet::parse(&public).map_err(Failure::usage)?,
            workspace: self.workspace.to_owned(),
            env: self.env.to_owned(),
        };
        let stored = Stored::read(target, &own).await?;
        Ok((own, stored))
    }
}

async fn put_objects(
    target: &Arc<dyn Target>,
    snapshot: &Snapshot,
    progress: Progress<'_>,
) -> Result<(), Failure> {
    let digests: Vec<Digest> = snapshot.objects.keys().copied().collect();
    let mut seen = Seen::default();
    let since = Instant::now();
    loop {
        let missing = upload::look(target, &digests, snapshot, &mut seen, progress).await?;
        let Some(digest) = missing.last() else {
            return Ok(());
        };
        if since.elapsed() >= target.traits().lag {
            let failure = not_kept(&digest.to_string(), &target.place());
            return Err(failure.hint("publish again, which goes on where this ended"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn sign_and_put(
    target: &Arc<dyn Target>,
    signer: &Signer<'_>,
    (own, stored): (&Own, &Stored),
    next: &Next,
    sequence: u64,
) -> Result<Delivered, Failure> {
    // Signed after the upload, which may wait for a store that lags: from now on it settles.
    let now_ms = (signer.clock)();
    let settle_ms = target.traits().settle_ms;
    let settled = stored.settled_before(now_ms.saturating_sub(settle_ms));
    if stored.shown(next).is_some() {
        if let Some(settled) = settled.filter(|head| stored.is_news(head)) {
            put(target, own, Slot::Settled, &settled.envelope).await?;
        }
        return Ok(Delivered::Unchanged { sequence });
    }
    let mut header = sign::full_release(signer.workspace, signer.env, sequence, now_ms);
    header.gray = next.gray;
    header.mode = next.mode;
    let envelope = sign::sign(header, &next.tail, signer.key);
    let value = Value {
        current: &envelope,
        fallback: settled.map_or(&[], |head| &head.envelope),
    };
    let value = value.join();
    put(target, own, Slot::Manifest, &value).await?;
    read_back(target, own, &value, sequence).await?;
    // Where nothing lags, what was read back has settled.
    let settled = match settle_ms {
        0 => Some(&*envelope),
        _ => settled
            .filter(|head| stored.is_news(head))
            .map(|head| &*head.envelope),
    };
    if let Some(settled) = settled {
        put(target, own, Slot::Settled, settled).await?;
    }
    Ok(Delivered::New { sequence })
}

async fn put(target: &Arc<dyn Target>, own: &Own, slot: Slot, value: &[u8]) -> Result<(), Failure> {
    let again = "publish again, which counts on from there";
    let given = own.open(slot, value);
    let given = given.ok_or_else(|| Failure::usage("what was signed doesn't verify"))?;
    let rule = |stored: Option<&[u8]>| own.ruling(slot, &given, stored);
    match target.replace(slot, value, &rule).await? {
        Ruling::Write | Ruling::Same => Ok(()),
        // Somebody else has settled more meanwhile.
        Ruling::Older(_) if slot == Slot::Settled => Ok(()),
        Ruling::Older(sequence) | Ruling::Conflict(sequence) => {
            let place = target.place();
            let message = format!("somebody else published sequence {sequence} into {place}");
            Err(Failure::fault(message).hint(again))
        }
    }
}

/// The whole value, since the fallback stands in it too; or a newer one of another publisher.
async fn read_back(
    target: &Arc<dyn Target>,
    own: &Own,
    value: &[u8],
    sequence: u64,
) -> Result<(), Failure> {
    let since = Instant::now();
    loop {
        let stored = target.get(Slot::Manifest).await?;
        let newer = |stored: &Vec<u8>| {
            let opened = own.open(Slot::Manifest, stored);
            opened.is_some_and(|manifest| manifest.sequence() > sequence)
        };
        if stored.is_some_and(|stored| stored == value || newer(&stored)) {
            return Ok(());
        }
        if since.elapsed() >= target.traits().lag {
            let message = format!("{} was written but not kept", target.place());
            return Err(Failure::usage(message).hint("publish again"));
        }
        tokio::time::sleep(LOOK).await;
    }
}
