//! Where a document changes its mind: the constants, instants, units and counters on its edges.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::TimeDelta;
use serde_json::Value;
use twox_hash::XxHash3_64;

use super::constraints::ZONES;
use super::draw::Draw;
use crate::reader::instant::{self, DAY};
use crate::reader::{Files, bucket, caps, schedule};

#[derive(Default)]
pub struct Edges {
    /// Values that rules compare an attribute with, lists taken apart.
    pub constants: BTreeMap<String, Vec<Value>>,
    pub instants: Vec<i64>,
    pub units: Vec<String>,
    pub listed: Vec<String>,
    pub counters: Vec<Counter>,
}

pub struct Counter {
    pub name: String,
    pub limit: u64,
    pub cooldown: Option<i64>,
}

pub fn edges(draw: &mut Draw, document: &Value, files: &Files) -> Edges {
    let mut edges = Edges::default();
    edges.walk(draw, document);
    edges.listed.extend(
        files
            .values()
            .flat_map(|text| text.lines())
            .map(str::to_owned),
    );
    let mut wanted = Wanted::default();
    for kind in ["page", "module"] {
        let owners = document[format!("{kind}s")]
            .as_object()
            .expect("pages, modules");
        for (owner, definition) in owners {
            for plan in definition["plans"].as_array().into_iter().flatten() {
                let name = format!("{kind}/{owner}/{}", plan["key"].as_str().expect("a key"));
                edges.counters_of(document, &name, plan);
                wanted.rollout(&name, plan);
            }
        }
    }
    for (key, experiment) in document["experiments"].as_object().into_iter().flatten() {
        wanted.experiment(key, experiment);
    }
    edges.units = wanted.units();
    edges.counters.sort_by(|a, b| a.name.cmp(&b.name));
    edges.counters.dedup_by(|a, b| a.name == b.name);
    edges
}

impl Edges {
    fn walk(&mut self, draw: &mut Draw, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.walk(draw, item)),
            Value::Object(fields) => {
                if let (Some(attribute), Some(value)) = (value["attr"].as_str(), value.get("value"))
                {
                    self.constant(attribute, value);
                }
                if let Some(list) = value["ids"]["list"].as_array() {
                    self.listed
                        .extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                if let Some(placement) = value.get("placement") {
                    self.placement(placement);
                }
                if let Some(schedule) = value.get("schedule") {
                    self.schedule(draw, schedule);
                }
                fields.values().for_each(|field| self.walk(draw, field));
            }
            _ => {}
        }
    }

    fn constant(&mut self, attribute: &str, value: &Value) {
        let known = self.constants.entry(attribute.to_owned()).or_default();
        match value {
            Value::Array(items) => known.extend(items.iter().cloned()),
            one => known.push(one.clone()),
        }
    }

    fn placement(&mut self, placement: &Value) {
        for (field, attribute) in [
            ("platforms", "platform"),
            ("channels", "channel"),
            ("min_app_version", "app_version"),
            ("max_app_version", "app_version"),
        ] {
            if let Some(value) = placement.get(field) {
                self.constant(attribute, value);
            }
        }
    }

    fn schedule(&mut self, draw: &mut Draw, schedule: &Value) {
        let zone = schedule::zone_of(schedule);
        let mut ends: Vec<i64> = ["from", "until"]
            .into_iter()
            .filter_map(|field| schedule::literal(schedule, zone, field))
            .collect();
        self.instants.extend(&ends);
        let changes = clock_changes(schedule["timezone"].as_str().unwrap_or("UTC"));
        if !changes.is_empty() {
            let change = *draw.pick(changes);
            self.instants.push(change);
            ends.push(change);
        }
        if ends.is_empty() {
            ends.push(instant::parse("2026-11-22T00:00:00Z").expect("RFC 3339"));
        }
        for window in schedule["weekly"].as_array().into_iter().flatten() {
            let (from, until) = schedule::edges(window);
            for _ in 0..4 {
                let near = *draw.pick(&ends) + draw.between(-3, 8) * DAY;
                let midnight = instant::wall_clock(zone, near).date().and_hms_opt(0, 0, 0);
                let minute = TimeDelta::minutes(*draw.pick(&[from, until]));
                let edge = midnight.expect("midnight") + minute;
                self.instants.extend(instant::instants_of(zone, edge));
            }
        }
    }

    fn counters_of(&mut self, document: &Value, name: &str, plan: &Value) {
        for (index, cap) in plan["caps"].as_array().into_iter().flatten().enumerate() {
            let (name, cap) = match cap["group"].as_str() {
                Some(group) => (format!("group/{group}"), &document["cap_groups"][group]),
                None => (format!("{name}#{index}"), cap),
            };
            self.counters.push(Counter {
                name,
                limit: cap["limit"].as_u64().unwrap_or(1),
                cooldown: cap["cooldown"].as_str().map(caps::duration),
            });
        }
    }
}

