//! A snapshot as a tree for people and programs: everything that can change an answer, under the names
//! that the document gave it. Both `inspect` and `diff` look at this tree, so what one shows the other
//! compares. Made from the compiled form on purpose: it is what edges will act on, and a document and a
//! snapshot directory become comparable.

mod content;
pub mod matters;
mod plans;
mod rules;
pub mod text;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use skyful::compile::Snapshot;
use skyful::snapshot::records::{
    Attribute, Experiment, Meta, Module, Segment, Slot, Source, Variant, Word,
};
use skyful::snapshot::{Chunk, DecodeError, Digest, IdShard, Kind, Object};
use skyful::value::Type;

/// A piece of the snapshot that is not what its name says.
pub type Broken = (Digest, DecodeError);

/// What only `inspect` shows, since it says nothing about answers.
pub const STORAGE: [&str; 3] = ["snapshot", "storage", "chunks"];

/// Leaves what is compared: what visitors can see or not see.
pub fn forget_storage(tree: &mut Value) {
    let pages = tree.get_mut("pages").and_then(Value::as_object_mut);
    for page in pages.into_iter().flat_map(|pages| pages.values_mut()) {
        remove(page, STORAGE);
    }
    remove(tree, STORAGE);
}

fn remove(value: &mut Value, names: [&str; 3]) {
    if let Value::Object(map) = value {
        names.iter().for_each(|name| _ = map.remove(*name));
    }
}

/// The whole tree. `only` keeps one page and what it places.
pub fn of(snapshot: &Snapshot, only: Option<&str>) -> Result<Value, Broken> {
    let mut outline = Outline::default();
    for entry in &snapshot.listing.pages {
        let bytes = object(snapshot, &entry.chunk);
        let chunk = open(snapshot, bytes, entry.chunk)?;
        let key = chunk.text(chunk.meta().page).to_owned();
        if only.is_some_and(|only| only != key) {
            continue;
        }
        outline.page(snapshot, &chunk, &key, entry.chunk);
    }
    let members = members(snapshot)?;
    for segment in outline.segments.values_mut() {
        name_members(segment, &members);
    }
    outline.modules.values_mut().for_each(content::fold);
    let locales = &snapshot.listing.locales;
    let fallback: Map<String, Value> = locales
        .fallback
        .iter()
        .map(|(from, to)| (from.clone(), json!(to)))
        .collect();
    let sizes = snapshot.objects.values().map(Vec::len);
    Ok(json!({
        "workspace": snapshot.listing.workspace,
        "snapshot": snapshot.listing.digest().to_string(),
        "storage": {
            "objects": snapshot.objects.len() + 1,
            "bytes": sizes.sum::<usize>() + snapshot.listing.to_object().len(),
            "id_shards": snapshot.listing.id_shards.len(),
        },
        "locales": {
            "default": locales.tag(locales.default),
            "supported": locales.supported,
            "fallback": fallback,
        },
        "ofrep": snapshot.listing.ofrep,
        "attributes": outline.attributes,
        "segments": outline.segments,
        "experiments": outline.experiments,
        "modules": outline.modules,
        "pages": outline.pages,
    }))
}

