//! What the fuzzers begin with: the documents of the vectors, which have every feature in few bytes, a few generated
//! ones, and what they compile to. Made anew when the format changes (`scripts/fuzz seeds`).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use skyful::compile::Snapshot;
use skyful::manifest::sign::full_release;
use skyful::manifest::{Tail, envelope};
use skyful::snapshot::records::{AUTOMATA, Operator, Predicate, Rule, SlotArrangement};
use skyful::snapshot::table::Record;
use skyful::snapshot::{Kind, Object};

use super::surgery::Parts;
use super::{decode, release, request, resolve};
use crate::generate::{batch, long};
use crate::product;
use crate::reader::Files;
use crate::vectors::{self, Ask};

/// Inputs of every target by `<target>/<name>`.
pub type Seeds = BTreeMap<String, Vec<u8>>;

/// Larger ones are left out: the fuzzers are slow with them, and a corpus is small.
const CHUNK_BYTES: usize = 3_500;
const DOCUMENT_BYTES: usize = 3_000;
const REQUESTS: usize = 24;
/// Only lists of more than 512 plans have postings, and more than one block of bits.
const LONG: usize = 520;

/// All seeds: those with something that no smaller one has.
pub fn seeds() -> Seeds {
    let mut documents: Vec<(String, Value, Files)> = Vec::new();
    let mut requests = Vec::new();
    for topic in vectors::load(&vectors::folder()) {
        let name = topic.file.trim_end_matches(".json").to_owned();
        for (number, vector) in topic.vectors.iter().enumerate() {
            let Ask::Resolve(ask) = &vector.ask else {
                continue;
            };
            if documents.iter().all(|(_, known, _)| *known != ask.document) {
                let (document, files) = (ask.document.clone(), ask.files.clone());
                documents.push((format!("{name}-{number}"), document, files));
            }
            requests.push((request::JSON, ask.context_text.clone()));
            if let Some(query) = &ask.query {
                requests.push((request::QUERY, query.clone()));
            }
        }
    }
    for seed in 0..40 {
        let batch = batch(seed, 2);
        documents.push((format!("generated-{seed}"), batch.document, batch.files));
        requests.extend(
            batch
                .contexts
                .into_iter()
                .map(|(_, text)| (request::JSON, text)),
        );
    }
    documents.sort_by_key(|(_, document, _)| document.to_string().len());
    let mut seeds = Seeds::new();
    let mut features = BTreeSet::new();
    for (name, document, files) in &documents {
        add(&mut seeds, &mut features, name, document, files);
    }
    add_requests(&mut seeds, requests);
    add_long(&mut seeds);
    seeds.insert(
        String::from("decode/pass"),
        [
            &[decode::PASS][..],
            b"PUT\n/v1/manifest\n0123456789abcdef.00",
        ]
        .concat(),
    );
    seeds
}

fn add(
    seeds: &mut Seeds,
    features: &mut BTreeSet<(usize, u32)>,
    name: &str,
    document: &Value,
    files: &Files,
) {
    let Ok(snapshot) = product::snapshot(document, files) else {
        return;
    };
    let text = document.to_string();
    let mut new = false;
    for (digest, bytes) in &snapshot.objects {
        let object = Object::decode(bytes).expect("an object");
        if object.kind == Kind::Ids {
            seeds
                .entry(String::from("decode/shard"))
                .or_insert_with(|| [&[decode::SHARD], bytes.as_slice()].concat());
            continue;
        }
        if bytes.len() > CHUNK_BYTES || !brings(bytes, features) {
            continue;
        }
        new = true;
        let name = format!("{name}-{}", &digest.hex()[..4]);
        let chunk = [&[decode::CHUNK], bytes.as_slice()].concat();
        seeds.insert(format!("decode/{name}"), chunk);
        seeds.insert(format!("resolve/{name}"), resolve::input(&[1, 2, 3], bytes));
    }
    if new && text.len() <= DOCUMENT_BYTES {
        seeds.insert(format!("document/{name}"), text.into_bytes());
    }
    if let Entry::Vacant(slot) = seeds.entry(String::from("decode/release")) {
        slot.insert(Vec::new());
        add_releases(seeds, &snapshot);
    }
}

