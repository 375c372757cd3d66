//! Layers and experiments: who owns which buckets.

use std::collections::{BTreeMap, HashMap};

use super::at::At;
use super::names::NameKind;
use super::reader::Reader;
use super::{caps, plans, shapes};
use crate::limits;
use crate::model::{Experiment, Layer};

pub(crate) fn layer(r: &mut Reader<'_>, at: &At<'_>) -> Option<Layer> {
    let object = r.object(at, shapes::LAYER)?;
    let holdout = object.get("holdout").map(|at| range(r, &at));
    Some(Layer {
        holdout: plans::given(holdout)?,
    })
}

pub(crate) fn experiment(r: &mut Reader<'_>, at: &At<'_>) -> Option<Experiment> {
    let object = r.object(at, shapes::EXPERIMENT)?;
    r.description(object);
    let layer = object.get("layer").map(|at| layer_name(r, &at));
    let buckets = object.get("buckets").map(|at| ranges(r, &at));
    let variants = object.get("variants").map(|at| variants(r, &at));
    let metrics = object.get("metrics").map(|at| metrics(r, &at));
    let salt = plans::salt(r, object);
    let by = caps::subject(r, object);
    Some(Experiment {
        layer: layer??,
        buckets: buckets??,
        variants: variants??,
        metrics: plans::given(metrics)?.unwrap_or_default(),
        salt: salt?,
        by: by?,
    })
}

fn layer_name(r: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let key = r.reference(at, NameKind::Layer)?;
    Some(key.to_owned())
}

fn range(r: &mut Reader<'_>, at: &At<'_>) -> Option<(u32, u32)> {
    let mut ends = Vec::new();
    let mut whole = true;
    for item in r.list(at, "two buckets", limits::LIST_VALUES)? {
        match r.whole_in(&item, "a bucket", 0..=limits::BASIS_POINTS) {
            Some(end) => ends.push(end),
            None => whole = false,
        }
    }
    match *ends {
        [from, to] if from < to => whole.then_some((from, to)),
        _ => {
            if whole {
                let message = "a range is [from, to) with from < to, for example [0, 5000]";
                r.error("invalid_value", at, message);
            }
            None
        }
    }
}

fn ranges(r: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<(u32, u32)>> {
    let mut out = Vec::new();
    let mut whole = true;
    for item in r.list(at, "bucket ranges", limits::BUCKET_RANGES)? {
        match range(r, &item) {
            Some(range) => out.push(range),
            None => whole = false,
        }
    }
    if out.is_empty() && whole {
        let message = "an experiment owns at least one range of buckets";
        r.error("invalid_value", at, message);
        return None;
    }
    out.sort_unstable();
    whole.then_some(out)
}

fn variants(r: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<(String, u32)>> {
    let mut out = Vec::new();
    let mut whole = true;
    let mut keys = HashMap::new();
    for item in r.list(at, "variants", limits::VARIANTS)? {
        let Some(object) = r.object(&item, shapes::VARIANT) else {
            whole = false;
            continue;
        };
        let key = object.get("key").and_then(|at| {
            let key = r.key_value(&at, "a variant")?;
            plans::unique(r, &at, key, &mut keys, "variant");
            Some(key)
        });
        let weight = object
            .get("weight")
            .and_then(|at| r.whole_in(&at, "a weight", 0..=limits::BASIS_POINTS));
        match (key, weight) {
            (Some(key), Some(weight)) => out.push((key.to_owned(), weight)),
            _ => whole = false,
        }
    }
    let sum: u64 = out.iter().map(|(_, weight)| u64::from(*weight)).sum();
    if whole && sum != u64::from(limits::BASIS_POINTS) {
        let message = format!(
            "the weights of all variants must add up to {}, not {sum}",
            limits::BASIS_POINTS
        );
        r.error_intro("weights_sum", at, message);
        return None;
    }
    whole.then_some(out)
}

fn metrics(r: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut whole = true;
    let mut seen = HashMap::new();
    for item in r.list(at, "metrics", limits::METRICS)? {
        match r.key_value(&item, "a metric") {
            Some(metric) => {
                whole &= plans::unique(r, &item, metric, &mut seen, "metric");
                out.push(metric.to_owned());
            }
            None => whole = false,
        }
    }
    whole.then_some(out)
}

/// From, to, and the experiment; the holdout has no key.
type Owned<'e> = (u32, u32, Option<&'e str>);

/// No bucket of a layer belongs to two: experiments, or an experiment and the holdout.
pub(crate) fn overlaps(
    r: &mut Reader<'_>,
    root: &At<'_>,
    layers: &BTreeMap<String, Layer>,
    experiments: &BTreeMap<String, Experiment>,
) {
    let mut owned: BTreeMap<&str, Vec<Owned<'_>>> = BTreeMap::new();
    for (key, layer) in layers {
        if let Some((from, to)) = layer.holdout {
            owned.entry(key).or_default().push((from, to, None));
        }
    }
    for (key, experiment) in experiments {
        let ranges = experiment.buckets.iter();
        let ranges = ranges.map(|(from, to)| (*from, *to, Some(key.as_str())));
        owned.entry(&experiment.layer).or_default().extend(ranges);
    }
    for (layer, mut ranges) in owned {
        ranges.sort_unstable();
        let mut reported: Vec<(Option<&str>, Option<&str>)> = Vec::new();
        let mut furthest: Option<Owned<'_>> = None;
        for range in ranges {
            if let Some(before) = furthest
                && range.0 < before.1
                && !reported.contains(&(before.2, range.2))
            {
                reported.push((before.2, range.2));
                overlap(r, root, layer, before, range);
            }
            if furthest.is_none_or(|before| range.1 > before.1) {
                furthest = Some(range);
            }
        }
    }
}

/// Reported where the later one in the document owns its buckets.
fn overlap(r: &mut Reader<'_>, root: &At<'_>, layer: &str, a: Owned<'_>, b: Owned<'_>) {
    let name = |owner: Option<&str>| match owner {
        Some(key) => format!("the experiment `{key}`"),
        None => "the holdout".to_owned(),
    };
    let message = format!(
        "in the layer `{layer}`, {} [{}, {}] and {} [{}, {}] overlap",
        name(a.2),
        a.0,
        a.1,
        name(b.2),
        b.0,
        b.1
    );
    let Some(section) = root.get("experiments") else {
        return;
    };
    let owners = [a.2, b.2].into_iter().flatten();
    let later = owners
        .filter_map(|key| section.get(key))
        .max_by_key(|at| (at.intro().line, at.intro().column));
    if let Some(buckets) = later.as_ref().and_then(|at| at.get("buckets")) {
        r.error_intro("overlap", &buckets, message);
    }
}