/// The instants at which a zone's clock changes, in some years of interest.
fn clock_changes(zone: &str) -> &'static [i64] {
    static ALL: LazyLock<BTreeMap<&str, Vec<i64>>> = LazyLock::new(|| {
        let of_year = |zone: &str, year: i64| {
            let from = instant::parse(&format!("{year}-01-01T00:00:00Z")).expect("RFC 3339");
            instant::transitions(instant::zone(zone), from, from + 366 * DAY)
        };
        let years = [2011, 2018, 2026, 2026, 2027, 2097];
        let of_zone = |zone| years.iter().flat_map(|&year| of_year(zone, year)).collect();
        ZONES.iter().map(|&zone| (zone, of_zone(zone))).collect()
    });
    ALL.get(zone).map_or(&[], Vec::as_slice)
}

/// A salt, and the ranges of its buckets that must hold a unit.
type Owned = (String, Vec<(u64, u64)>);

/// Buckets in which a unit is wanted.
#[derive(Default)]
struct Wanted {
    /// A salt, a bucket, and what else must own the unit.
    places: Vec<(String, u64, Option<Owned>)>,
}

impl Wanted {
    fn around(&mut self, salt: &str, edge: u64, also: Option<&Owned>) {
        for bucket in [edge.wrapping_sub(1), edge] {
            if bucket < bucket::OUTSIDE {
                self.places.push((salt.to_owned(), bucket, also.cloned()));
            }
        }
    }

    fn rollout(&mut self, name: &str, plan: &Value) {
        if let Some(rollout) = plan.get("rollout") {
            let own = format!("rollout/{name}");
            let salt = rollout["salt"].as_str().unwrap_or(&own);
            let share = rollout.as_u64().or(rollout["share"].as_u64());
            self.around(salt, share.expect("a share"), None);
        }
    }

    fn experiment(&mut self, key: &str, experiment: &Value) {
        let layer = format!("layer/{}", experiment["layer"].as_str().expect("a layer"));
        let mut owned = Vec::new();
        for range in experiment["buckets"].as_array().expect("buckets") {
            let (from, to) = (
                range[0].as_u64().expect("from"),
                range[1].as_u64().expect("to"),
            );
            self.around(&layer, from, None);
            self.around(&layer, to, None);
            owned.push((from, to));
        }
        let own = format!("experiment/{key}");
        let salt = experiment["salt"].as_str().unwrap_or(&own);
        let also = (layer, owned);
        let mut sum = 0;
        for variant in experiment["variants"].as_array().expect("variants") {
            sum += variant["weight"].as_u64().expect("a weight");
            self.around(salt, sum, Some(&also));
        }
    }

    fn units(&self) -> Vec<String> {
        // Hashed once for all documents: searching is most of the work of making contexts.
        static HASHES: LazyLock<Vec<u64>> = LazyLock::new(|| {
            let units = (0..50_000).map(|n| format!("u-{n}"));
            units
                .map(|unit| XxHash3_64::oneshot(unit.as_bytes()))
                .collect()
        });
        let place = |hash: u64, salt: u64| bucket::of_hash(bucket::finalize(hash ^ salt));
        let mut found = BTreeSet::new();
        for (salt, bucket, also) in &self.places {
            let salt = XxHash3_64::oneshot(salt.as_bytes());
            let owned = |hash: u64| {
                also.as_ref().is_none_or(|(salt, ranges)| {
                    let at = place(hash, XxHash3_64::oneshot(salt.as_bytes()));
                    ranges.iter().any(|&(from, to)| from <= at && at < to)
                })
            };
            found.extend(
                HASHES
                    .iter()
                    .position(|&hash| place(hash, salt) == *bucket && owned(hash)),
            );
        }
        found.into_iter().map(|n| format!("u-{n}")).collect()
    }
}
