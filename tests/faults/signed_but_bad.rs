//! Releases that are genuine by signature and digest, and bad in meaning: one higher sequence whose
//! manifest, listing, chunk or id shard is wrong in one way. Whatever it is, the release before answers.

use ed25519_dalek::Signer;
use skyful::limits;
use skyful::manifest::envelope::{Envelope, Gray, Value, signed_message};
use skyful::manifest::sign::full_release;
use skyful::manifest::{Header, Tail};
use skyful::snapshot::{Digest, Kind, Listing, Object};
use skyful_edge::memory::MemoryStore;
use skyful_edge::{Config, Edge, Facts, Request};

use crate::books::{self, ENV, Edition, Visitor, WORKSPACE, keys, library};
use crate::dice::Dice;

const CASES: u64 = 1_000;
const START_MS: i64 = 1_800_000_000_000;
const VISITOR: Visitor = Visitor { unit: 3, age: 67 };

/// A release in the making: whatever is put into it is signed.
struct Draft {
    header: Header,
    tail: Tail,
    objects: Vec<(String, Vec<u8>)>,
}

impl Draft {
    fn new(edition: &Edition) -> Self {
        let listing = edition.listing().clone();
        Self {
            header: full_release(WORKSPACE, ENV, 2, START_MS),
            tail: Tail {
                stable: listing,
                gray: None,
                allow: Vec::new(),
            },
            objects: Vec::new(),
        }
    }

    /// Signs a header and a tail after their bytes were changed.
    fn sign(
        mut self,
        change_tail: impl FnOnce(&mut Vec<u8>),
        change_header: impl FnOnce(&mut Vec<u8>),
    ) -> Vec<u8> {
        let key = books::key(books::PUBLISHER);
        let mut tail = self.tail.encode();
        change_tail(&mut tail);
        self.header.key_id = skyful::manifest::key_id(&key.verifying_key());
        if self.header.stable == Digest::NONE {
            self.header.stable = self.tail.stable.digest();
        }
        self.header.tail_root = Tail::root(&tail);
        let mut header = self.header.encode();
        change_header(&mut header);
        let signature = key.sign(&signed_message(&header)).to_bytes();
        Envelope {
            header: &header,
            signature: &signature,
            tail: &tail,
        }
        .join()
    }

    fn plain(self) -> Vec<u8> {
        self.sign(|_| (), |_| ())
    }

    /// Puts other bytes in place of the page's chunk, under their right digest.
    fn chunk(&mut self, page: &str, bytes: Vec<u8>) {
        let old = self.tail.stable.chunk(page, 0).expect("the page");
        let new = Kind::Page.digest(&bytes);
        for entry in &mut self.tail.stable.pages {
            if entry.chunk == old {
                entry.chunk = new;
            }
        }
        self.tail.stable.pages.sort_unstable();
        self.objects.push((keys().object(&new), bytes));
    }

    fn shard(&mut self, bytes: Vec<u8>) {
        let new = Kind::Ids.digest(&bytes);
        self.tail.stable.id_shards = vec![new];
        self.objects.push((keys().object(&new), bytes));
    }
}

fn digest(dice: &mut Dice) -> Digest {
    let (a, b) = (dice.bytes(), dice.bytes());
    Digest(std::array::from_fn(|at| {
        if at < 16 { a[at] } else { b[at - 16] }
    }))
}

