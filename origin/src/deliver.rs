//! Bringing a snapshot to where edges read it. One file a kind of store.

pub mod dir;