/// A list that is just long enough to be indexed as one, in as few bytes as that takes.
fn add_long(seeds: &mut Seeds) {
    let mut batch = long::long_list(4, 1);
    batch.document["segments"]["near"]["rule"] = json!({"attr": "age", "op": "lt", "value": 12});
    let modules = &mut batch.document["modules"];
    modules["long"]["default"]["content"] = json!({});
    let plans = modules["long"]["plans"].as_array_mut().expect("plans");
    plans.truncate(LONG);
    for (number, plan) in plans.iter_mut().enumerate() {
        plan["content"] = json!({});
        // Zones are large, and the other seeds have them.
        plan.as_object_mut().map(|plan| plan.remove("schedule"));
        // The first have all that a list may have.
        if number > 60 {
            plan["audience"] =
                json!({"attr": "city", "op": "eq", "value": format!("c{}", number % 90)});
        }
    }
    let snapshot = product::snapshot(&batch.document, &batch.files).expect("a valid document");
    let mut pages = snapshot.objects.values();
    let is_page = |bytes: &&Vec<u8>| Object::decode(bytes).is_ok_and(|o| o.kind == Kind::Page);
    let page = pages.find(is_page).expect("a page");
    // Answering opens it first, so the other target needs none of its own.
    seeds.insert(
        String::from("resolve/long"),
        resolve::input(&[1, 2, 3], page),
    );
}

/// Whether a chunk has filled sections, operators or orderings that none before it had.
fn brings(bytes: &[u8], features: &mut BTreeSet<(usize, u32)>) -> bool {
    let parts = Parts::split(bytes).expect("a chunk");
    let mut found: Vec<(usize, u32)> = (AUTOMATA..parts.sections.len())
        .filter(|n| !parts.sections[*n].is_empty())
        .map(|n| (n, u32::MAX))
        .collect();
    let operator = |p: Predicate| {
        (
            Predicate::SECTION,
            p.operator.min(Operator::ContainsNone as u32),
        )
    };
    found.extend(parts.rows::<Predicate>().into_iter().map(operator));
    found.extend(
        parts
            .rows::<Rule>()
            .into_iter()
            .map(|r| (Rule::SECTION, r.kind)),
    );
    let placing = parts.rows::<SlotArrangement>().into_iter();
    found.extend(placing.map(|s| (SlotArrangement::SECTION, s.ordering)));
    let new = found
        .into_iter()
        .filter(|feature| features.insert(*feature));
    new.count() > 0
}

fn add_releases(seeds: &mut Seeds, snapshot: &Snapshot) {
    let listing = &snapshot.listing;
    let mut tail = Tail {
        stable: listing.clone(),
        gray: None,
        allow: vec![1, 2],
    };
    let mut header = full_release("wallet", "dev", 1, 0);
    header.workspace.clone_from(&listing.workspace);
    header.stable = listing.digest();
    let plain = (header.encode(), tail.encode());
    let mut other = listing.clone();
    other.pages.truncate(1);
    header.gray = Some(envelope::Gray {
        snapshot: other.digest(),
        share_bps: 500,
        salt: 1,
    });
    tail.gray = Some(other);
    let gray = (header.encode(), tail.encode());
    let mut insert = |name: &str, kind: u8, bytes: &[u8]| {
        seeds.insert(format!("decode/{name}"), [&[kind], bytes].concat());
    };
    insert(
        "release",
        decode::RELEASE,
        &release::input(&plain.0, &plain.1),
    );
    insert("gray", decode::RELEASE, &release::input(&gray.0, &gray.1));
    insert("listing", decode::LISTING, &listing.to_object());
    insert("header", decode::LOOSE, &gray.0);
    let value = envelope::Value {
        current: &plain.0,
        fallback: &gray.0,
    };
    insert("value", decode::VALUE, &value.join());
}

/// A few of each topic, spread over all of them, and what no vector is like.
fn add_requests(seeds: &mut Seeds, mut requests: Vec<(u8, String)>) {
    requests.sort_by_key(|(form, text)| (*form, text.len()));
    requests.dedup();
    let step = (requests.len() / REQUESTS).max(1);
    let odd = [
        r#"{"attributes":{"a":[[{"b":"\ud83d\ude00"}]],"c":-0.0e-7}}"#,
        r#"{"caps":{"group/x":{"count":3,"last":"2026-11-22T09:00:00.123+01:00"}},"explain":true}"#,
        r#"{"seen":["a"],"previous_unit":"u","have":"1.2","device":""}"#,
    ];
    let odd = odd.iter().map(|text| (request::JSON, (*text).to_owned()));
    let chosen = requests.into_iter().step_by(step).chain(odd);
    for (number, (form, text)) in chosen.enumerate() {
        let input = [&[form], text.as_bytes()].concat();
        seeds.insert(format!("request/{number:02}"), input);
    }
}
