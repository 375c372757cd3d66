//! The edge as a Spin component: variables, key-value store, clock and HTTP of the platform, translated.
//! Decides nothing; natively there is only what reads the settings, for its tests.
//!
//! Spin may use one instance for many requests, also at once, or a fresh one for each. What an instance
//! remembers is a lucky hit: every answer can be had from the store alone.
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

#[cfg(target_family = "wasm")]
mod collector;
#[cfg(target_family = "wasm")]
mod events;
#[cfg(target_family = "wasm")]
mod serve;
#[cfg_attr(
    not(target_family = "wasm"),
    expect(dead_code, reason = "natively only its tests use it")
)]
#[cfg(any(target_family = "wasm", test))]
mod settings;
#[cfg(target_family = "wasm")]
mod store;
