//! Where snapshots come from, with the edge's own copy beside it. Which value counts is decided elsewhere.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use skyful_edge::{CapMode, CapStore, Rule, Ruling, SnapshotStore, StoreError};

use crate::files::Directory;
use crate::own_copy::OwnCopy;
use crate::redis_store::{Redis, RedisUrl};

/// What a deployment says about it.
#[derive(Clone, Debug)]
pub enum Place {
    /// To which the origin delivers. It needn't exist yet.
    Directory(PathBuf),
    Redis(RedisUrl),
}

impl<P: Into<PathBuf>> From<P> for Place {
    fn from(path: P) -> Self {
        Self::Directory(path.into())
    }
}

impl Place {
    /// A directory, unless it is an address of Redis.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if RedisUrl::looks_like(text) {
            return RedisUrl::parse(text).map(Self::Redis);
        }
        match text.split_once("://") {
            Some(_) => Err("neither a directory nor redis://, rediss:// or redis+unix://"),
            None => Ok(Self::Directory(text.into())),
        }
    }
}

pub struct Store {
    kind: Kind,
    copy: OwnCopy,
}

enum Kind {
    Directory(Directory),
    Redis(Arc<Redis>),
}

/// Of an own copy, in the store's directory unless told otherwise.
const STATE: &str = ".edge-state";

impl Store {
    pub fn new(place: Place, state: Option<PathBuf>) -> Result<Self, StoreError> {
        let state = state.unwrap_or_else(|| match &place {
            Place::Directory(folder) => folder.join(STATE),
            Place::Redis(_) => STATE.into(),
        });
        Ok(Self {
            kind: match place {
                Place::Directory(folder) => Kind::Directory(Directory::new(folder)),
                Place::Redis(url) => Kind::Redis(Arc::new(Redis::new(url)?)),
            },
            copy: OwnCopy::new(state),
        })
    }
}

impl Store {
    /// The ways of counting caps that it has.
    pub fn cap_modes(&self) -> &'static [CapMode] {
        match &self.kind {
            Kind::Directory(_) => &[],
            Kind::Redis(_) => &[CapMode::Exact],
        }
    }
}

impl CapStore for Store {
    async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        match &self.kind {
            Kind::Directory(_) => Err(StoreError("a directory is no place to count".into())),
            Kind::Redis(redis) => redis.run(subject, command).await,
        }
    }
}

impl SnapshotStore for Store {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.kind {
            Kind::Directory(directory) => directory.get(key).await,
            Kind::Redis(redis) => redis.get(key).await,
        }
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        match &self.kind {
            Kind::Directory(directory) => directory.put(key, value).await,
            Kind::Redis(redis) => redis.put(key, value).await,
        }
    }

    async fn replace(&self, key: &str, value: &[u8], rule: Rule<'_>) -> Result<Ruling, StoreError> {
        match &self.kind {
            Kind::Directory(directory) => directory.replace(key, value, rule).await,
            Kind::Redis(redis) => redis.replace(key, value, rule).await,
        }
    }

    async fn recall(&self, key: &str) -> Option<Vec<u8>> {
        self.copy.recall(key).await
    }

    async fn keep(&self, key: &str, value: &[u8]) {
        self.copy.keep(key, value).await;
    }

    async fn keep_only(&self, keys: &BTreeSet<String>) {
        self.copy.keep_only(keys).await;
    }
}
