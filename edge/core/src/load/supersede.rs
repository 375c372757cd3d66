//! What may replace a stored manifest: the same checks as for holding one, and never something lower
//! than what is stored or held.

use skyful::manifest::{Admission, Manifest, Refusal, Value};

use super::{Held, Moment};
use crate::{Edge, Ruling, SnapshotStore, StoreError};

/// Why a value was not even compared with the stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStored {
    Refused(Refusal),
    /// Given as settled, though it was never the stored manifest.
    NotLower,
    Store(StoreError),
}

impl std::fmt::Display for NotStored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::NotLower => f.write_str("above the stored manifest, so it cannot have settled"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for NotStored {}

impl Edge {
    /// Writes a manifest value (or, under the settled key, an envelope) if it is genuine and newer than
    /// the stored one. Gives its sequence and what was done. Also for the platform's own process that
    /// puts writes in order.
    pub async fn supersede<S: SnapshotStore>(
        &self,
        store: &S,
        key: &str,
        value: &[u8],
    ) -> Result<(u64, Ruling), NotStored> {
        if key == self.keys.settled() {
            self.settle(store, value).await
        } else {
            self.replace_manifest(store, value).await
        }
    }

    async fn replace_manifest<S: SnapshotStore>(
        &self,
        store: &S,
        value: &[u8],
    ) -> Result<(u64, Ruling), NotStored> {
        let given = self.open(value.to_vec()).map_err(NotStored::Refused)?;
        // A reader takes a bad fallback for none; a writer is told.
        let parts = Value::split(value).map_err(|error| NotStored::Refused(error.into()))?;
        if !parts.fallback.is_empty() && given.fallback.is_none() {
            let refusal = self.open_envelope(parts.fallback).err();
            return Err(refusal.map_or(NotStored::NotLower, NotStored::Refused));
        }
        let held = self.view().map(|(held, _)| held);
        let rule = |stored: Option<&[u8]>| {
            let stored = stored.and_then(|stored| self.open(stored.to_vec()).ok());
            // A lagging store may show less than what this edge has seen.
            let over_held = held.as_deref().map(|held| ruling(&given, held));
            let over_stored = stored.as_ref().map(|stored| ruling(&given, stored));
            match (over_held, over_stored) {
                (Some(Ruling::Older(a)), Some(Ruling::Older(b))) => Ruling::Older(a.max(b)),
                (Some(refused @ (Ruling::Older(_) | Ruling::Conflict(_))), _) => refused,
                (_, Some(ruling)) => ruling,
                (_, None) => Ruling::Write,
            }
        };
        let ruling = store.replace(&self.keys.manifest(), value, &rule).await;
        let sequence = given.manifest.sequence();
        Ok((sequence, ruling.map_err(NotStored::Store)?))
    }

    async fn settle<S: SnapshotStore>(
        &self,
        store: &S,
        envelope: &[u8],
    ) -> Result<(u64, Ruling), NotStored> {
        let given = self.open_envelope(envelope).map_err(NotStored::Refused)?;
        let stored = store.fresh(&self.keys.manifest()).await;
        let stored = stored.map_err(NotStored::Store)?;
        let stored = stored.and_then(|value| self.open(value).ok());
        if stored.is_none_or(|stored| given.sequence() > stored.manifest.sequence()) {
            return Err(NotStored::NotLower);
        }
        let rule = |stored: Option<&[u8]>| {
            let stored = stored.and_then(|stored| self.open_envelope(stored).ok());
            match given.admission(stored.as_ref()) {
                Admission::Newer => Ruling::Write,
                Admission::Held => Ruling::Same,
                Admission::Conflict => Ruling::Conflict(given.sequence()),
                Admission::Older => Ruling::Older(stored.map_or(0, |stored| stored.sequence())),
            }
        };
        let ruling = store.replace(&self.keys.settled(), envelope, &rule).await;
        Ok((given.sequence(), ruling.map_err(NotStored::Store)?))
    }

    /// Holds what was just written, without waiting for a look.
    pub(crate) async fn welcome<S: SnapshotStore>(&self, store: &S, value: &[u8], moment: Moment) {
        // It was opened a moment ago: refusals are not possible, and what is newer by now stays.
        let _ = self.admit(value.to_vec(), moment, true);
        self.keep(store).await;
    }
}

fn ruling(given: &Held, other: &Held) -> Ruling {
    let fallback = |held: &Held| held.fallback.as_ref().map(Manifest::sequence);
    let stored = other.manifest.sequence();
    match given.manifest.admission(Some(&other.manifest)) {
        Admission::Newer => Ruling::Write,
        // The same manifest, whose fallback has settled since.
        Admission::Held if fallback(given) > fallback(other) => Ruling::Write,
        Admission::Held => Ruling::Same,
        Admission::Conflict => Ruling::Conflict(stored),
        Admission::Older => Ruling::Older(stored),
    }
}