/// A manifest that must not be admitted.
fn bad_manifest(kind: u64, mut draft: Draft, dice: &mut Dice) -> Vec<u8> {
    let listing = &mut draft.tail.stable;
    match kind {
        0 => {
            let share_bps = dice.between(10_001, i64::from(u32::MAX)) as u32;
            let snapshot = listing.digest();
            draft.tail.gray = Some(listing.clone());
            draft.header.gray = Some(Gray {
                snapshot,
                share_bps,
                salt: 1,
            });
        }
        1 => draft.header.sequence = *dice.of(&[0, 1 << 52, u64::MAX]),
        2 => listing.pages.swap(0, 1),
        3 => listing.id_shards = vec![listing.id_shards[0]; *dice.of(&[3, 5, 7])],
        4 => listing.id_shards = vec![listing.id_shards[0]; 8_192],
        5 => listing.ofrep = vec!["home".into(); 9 + dice.below(90) as usize],
        6 => listing.workspace = "other".into(),
        7 => draft.tail.allow = (0..257 + dice.below(99)).collect(),
        8 => listing.locales.supported = (0..65 + dice.below(9)).map(|n| format!("x{n}")).collect(),
        9 => draft.header.stable = digest(dice),
        10 => {
            // The header promises a gray listing that isn't there, or another one.
            let snapshot = digest(dice);
            draft.header.gray = Some(Gray {
                snapshot,
                share_bps: 1,
                salt: 1,
            });
            draft.tail.gray = dice.permille(500).then(|| listing.clone());
        }
        11 => draft.tail.gray = Some(listing.clone()),
        12 => {
            let many = listing.pages[0];
            listing.pages = vec![many; 2_000_000 / 48 + 1];
        }
        13 => {
            let byte = dice.between(1, 255) as u8;
            return draft.sign(|tail| tail.push(byte), |_| ());
        }
        14 => {
            let len = dice.below(200) as usize;
            return draft.sign(|tail| tail.truncate(len), |_| ());
        }
        15 => {
            let format = dice.between(1, 65_535) as u16;
            return draft.sign(|_| (), |h| h[4..6].copy_from_slice(&format.to_le_bytes()));
        }
        16 => {
            let mode = dice.between(4, 255) as u8;
            return draft.sign(|_| (), |header| header[6] = mode);
        }
        17 => {
            let flags = dice.between(2, 255) as u8;
            return draft.sign(|_| (), |header| header[7] = flags);
        }
        18 => {
            let part = dice.below(1_000) as usize;
            return draft.sign(
                |_| (),
                |header| header.truncate(header.len() * part / 1_000),
            );
        }
        // Blank: every page would be unknown.
        19 => listing.pages.clear(),
        20 => {
            let mut blank = listing.clone();
            blank.pages.clear();
            let snapshot = blank.digest();
            draft.tail.gray = Some(blank);
            draft.header.gray = Some(Gray {
                snapshot,
                share_bps: 1,
                salt: 1,
            });
        }
        _ => {
            let more = 1 + dice.below(600) as usize;
            return draft.sign(|_| (), |header| header.resize(header.len() + more, 0));
        }
    }
    draft.plain()
}
const BAD_MANIFESTS: u64 = 22;

/// A sound manifest, and an object of the page that must not count.
fn bad_object(kind: u64, draft: &mut Draft, page: &str, dice: &mut Dice) {
    let stable: &Listing = &draft.tail.stable;
    let stored = |digest: &Digest| library().objects[&keys().object(digest)].clone();
    let chunk = stored(&stable.chunk(page, 0).expect("the page"));
    let other = stored(&stable.chunk("steady", 0).expect("another page"));
    let shard = stored(&stable.id_shards[0]);
    let decoded = Object::decode(&chunk).expect("a chunk");
    let ids = Object::decode(&shard).expect("a shard");
    let changed = |change: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut bytes = chunk.clone();
        change(&mut bytes);
        bytes
    };
    let lists = page == "lists";
    let bytes = match kind {
        0 => other,
        1 => Object {
            workspace: "other",
            ..decoded
        }
        .encode(),
        2 => Object {
            kind: *dice.of(&[Kind::Ids, Kind::Snapshot]),
            ..decoded
        }
        .encode(),
        3 => {
            let format = dice.between(1, 65_535) as u16;
            changed(&mut |bytes| bytes[4..6].copy_from_slice(&format.to_le_bytes()))
        }
        4 => {
            let flags = dice.between(1, 255) as u8;
            changed(&mut |bytes| bytes[7] = flags)
        }
        5 => {
            let body = vec![0; limits::OBJECT_BYTES + dice.below(99) as usize];
            Object {
                body: &body,
                ..decoded
            }
            .encode()
        }
        6 => {
            let len = dice.below(decoded.body.len() as u64) as usize;
            let body = &decoded.body[..len];
            Object { body, ..decoded }.encode()
        }
        7 => Vec::new(),
        8 => {
            let len = dice.below(chunk.len() as u64) as usize;
            changed(&mut |bytes| bytes.truncate(len))
        }
        // Blank: right in everything but without a body, or with nothing in it.
        9 => {
            let body = vec![0; dice.below(2_000) as usize];
            Object {
                body: &body,
                ..decoded
            }
            .encode()
        }
        10 if lists => {
            let name = dice.between(1, 9_999).to_string();
            let name = name.as_str();
            return draft.shard(Object { name, ..ids }.encode());
        }
        11 if lists => {
            return draft.shard(
                Object {
                    workspace: "other",
                    ..ids
                }
                .encode(),
            );
        }
        12 if lists => {
            let len = dice.below(ids.body.len() as u64) as usize;
            let body = &ids.body[..len];
            return draft.shard(Object { body, ..ids }.encode());
        }
        13 if lists => {
            let mut body = ids.body.to_vec();
            let lists = *dice.of(&[10_001, u32::MAX, 2, 3]);
            body[..4].copy_from_slice(&lists.to_le_bytes());
            return draft.shard(Object { body: &body, ..ids }.encode());
        }
        14 if lists => return draft.shard(other),
        _ => shard,
    };
    draft.chunk(page, bytes);
}
const BAD_OBJECTS: u64 = 16;

