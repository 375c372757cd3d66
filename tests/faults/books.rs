//! What was really published: the editions, the manifests, and what must stand on a page by them. The
//! checks believe this record, and nothing that an edge says or reads by itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use skyful::check::{self, check};
use skyful::compile::compile;
use skyful::ids::IdKey;
use skyful::manifest::envelope::{Gray, Value};
use skyful::manifest::sign::{full_release, sign};
use skyful::manifest::{Keys, Mode, Tail, TrustSet};
use skyful::snapshot::{Digest, Listing};
use skyful_tests::reader::bucket;

pub const WORKSPACE: &str = "wallet";
pub const ENV: &str = "prod";
/// How long a manifest has to be stored before it is a fallback.
pub const SETTLE_MS: i64 = 600_000;
pub const PAGES: [&str; 5] = ["extra", "gone", "home", "lists", "steady"];
pub const UNITS: u64 = 30;
const EDITIONS: usize = 9;

/// A snapshot, as its author knows it.
pub struct Edition {
    number: usize,
    /// As it stands in answers.
    pub name: String,
    listing: Listing,
    /// Where the chunk of each page that it has is stored.
    chunks: BTreeMap<&'static str, String>,
    shard: String,
}

/// All editions, and what is genuine under every key of an object.
pub struct Library {
    pub editions: Vec<Edition>,
    pub objects: BTreeMap<String, Vec<u8>>,
}

pub fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let mut objects = BTreeMap::new();
        let editions = (0..EDITIONS)
            .map(|number| Edition::compile(number, &mut objects))
            .collect();
        Library { editions, objects }
    })
}

pub fn keys() -> Keys {
    Keys::new(WORKSPACE, ENV)
}

impl Edition {
    /// The text that every content of a page carries. Pages change at different editions, so that
    /// editions share chunks; `extra` comes later, `gone` comes and goes.
    fn mark(number: usize, page: &str) -> Option<String> {
        match page {
            "home" => Some(format!("home {number}")),
            "lists" => Some(format!("lists {}", number / 2)),
            "steady" => Some("steady".into()),
            "extra" if number >= 3 => Some(format!("extra {}", number / 3)),
            "gone" if number.is_multiple_of(2) => Some(format!("gone {}", number / 4)),
            _ => None,
        }
    }

    /// Whom the id list of this edition names. Editions that share the chunk of `lists` differ in it.
    fn lists(number: usize, unit: u64) -> bool {
        (unit + number as u64).is_multiple_of(3)
    }

    fn compile(number: usize, objects: &mut BTreeMap<String, Vec<u8>>) -> Self {
        let read_file = |_: &str| Err(String::from("no files"));
        let options = check::Options {
            now_ms: None,
            read_file: &read_file,
        };
        let checked = check(document(number).to_string().as_bytes(), &options);
        let workspace = checked
            .workspace
            .unwrap_or_else(|| panic!("{:#?}", checked.problems));
        let snapshot = compile(&workspace, &mut |_, _| {}).expect("an edition compiles");
        let key = |digest: &Digest| keys().object(digest);
        for (digest, bytes) in &snapshot.objects {
            objects.insert(key(digest), bytes.clone());
        }
        let chunk = |page: &'static str| Some((page, key(&snapshot.listing.chunk(page, 0)?)));
        Self {
            number,
            name: snapshot.listing.digest().to_string(),
            chunks: PAGES.into_iter().filter_map(chunk).collect(),
            shard: key(&snapshot.listing.id_shards[0]),
            listing: snapshot.listing,
        }
    }

    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    pub fn has(&self, page: &str) -> bool {
        self.chunks.contains_key(page)
    }

