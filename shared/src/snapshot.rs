//! What is published: immutable, content-addressed objects, read in place through bounds-checked
//! little-endian tables. Knows nothing of documents, and decides nothing about visitors.

use alloc::string::String;
use alloc::vec::Vec;

pub mod automaton;
pub mod chunk;
pub mod id_shard;
pub mod keys;
pub mod listing;
pub mod object;
pub mod opening;
pub mod records;
pub mod rule_size;
pub mod table;
pub mod wire;

pub use chunk::Chunk;
pub use id_shard::IdShard;
pub use listing::Listing;
pub use object::{Digest, Kind, Object};

/// Checks an object as an edge does that loads it: digest, kind, workspace, meaning. The listing of a
/// snapshot is none here: it travels within the manifest.
pub fn verify(bytes: Vec<u8>, digest: Digest, workspace: &str) -> Result<(), DecodeError> {
    let object = Object::decode(&bytes)?;
    let name: String = object.name.into();
    match object.kind {
        Kind::Page => Chunk::open(bytes, digest, workspace, &name).map(drop),
        Kind::Ids => {
            let number = name.parse().map_err(|_| DecodeError::Misplaced)?;
            IdShard::open(bytes, digest, workspace, number).map(drop)
        }
        Kind::Snapshot => Err(DecodeError::Misplaced),
    }
}

/// Why bytes are not what they should be. The variants say what an operator can act on; none carries
/// bytes of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not one of ours at all.
    Magic,
    /// Written by a newer (or withdrawn) version.
    Format(u16),
    /// An object of another kind, workspace or name than the wanted one.
    Misplaced,
    /// Bytes don't hash to their name.
    Digest,
    /// Ends early, or has bytes left over.
    Length,
    /// A reference, count or text that breaks the format's rules.
    Meaning(&'static str),
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Magic => f.write_str("not a Skyful object"),
            Self::Format(found) => write!(f, "format {found} is not read by this version"),
            Self::Misplaced => f.write_str("another object than the wanted one"),
            Self::Digest => f.write_str("the bytes don't match their digest"),
            Self::Length => f.write_str("cut short, or followed by other bytes"),
            Self::Meaning(what) => write!(f, "breaks the format: {what}"),
        }
    }
}

impl core::error::Error for DecodeError {}
