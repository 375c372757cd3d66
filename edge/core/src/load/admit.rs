//! Looking at the manifest, and letting only what is genuine and not older than what is held become
//! what is held.

use std::collections::BTreeSet;
use std::sync::Arc;

use skyful::manifest::{Admission, Manifest, Refusal, Value, era_of};
use skyful::resolve::write::Track;
use skyful::snapshot::Listing;

use super::{Check, Held, Moment};
use crate::{Edge, SnapshotStore};

/// A check that takes longer was abandoned by its platform.
const FLIGHT_MS: i64 = 10_000;
/// Between two refreshes that clients asked for, while they bring something.
const HINT_PAUSE_MS: i64 = 1_000;
/// How far a client may be ahead of what is held, within one era.
const PLAUSIBLE: u64 = 1 << 16;

/// Where a look goes.
#[derive(Clone, Copy)]
enum Source {
    Store,
    /// A client has seen more than the store may show yet.
    Freshest,
}

/// Ends a check also if its future is dropped half-way.
struct Flight<'a>(&'a Edge);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.state().check.flying_since_ms = None;
    }
}

impl Edge {
    /// Whether it is time to look at the manifest again, and nobody does.
    pub fn due(&self, now_ms: i64) -> bool {
        self.due_after(self.config.recheck_ms, now_ms)
    }

    /// Looks at the store's manifest now, unless somebody does. True if something newer came. For adapters
    /// that look in the background; requests do it by themselves from [`crate::Config::wait_ms`] on.
    pub async fn refresh<S: SnapshotStore>(
        &self,
        store: &S,
        now_ms: i64,
        random: [u8; 16],
    ) -> bool {
        let Some(_flight) = self.take_off(now_ms) else {
            return false;
        };
        self.look(store, Moment::new(now_ms, random), Source::Store)
            .await
    }

    fn due_after(&self, age_ms: i64, now_ms: i64) -> bool {
        let check = &self.state().check;
        !check.flying(now_ms)
            && check.last_ms.is_none_or(|last| {
                let age = now_ms.saturating_sub(last);
                // A negative age: the clock was set back.
                (age >= age_ms || age < 0) && check.errors.open(now_ms)
            })
    }