    /// Keys of what an answer for this page is made of.
    pub fn needs(&self, page: &str) -> Vec<&str> {
        let shard = (page == "lists").then_some(self.shard.as_str());
        let chunk = self.chunks.get(page).map(String::as_str);
        chunk.into_iter().chain(shard).collect()
    }

    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.chunks.values().chain([&self.shard])
    }

    /// The page's plan, then `module plan mark` of each module.
    pub fn expected(&self, page: &str, asked: &Visitor, defaults_only: bool) -> Vec<String> {
        let mark = Self::mark(self.number, page).unwrap_or_default();
        let senior = asked.age >= 60 && !defaults_only;
        let listed = page == "lists" && Self::lists(self.number, asked.unit) && !defaults_only;
        let top = match (listed, senior) {
            (true, _) => "listed",
            (false, true) => "senior",
            (false, false) => "default",
        };
        let plan = if senior { "senior" } else { "default" };
        vec![
            plan.into(),
            format!("{page}_top {top} {mark}, {top}"),
            format!("{page}_low default {mark}, low"),
        ]
    }
}

fn document(number: usize) -> Json {
    let ids: Vec<String> = (0..UNITS)
        .filter(|unit| Edition::lists(number, *unit))
        .map(unit_name)
        .collect();
    let mut modules = serde_json::Map::new();
    let mut pages = serde_json::Map::new();
    let senior = json!({"attr": "age", "op": "gte", "value": 60});
    for page in PAGES {
        let Some(mark) = Edition::mark(number, page) else {
            continue;
        };
        let content = |what: &str| json!({"mark": format!("{mark}, {what}")});
        let mut plans = vec![];
        if page == "lists" {
            plans.push(json!({"key": "listed", "audience": {"segment": "listed"}, "content": content("listed")}));
        }
        plans.push(json!({"key": "senior", "audience": senior, "content": content("senior")}));
        let top =
            json!({"type": "card", "default": {"content": content("default")}, "plans": plans});
        modules.insert(format!("{page}_top"), top);
        let low = json!({"type": "card", "default": {"content": content("low")}});
        modules.insert(format!("{page}_low"), low);
        let shown = json!({"top": [format!("{page}_top")], "low": [format!("{page}_low")]});
        let plan = json!({"key": "senior", "audience": senior, "modules": shown});
        let slots = json!([{"key": "top"}, {"key": "low"}]);
        pages.insert(
            page.into(),
            json!({"slots": slots, "default": {"modules": shown}, "plans": [plan]}),
        );
    }
    json!({
        "skyful": 1, "workspace": WORKSPACE,
        "locales": {"default": "en", "supported": ["en"]},
        "attributes": {"age": {"type": "integer"}},
        "segments": {"listed": {"ids": {"list": ids}}},
        "module_types": {"card": {"schema": {"type": "object"}}},
        "modules": modules, "pages": pages,
    })
}

pub fn unit_name(unit: u64) -> String {
    format!("u-{unit}")
}

/// What an answer depends on, besides the release.
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    pub unit: u64,
    pub age: u32,
}

#[derive(Clone)]
pub struct GrayShare {
    pub edition: usize,
    pub share_bps: u32,
    /// The salt is the hash of this text.
    pub salt: String,
    pub allow: Vec<u64>,
}

/// What a release says.
#[derive(Clone)]
pub struct Release {
    pub sequence: u64,
    pub mode: Mode,
    pub no_fallback: bool,
    pub stable: usize,
    pub gray: Option<GrayShare>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    Stable,
    Gray,
}

impl Release {
    pub fn track(&self, unit: u64) -> Track {
        let Some(gray) = self.gray.as_ref().filter(|_| self.mode == Mode::Run) else {
            return Track::Stable;
        };
        let bucket = bucket::bucket(Some(&unit_name(unit)), &gray.salt);
        if bucket < u64::from(gray.share_bps) || gray.allow.contains(&unit) {
            Track::Gray
        } else {
            Track::Stable
        }
    }

