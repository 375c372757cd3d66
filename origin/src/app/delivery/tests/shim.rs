//! A store in memory that lags in virtual time, fails, and stops for ever at a chosen step, and that keeps account of what
//! edges would have seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use skyful::manifest::envelope::Envelope;
use skyful::manifest::{Header, Tail, Value};
use skyful::snapshot::Digest;
use tokio::sync::Notify;

use super::desk::now;
use crate::deliver::{Doing, Object, Rule, Ruling, Slot, Target, Traits};
use crate::failure::Failure;

#[derive(Clone)]
pub struct Shim {
    pub store: Arc<Mutex<Store>>,
    pub traits: Traits,
    /// Told when a step was reached that never ends.
    pub stuck: Arc<Notify>,
    stop: Arc<Mutex<Option<Stop>>>,
}

#[derive(Default)]
pub struct Store {
    values: BTreeMap<String, Vec<u8>>,
    /// Written, and not visible before that instant.
    coming: Vec<(i64, String, Option<Vec<u8>>)>,
    /// The sequences that stood there, in their order.
    pub history: Vec<u64>,
    pub puts: usize,
    pub deleted: Vec<Digest>,
    pub failing: Option<&'static str>,
}

/// Where it ends: before or after the n-th step.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    pub step: usize,
    pub after: bool,
}

impl Shim {
    pub fn new(traits: Traits) -> Self {
        Self {
            store: Arc::default(),
            traits,
            stuck: Arc::default(),
            stop: Arc::default(),
        }
    }

    /// The same store for somebody who ends at a step.
    pub fn stopping(&self, stop: Stop) -> Self {
        Self {
            stop: Arc::new(Mutex::new(Some(stop))),
            stuck: Arc::default(),
            ..self.clone()
        }
    }

    fn step<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut Store) -> T + Send + 'a,
    ) -> Doing<'a, T> {
        Box::pin(async move {
            let (before, after) = self.reached();
            if before {
                self.never().await;
            }
            let done = {
                let mut store = self.store.lock().unwrap();
                store.arrive();
                match store.failing {
                    Some(why) => Err(Failure::usage(why)),
                    None => Ok(work(&mut store)),
                }
            };
            if after {
                self.never().await;
            }
            done
        })
    }

    fn reached(&self) -> (bool, bool) {
        let mut stop = self.stop.lock().unwrap();
        let Some(stop) = &mut *stop else {
            return (false, false);
        };
        let here = stop.step == 0;
        stop.step = stop.step.wrapping_sub(1);
        (here && !stop.after, here && stop.after)
    }

    async fn never(&self) {
        self.stuck.notify_one();
        std::future::pending::<()>().await;
    }

    /// What an edge that reads now can show: the sequence of the first manifest in the value that has all its objects.
    pub fn shows(&self) -> Option<u64> {
        let mut store = self.store.lock().unwrap();
        store.arrive();
        let value = store.values.get("manifest")?;
        let value = Value::split(value).expect("a whole value");
        let candidates = [value.current, value.fallback];
        let mut whole = candidates.into_iter().filter(|bytes| !bytes.is_empty());
        whole.find_map(|envelope| store.whole(envelope))
    }

    pub fn has_object(&self, digest: &Digest) -> bool {
        let mut store = self.store.lock().unwrap();
        store.arrive();
        store.values.contains_key(&digest.hex())
    }

    pub fn objects(&self) -> usize {
        let store = self.store.lock().unwrap();
        let named = store.values.keys().filter(|key| key.len() == 64);
        named.count()
    }

    pub fn settled(&self) -> Option<u64> {
        let store = self.store.lock().unwrap();
        let envelope = store.values.get("settled")?;
        Some(header(envelope).sequence)
    }

    pub fn fallback(&self) -> Option<u64> {
        let store = self.store.lock().unwrap();
        let value = Value::split(store.values.get("manifest")?).unwrap();
        (!value.fallback.is_empty()).then(|| header(value.fallback).sequence)
    }

    pub fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) {
        change(&mut self.store.lock().unwrap().values);
    }

    pub fn fail(&self, why: Option<&'static str>) {
        self.store.lock().unwrap().failing = why;
    }
}

