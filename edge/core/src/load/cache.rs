//! Verified objects by digest, the least recently used dropped first, and digests that were not to be
//! had lately. Misses are never kept outside the instance: a cached miss lasts as long as its cache.

use std::collections::HashMap;
use std::sync::Arc;

use skyful::snapshot::{Chunk, Digest, IdShard};

use super::backoff::Backoff;

/// More digests than this fail together only if a store is down, and then forgetting costs a read.
const MISSES: usize = 4_096;
/// What an entry costs besides its bytes, generously.
const ENTRY_BYTES: usize = 512;

#[derive(Clone)]
pub enum Verified {
    Page(Arc<Chunk>),
    /// With its number, which the digest alone doesn't say.
    Ids(u32, Arc<IdShard>),
}

impl Verified {
    fn bytes(&self) -> usize {
        let bytes = match self {
            Self::Page(chunk) => chunk.bytes().len(),
            Self::Ids(_, shard) => shard.size(),
        };
        bytes.saturating_add(ENTRY_BYTES)
    }
}

struct Entry {
    object: Verified,
    used: u64,
}

pub struct Cache {
    entries: HashMap<Digest, Entry>,
    misses: HashMap<Digest, Backoff>,
    bytes: usize,
    limit: usize,
    tick: u64,
}

impl Cache {
    pub fn new(limit: usize) -> Self {
        Self {
            entries: HashMap::new(),
            misses: HashMap::new(),
            bytes: 0,
            limit,
            tick: 0,
        }
    }

    pub fn get(&mut self, digest: &Digest) -> Option<Verified> {
        self.tick = self.tick.wrapping_add(1);
        let entry = self.entries.get_mut(digest)?;
        entry.used = self.tick;
        Some(entry.object.clone())
    }

    /// Something larger than the whole cache is served, but not kept.
    pub fn put(&mut self, digest: Digest, object: Verified) {
        self.misses.remove(&digest);
        let bytes = object.bytes();
        if bytes > self.limit {
            return;
        }
        self.tick = self.tick.wrapping_add(1);
        let used = self.tick;
        if let Some(old) = self.entries.insert(digest, Entry { object, used }) {
            self.bytes = self.bytes.saturating_sub(old.object.bytes());
        }
        self.bytes = self.bytes.saturating_add(bytes);
        while self.bytes > self.limit {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(digest, _)| *digest) else {
                break;
            };
            if let Some(gone) = self.entries.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(gone.object.bytes());
            }
        }
    }

    /// Whether this digest failed so lately that it isn't asked for again.
    pub fn missed(&self, digest: &Digest, now_ms: i64) -> bool {
        self.misses
            .get(digest)
            .is_some_and(|backoff| !backoff.open(now_ms))
    }

    pub fn miss(&mut self, digest: Digest, now_ms: i64, random: u64) {
        if self.misses.len() >= MISSES {
            self.misses.clear();
        }
        self.misses.entry(digest).or_default().fail(now_ms, random);
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn objects(&self) -> usize {
        self.entries.len()
    }

    pub fn misses(&self) -> usize {
        self.misses.len()
    }
}