    pub fn edition(&self, track: Track) -> &'static Edition {
        let number = match (track, &self.gray) {
            (Track::Gray, Some(gray)) => gray.edition,
            _ => self.stable,
        };
        &library().editions[number]
    }

    pub fn editions(&self) -> impl Iterator<Item = &'static Edition> {
        let gray = self.gray.as_ref().map(|gray| gray.edition);
        let numbers = [Some(self.stable), gray];
        numbers
            .into_iter()
            .flatten()
            .map(|number| &library().editions[number])
    }

    pub fn sign(&self, workspace: &str, env: &str, key: &SigningKey) -> Vec<u8> {
        let listing = |number: usize| {
            let mut listing = library().editions[number].listing.clone();
            listing.workspace = workspace.into();
            listing
        };
        let mut header = full_release(workspace, env, self.sequence, 1_700_000_000_000);
        header.mode = self.mode;
        header.no_fallback = self.no_fallback;
        header.gray = self.gray.as_ref().map(|gray| Gray {
            snapshot: Digest::NONE,
            share_bps: gray.share_bps,
            // A bucket of the second reader's is asked by text, so the salt is that text's hash.
            salt: skyful::bucket::SaltHash::of(&gray.salt).0,
        });
        let id = IdKey::of_workspace(workspace);
        let allow = self.gray.iter().flat_map(|gray| &gray.allow);
        let tail = Tail {
            stable: listing(self.stable),
            gray: self.gray.as_ref().map(|gray| listing(gray.edition)),
            allow: allow.map(|unit| id.hash(&unit_name(*unit))).collect(),
        };
        sign(header, &tail, key)
    }
}

/// The publisher's key signs any era, the retired one only era 0, the thief's is unknown.
pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}
pub const PUBLISHER: u8 = 1;
pub const RETIRED: u8 = 2;
pub const THIEF: u8 = 3;

pub fn trust() -> TrustSet {
    let hex = |seed| Digest(key(seed).verifying_key().to_bytes()).hex();
    TrustSet::parse(&format!("{} {}:0", hex(PUBLISHER), hex(RETIRED))).expect("two keys")
}

/// Every manifest that was ever issued.
#[derive(Default)]
pub struct Books {
    pub issued: BTreeMap<u64, Release>,
    pub envelopes: BTreeMap<u64, Vec<u8>>,
    by_envelope: HashMap<Vec<u8>, u64>,
    /// When delivery first saw it stored.
    pub delivered_ms: BTreeMap<u64, i64>,
}

/// What a genuine value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub current: u64,
    pub fallback: Option<u64>,
    /// A fallback was there, and isn't readable.
    pub damaged: bool,
}

impl Books {
    pub fn issue(&mut self, release: Release) -> u64 {
        let sequence = release.sequence;
        let envelope = release.sign(WORKSPACE, ENV, &key(PUBLISHER));
        self.by_envelope.insert(envelope.clone(), sequence);
        self.envelopes.insert(sequence, envelope);
        self.issued.insert(sequence, release);
        sequence
    }

    pub fn head(&self) -> u64 {
        self.issued.keys().next_back().copied().unwrap_or(0)
    }

    pub fn value(&self, current: u64, fallback: Option<u64>) -> Vec<u8> {
        let fallback = fallback.map_or(&[][..], |sequence| &self.envelopes[&sequence]);
        Value {
            current: &self.envelopes[&current],
            fallback,
        }
        .join()
    }

    pub fn envelope(&self, bytes: &[u8]) -> Option<u64> {
        self.by_envelope.get(bytes).copied()
    }

    /// Read by hand and compared byte by byte with what was issued: the edge's own verification must
    /// agree, and has no part in it. Magic, format 0 and flags 0, length, current, fallback.
    pub fn shown(&self, bytes: &[u8]) -> Option<Shown> {
        let rest = bytes.strip_prefix(b"SKYV\0\0\0\0")?;
        let (len, rest) = rest.split_first_chunk()?;
        let (current, fallback) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        let current = self.envelope(current)?;
        let found = self.envelope(fallback).filter(|found| *found < current);
        Some(Shown {
            current,
            fallback: found,
            damaged: found.is_none() && !fallback.is_empty(),
        })
    }

    /// Stored for as long as a settled one has to be.
    pub fn settled(&self, sequence: u64, now_ms: i64) -> bool {
        self.delivered_ms
            .get(&sequence)
            .is_some_and(|at| at + SETTLE_MS <= now_ms)
    }

    pub fn newest_settled_below(&self, sequence: u64, now_ms: i64) -> Option<u64> {
        self.delivered_ms
            .range(..sequence)
            .rev()
            .map(|(settled, _)| *settled)
            .find(|settled| self.settled(*settled, now_ms))
    }
}
