//! Numbers for whoever watches an edge. Nothing here is about a visitor, and their names are fixed.

use crate::Edge;

/// Counts are since the instance started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Pages answered, by their reason.
    pub answers: [(&'static str, u64); 5],
    /// By a release below the one that counts.
    pub fallbacks: u64,
    /// By stable, because the gray chunk was missing.
    pub track_fallbacks: u64,
    /// Marked as older than what this edge or its client knows of.
    pub behind: u64,
    pub refused_manifests: u64,
    pub store_errors: u64,
    /// Capped plans that were left out because nobody could say how their caps stood.
    pub cap_errors: u64,
    /// By what became of them; `unkept` counts batches, the others events.
    pub events: [(&'static str, u64); 3],
    /// Of the manifest that is held; none was ever seen: none.
    pub sequence: Option<u64>,
    pub issued_ago_ms: Option<i64>,
    /// Since the store last answered with a manifest that counts.
    pub checked_ago_ms: Option<i64>,
    pub cache_objects: usize,
    pub cache_bytes: usize,
}

impl Edge {
    pub fn measures(&self, now_ms: i64) -> Measures {
        let state = self.state();
        let counters = state.counters;
        let answers = counters.answers;
        let held = state.held.as_ref().map(|held| &held.manifest.header);
        Measures {
            answers: [
                ("static", answers.fixed),
                ("targeting_match", answers.targeted),
                ("split", answers.split),
                ("default", answers.default),
                ("error", answers.error),
            ],
            fallbacks: counters.fallbacks,
            track_fallbacks: counters.track_fallbacks,
            behind: counters.behind,
            refused_manifests: counters.refused_manifests,
            store_errors: counters.store_errors,
            cap_errors: counters.cap_errors,
            events: [
                ("accepted", counters.events_accepted),
                ("rejected", counters.events_rejected),
                ("unkept", counters.events_unkept),
            ],
            sequence: held.map(|header| header.sequence),
            issued_ago_ms: held.map(|header| now_ms.saturating_sub(header.issued_ms)),
            checked_ago_ms: state.checked_ms().map(|at| now_ms.saturating_sub(at)),
            cache_objects: state.cache.objects(),
            cache_bytes: state.cache.bytes(),
        }
    }
}
