//! The core of Skyful: what a snapshot is and how a visitor's page is resolved from it; behind the
//! feature `compile`, how a workspace document is read, checked and compiled.
//!
//! The first half is pure: no I/O, no clock, no randomness, no unsafe code, no reachable panic.
#![cfg_attr(not(any(test, feature = "compile")), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

extern crate alloc;

pub mod bucket;
pub mod context;
pub mod event;
pub mod health;
pub mod ids;
pub mod ledger;
pub mod limits;
pub mod locale;
pub mod manifest;
pub mod receipt;
pub mod resolve;
pub mod secret;
pub mod snapshot;
pub mod value;

#[cfg(feature = "compile")]
pub mod check;
#[cfg(feature = "compile")]
pub mod compile;
#[cfg(feature = "compile")]
pub mod document;
#[cfg(feature = "compile")]
pub mod model;
#[cfg(feature = "compile")]
pub mod problem;
