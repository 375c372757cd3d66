//! Manifests of any header and any tail, signed by a key that the reader trusts.

use ed25519_dalek::{Signer, SigningKey};
use skyful::context::Context;
use skyful::manifest::envelope::{Envelope, signed_message};
use skyful::manifest::{Header, Manifest, Tail, TrustSet, key_id};
use skyful::snapshot::listing::page_hash;
use skyful::snapshot::{Kind, Listing};

pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub fn trust() -> TrustSet {
    let hex = |byte: &u8| format!("{byte:02x}");
    let text: String = key().verifying_key().as_bytes().iter().map(hex).collect();
    TrustSet::parse(&text).expect("a key")
}

/// Header and tail as an input: the header's length in two bytes comes first.
pub fn input(header: &[u8], tail: &[u8]) -> Vec<u8> {
    let len = (header.len() as u16).to_le_bytes();
    [&len, header, tail].concat()
}

/// Whether it is a manifest. Of an input that is nearly one, what the header promises of the tail is made true; but not
/// the digest of a gray listing, which is read before that is compared.
pub fn run(bytes: &[u8]) -> bool {
    let Some((len, rest)) = bytes.split_first_chunk() else {
        return false;
    };
    let (header, tail) = rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()));
    let mut header_bytes = header.to_vec();
    if let Ok(mut header) = Header::decode(header) {
        header.key_id = key_id(&key().verifying_key());
        header.tail_root = Tail::root(tail);
        if let Some(listing) = stable(tail) {
            header.stable = Kind::Snapshot.digest(listing);
        }
        header_bytes = header.encode();
    }
    let signature = key().sign(&signed_message(&header_bytes)).to_bytes();
    let envelope = Envelope {
        header: &header_bytes,
        signature: &signature,
        tail,
    }
    .join();
    let (workspace, env) = Header::decode(&header_bytes).map_or_else(
        |_| (String::new(), String::new()),
        |header| (header.workspace, header.env),
    );
    let Ok(manifest) = Manifest::open(&envelope, &trust(), &workspace, &env) else {
        return false;
    };
    visit(&manifest);
    true
}

/// The stable listing's bytes within a tail.
fn stable(tail: &[u8]) -> Option<&[u8]> {
    let (len, rest) = tail.split_first_chunk()?;
    rest.get(..u32::from_le_bytes(*len) as usize)
}

fn visit(manifest: &Manifest) {
    for unit in [None, Some(""), Some("u-1")] {
        let context = Context {
            unit: unit.map(Into::into),
            ..Context::default()
        };
        let track = manifest.track(context.unit.as_deref());
        ask(manifest.listing(track));
        let _ = manifest.release(track);
    }
}

/// Every question that an edge asks a listing.
pub fn ask(listing: &Listing) {
    for locale in [0, 1, 63, 64, u32::MAX] {
        for page in ["home", ""] {
            let _ = (listing.chunk(page, locale), listing.has_page(page));
            let _ = page_hash(page);
        }
        let _ = listing.locales.tag(locale);
    }
    for hash in [0, 1, u64::MAX, 1 << 63] {
        let _ = listing.id_shard(hash);
    }
    for tag in ["", "zh-Hant-HK", "en_US", "-", "_x"] {
        let found = listing.locales.negotiate(Some(tag));
        assert!((found as usize) < listing.locales.supported.len());
    }
    let _ = listing.digests().count();
}
