//! Which id lists the units of one hash prefix are on. All lists share a shard, so that a page costs
//! one read whatever lists it asks for.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::DecodeError;
use super::object::{Digest, Kind, Object};
use super::wire::{Reader, put_count};
use crate::limits;

/// Bytes of a shard: a directory (list, start, count), then sorted hashes list by list.
pub struct IdShard {
    bytes: Vec<u8>,
    body_at: usize,
    lists: usize,
}

const DIRECTORY_ROW: usize = 16;

impl IdShard {
    pub fn open(
        bytes: Vec<u8>,
        digest: Digest,
        workspace: &str,
        number: u32,
    ) -> Result<Self, DecodeError> {
        let object = Object::open(&bytes, Kind::Ids, digest)?;
        if object.workspace != workspace || object.name.parse() != Ok(number) {
            return Err(DecodeError::Misplaced);
        }
        let mut reader = Reader::new(object.body);
        let lists = reader.count(limits::SEGMENTS, "too many id lists")?;
        let mut total: usize = 0;
        for _ in 0..lists {
            reader.u64()?;
            let (start, count) = (reader.u32()? as usize, reader.u32()? as usize);
            if start != total {
                return Err(DecodeError::Meaning("id lists are not in order"));
            }
            total = total.saturating_add(count);
        }
        if reader.rest().len() != total.saturating_mul(8) {
            return Err(DecodeError::Length);
        }
        let body_at = bytes.len().saturating_sub(object.body.len());
        Ok(Self {
            bytes,
            body_at,
            lists,
        })
    }

    /// Whether a unit, by its keyed hash, is on a list. Unknown lists have no members here.
    pub fn contains(&self, list: u64, hash: u64) -> bool {
        self.find(list, hash).unwrap_or(false)
    }

    fn find(&self, list: u64, hash: u64) -> Option<bool> {
        let body = self.bytes.get(self.body_at.checked_add(4)?..)?;
        let (directory, hashes) = body.split_at_checked(self.lists.checked_mul(DIRECTORY_ROW)?)?;
        let mut row = directory
            .chunks_exact(DIRECTORY_ROW)
            .find(|row| row.starts_with(&list.to_le_bytes()))?
            .get(8..)?;
        let mut next = || {
            let (head, rest) = row.split_first_chunk()?;
            row = rest;
            Some(u32::from_le_bytes(*head) as usize)
        };
        let (start, count) = (next()?, next()?);
        let start = start.checked_mul(8)?;
        let hashes = hashes.get(start..start.checked_add(count.checked_mul(8)?)?)?;
        let (rows, _) = hashes.as_chunks::<8>();
        Some(
            rows.binary_search_by(|row| u64::from_le_bytes(*row).cmp(&hash))
                .is_ok(),
        )
    }

    /// Every list and the hashes of its members here, little-endian and sorted.
    pub fn lists(&self) -> impl Iterator<Item = (u64, &[[u8; 8]])> {
        let rows = self.bytes.get(self.body_at.saturating_add(4)..);
        let (directory, hashes) = rows
            .and_then(|rows| rows.split_at_checked(self.lists.saturating_mul(DIRECTORY_ROW)))
            .unwrap_or_default();
        let (hashes, _) = hashes.as_chunks::<8>();
        let (directory, _) = directory.as_chunks::<DIRECTORY_ROW>();
        directory.iter().filter_map(move |row| {
            let mut row = Reader::new(row);
            let list = row.u64().ok()?;
            let (start, count) = (row.u32().ok()? as usize, row.u32().ok()? as usize);
            Some((list, hashes.get(start..start.checked_add(count)?)?))
        })
    }

    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// Which of `shards` (a power of two) a hash belongs to.
pub fn shard_of(hash: u64, shards: usize) -> u32 {
    let bits = shards.checked_ilog2().unwrap_or(0);
    u32::try_from(hash.checked_shr(64_u32.saturating_sub(bits)).unwrap_or(0)).unwrap_or(0)
}

/// Writes one shard. `lists` maps a list's id to its sorted hashes within the shard.
pub fn encode(workspace: &str, number: u32, lists: &BTreeMap<u64, &[u64]>) -> Vec<u8> {
    let mut body = Vec::new();
    put_count(&mut body, lists.len());
    let mut start: usize = 0;
    for (list, hashes) in lists {
        body.extend_from_slice(&list.to_le_bytes());
        put_count(&mut body, start);
        put_count(&mut body, hashes.len());
        start = start.saturating_add(hashes.len());
    }
    for hash in lists.values().flat_map(|hashes| hashes.iter()) {
        body.extend_from_slice(&hash.to_le_bytes());
    }
    Object {
        kind: Kind::Ids,
        workspace,
        name: &alloc::format!("{number}"),
        body: &body,
    }
    .encode()
}
