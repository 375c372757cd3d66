//! Which modules stand on the page that a receipt is for: receipts are public, so without this whoever has one could make up
//! modules without end, and each would be counted by itself. Edges ask only where they have the page in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skyful::event::Why;
use skyful::receipt::Receipt;
use skyful::snapshot::records::Module;
use skyful::snapshot::{Chunk, Digest, Listing};
use sqlx::SqliteConnection;

use crate::store::StoreError;
use crate::store::sqlite::{Sqlite, live, snapshots};

/// Pages that are remembered, of the origin's own releases.
const PAGES: usize = 1_024;
/// Modules that are counted of one page of a release which isn't in the database: a collector by itself knows none.
const NAMES: usize = 1_024;
/// Of all these pages together; beyond that counting begins anew.
const ALL_NAMES: usize = 1 << 20;

/// Workspace, the snapshot's first bytes, and the page, which the receipt's seal vouches for.
type Place = (String, [u8; 8], String);

#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    pages: HashMap<Place, Page>,
    /// What was counted where nothing is known.
    names: HashMap<Place, HashSet<String>>,
    count: usize,
}

#[derive(Clone)]
enum Page {
    /// The release has none of this name.
    Missing,
    Modules(Arc<HashSet<String>>),
}

impl Known {
    /// Whether the release that the receipt names has this module on this page.
    pub async fn vouches(
        &self,
        store: &Sqlite,
        workspace: &str,
        receipt: &Receipt,
        (page, module): (&str, Option<&str>),
    ) -> Result<Result<(), Why>, StoreError> {
        let place = (workspace.to_owned(), receipt.snapshot, page.to_owned());
        let found = match self.remembered(&place) {
            Some(found) => found,
            None => {
                let mut tx = store.read().await?;
                let found = look(&mut tx, &place).await?;
                self.remember(&place, found.clone());
                found
            }
        };
        Ok(match (found, module) {
            (Some(Page::Missing), _) => Err(Why::UnknownPage),
            (Some(Page::Modules(names)), Some(module)) if !names.contains(module) => {
                Err(Why::UnknownModule)
            }
            (None, Some(module)) if !self.counts(place, module) => Err(Why::UnknownModule),
            _ => Ok(()),
        })
    }

    /// Releases are in the database before any edge has them, so what wasn't there needs no second look.
    fn remembered(&self, place: &Place) -> Option<Option<Page>> {
        let inner = self.inner();
        let unknown = || inner.names.contains_key(place).then_some(None);
        inner.pages.get(place).cloned().map(Some).or_else(unknown)
    }

    fn remember(&self, place: &Place, page: Option<Page>) {
        let mut inner = self.inner();
        let Some(page) = page else {
            inner.names.entry(place.clone()).or_default();
            inner.count += 1;
            return;
        };
        if inner.pages.len() >= PAGES {
            inner.pages.clear();
        }
        inner.pages.insert(place.clone(), page);
    }

    /// Whether one more module of a page that nobody knows here may be counted, or this one is already.
    fn counts(&self, place: Place, module: &str) -> bool {
        let mut inner = self.inner();
        if inner.count >= ALL_NAMES {
            inner.names.clear();
            inner.count = 0;
        }
        let names = inner.names.entry(place).or_default();
        if names.contains(module) {
            return true;
        }
        if names.len() >= NAMES {
            return false;
        }
        names.insert(module.to_owned());
        inner.count += 1;
        true
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// None: the release is not in this database, or can't be read.
async fn look(
    tx: &mut SqliteConnection,
    (workspace, snapshot, page): &Place,
) -> Result<Option<Page>, StoreError> {
    let prefix: String = snapshot.iter().map(|byte| format!("{byte:02x}")).collect();
    let Some((hex, listing)) = snapshots::beginning(tx, workspace, &prefix).await? else {
        return Ok(None);
    };
    let listing =
        Digest::from_hex(&hex).and_then(|digest| Listing::from_object(&listing, digest).ok());
    let Some(listing) = listing else {
        return Ok(None);
    };
    if !listing.has_page(page) {
        return Ok(Some(Page::Missing));
    }
    // Whatever the locale, the same modules stand on a page.
    let digest = (0..64).find_map(|locale| listing.chunk(page, locale));
    let Some(digest) = digest else {
        return Ok(None);
    };
    let Some(bytes) = live::object(tx, workspace, &digest.hex()).await? else {
        return Ok(None);
    };
    let Ok(chunk) = Chunk::open(bytes, digest, workspace, page) else {
        return Ok(None);
    };
    let modules = chunk.table::<Module>();
    let names = modules
        .iter()
        .map(|module| chunk.text(module.key).to_owned());
    Ok(Some(Page::Modules(Arc::new(names.collect()))))
}
