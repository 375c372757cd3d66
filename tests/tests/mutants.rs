//! Bytes that are wrong in every way, with digests made right again so that nothing hides behind them:
//! opening says no, or an answer comes out. Never a panic.
//!
//! `SKYFUL_MUTANTS` says how many a kind (3,000 unless given).

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use skyful::context::Context;
use skyful::manifest::sign::{full_release, sign};
use skyful::manifest::{Header, Manifest, Tail, TrustSet, Value, envelope};
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{Release, Track};
use skyful::resolve::{Input, answer};
use skyful::snapshot::{Chunk, IdShard, Kind, Listing, Object};
use skyful_tests::wallet;

const CONTEXT: &str = r#"{"unit":"u-25","device":"d-1","locale":"zh-HK","now":"2026-11-25T01:00:00Z","explain":true,
    "attributes":{"age":67,"country":"HK","platform":"ios","app_version":"8.2.0","channel":"app_store","tags":["a"]}}"#;

fn count() -> u64 {
    std::env::var("SKYFUL_MUTANTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(3_000)
}

/// Flips bits, overwrites words with edge values, cuts, splices.
fn mutate(random: &mut StdRng, original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..bytes.len().max(1));
        match random.random_range(0..5) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => {
                let word = [0, 1, u32::MAX, u32::MAX - 1, 1 << 31, bytes.len() as u32]
                    [random.random_range(0..6)];
                for (slot, byte) in bytes[at..].iter_mut().zip(word.to_le_bytes()) {
                    *slot = byte;
                }
            }
            3 => bytes.truncate(at.max(1)),
            _ => {
                let from = random.random_range(0..bytes.len());
                let part = bytes[from..(from + 64).min(bytes.len())].to_vec();
                for (slot, byte) in bytes[at..].iter_mut().zip(part) {
                    *slot = byte;
                }
            }
        }
    }
    bytes
}

fn resolve(chunk: &Chunk) {
    let context = Context::from_json(CONTEXT.as_bytes()).expect("a context");
    for locale in [0, 1, 63, u32::MAX] {
        let input = Input {
            context: &context,
            locale,
            now_ms: context.now_ms.expect("an instant"),
            tallies: Tallies::read(chunk, |name| context.tally(name)),
            ids: None,
            defaults_only: false,
        };
        let release = Release {
            sequence: 1,
            snapshot: Kind::Page.digest(&[]),
            track: Track::Stable,
        };
        assert!(!answer(chunk, input, "en", &release, None).body.is_empty());
    }
}

#[test]
fn a_page_chunk_with_any_bytes_is_refused_or_answers() {
    let snapshot = wallet::snapshot();
    let mut random = StdRng::seed_from_u64(7);
    let (mut refused, mut opened) = (0, 0);
    let pages: Vec<&Vec<u8>> = snapshot
        .listing
        .pages
        .iter()
        .map(|entry| &snapshot.objects[&entry.chunk])
        .collect();
    for round in 0..count() {
        let original = pages[round as usize % pages.len()];
        // Mostly behind the heap's text, where the rows are.
        let bytes = mutate(&mut random, original);
        let name = Object::decode(original).expect("an object").name;
        match Chunk::open(bytes.clone(), Kind::Page.digest(&bytes), "wallet", name) {
            Ok(chunk) => {
                opened += 1;
                resolve(&chunk);
            }
            Err(_) => refused += 1,
        }
    }
    assert!(
        refused > 0 && opened > 0,
        "{refused} refused, {opened} opened"
    );
}

#[test]
fn rows_with_any_numbers_are_refused_or_answer() {
    let snapshot = wallet::snapshot();
    let mut random = StdRng::seed_from_u64(11);
    let mut refused = 0;
    for round in 0..count() {
        let entry = &snapshot.listing.pages[round as usize % snapshot.listing.pages.len()];
        let mut bytes = snapshot.objects[&entry.chunk].clone();
        let name = Object::decode(&bytes).expect("an object").name.to_owned();
        let body_at = bytes.len() - Object::decode(&bytes).expect("an object").body.len();
        let word = |bytes: &[u8], at: usize| {
            u32::from_le_bytes(bytes[at..at + 4].try_into().expect("a word")) as usize
        };
        // A random word of a random section behind heap and automata.
        let section = random.random_range(2..skyful::snapshot::records::SECTIONS);
        let (start, len) = (
            word(&bytes, body_at + section * 8),
            word(&bytes, body_at + section * 8 + 4),
        );
        if len < 4 {
            continue;
        }
        let at = body_at + start + random.random_range(0..len / 4) * 4;
        let value: u32 = match random.random_range(0..4) {
            0 => random.next_u32(),
            1 => random.random_range(0..64),
            2 => u32::MAX,
            _ => (word(&bytes, at) as u32).wrapping_add(1),
        };
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        match Chunk::open(bytes.clone(), Kind::Page.digest(&bytes), "wallet", &name) {
            Ok(chunk) => resolve(&chunk),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0);
}

#[test]
fn manifests_listings_and_id_shards_with_any_bytes_never_panic() {
    let snapshot = wallet::snapshot();
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let hex: String = key
        .verifying_key()
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let trust = TrustSet::parse(&hex).expect("a key");
    let tail = Tail {
        stable: snapshot.listing.clone(),
        gray: Some(snapshot.listing.clone()),
        allow: vec![1, 2],
    };
    let mut header = full_release("wallet", "dev", 1, 0);
    header.gray = Some(envelope::Gray {
        snapshot: snapshot.listing.digest(),
        share_bps: 500,
        salt: 1,
    });
    let signed = sign(header, &tail, &key);
    Manifest::open(&signed, &trust, "wallet", "dev").expect("a valid manifest");
    let value = Value {
        current: &signed,
        fallback: &signed,
    }
    .join();
    let listing = snapshot.listing.to_object();
    let shard = &snapshot.objects[&snapshot.listing.id_shards[0]];
    let tail_bytes = tail.encode();
    let header = Header::decode(
        envelope::Envelope::split(&signed)
            .expect("an envelope")
            .header,
    )
    .expect("a header");
    let mut random = StdRng::seed_from_u64(13);
    for _ in 0..count() {
        let bytes = mutate(&mut random, &signed);
        assert!(bytes == signed || Manifest::open(&bytes, &trust, "wallet", "dev").is_err());
        let bytes = mutate(&mut random, &value);
        let _ = Value::split(&bytes);
        let bytes = mutate(&mut random, &listing);
        let _ = Listing::from_object(&bytes, Kind::Snapshot.digest(&bytes));
        let bytes = mutate(&mut random, &tail_bytes);
        let _ = Tail::decode(&bytes, &header);
        let bytes = mutate(&mut random, shard);
        if let Ok(shard) = IdShard::open(bytes.clone(), Kind::Ids.digest(&bytes), "wallet", 0) {
            let _ = shard.contains(1, 2);
        }
    }
}
