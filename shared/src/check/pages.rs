//! Pages: slots, and which modules stand where in what order.

use std::collections::{BTreeMap, HashMap};

use super::at::At;
use super::names::NameKind;
use super::reader::{Reader, shortened};
use super::{plans, shapes};
use crate::document::Value;
use crate::limits;
use crate::model::{Arrangement, Ordering, Page, PagePlan, Slot, SlotArrangement};

pub(crate) fn page(r: &mut Reader<'_>, _key: &str, at: &At<'_>) -> Option<Page> {
    let object = r.object(at, shapes::PAGE)?;
    r.description(object);
    let slots = object.get("slots").and_then(|at| slots(r, &at));
    let known = slots.as_deref().unwrap_or_default();
    // Without slots every name of one would be reported again.
    let scope = slots.as_ref().map(|_| known);
    let default = object.get("default").map(|at| {
        let object = r.object(&at, shapes::PAGE_DEFAULT)?;
        arrangement(r, object, scope, None)
    });
    if default.is_none() {
        r.warn(
            "no_default",
            at,
            "who fits no plan of this page sees no modules",
        );
    }
    let default = plans::given(default);
    let inherited = default.clone().flatten();
    let plans = object.get("plans").map(|at| {
        plans::plans(r, &at, shapes::PAGE_PLAN, |r, key, plan| {
            let constraints = plans::constraints(r, plan);
            let arrangement = arrangement(r, plan, scope, inherited.as_ref());
            Some(PagePlan {
                key: key.to_owned(),
                constraints: constraints?,
                arrangement: arrangement?,
            })
        })
    });
    Some(Page {
        slots: slots?,
        default: default?,
        plans: plans::given(plans)?.unwrap_or_default(),
    })
}

/// A snapshot without pages is refused by every edge.
pub(crate) fn at_least_one(r: &mut Reader<'_>, workspace: &At<'_>) {
    let Some(at) = workspace.get("pages") else {
        return;
    };
    if matches!(&at.node.value, Value::Map(pages) if pages.is_empty()) {
        r.report(
            crate::problem::Severity::Error,
            "invalid_value",
            at.intro(),
            at.path(),
            "a workspace needs at least one page".into(),
            Some("to show nothing at all, keep a page and leave its slots empty".into()),
        );
    }
}

