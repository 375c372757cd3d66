//! What an edge needs from its platform. Adapters implement these and hold no decisions: which value
//! counts is settled in [`crate::load`].

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;

/// `Send` where requests move between threads, nothing in Wasm, where platform objects are not.
#[cfg(not(target_family = "wasm"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_family = "wasm"))]
impl<T: Send + ?Sized> MaybeSend for T {}
#[cfg(target_family = "wasm")]
pub trait MaybeSend {}
#[cfg(target_family = "wasm")]
impl<T: ?Sized> MaybeSend for T {}

/// `Sync`, likewise.
#[cfg(not(target_family = "wasm"))]
pub trait MaybeSync: Sync {}
#[cfg(not(target_family = "wasm"))]
impl<T: Sync + ?Sized> MaybeSync for T {}
#[cfg(target_family = "wasm")]
pub trait MaybeSync {}
#[cfg(target_family = "wasm")]
impl<T: ?Sized> MaybeSync for T {}

/// Where published values are read. Keys are those of [`skyful::manifest::Keys`].
///
/// The last three methods are an edge's own copy (a directory, the Cache API, Core Cache), which lets a
/// cold start go on from the last known good. They never fail: not having a copy is normal. What comes
/// back from there is verified like everything else.
pub trait SnapshotStore: MaybeSync {
    /// `None` only if the store answered that there is nothing.
    fn get(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + MaybeSend;

    /// From the edge's own copy.
    fn recall(&self, key: &str) -> impl Future<Output = Option<Vec<u8>>> + MaybeSend {
        let _ = key;
        async { None }
    }

    /// Into the edge's own copy. Only admitted manifests and verified objects come here.
    fn keep(&self, key: &str, value: &[u8]) -> impl Future<Output = ()> + MaybeSend {
        let _ = (key, value);
        async {}
    }

    /// Objects of the own copy that are not among these will not be asked for any more.
    fn keep_only(&self, keys: &BTreeSet<String>) -> impl Future<Output = ()> + MaybeSend {
        let _ = keys;
        async {}
    }
}

/// A store that gave no answer. The text reaches `/v1/status`: no secrets in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}
