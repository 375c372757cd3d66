//! Events where nothing runs between requests: to the collector, whose word they wait for; while it gives none, into a
//! key-value store under keys of their own, from where later requests deliver them. Two instances may deliver the same:
//! each id is counted once.

use std::future::Future;

use super::{Left, Verdict, again_secs, left, verdict};
use crate::{MaybeSend, MaybeSync, StoreError};

/// How many batches one request delivers of what was put aside: a visitor waits meanwhile.
const AT_ONCE: usize = 4;

/// What this needs of a platform.
pub trait Desk: MaybeSync {
    /// How often is looked for what was put aside, unless there is a reason.
    const LOOK_MS: i64;
    fn now_ms(&self) -> i64;
    fn random(&self) -> [u8; 16];
    /// For whoever runs this.
    fn tell(&self, what: &str);
    /// Status and body of the collector's answer.
    fn post(&self, batch: &[u8]) -> impl Future<Output = Option<(u16, Vec<u8>)>> + MaybeSend;
    /// So many of the keys that begin so. A store that lists them out of order leaves out those from `before` on.
    fn keys(
        &self,
        prefix: &str,
        before: &str,
        most: usize,
    ) -> impl Future<Output = Result<Vec<String>, StoreError>> + MaybeSend;
    fn read(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + MaybeSend;
    fn write(
        &self,
        key: &str,
        batch: &[u8],
    ) -> impl Future<Output = Result<(), StoreError>> + MaybeSend;
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + MaybeSend;
    /// When somebody is to look, as it was said last. May forget.
    fn due_ms(&self) -> i64;
    fn look_at(&self, due_ms: i64);
}

/// Ends well once the batch is durable. `place` is workspace and environment, as in all keys of the store.
pub async fn send<D: Desk>(desk: &D, place: &str, batch: &[u8]) -> Result<(), StoreError> {
    let prefix = format!("e1/{place}/");
    let now_ms = desk.now_ms();
    match deliver(desk, &prefix, batch, now_ms).await? {
        Verdict::Settled(_) => {
            if is_due(desk, now_ms)
                && let Err(error) = look(desk, &prefix, now_ms).await
            {
                desk.tell(&format!("events that were put aside: {error}"));
            }
        }
        // Also what is refused as a whole: it may have been something on the way.
        Verdict::Later | Verdict::Poison => {
            desk.write(&key(desk, &prefix, now_ms, now_ms), batch)
                .await?;
            // The next answer is the sign that the collector is back.
            desk.look_at(now_ms);
        }
    }
    Ok(())
}

/// A time that lies further ahead than anybody says was said by a clock that has been put right.
fn is_due<D: Desk>(desk: &D, now_ms: i64) -> bool {
    let ahead_ms = desk.due_ms().saturating_sub(now_ms);
    ahead_ms <= 0 || ahead_ms > D::LOOK_MS
}

/// Half to all of this: instances that failed together don't return together.
fn spread<D: Desk>(desk: &D, most_ms: i64) -> i64 {
    let half = most_ms / 2;
    half.saturating_add(i64::from(chance(desk)) % half.saturating_add(1))
}

fn chance<D: Desk>(desk: &D) -> u32 {
    let [a, b, c, d, ..] = desk.random();
    u32::from_le_bytes([a, b, c, d])
}

/// Nobody else has this key: its times are when it is due and since when it waits, and chance tells keys apart.
fn key<D: Desk>(desk: &D, prefix: &str, due_ms: i64, since_ms: i64) -> String {
    let random = u128::from_le_bytes(desk.random());
    format!("{prefix}{due_ms:013}-{since_ms:013}-{random:032x}")
}

/// Since when a batch waits. Those of earlier versions say only one time, and what isn't ours waits since ever.
fn since_ms(prefix: &str, key: &str) -> i64 {
    let times = key.strip_prefix(prefix).unwrap_or_default();
    let mut times = times.split('-').map(|time| time.parse().ok());
    let (due_ms, since_ms) = (times.next().flatten(), times.next().flatten());
    since_ms.or(due_ms).unwrap_or(0)
}

/// What was refused line by line, aside again or for a person.
async fn keep<D: Desk>(
    desk: &D,
    prefix: &str,
    since_ms: i64,
    left: Left,
) -> Result<(), StoreError> {
    let now_ms = desk.now_ms();
    if !left.again.is_empty() {
        let again_secs = again_secs(now_ms.saturating_sub(since_ms), chance(desk));
        let due_ms = now_ms.saturating_add(i64::from(again_secs).saturating_mul(1_000));
        desk.write(&key(desk, prefix, due_ms, since_ms), &left.again)
            .await?;
    }
    if !left.dead.is_empty() {
        let dead = format!("dead-{}", key(desk, prefix, now_ms, since_ms));
        desk.tell(&format!(
            "events will never be counted, see {dead} in the store"
        ));
        desk.write(&dead, &left.dead).await?;
    }
    Ok(())
}

/// Delivers some of what is due.
async fn look<D: Desk>(desk: &D, prefix: &str, now_ms: i64) -> Result<(), StoreError> {
    desk.look_at(now_ms.saturating_add(spread(desk, D::LOOK_MS)));
    let before = format!("{prefix}{:013}", now_ms.saturating_add(1));
    let mut keys = desk.keys(prefix, &before, AT_ONCE).await?;
    keys.retain(|key| *key < before);
    // As many as were asked for: there may be more, which the next request looks for.
    if keys.len() >= AT_ONCE {
        desk.look_at(now_ms);
    }
    for key in keys {
        // None: somebody else was quicker, or the store lags.
        let Some(batch) = desk.read(&key).await? else {
            continue;
        };
        match deliver(desk, prefix, &batch, since_ms(prefix, &key)).await? {
            Verdict::Settled(_) => {}
            Verdict::Poison => {
                let dead = format!("dead-{key}");
                desk.tell(&format!(
                    "events will never be counted, see {dead} in the store"
                ));
                desk.write(&dead, &batch).await?;
            }
            Verdict::Later => {
                desk.look_at(now_ms.saturating_add(spread(desk, D::LOOK_MS)));
                return Ok(());
            }
        }
        desk.delete(&key).await?;
    }
    Ok(())
}

/// Sends what waits since then, and keeps what of it was refused. No answer is a reason to try again.
async fn deliver<D: Desk>(
    desk: &D,
    prefix: &str,
    batch: &[u8],
    since_ms: i64,
) -> Result<Verdict, StoreError> {
    let Some((status, said)) = desk.post(batch).await else {
        return Ok(Verdict::Later);
    };
    let verdict = verdict(status, &said);
    if let Verdict::Settled(refused) = &verdict {
        let age_ms = desk.now_ms().saturating_sub(since_ms);
        let left = left(batch, refused, age_ms, |what| desk.tell(what));
        keep(desk, prefix, since_ms, left).await?;
    } else {
        desk.tell(&format!("the collector answered {status}"));
    }
    Ok(verdict)
}
