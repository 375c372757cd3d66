//! The edge as a Fastly Compute program: a KV Store is the store, Core Cache the own copy, a Config Store and a
//! Secret Store have the settings. Decides nothing: requests, answers, time and chance are carried between the platform and
//! `skyful_edge`; natively there is only what reads the settings, for its tests.
//!
//! Fastly starts an instance for each request and ends it behind the answer, so nothing is remembered here. What
//! outlives a request lies in Core Cache.
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

#[cfg(target_os = "wasi")]
mod collector;
#[cfg(target_os = "wasi")]
mod events;
#[cfg(target_os = "wasi")]
mod kv;
#[cfg(target_os = "wasi")]
mod own_copy;
#[cfg(target_os = "wasi")]
mod serve;
#[cfg_attr(
    not(target_os = "wasi"),
    expect(dead_code, reason = "natively only its tests use it")
)]
#[cfg(any(target_os = "wasi", test))]
mod settings;
#[cfg(target_os = "wasi")]
mod store;

#[cfg(target_os = "wasi")]
pub use own_copy::SURROGATE_KEY;
#[cfg(target_os = "wasi")]
pub use serve::serve;

/// The KV Store, by the name under which it is linked to the service.
pub const SNAPSHOTS: &str = "skyful_snapshots";
/// The Config Store, likewise.
pub const SETTINGS: &str = "skyful_settings";
/// The Secret Store, likewise; a service may do without.
pub const SECRETS: &str = "skyful_secrets";
