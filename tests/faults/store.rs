//! The store as edges see it: one origin of truth behind a cache in each PoP that lags, forgets, caches
//! misses, tears, swaps and fails; and each PoP's own copy.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use skyful::manifest::Mode;
use skyful_edge::StoreError;

use crate::books::{self, Books, Release, keys, library};
use crate::dice::{Dice, mix};
use crate::mirror::{Cause, Mirror};

/// How far any value at any PoP may lag.
pub const LAG_MS: i64 = 300_000;
pub const POPS: usize = 3;
/// The publisher reads through a cache as well.
pub const PUBLISHER_POP: usize = POPS;

/// Chances in 1,000, of each read or write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub errors: u64,
    pub torn: u64,
    pub swapped: u64,
    pub missing: u64,
    /// Of the own copy.
    pub forgets: u64,
}

pub const WEATHER: [Weather; 3] = [
    Weather {
        errors: 0,
        torn: 0,
        swapped: 0,
        missing: 0,
        forgets: 0,
    },
    Weather {
        errors: 20,
        torn: 10,
        swapped: 10,
        missing: 5,
        forgets: 20,
    },
    Weather {
        errors: 150,
        torn: 60,
        swapped: 60,
        missing: 40,
        forgets: 100,
    },
];

type Bytes = Arc<Vec<u8>>;

/// Which source a read asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    Cached,
    /// Past the cache: mostly what is stored now, never further behind than the cache, and failing more often.
    Fresh,
}

pub struct Network {
    pub now_ms: i64,
    seed: u64,
    pub dice: Dice,
    pub weather: Weather,
    /// Whether the store can compare and set.
    pub compares: bool,
    /// Total outages, by PoP.
    pub outage_until_ms: [i64; POPS + 1],
    truth: HashMap<String, Vec<(i64, Bytes)>>,
    /// Until when a PoP remembers that there was nothing, and why.
    misses: HashMap<(usize, String), (i64, Cause)>,
    pub own: [BTreeMap<String, Vec<u8>>; POPS],
    pub mirrors: Vec<Mirror>,
    /// By instance: the clock's error, and the PoP.
    pub clocks: Vec<i64>,
    pub books: Books,
    lies: Vec<Vec<u8>>,
    /// Whether reads give way to other requests of the same instance.
    pub interleave: bool,
    pub counts: BTreeMap<&'static str, u64>,
    pub log: Option<Vec<String>>,
}

