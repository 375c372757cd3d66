//! The edge as a Fastly Compute program.
#![forbid(unsafe_code)]
