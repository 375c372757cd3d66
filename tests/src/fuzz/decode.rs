//! Target `decode`: any bytes as each thing that an edge decodes. The first byte says as which; it is signed, or named
//! by its digest, after it was changed.

use skyful::manifest::{Header, Manifest, Tail, TrustSet, Value};
use skyful::snapshot::{self, Chunk, IdShard, Kind, Listing, Object};

use super::{Fallback, Mutant, release, settle, surgery};
use crate::generate::draw::Draw;

/// What an input's first byte names.
pub const CHUNK: u8 = 0;
pub const SHARD: u8 = 1;
pub const LISTING: u8 = 2;
/// Header and tail, unsigned: a length byte pair between them.
pub const RELEASE: u8 = 3;
pub const VALUE: u8 = 4;
/// Bytes of a whole envelope, header and trust set in turn.
pub const LOOSE: u8 = 5;
pub const PASS: u8 = 6;
const KINDS: u8 = 7;

/// Whether something was decoded.
pub fn run(input: &[u8]) -> bool {
    let Some((kind, bytes)) = input.split_first() else {
        return false;
    };
    match kind % KINDS {
        CHUNK => chunk(bytes),
        SHARD => shard(bytes),
        LISTING => listing(bytes),
        RELEASE => release::run(bytes),
        VALUE => value(bytes),
        LOOSE => loose(bytes),
        _ => pass(bytes),
    }
}

fn chunk(bytes: &[u8]) -> bool {
    let Ok(object) = Object::decode(bytes) else {
        return false;
    };
    let digest = Kind::Page.digest(bytes);
    let opened = Chunk::open(bytes.to_vec(), digest, object.workspace, object.name);
    // The way of a store that was told only a digest.
    let verified = snapshot::verify(bytes.to_vec(), digest, object.workspace);
    if object.kind == Kind::Page {
        assert_eq!(opened.as_ref().err(), verified.as_ref().err());
    }
    opened.is_ok()
}

fn shard(bytes: &[u8]) -> bool {
    let Ok(object) = Object::decode(bytes) else {
        return false;
    };
    let Ok(number) = object.name.parse() else {
        return false;
    };
    let digest = Kind::Ids.digest(bytes);
    let Ok(shard) = IdShard::open(bytes.to_vec(), digest, object.workspace, number) else {
        return false;
    };
    for (list, members) in shard.lists() {
        for hash in members.iter().take(8) {
            // Found if sorted, which nobody has promised.
            let _ = shard.contains(list, u64::from_le_bytes(*hash));
        }
        let _ = shard.contains(list, 0) | shard.contains(!list, u64::MAX);
    }
    true
}

fn listing(bytes: &[u8]) -> bool {
    let Ok(listing) = Listing::from_object(bytes, Kind::Snapshot.digest(bytes)) else {
        return false;
    };
    release::ask(&listing);
    let again = listing.to_object();
    let read = Listing::from_object(&again, Kind::Snapshot.digest(&again));
    assert_eq!(read.as_ref(), Ok(&listing));
    true
}

fn value(bytes: &[u8]) -> bool {
    let Ok(value) = Value::split(bytes) else {
        return false;
    };
    assert_eq!(Value::split(&value.join()), Ok(value));
    true
}

fn loose(bytes: &[u8]) -> bool {
    let header = Header::decode(bytes);
    if let Ok(header) = &header {
        assert_eq!(header.encode(), bytes);
        let _ = Tail::decode(bytes, header);
    }
    let trust = core::str::from_utf8(bytes).map(TrustSet::parse);
    let held = release::trust();
    let _ = Manifest::open(bytes, &held, "wallet", "dev");
    header.is_ok() || matches!(trust, Ok(Ok(_)))
}

/// A pass over what the bytes say is admitted, and theirs isn't.
fn pass(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let (method, path, forged) = (part(), part(), part());
    let (key, trust) = (release::key(), release::trust());
    let genuine = skyful::manifest::sign::pass(&key, "wallet", "dev", method, path);
    let ask = |pass: &str| trust.admits(pass, "wallet", "dev", (method, path), 0);
    assert_eq!(ask(&genuine), Ok(()));
    let hides_zero = method.contains('\0') || path.contains('\0');
    if forged.trim().to_lowercase() != genuine && !hides_zero {
        assert!(ask(forged).is_err());
    }
    true
}

pub fn mutate(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    theirs: Fallback<'_>,
) -> usize {
    let mut draw = Draw::new(u64::from(seed));
    let bytes = data.get(..size).unwrap_or_default();
    let mutant = match bytes.split_first() {
        Some((kind, chunk)) if kind % KINDS == CHUNK && draw.chance(85) => {
            surgery::mutate(chunk, &mut draw).map(|chunk| [&[*kind], chunk.as_slice()].concat())
        }
        _ => None,
    };
    // The first byte says what the seed is; a chunk is none of the other things.
    let mutant = mutant.map_or(Mutant::Theirs(1), Mutant::Ours);
    settle(mutant, data, size, max_size, theirs)
}
