//! The snapshot store of an edge on Fastly: the KV Store, and Core Cache as the own copy.

use skyful_edge::{CapStore, Ports, Rule, Ruling, SnapshotStore, StoreError, caps};

use crate::events::Events;
use crate::kv::{After, Kv};
use crate::own_copy;

/// How often a value is compared and set. Whoever loses that often reads what lags, so that trying on helps
/// nobody.
const ATTEMPTS: u32 = 4;

pub struct Store<'a> {
    kv: Kv<'a>,
}

impl<'a> Store<'a> {
    pub fn new(name: &'a str) -> Self {
        Self { kv: Kv::new(name) }
    }
}

/// Fastly's calls return when they are done, so none of these is ever pending.
impl SnapshotStore for Store<'_> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kv.get(key)?.map(|stored| stored.value))
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.kv.put(key, value, After::Anything).map(|_| ())
    }

    /// Compare and set, by the generation of what the rule was asked about.
    async fn replace(&self, key: &str, value: &[u8], rule: Rule<'_>) -> Result<Ruling, StoreError> {
        for _ in 0..ATTEMPTS {
            let stored = self.kv.get(key)?;
            let ruling = rule(stored.as_ref().map(|stored| &*stored.value));
            let after = match &stored {
                Some(stored) => After::Generation(stored.generation),
                None => After::Nothing,
            };
            if ruling != Ruling::Write || self.kv.put(key, value, after)? {
                return Ok(ruling);
            }
        }
        Err(StoreError(
            "the KV Store holds something newer than what it shows here yet: publish again in a minute".into(),
        ))
    }

    async fn recall(&self, key: &str) -> Option<Vec<u8>> {
        own_copy::recall(key)
    }

    async fn keep(&self, key: &str, value: &[u8]) {
        own_copy::keep(key, value);
    }
}

/// Approximate: what is read may lag behind what was written.
impl CapStore for Store<'_> {
    async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        caps::apply_in(self, subject, command).await
    }
}

/// Everything of one request.
pub struct Platform<'a> {
    pub store: Store<'a>,
    pub events: Events<'a>,
}

impl<'a> Ports for Platform<'a> {
    type Store = Store<'a>;
    type Caps = Store<'a>;
    type Events = Events<'a>;

    fn store(&self) -> &Store<'a> {
        &self.store
    }

    fn caps(&self) -> &Store<'a> {
        &self.store
    }

    fn events(&self) -> &Events<'a> {
        &self.events
    }
}
