//! The edge's own copy: what was verified in this data centre, in Core Cache, for requests that come while the
//! KV Store is away, and so that a chunk is read from there only once. A miss is never written. Whatever comes
//! back is verified again by the edge.

use std::io::Write;
use std::time::Duration;

use fastly::cache::core::{self, CacheKey};

use crate::kv;

/// Never changes under its key, or is replaced by us.
const FOR_LONG: Duration = Duration::from_secs(365 * 86_400);
/// By which all copies can be purged, everywhere.
pub const SURROGATE_KEY: &str = "skyful";

pub fn recall(key: &str) -> Option<Vec<u8>> {
    let found = core::lookup(address(key)).execute().ok()??;
    let length = found.known_length();
    // One that is still being written breaks off if its writer does, and is none then.
    kv::read(found.to_stream().ok()?, length).ok()
}

pub fn keep(key: &str, value: &[u8]) {
    if let Err(error) = write(key, value) {
        eprintln!("skyful: cannot keep a copy: {error}");
    }
}

fn write(key: &str, value: &[u8]) -> Result<(), fastly::Error> {
    let length = u64::try_from(value.len())?;
    let mut body = core::insert(address(key), FOR_LONG)
        .surrogate_keys([SURROGATE_KEY])
        .known_length(length)
        .execute()?;
    body.write_all(value)?;
    // What is dropped unfinished is no copy.
    Ok(body.finish()?)
}

/// A service shares its Core Cache with what else runs in it.
fn address(key: &str) -> CacheKey {
    CacheKey::from(format!("skyful/{key}").into_bytes())
}