impl Store {
    fn arrive(&mut self) {
        let (arrived, coming) = std::mem::take(&mut self.coming)
            .into_iter()
            .partition(|(at, ..)| *at <= now());
        self.coming = coming;
        for (_, key, value) in arrived {
            self.set(key, value);
        }
    }

    fn set(&mut self, key: String, value: Option<Vec<u8>>) {
        if let (true, Some(value)) = (key == "manifest", &value) {
            let current = Value::split(value).unwrap().current;
            self.history.push(header(current).sequence);
        }
        match value {
            Some(value) => self.values.insert(key, value),
            None => self.values.remove(&key),
        };
    }

    fn write(&mut self, lag_ms: i64, key: String, value: Option<Vec<u8>>) {
        if lag_ms == 0 {
            self.set(key, value);
        } else {
            self.coming.push((now() + lag_ms, key, value));
        }
    }

    /// What was written and isn't visible yet.
    pub fn lose(&mut self) {
        self.coming.clear();
    }

    fn whole(&self, envelope: &[u8]) -> Option<u64> {
        let parts = Envelope::split(envelope).expect("an envelope");
        let header = header(envelope);
        let tail = Tail::decode(parts.tail, &header).expect("a tail");
        let pages = tail.stable.pages.iter().map(|entry| entry.chunk.hex());
        let all = pages.collect::<Vec<_>>();
        let whole = all.iter().all(|name| self.values.contains_key(name));
        whole.then_some(header.sequence)
    }
}

fn header(envelope: &[u8]) -> Header {
    Header::decode(Envelope::split(envelope).unwrap().header).unwrap()
}

fn name(slot: Slot) -> String {
    match slot {
        Slot::Manifest => "manifest".into(),
        Slot::Settled => "settled".into(),
    }
}

impl Target for Shim {
    fn get(&self, slot: Slot) -> Doing<'_, Option<Vec<u8>>> {
        self.step(move |store| store.values.get(&name(slot)).cloned())
    }

    fn replace<'a>(&'a self, slot: Slot, value: &'a [u8], rule: Rule<'a>) -> Doing<'a, Ruling> {
        let lag_ms = self.traits.lag.as_millis() as i64 / 5;
        let write = move |store: &mut Store, ruling| {
            if ruling == Ruling::Write {
                store.write(lag_ms, name(slot), Some(value.to_vec()));
            }
            ruling
        };
        if self.traits.compares {
            return self.step(move |store| {
                let ruling = rule(store.values.get(&name(slot)).map(|value| &**value));
                write(store, ruling)
            });
        }
        // Two steps, and anybody may come between.
        Box::pin(async move {
            let ruling = rule(self.get(slot).await?.as_deref());
            self.step(move |store| write(store, ruling)).await
        })
    }

    fn has<'a>(&'a self, digest: &'a Digest) -> Doing<'a, bool> {
        self.step(move |store| store.values.contains_key(&digest.hex()))
    }

    fn put<'a>(&'a self, objects: &'a [Object]) -> Doing<'a, ()> {
        let lag_ms = self.traits.lag.as_millis() as i64 / 5;
        self.step(move |store| {
            for (digest, bytes) in objects {
                store.puts += 1;
                store.write(lag_ms, digest.hex(), Some(bytes.clone()));
            }
        })
    }

    fn delete<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, ()> {
        self.step(move |store| {
            for digest in digests {
                store.deleted.push(*digest);
                store.set(digest.hex(), None);
            }
        })
    }

    fn list(&self) -> Doing<'_, Option<BTreeSet<Digest>>> {
        self.step(|store| {
            let named = store.values.keys();
            Some(named.filter_map(|key| Digest::from_hex(key)).collect())
        })
    }

    fn probe(&self) -> Doing<'_, ()> {
        self.step(|_| ())
    }

    fn traits(&self) -> Traits {
        self.traits
    }

    fn place(&self) -> String {
        "the shim".into()
    }
}
