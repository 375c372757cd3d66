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

/// Everything that a platform gives an edge. A store alone is enough for one that counts no caps on its side and takes
/// no events.
pub trait Ports: MaybeSync {
    type Store: SnapshotStore;
    type Caps: CapStore;
    type Events: EventSink;
    fn store(&self) -> &Self::Store;
    fn caps(&self) -> &Self::Caps;
    fn events(&self) -> &Self::Events;
}

impl<S: SnapshotStore> Ports for S {
    type Store = S;
    type Caps = Absent;
    type Events = Absent;

    fn store(&self) -> &S {
        self
    }

    fn caps(&self) -> &Absent {
        &Absent
    }

    fn events(&self) -> &Absent {
        &Absent
    }
}

/// A port that a deployment doesn't have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Absent;

/// Where an edge counts what visitors were granted, if their own ledger doesn't.
pub trait CapStore: MaybeSync {
    /// Reads what is stored of one subject, applies the command to it by [`crate::caps::apply`], stores what that says and
    /// returns its reply. In exact mode nobody comes between, and the reply waits until what was written is durable;
    /// in approximate mode another's write may be lost.
    fn run(
        &self,
        subject: &str,
        command: &[u8],
    ) -> impl Future<Output = Result<Vec<u8>, StoreError>> + MaybeSend;
}

impl CapStore for Absent {
    async fn run(&self, _: &str, _: &[u8]) -> Result<Vec<u8>, StoreError> {
        Err(StoreError("this edge has nowhere to count".into()))
    }
}

/// Where accepted events go.
pub trait EventSink: MaybeSync {
    /// Ends well only once the batch is durable, or in the hands of a queue that is. `batch` is lines of JSON, an event
    /// each, as [`crate::handle`] wrote them.
    fn send(&self, batch: &[u8]) -> impl Future<Output = Result<(), StoreError>> + MaybeSend;
}

impl EventSink for Absent {
    async fn send(&self, _: &[u8]) -> Result<(), StoreError> {
        Err(StoreError("this edge takes no events".into()))
    }
}

/// Where published values are read and written. Keys are those of [`skyful::manifest::Keys`].
///
/// `recall`, `keep` and `keep_only` are an edge's own copy (a directory, the Cache API, Core Cache), which
/// lets a cold start go on from the last known good. They never fail: not having a copy is normal. What
/// comes back from there is verified like everything else.
pub trait SnapshotStore: MaybeSync {
    /// `None` only if the store answered that there is nothing.
    fn get(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + MaybeSend;

    /// Like `get`, from the freshest source that the platform has. Asked when a client has seen more than
    /// this edge, and by publishers.
    fn fresh(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + MaybeSend {
        self.get(key)
    }

    /// Writes a value that was verified.
    fn put(
        &self,
        key: &str,
        value: &[u8],
    ) -> impl Future<Output = Result<(), StoreError>> + MaybeSend;

    /// Writes the value if the rule says so over what is stored. A platform that can compare and set does
    /// it here; without that, a slow publisher can still put an older value over a newer one, which warm
    /// edges ignore and publishers repair.
    fn replace(
        &self,
        key: &str,
        value: &[u8],
        rule: Rule<'_>,
    ) -> impl Future<Output = Result<Ruling, StoreError>> + MaybeSend {
        async move {
            let stored = self.fresh(key).await?;
            let ruling = rule(stored.as_deref());
            if ruling == Ruling::Write {
                self.put(key, value).await?;
            }
            Ok(ruling)
        }
    }

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

/// Whether a value may follow the stored one.
#[cfg(not(target_family = "wasm"))]
pub type Rule<'a> = &'a (dyn Fn(Option<&[u8]>) -> Ruling + Send + Sync);
#[cfg(target_family = "wasm")]
pub type Rule<'a> = &'a dyn Fn(Option<&[u8]>) -> Ruling;

/// What a [`Rule`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    Write,
    /// The stored one says the same already.
    Same,
    /// Another one with this very sequence is stored.
    Conflict(u64),
    /// One with this sequence is stored, which is higher.
    Older(u64),
}

/// As text, for a platform where the rule is applied in another process.
impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write => f.write_str("write"),
            Self::Same => f.write_str("same"),
            Self::Conflict(sequence) => write!(f, "conflict {sequence}"),
            Self::Older(sequence) => write!(f, "older {sequence}"),
        }
    }
}

impl std::str::FromStr for Ruling {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (word, number) = text.split_once(' ').unwrap_or((text, ""));
        match (word, number.parse()) {
            ("write", _) => Ok(Self::Write),
            ("same", _) => Ok(Self::Same),
            ("conflict", Ok(sequence)) => Ok(Self::Conflict(sequence)),
            ("older", Ok(sequence)) => Ok(Self::Older(sequence)),
            _ => Err(StoreError("not a ruling on a manifest".into())),
        }
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
