//! Which release answers for a page, while manifests lag, chunks are missing and stores lie. Decides
//! nothing about visitors but their track; sends nothing.

mod admit;
mod backoff;
mod bulk;
mod cache;
mod counted;
mod known;
mod objects;
mod supersede;

pub(crate) use admit::plausible;
pub(crate) use counted::Counted;
pub(crate) use known::Known;
pub use supersede::NotStored;

use std::sync::Arc;

use skyful::manifest::{Manifest, Mode};
use skyful::resolve::Reason;
use skyful::resolve::write::{Release, Track};
use skyful::snapshot::{Chunk, IdShard, Listing};

use crate::health::Health;
use crate::{Edge, SnapshotStore};
use backoff::Backoff;
use cache::Cache;

/// All that an instance remembers.
pub(crate) struct State {
    pub held: Option<Arc<Held>>,
    /// What `held` replaced. Its chunks may be loadable while the new ones are not yet.
    pub previous: Option<Arc<Held>>,
    /// Whether the edge's own copy was asked, which it is before anything is held.
    recalled: bool,
    /// Whether the own copy lacks what is held.
    unkept: bool,
    check: Check,
    /// Refreshes that clients ask for by what they have seen.
    hints: Backoff,
    pub cache: Cache,
    pub fault: Option<Fault>,
    pub counters: Counters,
    pub health: Health,
}

/// An admitted manifest and what came with it.
pub(crate) struct Held {
    pub manifest: Manifest,
    /// The newest settled one of the same value, if it is older than the manifest.
    pub fallback: Option<Manifest>,
    /// As stored. Equal bytes need no second verification.
    value: Vec<u8>,
}

/// What one request goes by, from its start to its end: what is held, and what that replaced.
pub(crate) type View = (Arc<Held>, Option<Arc<Held>>);

/// When the manifest was looked at, and may be again.
#[derive(Default)]
struct Check {
    /// Who started a check that has not ended: one at a time.
    flying_since_ms: Option<i64>,
    last_ms: Option<i64>,
    /// The last one that the store answered with a manifest that counts.
    pub good_ms: Option<i64>,
    errors: Backoff,
}

/// The last thing that went wrong. Says nothing about any visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at_ms: i64,
    pub what: String,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub requests: u64,
    pub answers: Answers,
    /// Answered by a release below the manifest's.
    pub fallbacks: u64,
    /// The gray chunk was missing, stable stood in.
    pub track_fallbacks: u64,
    pub behind: u64,
    pub refused_manifests: u64,
    pub store_errors: u64,
    /// Capped plans that were left out because nobody could say how their caps stood.
    pub cap_errors: u64,
    pub events_accepted: u64,
    pub events_rejected: u64,
    /// Batches that found no durable place.
    pub events_unkept: u64,
}

/// By the page's reason.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answers {
    pub fixed: u64,
    pub targeted: u64,
    pub split: u64,
    pub default: u64,
    pub error: u64,
}

impl Answers {
    pub fn count(&mut self, reason: Reason) {
        match reason {
            Reason::Static => self.fixed += 1,
            Reason::TargetingMatch => self.targeted += 1,
            Reason::Split => self.split += 1,
            Reason::Default => self.default += 1,
            Reason::Error => self.error += 1,
        }
    }

    /// Answered by a plan.
    pub fn plans(&self) -> u64 {
        self.fixed + self.targeted + self.split
    }
}

impl State {
    pub fn new(cache_bytes: usize) -> Self {
        Self {
            held: None,
            previous: None,
            recalled: false,
            unkept: false,
            check: Check::default(),
            hints: Backoff::default(),
            cache: Cache::new(cache_bytes),
            fault: None,
            counters: Counters::default(),
            health: Health::default(),
        }
    }

    pub fn note(&mut self, now_ms: i64, what: String) {
        self.fault = Some(Fault {
            at_ms: now_ms,
            what,
        });
    }

    pub fn checked_ms(&self) -> Option<i64> {
        self.check.good_ms
    }
}

/// Whose page, in which language.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub page: &'a str,
    pub locale: Option<&'a str>,
    /// Nobody is on no track but the stable one, and on no list.
    pub unit: Option<&'a str>,
}

/// Time and chance of one request.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub now_ms: i64,
    pub random: u64,
}