/// Asks a page, and wants release 1 whole.
fn wants_the_one_before(edge: &Edge, store: &MemoryStore, page: &str, behind: bool, case: &str) {
    let path = format!("/v1/pages/{page}");
    let request = Request {
        method: "GET",
        path: &path,
        query: "unit=u-3&attr.age=67",
        header: &|_| None,
        body: &[],
        facts: Facts::default(),
    };
    let response = crate::visits::finish(edge.handle(store, request, START_MS + 60_000, [1; 16]));
    assert_eq!(response.status, 200, "{case}");
    assert_eq!(
        response.header("skyful-behind"),
        behind.then_some("2"),
        "{case}"
    );
    let json: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(json["release"]["sequence"], 1, "{case}: {json}");
    let expected = library().editions[0].expected(page, &VISITOR, false);
    assert_eq!(crate::check::contents(&json), expected, "{case}");
}

#[test]
fn what_is_signed_but_bad_never_counts() {
    let mut dice = Dice::new(2);
    let (good, next) = (&library().editions[0], &library().editions[5]);
    let first = Draft {
        header: full_release(WORKSPACE, ENV, 1, START_MS),
        ..Draft::new(good)
    }
    .plain();
    for case in 0..CASES {
        let page = *dice.of(&["home", "lists"]);
        let kind = case % (BAD_MANIFESTS + BAD_OBJECTS);
        let mut draft = Draft::new(next);
        let name = format!("case {case}, kind {kind}, page {page}");
        let store = MemoryStore::default();
        for (key, bytes) in &library().objects {
            store.insert(key.clone(), bytes.clone());
        }
        let value = |current: &[u8], fallback: &[u8]| Value { current, fallback }.join();
        store.insert(keys().manifest(), value(&first, &[]));
        store.insert(keys().settled(), first.clone());
        let edge = || Edge::new(Config::new(WORKSPACE, ENV, books::trust())).expect("an edge");
        let warm = edge();
        crate::visits::finish(warm.refresh(&store, START_MS, [0; 16]));
        let bad = if kind < BAD_MANIFESTS {
            bad_manifest(kind, draft, &mut dice)
        } else {
            bad_object(kind - BAD_MANIFESTS, &mut draft, page, &mut dice);
            let objects = std::mem::take(&mut draft.objects);
            for (key, bytes) in objects {
                store.insert(key, bytes);
            }
            draft.plain()
        };
        store.insert(keys().manifest(), value(&bad, &first));
        let admitted = kind >= BAD_MANIFESTS;
        wants_the_one_before(&warm, &store, page, admitted, &format!("{name}, warm"));
        // A cold one has the fallback, or `settled` where the manifest is refused; no own copy.
        store.forget();
        wants_the_one_before(&edge(), &store, page, admitted, &format!("{name}, cold"));
    }
}