/// The keys of all pages.
pub fn pages(snapshot: &Snapshot) -> Result<Vec<String>, Broken> {
    let mut keys = Vec::new();
    for entry in &snapshot.listing.pages {
        let chunk = open(snapshot, object(snapshot, &entry.chunk), entry.chunk)?;
        keys.push(chunk.text(chunk.meta().page).to_owned());
    }
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

#[derive(Default)]
struct Outline {
    attributes: BTreeMap<String, Value>,
    segments: BTreeMap<String, Value>,
    experiments: BTreeMap<String, Value>,
    modules: BTreeMap<String, Value>,
    pages: BTreeMap<String, Value>,
}

impl Outline {
    /// A page that is split by locale comes once for each part; their contents are put together.
    fn page(&mut self, snapshot: &Snapshot, chunk: &Chunk, key: &str, digest: Digest) {
        for row in chunk.table::<Attribute>().iter() {
            let name = chunk.text(row.name).to_owned();
            self.attributes
                .entry(name)
                .or_insert_with(|| attribute(chunk, &row));
        }
        for row in chunk.table::<Segment>().iter() {
            let name = chunk.text(row.key).to_owned();
            let value = match row.rule.get() {
                Some(rule) => json!({ "rule": rules::rule(chunk, rule, 0) }),
                None => json!({ "ids": row.list }),
            };
            self.segments.entry(name).or_insert(value);
        }
        for row in chunk.table::<Experiment>().iter() {
            let name = chunk.text(row.key).to_owned();
            self.experiments
                .entry(name)
                .or_insert_with(|| experiment(chunk, &row));
        }
        let locales = &snapshot.listing.locales;
        for row in chunk.table::<Module>().iter() {
            let name = chunk.text(row.key).to_owned();
            let module = plans::module(chunk, &row, locales);
            match self.modules.get_mut(&name) {
                Some(known) => content::merge(known, module),
                None => _ = self.modules.insert(name, module),
            }
        }
        let tags: Vec<&str> = (0..)
            .zip(&locales.supported)
            .filter(|(bit, _)| chunk.meta().locale_mask >> bit & 1 == 1)
            .map(|(_, tag)| tag.as_str())
            .collect();
        let part =
            json!({"digest": digest.to_string(), "bytes": chunk.bytes().len(), "locales": tags});
        match self.pages.get_mut(key) {
            Some(known) => {
                if let Some(parts) = known.get_mut("chunks").and_then(Value::as_array_mut) {
                    parts.push(part);
                }
            }
            None => _ = self.pages.insert(key.to_owned(), page(chunk, &part)),
        }
    }
}

fn page(chunk: &Chunk, part: &Value) -> Value {
    let meta: &Meta = chunk.meta();
    let slots: Vec<Value> = chunk
        .table::<Slot>()
        .iter()
        .map(|slot| json!({"key": chunk.text(slot.key), "max": slot.max}))
        .collect();
    let plans: Vec<Value> = chunk
        .rows(meta.plans)
        .map(|plan| plans::page_plan(chunk, &plan))
        .collect();
    json!({
        "slots": slots,
        "plans": plans,
        "default": plans::arrangement(chunk, meta.default_arrangement),
        "chunks": [part],
    })
}

fn attribute(chunk: &Chunk, row: &Attribute) -> Value {
    let kind = u8::try_from(row.kind).ok().and_then(Type::from_u8);
    let mut out = json!({"type": kind.map_or("", Type::name)});
    let from = match Source::from_code(row.source) {
        Some(Source::EdgeCountry) => "edge.country".to_owned(),
        Some(Source::EdgeRegion) => "edge.region".to_owned(),
        Some(Source::EdgeIp) => "edge.ip".to_owned(),
        Some(Source::Header) => format!("header.{}", chunk.text(row.header)),
        Some(Source::Signed) => "signed".to_owned(),
        Some(Source::Request) | None => String::new(),
    };
    if !from.is_empty() {
        out["from"] = json!(from);
    }
    let values: Vec<&str> = chunk
        .rows::<Word>(row.values)
        .map(|word| chunk.text(word.text))
        .collect();
    if !values.is_empty() {
        out["values"] = json!(values);
    }
    let bound = |bits: i64| match kind {
        Some(Type::Number) => json!(f64::from_bits(bits.cast_unsigned())),
        _ => json!(bits),
    };
    let (least, most) = match kind {
        Some(Type::Number) => (f64::MIN.to_bits(), f64::MAX.to_bits()),
        _ => (i64::MIN.cast_unsigned(), i64::MAX.cast_unsigned()),
    };
    if row.min.cast_unsigned() != least {
        out["min"] = bound(row.min);
    }
    if row.max.cast_unsigned() != most {
        out["max"] = bound(row.max);
    }
    out
}

fn experiment(chunk: &Chunk, row: &Experiment) -> Value {
    let buckets: Vec<[u32; 2]> = chunk.rows(row.ranges).map(|r| [r.from, r.to]).collect();
    let mut below = 0;
    let variants: Vec<Value> = chunk
        .rows::<Variant>(row.variants)
        .map(|variant| {
            let weight = variant.upto_bps.saturating_sub(below);
            below = variant.upto_bps;
            json!({"key": chunk.text(variant.key), "weight": weight})
        })
        .collect();
    json!({
        "by": plans::subject(row.by),
        "buckets": buckets,
        "variants": variants,
        "layer_salt": format!("{:016x}", row.layer_salt),
        "salt": format!("{:016x}", row.salt),
    })
}

/// Of each id list: how many members, and one hash of them all.
fn members(snapshot: &Snapshot) -> Result<BTreeMap<u64, (usize, u64)>, Broken> {
    let mut lists: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
    for (number, digest) in (0..).zip(&snapshot.listing.id_shards) {
        let bytes = object(snapshot, digest).to_vec();
        let shard = IdShard::open(bytes, *digest, &snapshot.listing.workspace, number)
            .map_err(|error| (*digest, error))?;
        for (list, hashes) in shard.lists() {
            let known = lists.entry(list).or_default();
            known.0 += hashes.len();
            // Members are hashes already, so a sum of them names the set well enough to compare.
            known.1 = hashes.iter().fold(known.1, |sum, hash| {
                sum.wrapping_add(u64::from_le_bytes(*hash))
            });
        }
    }
    Ok(lists)
}

fn name_members(segment: &mut Value, members: &BTreeMap<u64, (usize, u64)>) {
    let Some(list) = segment.get("ids").and_then(Value::as_u64) else {
        return;
    };
    let (count, sum) = members.get(&list).copied().unwrap_or_default();
    *segment = json!({"ids": count, "members": format!("{sum:016x}")});
}

fn object<'a>(snapshot: &'a Snapshot, digest: &Digest) -> &'a [u8] {
    snapshot.objects.get(digest).map_or(&[], Vec::as_slice)
}

/// Opens a chunk whose page is not known yet: its header names it.
fn open(snapshot: &Snapshot, bytes: &[u8], digest: Digest) -> Result<Chunk, Broken> {
    let object = Object::open(bytes, Kind::Page, digest).map_err(|error| (digest, error))?;
    let page = object.name.to_owned();
    Chunk::open(bytes.to_vec(), digest, &snapshot.listing.workspace, &page)
        .map_err(|error| (digest, error))
}
