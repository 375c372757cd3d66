//! Redis as an edge store: manifests by compare-and-set, and nothing lags on one address.

use std::sync::Arc;

use skyful::manifest::Keys;
use skyful::snapshot::{self, Digest};
use skyful_native::{Bound, Redis, RedisUrl, StoreError};

use super::reach::{self, Reach};
use super::{Doing, Object, Rule, Ruling, Slot, Target, Traits, not_kept};
use crate::failure::Failure;

pub struct RedisTarget {
    redis: Redis,
    /// Without what is secret in the address.
    place: String,
    workspace: String,
    keys: Keys,
}

impl RedisTarget {
    pub fn new(
        url: RedisUrl,
        place: String,
        (workspace, env): (&str, &str),
        reach: &Reach,
    ) -> Result<Self, Failure> {
        let reach = reach.clone();
        let bound: Bound = Arc::new(move |host, found| reach.within(host, found.into_iter()));
        Ok(Self {
            redis: Redis::new(url).map_err(failed)?.bounded_by(bound),
            place,
            workspace: workspace.to_owned(),
            keys: Keys::new(workspace, env),
        })
    }

    fn slot(&self, slot: Slot) -> String {
        match slot {
            Slot::Manifest => self.keys.manifest(),
            Slot::Settled => self.keys.settled(),
        }
    }
}

impl Target for RedisTarget {
    fn get(&self, slot: Slot) -> Doing<'_, Option<Vec<u8>>> {
        Box::pin(async move { self.redis.get(&self.slot(slot)).await.map_err(failed) })
    }

    fn replace<'a>(&'a self, slot: Slot, value: &'a [u8], rule: Rule<'a>) -> Doing<'a, Ruling> {
        Box::pin(async move {
            let done = self.redis.replace(&self.slot(slot), value, rule).await;
            done.map_err(failed)
        })
    }

    fn has<'a>(&'a self, digest: &'a Digest) -> Doing<'a, bool> {
        Box::pin(async move {
            let stored = self.redis.get(&self.keys.object(digest)).await;
            let stored = stored.map_err(failed)?;
            Ok(stored
                .is_some_and(|bytes| snapshot::verify(bytes, *digest, &self.workspace).is_ok()))
        })
    }

    fn put<'a>(&'a self, objects: &'a [Object]) -> Doing<'a, ()> {
        Box::pin(async move {
            for (digest, bytes) in objects {
                let put = self.redis.put(&self.keys.object(digest), bytes).await;
                put.map_err(failed)?;
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, ()> {
        Box::pin(async move {
            let keys: Vec<String> = digests.iter().map(|name| self.keys.object(name)).collect();
            self.redis.delete(&keys).await.map_err(failed)
        })
    }

    fn probe(&self) -> Doing<'_, ()> {
        Box::pin(async move {
            let key = format!("{}-probe", self.keys.manifest());
            self.redis.put(&key, b"probe").await.map_err(failed)?;
            let stored = self.redis.get(&key).await.map_err(failed)?;
            self.redis.delete(&[key]).await.map_err(failed)?;
            match stored.as_deref() {
                Some(b"probe") => Ok(()),
                _ => Err(not_kept("a probe", &self.place)),
            }
        })
    }

    fn traits(&self) -> Traits {
        Traits::AT_ONCE
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

fn failed(error: StoreError) -> Failure {
    if reach::told(&error.0) {
        return Failure::usage(error.0).hint(reach::HINT);
    }
    Failure::usage(error.0).hint("is Redis up, and are address, name and password right?")
}
