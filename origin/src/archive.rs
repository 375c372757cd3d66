//! Snapshots as directories: what `compile` writes and `resolve`, `inspect` and `diff` read. The
//! layout is described in docs/snapshot.md. Nothing that is read is believed before its digest was
//! computed.

mod read;
mod write;

pub use read::Archive;
pub use write::write;

/// Holds the name of the snapshot.
const POINTER: &str = "snapshot";
/// Holds all objects, each under its digest.
const OBJECTS: &str = "o";
/// Holds the signed manifest, if there is one.
const MANIFEST: &str = "manifest";
