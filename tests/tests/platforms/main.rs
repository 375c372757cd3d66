//! One suite for every platform: nobody can tell them apart by their answers. Which ones run stands in
//! `SKYFUL_PLATFORMS` (`name=command …;name=command …`, as `scripts/e2e` sets it); the native server is
//! always among them. Every platform is published to over HTTP, and everything that it answers is
//! compared with what the core answers in this process.

mod caps;
mod collector;
mod core_edge;
mod events;
mod faults;
mod gray;
mod load;
mod native;
mod ofrep;
mod origin_dead;
#[cfg(feature = "inject")]
mod panics;
mod platform;
mod process;
mod publisher;
mod requests;
mod signed;
mod spin;
mod vectors;
#[expect(dead_code, reason = "shared with the measurements")]
#[path = "../../bench/wire.rs"]
mod wire;

/// `scripts/e2e` says which platforms it means, so that a slip in one can't pass for success.
#[test]
fn every_platform_that_is_meant_runs() {
    let asked = platform::asked();
    let meant = std::env::var("SKYFUL_MEANT").unwrap_or_default();
    for name in meant.split_whitespace() {
        let found = asked
            .iter()
            .any(|line| line.starts_with(&format!("{name}=")));
        assert!(found, "{name} is not among {asked:?}");
    }
}
