//! Objects to a target: what a read shows missing is written and read back. One look at a time, so that whoever delivers says
//! how long to go on where a store lags.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use skyful::snapshot::Digest;
use tokio::task::JoinSet;

use super::{Doing, Object, Target};
use crate::failpoint::{self, Point};
use crate::failure::Failure;

/// Requests to one target at a time.
const LANES: usize = 8;
/// Objects that are in memory at once.
const LOADED: usize = 64;

/// Told how many objects of how many are there.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Where the bytes of objects come from.
pub trait Source: Sync {
    fn load<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, Vec<Object>>;
}

/// What is known of a delivery's objects. Forgotten, it is found out again.
#[derive(Default)]
pub struct Seen {
    there: BTreeSet<Digest>,
    /// Written by us, and since when they should become visible.
    put: BTreeMap<Digest, Instant>,
}

impl Seen {
    /// Nothing is taken for granted any more; what was just written still needn't be written again.
    pub fn doubt(&mut self) {
        self.there.clear();
    }
}

/// Uploads what is missing, and gives what doesn't read back yet.
pub async fn look(
    target: &Arc<dyn Target>,
    digests: &[Digest],
    source: &dyn Source,
    seen: &mut Seen,
    progress: Progress<'_>,
) -> Result<Vec<Digest>, Failure> {
    let unsure = digests.iter().filter(|digest| !seen.there.contains(digest));
    let unsure: Vec<Digest> = unsure.copied().collect();
    let told = digests.len() - unsure.len();
    let missing = absent(target, unsure, seen, &|done| {
        progress(told + done, digests.len());
    })
    .await?;
    let lag = target.traits().lag;
    let due = |digest: &&Digest| seen.put.get(digest).is_none_or(|put| put.elapsed() >= lag);
    let due: Vec<Digest> = missing.iter().filter(due).copied().collect();
    if due.is_empty() {
        return Ok(missing);
    }
    for part in due.chunks(LOADED) {
        let objects = source.load(part).await?;
        put(target, objects).await?;
        let now = Instant::now();
        seen.put.extend(part.iter().map(|digest| (*digest, now)));
    }
    let told = digests.len() - missing.len();
    let tell = |done| progress(told + done, digests.len());
    absent(target, missing, seen, &tell).await
}

/// Those that don't read back.
async fn absent(
    target: &Arc<dyn Target>,
    digests: Vec<Digest>,
    seen: &mut Seen,
    tell: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Digest>, Failure> {
    let ask = |digest: Digest| {
        let target = Arc::clone(target);
        async move { Ok((digest, target.has(&digest).await?)) }
    };
    let mut found = 0;
    let mut missing = Vec::new();
    let sort = |(digest, there)| {
        if there {
            found += 1;
            seen.there.insert(digest);
            tell(found);
        } else {
            missing.push(digest);
        }
    };
    in_lanes(digests, ask, sort).await?;
    missing.sort_unstable();
    Ok(missing)
}

async fn put(target: &Arc<dyn Target>, objects: Vec<Object>) -> Result<(), Failure> {
    let limit = target.traits().batch_bytes;
    let mut batches: Vec<Vec<Object>> = Vec::new();
    let mut bytes = 0;
    for object in objects {
        bytes += object.1.len();
        match batches.last_mut() {
            Some(batch) if bytes <= limit => batch.push(object),
            _ => {
                bytes = object.1.len();
                batches.push(vec![object]);
            }
        }
    }
    let write = |batch: Vec<Object>| {
        let target = Arc::clone(target);
        async move {
            target.put(&batch).await?;
            failpoint::reach(Point::DeliveryObjectPut);
            Ok(())
        }
    };
    in_lanes(batches, write, |()| ()).await
}

/// A few at a time. The first failure ends it; what was sent is safe to send again.
async fn in_lanes<I, O: Send + 'static, F>(
    items: Vec<I>,
    work: impl Fn(I) -> F,
    mut done: impl FnMut(O),
) -> Result<(), Failure>
where
    F: Future<Output = Result<O, Failure>> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut items = items.into_iter();
    loop {
        while running.len() < LANES
            && let Some(item) = items.next()
        {
            running.spawn(work(item));
        }
        match running.join_next().await {
            None => return Ok(()),
            Some(Ok(answer)) => done(answer?),
            Some(Err(error)) => return Err(Failure::usage(format!("interrupted: {error}"))),
        }
    }
}
