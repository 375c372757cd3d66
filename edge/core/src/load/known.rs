//! What this instance has in memory of a snapshot that a receipt names. Reads no store: an event must not cost what a
//! page costs. The collector asks again where it knows the release, see `origin/src/ingest/known.rs`.

use std::sync::Arc;

use skyful::manifest::Manifest;
use skyful::resolve::write::Track;
use skyful::snapshot::Chunk;

use super::cache::Verified;
use crate::Edge;

pub(crate) enum Known {
    /// The snapshot is not among those that are held, or the page was not answered here lately.
    Nothing,
    /// The snapshot has no such page.
    NoPage,
    Page(Arc<Chunk>),
}

impl Edge {
    pub(crate) fn known(&self, snapshot: [u8; 8], page: &str) -> Known {
        let mut state = self.state();
        let (held, previous) = (state.held.clone(), state.previous.clone());
        let manifests = held
            .iter()
            .chain(&previous)
            .flat_map(|held| std::iter::once(&held.manifest).chain(&held.fallback));
        let Some(listing) = manifests
            .flat_map(|manifest| [(manifest, Track::Stable), (manifest, Track::Gray)])
            .find(|(manifest, track)| is_of(manifest, *track, snapshot))
            .map(|(manifest, track)| manifest.listing(track))
        else {
            return Known::Nothing;
        };
        if !listing.has_page(page) {
            return Known::NoPage;
        }
        // Whatever the locale, the same modules stand on a page.
        let mut chunks = (0..listing.locales.supported.len())
            .filter_map(|locale| listing.chunk(page, u32::try_from(locale).ok()?));
        let found = chunks.find_map(|digest| match state.cache.get(&digest) {
            Some(Verified::Page(chunk)) if chunk.text(chunk.meta().page) == page => Some(chunk),
            _ => None,
        });
        found.map_or(Known::Nothing, Known::Page)
    }
}

fn is_of(manifest: &Manifest, track: Track, snapshot: [u8; 8]) -> bool {
    manifest.release(track).snapshot.0.starts_with(&snapshot)
}