impl Network {
    pub fn new(seed: u64, now_ms: i64, log: bool) -> Self {
        Self {
            now_ms,
            seed,
            dice: Dice::new(mix(seed ^ 0x5704)),
            weather: WEATHER[0],
            compares: mix(seed ^ 0xca5) & 1 == 0,
            outage_until_ms: [0; POPS + 1],
            truth: HashMap::new(),
            misses: HashMap::new(),
            own: Default::default(),
            mirrors: Vec::new(),
            clocks: Vec::new(),
            books: Books::default(),
            lies: lies(),
            interleave: false,
            counts: BTreeMap::new(),
            log: log.then(Vec::new),
        }
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn note(&mut self, what: impl FnOnce() -> String) {
        let at = self.now_ms;
        if let Some(log) = &mut self.log {
            log.push(format!("{:>9.3} s  {}", at as f64 / 1e3, what()));
        }
    }

    pub fn local_ms(&self, instance: usize) -> i64 {
        self.now_ms + self.clocks[instance]
    }

    /// What is really stored now.
    pub fn stored(&self, key: &str) -> Option<&[u8]> {
        let (_, bytes) = self.truth.get(key)?.last()?;
        Some(bytes)
    }

    fn stored_at(&self, key: &str, at_ms: i64) -> Option<Bytes> {
        let history = self.truth.get(key)?;
        let after = history.partition_point(|(since, _)| *since <= at_ms);
        Some(Arc::clone(&history[after.checked_sub(1)?].1))
    }

    /// Lags of a key at a PoP hold for a minute: mostly small, sometimes the longest there is.
    fn lag_ms(&self, pop: usize, key: &str) -> i64 {
        let mut hash = self.seed ^ (pop as u64) << 56 ^ (self.now_ms / 60_000) as u64;
        for byte in key.bytes().rev().take(12) {
            hash = mix(hash ^ u64::from(byte));
        }
        let mut dice = Dice::new(hash);
        let most = match (dice.below(20), pop) {
            (0..12, _) => 2_000,
            (12.., PUBLISHER_POP) => 10_000,
            (12..17, _) => 60_000,
            _ => LAG_MS,
        };
        dice.between(0, most)
    }

    /// One read at a PoP: what it brings, and why it isn't what should be there.
    pub fn read(
        &mut self,
        pop: usize,
        key: &str,
        how: Read,
    ) -> (Result<Option<Vec<u8>>, StoreError>, Cause) {
        let (weather, fresh) = (self.weather, how == Read::Fresh);
        let errors = if fresh {
            2 * weather.errors
        } else {
            weather.errors
        };
        if self.now_ms < self.outage_until_ms[pop] || self.dice.permille(errors) {
            return (Err(StoreError("429 or worse".into())), Cause::Injected);
        }
        let cached = (pop, key.to_owned());
        let missed = self.misses.get(&cached).copied();
        if let Some((until, cause)) = missed.filter(|_| !fresh) {
            if self.now_ms < until {
                self.count("cached miss");
                return (Ok(None), cause);
            }
            self.misses.remove(&cached);
        }
        let mut lag = self.lag_ms(pop, key);
        if self.dice.permille(250) {
            lag = self.dice.between(0, lag);
        }
        if fresh {
            lag = if self.dice.permille(700) { 0 } else { lag / 4 };
        }
        let found = self.stored_at(key, self.now_ms - lag);
        let spurious = self.dice.permille(weather.missing);
        let Some(found) = found.filter(|_| !spurious) else {
            let cause = if spurious {
                Cause::Injected
            } else {
                Cause::Lag
            };
            // A publisher asks a store, not a cache in front of it.
            if pop != PUBLISHER_POP && !fresh {
                let until = self.now_ms + self.dice.between(30_000, 60_000);
                self.misses.insert(cached, (until, cause));
            }
            return (Ok(None), cause);
        };
        if self.dice.permille(weather.torn) {
            self.count("torn read");
            return (Ok(Some(self.tear(&found))), Cause::Injected);
        }
        if self.dice.permille(weather.swapped) {
            self.count("swapped read");
            return (Ok(Some(self.swap(key))), Cause::Injected);
        }
        // What isn't genuine by now was torn when it was written.
        (Ok(Some(found.to_vec())), Cause::Injected)
    }

    pub fn tear(&mut self, bytes: &[u8]) -> Vec<u8> {
        let at = self.dice.below(bytes.len() as u64) as usize;
        let mut torn = bytes.to_vec();
        match self.dice.below(4) {
            0 => torn[at] ^= 1 << self.dice.below(8),
            1 => torn[at..].fill(0),
            _ => torn.truncate(at),
        }
        torn
    }

    /// Bytes that belong somewhere or somewhen else.
    fn swap(&mut self, key: &str) -> Vec<u8> {
        let objects = &library().objects;
        let another = self.dice.below(objects.len() as u64) as usize;
        let another = || objects.values().nth(another).cloned().unwrap_or_default();
        if key.contains("/o/") {
            return match self.dice.below(4) {
                0 => self.dice.of(&self.lies).clone(),
                _ => another(),
            };
        }
        match self.dice.below(8) {
            0 => another(),
            1 => self
                .stored(&keys().settled())
                .map(<[u8]>::to_vec)
                .unwrap_or_default(),
            2..4 => {
                let older = self.truth.get(key).cloned().unwrap_or_default();
                self.dice.of(&older).1.to_vec()
            }
            _ => self.dice.of(&self.lies).clone(),
        }
    }

    /// One write. An error may come after it was done, and what is written may be torn unnoticed.
    pub fn write(&mut self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let (now, weather) = (self.now_ms, self.weather);
        let error = Err(StoreError("429 or worse".into()));
        let history = self.truth.entry(key.to_owned()).or_default();
        if history.last().is_some_and(|(at, _)| now - at < 1_000) {
            return error;
        }
        if now < self.outage_until_ms[PUBLISHER_POP] {
            return error;
        }
        let failed = self.dice.permille(weather.errors);
        if failed && self.dice.permille(500) {
            return error;
        }
        let torn = self.dice.permille(weather.torn / 2);
        let bytes = if torn {
            self.count("torn write");
            self.tear(&bytes)
        } else {
            bytes
        };
        let history = self.truth.entry(key.to_owned()).or_default();
        history.push((now, Arc::new(bytes)));
        if failed { error } else { Ok(()) }
    }
}

/// Genuine for somebody else, or by nobody who may.
fn lies() -> Vec<Vec<u8>> {
    let release = |sequence| Release {
        sequence,
        mode: Mode::Run,
        no_fallback: false,
        stable: 0,
        gray: None,
    };
    let next_era = (1 << skyful::manifest::COUNTER_BITS) + 9;
    let envelopes = [
        release(900).sign(books::WORKSPACE, "staging", &books::key(books::PUBLISHER)),
        release(901).sign("other", books::ENV, &books::key(books::PUBLISHER)),
        release(902).sign(books::WORKSPACE, books::ENV, &books::key(books::THIEF)),
        release(next_era).sign(books::WORKSPACE, books::ENV, &books::key(books::RETIRED)),
    ];
    let value = |current: &[u8]| {
        skyful::manifest::Value {
            current,
            fallback: &[],
        }
        .join()
    };
    let values = envelopes.iter().map(|envelope| value(envelope));
    values.chain(envelopes.iter().cloned()).collect()
}