fn slots(r: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<Slot>> {
    let mut out = Vec::new();
    let mut whole = true;
    let mut keys = HashMap::new();
    for item in r.list(at, "slots", limits::SLOTS)? {
        let Some(object) = r.object(&item, shapes::SLOT) else {
            whole = false;
            continue;
        };
        let key = object.get("key").and_then(|at| {
            let key = r.key_value(&at, "a slot")?;
            plans::unique(r, &at, key, &mut keys, "slot");
            Some(key)
        });
        let max = object.get("max").map(|at| {
            let limit = ("SLOT_MAX", limits::SLOT_MAX);
            r.whole_limited(&at, "a slot's `max`", 1, limit)
        });
        match (key, plans::given(max)) {
            (Some(key), Some(max)) => out.push(Slot {
                key: key.to_owned(),
                max: max.unwrap_or(limits::SLOT_MAX_DEFAULT),
            }),
            _ => whole = false,
        }
    }
    if out.is_empty() && whole {
        r.error("invalid_value", at, "a page needs at least one slot");
        return None;
    }
    whole.then_some(out)
}

/// `modules` and `ordering` of a plan or default. A plan without `modules` takes those of the
/// default, and its ordering too unless it has its own.
fn arrangement(
    r: &mut Reader<'_>,
    object: &At<'_>,
    slots: Option<&[Slot]>,
    inherited: Option<&Arrangement>,
) -> Option<Arrangement> {
    let modules = object.get("modules").map(|at| modules(r, &at, slots));
    let ordering = object.get("ordering").map(|at| ordering(r, &at, slots));
    let own_modules = plans::given(modules);
    let own_ordering = plans::given(ordering)?;
    let own_modules = own_modules?;
    let inherits_ordering = own_modules.is_none() && own_ordering.is_none();
    let mut out = Arrangement::default();
    for (index, slot) in slots?.iter().enumerate() {
        let default = inherited.and_then(|default| default.slots.get(index));
        let modules = match &own_modules {
            Some(modules) => modules.get(&slot.key).cloned().unwrap_or_default(),
            None => default.map(|d| d.modules.clone()).unwrap_or_default(),
        };
        let ordering = match &own_ordering {
            Some(ordering) => ordering.get(&slot.key).cloned().unwrap_or_default(),
            None if inherits_ordering => default.map(|d| d.ordering.clone()).unwrap_or_default(),
            None => Ordering::default(),
        };
        out.slots.push(SlotArrangement { modules, ordering });
    }
    if own_ordering.is_some() {
        unused_weights(r, object, slots?, &out);
    }
    Some(out)
}

fn unused_weights(r: &mut Reader<'_>, object: &At<'_>, slots: &[Slot], all: &Arrangement) {
    let Some(ordering) = object.get("ordering") else {
        return;
    };
    for (slot, arranged) in slots.iter().zip(&all.slots) {
        let here = ordering.get(&slot.key);
        let weights = here.as_ref().and_then(|at| at.get("weights"));
        let Some(weights) = weights else { continue };
        for entry in weights.entries() {
            if !arranged.modules.iter().any(|m| **m == *entry.key) {
                let message = format!("`{}` doesn't stand in this slot", entry.key);
                r.warn("unused_weight", &weights.field(entry), message);
            }
        }
    }
}

/// The entries of an object whose keys are slots.
fn by_slot<T>(
    r: &mut Reader<'_>,
    at: &At<'_>,
    slots: Option<&[Slot]>,
    noun: &str,
    mut read: impl FnMut(&mut Reader<'_>, &At<'_>) -> Option<T>,
) -> Option<BTreeMap<String, T>> {
    if !matches!(at.node.value, Value::Map(_)) {
        r.wrong_type(at, &format!("an object of {noun} by slot"));
        return None;
    }
    let mut out = BTreeMap::new();
    let mut whole = true;
    for entry in at.entries() {
        let value = at.field(entry);
        if let Some(slots) = slots
            && !slots.iter().any(|slot| *slot.key == *entry.key)
        {
            let hint = r.did_you_mean(&entry.key, slots.iter().map(|s| s.key.as_str()));
            r.report(
                crate::problem::Severity::Error,
                "unknown_slot",
                entry.place,
                value.path(),
                format!("this page has no slot `{}`", shortened(&entry.key)),
                hint,
            );
            whole = false;
        }
        match read(r, &value) {
            Some(item) => {
                out.insert(entry.key.as_ref().to_owned(), item);
            }
            None => whole = false,
        }
    }
    whole.then_some(out)
}

fn modules(
    r: &mut Reader<'_>,
    at: &At<'_>,
    slots: Option<&[Slot]>,
) -> Option<BTreeMap<String, Vec<String>>> {
    by_slot(r, at, slots, "modules", |r, list| {
        let mut out = Vec::new();
        let mut whole = true;
        let mut seen = HashMap::new();
        for item in r.list(list, "modules in a slot", limits::SLOT_MODULES)? {
            let Some(key) = r.text(&item) else {
                whole = false;
                continue;
            };
            if !r.has_module(key) {
                r.no_such(&item, NameKind::Module, key);
                whole = false;
            } else if !r.placed.contains(key) {
                r.placed.insert(key.to_owned());
            }
            whole &= plans::unique(r, &item, key, &mut seen, "module");
            out.push(key.to_owned());
        }
        whole.then_some(out)
    })
}

fn ordering(
    r: &mut Reader<'_>,
    at: &At<'_>,
    slots: Option<&[Slot]>,
) -> Option<BTreeMap<String, Ordering>> {
    by_slot(r, at, slots, "orderings", one_ordering)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Manual,
    Newest,
    Weighted,
    Learned,
}

fn one_ordering(r: &mut Reader<'_>, at: &At<'_>) -> Option<Ordering> {
    let object = r.object(at, shapes::ORDERING)?;
    let words = [
        ("manual", By::Manual),
        ("newest", By::Newest),
        ("weighted", By::Weighted),
        ("learned", By::Learned),
    ];
    let by = object
        .get("by")
        .and_then(|at| r.word(&at, "ordering", &words));
    let weights = object.get("weights").map(|at| weights(r, &at));
    let metric = object.get("metric").map(|at| {
        let metric = r.key_value(&at, "a metric");
        metric.map(str::to_owned)
    });
    let by = by?;
    let misplaced = [
        ("weights", matches!(by, By::Weighted | By::Learned)),
        ("metric", by == By::Learned),
    ];
    let mut fits = true;
    for (field, allowed) in misplaced {
        if let Some(at) = object.get(field)
            && !allowed
        {
            let message = format!("this ordering has no field `{field}`");
            r.error_intro("unknown_field", &at, message);
            fits = false;
        }
    }
    if by == By::Learned && object.get("metric").is_none() {
        let message = "a learned ordering needs the field `metric`";
        r.error_intro("missing_field", object, message);
        fits = false;
    }
    let weights = plans::given(weights)?.unwrap_or_default();
    let metric = plans::given(metric)?.unwrap_or_default();
    fits.then_some(match by {
        By::Manual => Ordering::Manual,
        By::Newest => Ordering::Newest,
        By::Weighted => Ordering::Weighted(weights),
        By::Learned => Ordering::Learned { metric, weights },
    })
}

fn weights(r: &mut Reader<'_>, at: &At<'_>) -> Option<BTreeMap<String, u32>> {
    if !matches!(at.node.value, Value::Map(_)) {
        r.wrong_type(at, "an object of weights by module");
        return None;
    }
    let count = at.entries().len();
    let mut whole = r.within(at, count, limits::SLOT_MODULES, "weights");
    let mut out = BTreeMap::new();
    for entry in at.entries() {
        let value = at.field(entry);
        if !r.has_module(&entry.key) {
            r.no_such(&value, NameKind::Module, &entry.key);
            whole = false;
        }
        match r.whole_limited(&value, "a weight", 1, ("WEIGHT", limits::WEIGHT)) {
            Some(weight) => {
                out.insert(entry.key.as_ref().to_owned(), weight);
            }
            None => whole = false,
        }
    }
    whole.then_some(out)
}
