//! Several pages in one answer, which is of one release: the first candidate that gives all of them.

use skyful::resolve::write::Release;

use super::{Loaded, Moment, View, Wanted, candidates};
use crate::{Edge, SnapshotStore};
use skyful::manifest::Mode;

/// Pages of one release, in the order in which that of the manifest lists them.
pub(crate) struct Bulk {
    pub release: Release,
    pub pages: Vec<(String, Loaded)>,
}

impl Edge {
    /// The pages listed for bulk evaluation. A release that doesn't have one of them yet answers without it: otherwise
    /// a page that is new would take the others away for as long as it isn't readable everywhere.
    pub(crate) async fn load_bulk<S: SnapshotStore>(
        &self,
        store: &S,
        (held, previous): &View,
        locale: Option<&str>,
        unit: Option<&str>,
        moment: Moment,
    ) -> Bulk {
        let manifest = &held.manifest;
        let track = manifest.track(unit);
        let listing = manifest.listing(track);
        let listed = || listing.ofrep.iter().filter(|page| listing.has_page(page));
        let wanted = |page| Wanted { page, locale, unit };
        let off = manifest.header.mode == Mode::Off;
        let mut tried = candidates(held, previous.as_deref(), track);
        while let Some((candidate, found)) = tried.next().filter(|_| !off) {
            let its_own = candidate.listing(found);
            let mut pages = Vec::new();
            for page in listed().filter(|page| its_own.has_page(page)) {
                let Some(parts) = self.load_from(store, its_own, &wanted(page), moment).await
                else {
                    break;
                };
                let loaded = Loaded::Page {
                    parts,
                    release: candidate.release(found),
                    defaults_only: manifest.header.mode == Mode::Defaults,
                };
                pages.push((page.clone(), loaded));
            }
            let all = listed().filter(|page| its_own.has_page(page)).count();
            // None of them is no answer, but for a list that is empty.
            if pages.len() == all && (all > 0 || listed().next().is_none()) {
                self.count(manifest, track, candidate, found);
                let release = candidate.release(found);
                return Bulk { release, pages };
            }
        }
        let release = manifest.release(track);
        let locale: String = {
            let locales = &listing.locales;
            locales.tag(locales.negotiate(locale)).into()
        };
        let empty = |page: &String| {
            let loaded = Loaded::Empty {
                release,
                locale: locale.clone(),
                fault: !off,
            };
            (page.clone(), loaded)
        };
        Bulk {
            release,
            pages: listed().map(empty).collect(),
        }
    }
}
