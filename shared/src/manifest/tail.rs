//! What a manifest's header names by its hash: the listings of both tracks, gray as differences, and the
//! units that see gray whatever their bucket.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Header;
use crate::limits;
use crate::locale::Locales;
use crate::snapshot::listing::{NO_PAGES, PageEntry};
use crate::snapshot::wire::{Reader, put_count, put_text};
use crate::snapshot::{DecodeError, Digest, Listing};

#[derive(Clone, Debug)]
pub struct Tail {
    pub stable: Listing,
    pub gray: Option<Listing>,
    /// Keyed hashes ([`crate::ids::IdKey`]), at most [`limits::GRAY_UNITS`].
    pub allow: Vec<u64>,
}

impl Tail {
    pub fn root(bytes: &[u8]) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("skyful 1 manifest tail");
        hasher.update(bytes);
        Digest(*hasher.finalize().as_bytes())
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let stable = self.stable.to_object();
        put_count(&mut out, stable.len());
        out.extend_from_slice(&stable);
        match &self.gray {
            None => out.push(0),
            Some(gray) => {
                out.push(1);
                encode_gray(&self.stable, gray, &mut out);
            }
        }
        put_count(&mut out, self.allow.len());
        for hash in &self.allow {
            out.extend_from_slice(&hash.to_le_bytes());
        }
        out
    }

    /// Both listings must be the snapshots that the header names.
    pub fn decode(bytes: &[u8], header: &Header) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let len = reader.count(limits::MANIFEST_BYTES, "manifest larger than allowed")?;
        let stable = Listing::from_object(reader.take(len)?, header.stable)?;
        if stable.workspace != header.workspace {
            return Err(DecodeError::Misplaced);
        }
        let gray = match reader.u8()? {
            0 => None,
            1 => Some(decode_gray(&stable, &mut reader)?),
            _ => return Err(DecodeError::Meaning("unknown flags")),
        };
        if gray.as_ref().map(Listing::digest) != header.gray.map(|gray| gray.snapshot) {
            return Err(DecodeError::Digest);
        }
        let count = reader.count(limits::GRAY_UNITS, "too many allowed units")?;
        let allow = (0..count).map(|_| reader.u64()).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self {
            stable,
            gray,
            allow,
        })
    }
}

fn encode_gray(stable: &Listing, gray: &Listing, out: &mut Vec<u8>) {
    gray.locales.encode(out);
    put_count(out, gray.id_shards.len());
    gray.id_shards
        .iter()
        .for_each(|shard| out.extend_from_slice(&shard.0));
    put_count(out, gray.ofrep.len());
    gray.ofrep.iter().for_each(|page| put_text(out, page));
    for (from, to) in [(stable, gray), (gray, stable)] {
        let gone: Vec<&PageEntry> = from
            .pages
            .iter()
            .filter(|entry| to.pages.binary_search(entry).is_err())
            .collect();
        put_count(out, gone.len());
        gone.into_iter().for_each(|entry| entry.encode(out));
    }
}

fn decode_gray(stable: &Listing, reader: &mut Reader<'_>) -> Result<Listing, DecodeError> {
    let locales = Locales::decode(reader)?;
    let shards = reader.count(1 << limits::ID_SHARD_BITS, "too many id shards")?;
    let id_shards = (0..shards)
        .map(|_| reader.array().map(Digest))
        .collect::<Result<_, _>>()?;
    let bulk = reader.count(limits::OFREP_PAGES, "too many pages for bulk evaluation")?;
    let ofrep = (0..bulk)
        .map(|_| reader.owned_text())
        .collect::<Result<_, _>>()?;
    let mut entries = || -> Result<Vec<PageEntry>, DecodeError> {
        let count = reader.count(limits::PAGES * limits::LOCALES, "too many pages")?;
        (0..count).map(|_| PageEntry::decode(reader)).collect()
    };
    let (gone, new) = (entries()?, entries()?);
    let kept = stable.pages.iter().copied();
    let kept = kept.filter(|entry| gone.binary_search(entry).is_err());
    // A set, since it is much less code than sorting is.
    let mut pages = BTreeSet::new();
    for entry in kept.chain(new) {
        pages.insert(entry);
    }
    if pages.is_empty() {
        return Err(DecodeError::Meaning(NO_PAGES));
    }
    Ok(Listing {
        workspace: stable.workspace.clone(),
        locales,
        pages: pages.into_iter().collect(),
        id_shards,
        ofrep,
    })
}