    fn take_off(&self, now_ms: i64) -> Option<Flight<'_>> {
        let check = &mut self.state().check;
        if check.flying(now_ms) {
            return None;
        }
        check.flying_since_ms = Some(now_ms);
        Some(Flight(self))
    }

    /// What went wrong last, for an adapter's log.
    pub fn last_fault(&self) -> Option<super::Fault> {
        self.state().fault.clone()
    }

    /// Looks if it is time and nobody else is looking. While nothing is held everybody looks for
    /// themselves, without any interval: waiting for another request's I/O is not possible on every
    /// platform, and waiting after a failure would prolong the 503 beyond it.
    /// `seen`: what a client says it has seen; if that is more, the look goes to the freshest source. True
    /// if looked.
    pub(crate) async fn look_if_due<S: SnapshotStore>(
        &self,
        store: &S,
        moment: Moment,
        seen: Option<u64>,
    ) -> bool {
        let flight = if self.due_after(self.config.wait_ms, moment.now_ms) {
            self.take_off(moment.now_ms)
        } else if self.state().held.is_some() {
            return false;
        } else {
            None
        };
        let held = self.view().map(|(held, _)| held.manifest.sequence());
        let seen = seen.filter(|seen| held.is_none_or(|held| plausible(*seen, held)));
        let source = if seen > held {
            Source::Freshest
        } else {
            Source::Store
        };
        self.look(store, moment, source).await;
        drop(flight);
        true
    }

    /// Looks because a client has seen more, at most once a second, and ever less often while that
    /// brings nothing: the hint is anybody's claim.
    pub(crate) async fn look_for<S: SnapshotStore>(&self, store: &S, moment: Moment) {
        if !self.state().hints.open(moment.now_ms) {
            return;
        }
        let Some(flight) = self.take_off(moment.now_ms) else {
            return;
        };
        let newer = self.look(store, moment, Source::Freshest).await;
        drop(flight);
        self.hint_brought(newer, moment);
    }

    pub(crate) fn hint_brought(&self, newer: bool, moment: Moment) {
        let hints = &mut self.state().hints;
        if newer {
            hints.pause(moment.now_ms, HINT_PAUSE_MS);
        } else {
            hints.fail(moment.now_ms, moment.random);
        }
    }

    async fn look<S: SnapshotStore>(&self, store: &S, moment: Moment, source: Source) -> bool {
        let mut newer = self.recall(store, moment).await;
        let key = self.keys.manifest();
        let read = match source {
            Source::Store => store.get(&key).await,
            Source::Freshest => store.fresh(&key).await,
        };
        let fault = match read {
            Ok(Some(value)) => match self.admit(value, moment, true) {
                Ok(admission) => {
                    newer |= admission == Admission::Newer;
                    None
                }
                Err(refusal) => Some(format!("manifest: {refusal}")),
            },
            Ok(None) => Some("manifest: not in the store".into()),
            Err(error) => {
                let mut state = self.state();
                state.counters.store_errors += 1;
                state.check.errors.fail(moment.now_ms, moment.random);
                state.check.last_ms = Some(moment.now_ms);
                state.note(moment.now_ms, format!("manifest: {error}"));
                return newer;
            }
        };
        if let Some(what) = fault {
            newer |= self.settled(store, moment).await;
            self.state().note(moment.now_ms, what);
        }
        {
            let mut state = self.state();
            state.check.last_ms = Some(moment.now_ms);
            state.check.errors.reset();
        }
        self.keep(store).await;
        newer
    }

    /// What stands in for a manifest that is missing or refused.
    async fn settled<S: SnapshotStore>(&self, store: &S, moment: Moment) -> bool {
        let Ok(Some(envelope)) = store.get(&self.keys.settled()).await else {
            return false;
        };
        let value = Value {
            current: &envelope,
            fallback: &[],
        }
        .join();
        matches!(self.admit(value, moment, true), Ok(Admission::Newer))
    }

    /// Before anything is held: what an earlier life of this edge held, and what that had replaced. Asked
    /// again as long as nothing came of it, since other instances may share the copy.
    async fn recall<S: SnapshotStore>(&self, store: &S, moment: Moment) -> bool {
        {
            let state = self.state();
            if state.recalled && state.held.is_some() {
                return false;
            }
        }
        let mut newer = false;
        for key in [self.previous_key(), self.keys.manifest()] {
            if let Some(value) = store.recall(&key).await {
                let admitted = self.admit(value, moment, false);
                newer |= matches!(admitted, Ok(Admission::Newer));
            }
        }
        self.state().recalled = true;
        newer
    }

    /// Verifies a value, and holds it if it is newer. `published`: it isn't from the own copy, so it has
    /// to go there.
    pub(super) fn admit(
        &self,
        value: Vec<u8>,
        moment: Moment,
        published: bool,
    ) -> Result<Admission, Refusal> {
        let held = self.state().held.clone();
        if held.is_some_and(|held| held.value == value) {
            self.state().check.good_ms = Some(moment.now_ms);
            return Ok(Admission::Held);
        }
        let opened = self.open(value).inspect_err(|_| {
            self.state().counters.refused_manifests += 1;
        })?;
        Ok(self.hold(opened, moment, published))
    }

    pub(super) fn open(&self, value: Vec<u8>) -> Result<Held, Refusal> {
        let parts = Value::split(&value)?;
        let manifest = self.open_envelope(parts.current)?;
        // A bad fallback is no fallback. It is never a reason to refuse what it stands behind.
        let fallback = Some(parts.fallback)
            .filter(|fallback| !fallback.is_empty())
            .and_then(|fallback| self.open_envelope(fallback).ok())
            .filter(|fallback| fallback.sequence() < manifest.sequence());
        Ok(Held {
            manifest,
            fallback,
            value,
        })
    }

    pub(super) fn open_envelope(&self, envelope: &[u8]) -> Result<Manifest, Refusal> {
        let config = &self.config;
        Manifest::open(envelope, &config.trust, &config.workspace, &config.env)
    }

    /// Settles under one lock what is held from now on.
    fn hold(&self, opened: Held, moment: Moment, published: bool) -> Admission {
        let mut state = self.state();
        let held = state.held.clone();
        let admission = opened
            .manifest
            .admission(held.as_ref().map(|h| &h.manifest));
        if admission == Admission::Conflict {
            let what = format!(
                "manifest: another one with sequence {} is held, this one is ignored",
                opened.manifest.sequence()
            );
            state.note(moment.now_ms, what);
            return admission;
        }
        state.check.good_ms = Some(moment.now_ms);
        let fallback = |held: &Held| held.fallback.as_ref().map(Manifest::sequence);
        let changed = match (admission, &held) {
            (Admission::Newer, _) => {
                state.previous = held;
                true
            }
            // The same manifest, whose fallback has settled since.
            (Admission::Held, Some(held)) => fallback(&opened) > fallback(held),
            _ => false,
        };
        if changed {
            state.held = Some(Arc::new(opened));
            state.unkept |= published;
        }
        admission
    }

    /// Writes what changed to the own copy: the value before, the value, and which objects may still be
    /// asked for. If the request that does it goes away half-way, the next look does it again.
    pub(super) async fn keep<S: SnapshotStore>(&self, store: &S) {
        let view = self.view().filter(|_| self.state().unkept);
        let Some((held, previous)) = view else {
            return;
        };
        let mut live = BTreeSet::new();
        let mut name = |listing: &Listing| {
            live.extend(listing.digests().map(|digest| self.keys.object(&digest)));
        };
        for held in [Some(&held), previous.as_ref()].into_iter().flatten() {
            for manifest in [Some(&held.manifest), held.fallback.as_ref()]
                .into_iter()
                .flatten()
            {
                name(manifest.listing(Track::Stable));
                name(manifest.listing(Track::Gray));
            }
        }
        if let Some(previous) = &previous {
            store.keep(&self.previous_key(), &previous.value).await;
        }
        store.keep(&self.keys.manifest(), &held.value).await;
        store.keep_only(&live).await;
        let mut state = self.state();
        let current = state.held.as_ref();
        // Another request may have admitted something newer meanwhile.
        if current.is_some_and(|current| Arc::ptr_eq(current, &held)) {
            state.unkept = false;
        }
    }

    fn previous_key(&self) -> String {
        // Beside the manifest, and never in a published store.
        format!("{}-before", self.keys.manifest())
    }
}

impl Check {
    fn flying(&self, now_ms: i64) -> bool {
        self.flying_since_ms
            .is_some_and(|since| (0..FLIGHT_MS).contains(&now_ms.saturating_sub(since)))
    }
}

impl Moment {
    pub fn new(now_ms: i64, random: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = random;
        Self {
            now_ms,
            random: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        }
    }
}

/// Whether a client can have seen this sequence. A restored origin goes on one era higher.
pub(crate) fn plausible(seen: u64, held: u64) -> bool {
    let (seen_era, held_era) = (era_of(seen), era_of(held));
    (seen_era == held_era && seen <= held.saturating_add(PLAUSIBLE))
        || seen_era == held_era.saturating_add(1)
}
