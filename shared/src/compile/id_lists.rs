//! Id lists become shards by the leading bits of the keyed unit hash.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::limit;
use crate::limits;
use crate::model::{Segment, Workspace};
use crate::problem::{Problem, Severity};
use crate::snapshot::id_shard::{encode, shard_of};

/// Room that is left for uneven shards and directories when guessing how many are needed.
const AIM_BYTES: usize = limits::PORTABLE_BYTES * 3 / 4;

/// The number by which shards and chunks name a list. Collisions are refused below.
pub fn list_id(segment: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(segment.as_bytes())
}

/// Encoded shards in order of their prefix; none if there are no lists.
pub fn shards(workspace: &Workspace) -> Result<Vec<Vec<u8>>, Problem> {
    let mut lists: BTreeMap<u64, (&str, &[u64])> = BTreeMap::new();
    for (key, segment) in &workspace.segments {
        if let Segment::Ids(hashes) = segment
            && let Some((other, _)) = lists.insert(list_id(key), (key, hashes))
        {
            let message = format!("the id lists `{other}` and `{key}` have the same hash");
            return Err(limit(
                Severity::Error,
                format!("/segments/{key}"),
                message,
                "rename one of them",
            ));
        }
    }
    if lists.is_empty() {
        return Ok(Vec::new());
    }
    let ids: usize = lists.values().map(|(_, hashes)| hashes.len()).sum();
    let mut count = (ids * 8).div_ceil(AIM_BYTES).next_power_of_two();
    while count <= 1 << limits::ID_SHARD_BITS {
        let shards: Vec<Vec<u8>> = (0..count)
            .map(|number| shard(workspace, &lists, number as u32, count))
            .collect();
        if shards
            .iter()
            .all(|shard| shard.len() <= limits::PORTABLE_BYTES)
        {
            return Ok(shards);
        }
        count *= 2;
    }
    let message = format!(
        "{ids} ids are too many for {} shards",
        1 << limits::ID_SHARD_BITS
    );
    Err(limit(
        Severity::Error,
        "/segments".to_string(),
        message,
        "use fewer or shorter id lists",
    ))
}

fn shard(
    workspace: &Workspace,
    lists: &BTreeMap<u64, (&str, &[u64])>,
    number: u32,
    count: usize,
) -> Vec<u8> {
    let part = |hashes: &'_ [u64]| {
        let from = hashes.partition_point(|hash| shard_of(*hash, count) < number);
        let to = hashes.partition_point(|hash| shard_of(*hash, count) <= number);
        from..to
    };
    let parts = lists
        .iter()
        .map(|(id, (_, hashes))| (*id, hashes.get(part(hashes)).unwrap_or(&[])))
        .filter(|(_, hashes)| !hashes.is_empty())
        .collect();
    encode(&workspace.key, number, &parts)
}
