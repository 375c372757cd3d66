//! The table of a snapshot: which chunk answers for which page, and where the id lists are. Its
//! digest is the snapshot's name. It also knows the locales, since a big page is split by them and the
//! right chunk has to be known before it is loaded.

use alloc::string::String;
use alloc::vec::Vec;

use xxhash_rust::xxh3::xxh3_64;

use super::DecodeError;
use super::object::{Digest, Kind, Object};
use super::wire::{Reader, put_count, put_text};
use crate::limits;
use crate::locale::Locales;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub workspace: String,
    pub locales: Locales,
    /// Sorted by page hash, then mask.
    pub pages: Vec<PageEntry>,
    /// By prefix of the keyed unit hash; a power of two of them, or none.
    pub id_shards: Vec<Digest>,
    /// Pages that OpenFeature bulk evaluation returns, as written.
    pub ofrep: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageEntry {
    pub page: u64,
    /// Bit `i`: the chunk has contents of supported locale `i`.
    pub locale_mask: u64,
    pub chunk: Digest,
}

/// Signed and genuine, it would still answer 404 everywhere.
pub(crate) const NO_PAGES: &str = "no pages";

pub fn page_hash(page: &str) -> u64 {
    xxh3_64(page.as_bytes())
}

impl Listing {
    /// The chunk of a page for a supported locale.
    pub fn chunk(&self, page: &str, locale: u32) -> Option<Digest> {
        let hash = page_hash(page);
        let bit = 1_u64.checked_shl(locale)?;
        let first = self.pages.partition_point(|entry| entry.page < hash);
        self.pages
            .get(first..)?
            .iter()
            .take_while(|entry| entry.page == hash)
            .find(|entry| entry.locale_mask & bit != 0)
            .map(|entry| entry.chunk)
    }

    pub fn has_page(&self, page: &str) -> bool {
        let hash = page_hash(page);
        self.pages
            .binary_search_by_key(&hash, |entry| entry.page)
            .is_ok()
    }

    pub fn id_shard(&self, hash: u64) -> Option<(u32, Digest)> {
        let number = super::id_shard::shard_of(hash, self.id_shards.len());
        self.id_shards
            .get(number as usize)
            .map(|digest| (number, *digest))
    }

    /// Everything the snapshot is made of besides the listing itself.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        self.pages
            .iter()
            .map(|entry| entry.chunk)
            .chain(self.id_shards.iter().copied())
    }

    pub fn digest(&self) -> Digest {
        Kind::Snapshot.digest(&self.to_object())
    }

    pub fn to_object(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.locales.encode(&mut body);
        put_count(&mut body, self.pages.len());
        for entry in &self.pages {
            entry.encode(&mut body);
        }
        put_count(&mut body, self.id_shards.len());
        for shard in &self.id_shards {
            body.extend_from_slice(&shard.0);
        }
        put_count(&mut body, self.ofrep.len());
        for page in &self.ofrep {
            put_text(&mut body, page);
        }
        Object {
            kind: Kind::Snapshot,
            workspace: &self.workspace,
            name: "snapshot",
            body: &body,
        }
        .encode()
    }

    pub fn from_object(bytes: &[u8], digest: Digest) -> Result<Self, DecodeError> {
        let object = Object::open(bytes, Kind::Snapshot, digest)?;
        let mut reader = Reader::new(object.body);
        let locales = Locales::decode(&mut reader)?;
        // A page split by locale has one entry a group.
        let count = reader.count(limits::PAGES * limits::LOCALES, "too many pages")?;
        if count == 0 {
            return Err(DecodeError::Meaning(NO_PAGES));
        }
        let mut pages = Vec::with_capacity(count.min(limits::PAGES));
        for _ in 0..count {
            pages.push(PageEntry::decode(&mut reader)?);
        }
        let shards = reader.count(1 << limits::ID_SHARD_BITS, "too many id shards")?;
        let mut id_shards = Vec::with_capacity(shards);
        for _ in 0..shards {
            id_shards.push(Digest(reader.array()?));
        }
        let bulk = reader.count(limits::OFREP_PAGES, "too many pages for bulk evaluation")?;
        let ofrep = (0..bulk)
            .map(|_| reader.owned_text())
            .collect::<Result<_, _>>()?;
        reader.finish()?;
        if !pages.is_sorted() {
            return Err(DecodeError::Meaning("pages are not sorted"));
        }
        if shards != 0 && !shards.is_power_of_two() {
            return Err(DecodeError::Meaning("id shards are not a power of two"));
        }
        Ok(Self {
            workspace: object.workspace.into(),
            locales,
            pages,
            id_shards,
            ofrep,
        })
    }
}

impl PageEntry {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.page.to_le_bytes());
        out.extend_from_slice(&self.locale_mask.to_le_bytes());
        out.extend_from_slice(&self.chunk.0);
    }

    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            page: reader.u64()?,
            locale_mask: reader.u64()?,
            chunk: Digest(reader.array()?),
        })
    }
}
