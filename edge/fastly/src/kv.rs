//! A KV Store, as little of it as an edge uses.

use std::cell::OnceCell;
use std::io::{self, Read};

use fastly::Body;
use fastly::kv_store::{InsertMode, KVStore, KVStoreError, ListPage};
use skyful::limits;
use skyful_edge::StoreError;

/// Opened when it is first asked.
pub struct Kv<'a> {
    name: &'a str,
    open: OnceCell<KVStore>,
}

/// A value, and what names this very version of it.
pub struct Stored {
    pub value: Vec<u8>,
    pub generation: u64,
}

/// What a value may follow.
pub enum After {
    Anything,
    Nothing,
    Generation(u64),
}

impl<'a> Kv<'a> {
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            open: OnceCell::new(),
        }
    }

    fn open(&self) -> Result<&KVStore, StoreError> {
        if let Some(store) = self.open.get() {
            return Ok(store);
        }
        let found = KVStore::open(self.name).map_err(|error| unanswered(&error))?;
        let store = found.ok_or_else(not_linked)?;
        Ok(self.open.get_or_init(|| store))
    }

    pub fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let mut found = match self.open()?.lookup(key) {
            Ok(found) => found,
            Err(KVStoreError::ItemNotFound) => return Ok(None),
            Err(error) => return Err(unanswered(&error)),
        };
        let generation = found.current_generation();
        let mut body = found.take_body();
        let length = body.known_length();
        let value = read(body, length).map_err(|error| {
            eprintln!("skyful: KV Store: {error}");
            StoreError("a value of the KV Store broke off".into())
        })?;
        Ok(Some(Stored { value, generation }))
    }

    /// False: something else is stored than what it may follow.
    pub fn put(&self, key: &str, value: &[u8], after: After) -> Result<bool, StoreError> {
        let insert = self.open()?.build_insert();
        let insert = match after {
            After::Anything => insert,
            After::Nothing => insert.mode(InsertMode::Add),
            After::Generation(generation) => insert.if_generation_match(generation),
        };
        match insert.execute(key, value) {
            Ok(()) => Ok(true),
            Err(KVStoreError::ItemPreconditionFailed) => Ok(false),
            Err(error) => Err(unanswered(&error)),
        }
    }

    /// What is gone already is no error.
    pub fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self.open()?.delete(key) {
            Ok(()) | Err(KVStoreError::ItemNotFound) => Ok(()),
            Err(error) => Err(unanswered(&error)),
        }
    }

    /// Some of the keys that begin so, as this data centre sees them: that may be some seconds old, and costs less.
    pub fn keys(&self, prefix: &str, most: u32) -> Result<Vec<String>, StoreError> {
        let list = self.open()?.build_list().eventual_consistency();
        let page = list.prefix(prefix).limit(most).execute();
        page.map(ListPage::into_keys)
            .map_err(|error| unanswered(&error))
    }
}

/// If the platform doesn't say how long a value is. Few are longer.
const GUESS_BYTES: usize = 128 << 10;

/// A value in one piece of memory: letting the platform's library collect it took four to ten times as long. At
/// most one byte more than anything may have, which is enough for the edge to refuse it by its size.
pub fn read(mut body: Body, length: Option<u64>) -> io::Result<Vec<u8>> {
    let limit = limits::MANIFEST_BYTES.max(limits::OBJECT_BYTES) + 1;
    fill(&mut body, length, limit)
}

/// As much of a body as the limit allows.
pub fn fill(body: &mut Body, length: Option<u64>, limit: usize) -> io::Result<Vec<u8>> {
    let length = length.and_then(|length| usize::try_from(length).ok());
    // One byte more, so that the end is seen without asking for more memory.
    let expected = length.unwrap_or(GUESS_BYTES).saturating_add(1);
    let mut bytes = vec![0; expected.min(limit)];
    let mut filled = 0;
    loop {
        let room = bytes.get_mut(filled..).unwrap_or_default();
        let taken = body.read(room)?;
        filled += taken;
        if taken == 0 || filled >= limit {
            bytes.truncate(filled);
            return Ok(bytes);
        }
        if filled == bytes.len() {
            bytes.resize((2 * filled).min(limit), 0);
        }
    }
}

fn not_linked() -> StoreError {
    StoreError("no KV Store is linked to this service under the name skyful_snapshots".into())
}

/// `/v1/status` is public, so it gets our words; the platform's go to the log.
fn unanswered(error: &KVStoreError) -> StoreError {
    eprintln!("skyful: KV Store: {error}");
    match error {
        KVStoreError::StoreNotFound(_) => not_linked(),
        KVStoreError::TooManyRequests => {
            StoreError("the KV Store limits its rate, a request was refused (429)".into())
        }
        KVStoreError::ItemPayloadTooLarge => {
            StoreError("the KV Store takes no such large value".into())
        }
        _ => StoreError("the KV Store gave no answer".into()),
    }
}
