//! From a digest to a verified object: memory, the edge's own copy, the store.

use std::sync::Arc;

use skyful::snapshot::{Chunk, DecodeError, Digest, IdShard};

use super::Moment;
use super::cache::Verified;
use crate::{Edge, SnapshotStore};

impl Edge {
    pub(super) async fn chunk<S: SnapshotStore>(
        &self,
        store: &S,
        digest: Digest,
        page: &str,
        moment: Moment,
    ) -> Option<Arc<Chunk>> {
        if let Some(cached) = self.cached(&digest, moment)? {
            // A listing may name one chunk for two pages; only one of them is right.
            return match cached {
                Verified::Page(chunk) if chunk.text(chunk.meta().page) == page => Some(chunk),
                _ => None,
            };
        }
        let workspace = &self.config.workspace;
        let open = |bytes| Chunk::open(bytes, digest, workspace, page);
        let chunk = Arc::new(self.fetch(store, digest, moment, open).await?);
        self.state()
            .cache
            .put(digest, Verified::Page(Arc::clone(&chunk)));
        Some(chunk)
    }

    pub(super) async fn id_shard<S: SnapshotStore>(
        &self,
        store: &S,
        digest: Digest,
        number: u32,
        moment: Moment,
    ) -> Option<Arc<IdShard>> {
        if let Some(cached) = self.cached(&digest, moment)? {
            return match cached {
                Verified::Ids(cached, shard) if cached == number => Some(shard),
                _ => None,
            };
        }
        let workspace = &self.config.workspace;
        let open = |bytes| IdShard::open(bytes, digest, workspace, number);
        let shard = Arc::new(self.fetch(store, digest, moment, open).await?);
        self.state()
            .cache
            .put(digest, Verified::Ids(number, Arc::clone(&shard)));
        Some(shard)
    }

    /// `None`: known to fail. `Some(None)`: has to be fetched.
    fn cached(&self, digest: &Digest, moment: Moment) -> Option<Option<Verified>> {
        let mut state = self.state();
        let found = state.cache.get(digest);
        (found.is_some() || !state.cache.missed(digest, moment.now_ms)).then_some(found)
    }

    async fn fetch<S: SnapshotStore, T>(
        &self,
        store: &S,
        digest: Digest,
        moment: Moment,
        open: impl Fn(Vec<u8>) -> Result<T, DecodeError>,
    ) -> Option<T> {
        let key = self.keys.object(&digest);
        if let Some(Ok(object)) = store.recall(&key).await.map(&open) {
            return Some(object);
        }
        let fault = match store.get(&key).await {
            Ok(Some(bytes)) => {
                let copy = bytes.clone();
                match open(bytes) {
                    Ok(object) => {
                        store.keep(&key, &copy).await;
                        return Some(object);
                    }
                    Err(error) => error.to_string(),
                }
            }
            Ok(None) => "not in the store".into(),
            Err(error) => {
                self.state().counters.store_errors += 1;
                error.to_string()
            }
        };
        let mut state = self.state();
        state.cache.miss(digest, moment.now_ms, moment.random);
        state.note(moment.now_ms, format!("object {digest}: {fault}"));
        None
    }
}