pub(crate) enum Loaded {
    /// The release has no such page.
    UnknownPage,
    /// Modes `off`, and no candidate: a page without modules.
    Empty {
        release: Release,
        locale: String,
        fault: bool,
    },
    /// Everything from one candidate.
    Page {
        parts: Parts,
        release: Release,
        defaults_only: bool,
    },
}

/// What a page is resolved from, all of one snapshot.
pub(crate) struct Parts {
    pub chunk: Arc<Chunk>,
    pub ids: Option<Arc<IdShard>>,
    pub locale: u32,
    pub tag: String,
}

impl Edge {
    /// The manifest that counts at this moment and the one before it. None was ever seen: none.
    pub(crate) fn view(&self) -> Option<View> {
        let state = self.state();
        Some((state.held.clone()?, state.previous.clone()))
    }

    /// The first candidate whose chunk, and id shard if the page asks id lists, load and verify.
    pub(crate) async fn load<S: SnapshotStore>(
        &self,
        store: &S,
        (held, previous): &View,
        wanted: &Wanted<'_>,
        moment: Moment,
    ) -> Loaded {
        let manifest = &held.manifest;
        let track = manifest.track(wanted.unit);
        let listing = manifest.listing(track);
        if !listing.has_page(wanted.page) {
            return Loaded::UnknownPage;
        }
        let empty = |fault| Loaded::Empty {
            release: manifest.release(track),
            locale: listing
                .locales
                .tag(listing.locales.negotiate(wanted.locale))
                .into(),
            fault,
        };
        if manifest.header.mode == Mode::Off {
            return empty(false);
        }
        for (candidate, candidate_track) in candidates(held, previous.as_deref(), track) {
            let Some(parts) = self
                .load_from(store, candidate.listing(candidate_track), wanted, moment)
                .await
            else {
                continue;
            };
            self.count(manifest, track, candidate, candidate_track);
            return Loaded::Page {
                parts,
                release: candidate.release(candidate_track),
                // The mode of the manifest that counts, never of the one that answers: otherwise a
                // lagging chunk would defeat the kill switch.
                defaults_only: manifest.header.mode == Mode::Defaults,
            };
        }
        empty(true)
    }

    fn count(&self, manifest: &Manifest, track: Track, candidate: &Manifest, found: Track) {
        let mut state = self.state();
        if candidate.sequence() != manifest.sequence() {
            state.counters.fallbacks += 1;
        } else if found != track {
            state.counters.track_fallbacks += 1;
        }
    }

    /// One candidate gives everything or nothing. A digest that failed for an earlier candidate is a
    /// known miss by now, so an older release never answers with what is the newer one's too.
    async fn load_from<S: SnapshotStore>(
        &self,
        store: &S,
        listing: &Listing,
        wanted: &Wanted<'_>,
        moment: Moment,
    ) -> Option<Parts> {
        let locale = listing.locales.negotiate(wanted.locale);
        let digest = listing.chunk(wanted.page, locale)?;
        let chunk = self.chunk(store, digest, wanted.page, moment).await?;
        // Signed but wrong: a listing that promises a locale which the chunk lacks.
        let has_locale = 1_u64
            .checked_shl(locale)
            .is_some_and(|bit| chunk.meta().locale_mask & bit != 0);
        if !has_locale {
            return None;
        }
        let mut ids = None;
        if let Some(unit) = wanted.unit.filter(|_| chunk.uses_ids()) {
            let (number, digest) = listing.id_shard(chunk.id_key().hash(unit))?;
            ids = Some(self.id_shard(store, digest, number, moment).await?);
        }
        Some(Parts {
            chunk,
            ids,
            locale,
            tag: listing.locales.tag(locale).into(),
        })
    }
}

/// In the order in which they are tried. Below the manifest that counts only stable tracks stand: an
/// older gray may be just what it took back.
fn candidates<'a>(
    held: &'a Held,
    previous: Option<&'a Held>,
    track: Track,
) -> impl Iterator<Item = (&'a Manifest, Track)> {
    let manifest = &held.manifest;
    let gray = (track == Track::Gray).then_some((manifest, Track::Gray));
    let older = [
        previous.map(|previous| &previous.manifest),
        held.fallback.as_ref(),
    ];
    let older = older
        .into_iter()
        .flatten()
        .filter(|_| !manifest.header.no_fallback)
        .map(|older| (older, Track::Stable));
    gray.into_iter()
        .chain([(manifest, Track::Stable)])
        .chain(older)
}
