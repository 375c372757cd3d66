//! Panics on command, so that tests see what a panic does to others. The feature `inject` is off in every build that is
//! shipped: with it anybody could end an instance.

use std::sync::atomic::Ordering;

use crate::handle::Call;
use crate::{Edge, Ports};

/// The header that says where.
const HEADER: &str = "skyful-inject-panic";

/// Before anything was awaited, also while what all requests share is locked; or tells the store to, behind its first
/// answer, when others are in flight.
pub(crate) fn at_first<P: Ports>(edge: &Edge, call: &Call<'_, P>) {
    match (call.request.header)(HEADER).as_deref() {
        Some("first") => told(),
        Some("locked") => {
            let _shared = edge.state();
            told();
        }
        // Without a word, as a stack that is too deep.
        #[cfg(target_family = "wasm")]
        Some("trap") => core::arch::wasm32::unreachable(),
        Some("read") => call.store.panics.store(true, Ordering::Relaxed),
        _ => {}
    }
}

/// Whoever was told to panic behind a read, and needed none.
pub(crate) fn at_last<P: Ports>(call: &Call<'_, P>) {
    if call.store.panics.load(Ordering::Relaxed) {
        told();
    }
}

#[expect(
    clippy::panic,
    reason = "it is what this is for, and in no shipped build"
)]
pub(crate) fn told() -> ! {
    panic!("told to")
}
