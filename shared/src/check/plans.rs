//! What page plans and module plans share: keys, and the constraints that bound them.

use std::collections::HashMap;
use std::rc::Rc;

use super::at::At;
use super::names::NameKind;
use super::reader::{Reader, shortened};
use super::shapes::{self, Shape};
use super::{caps, constants, rules, schedules, warnings};
use crate::document::{Place, Value};
use crate::limits;
use crate::model::{Comparison, Constraints, Predicate, Rollout, Rule, Scalar, Test};
use crate::value::Type;

/// A list of plans in order. A faulty one makes the list faulty, but all are read.
pub(crate) fn plans<T>(
    r: &mut Reader<'_>,
    at: &At<'_>,
    shape: &Shape,
    mut read: impl FnMut(&mut Reader<'_>, &str, &At<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut out = Vec::new();
    let mut whole = true;
    let mut keys = HashMap::new();
    for item in r.list(at, "plans", limits::PLANS)? {
        let plan = r.object(&item, shape).and_then(|object| {
            r.description(object);
            let key = object.get("key");
            let key = key.and_then(|key| plan_key(r, &key, &mut keys));
            // Without a key the rest is still worth reading.
            let plan = read(r, key.unwrap_or_default(), object);
            key.and(plan)
        });
        match plan {
            Some(plan) => out.push(plan),
            None => whole = false,
        }
    }
    warnings::unreachable_plans(r, at);
    whole.then_some(out)
}

fn plan_key<'a>(
    r: &mut Reader<'_>,
    at: &At<'a>,
    keys: &mut HashMap<String, Place>,
) -> Option<&'a str> {
    let key = r.key_value(at, "a plan")?;
    if key == "default" {
        let message = "`default` is reserved: answers name the default by it";
        r.error("reserved_key", at, message);
    }
    unique(r, at, key, keys, "plan");
    Some(key)
}

/// Reports a key that another element of the list has.
pub(crate) fn unique(
    r: &mut Reader<'_>,
    at: &At<'_>,
    key: &str,
    keys: &mut HashMap<String, Place>,
    noun: &str,
) -> bool {
    let Some(first) = keys.get(key) else {
        keys.insert(key.to_owned(), at.place());
        return true;
    };
    let message = format!(
        "the {noun} `{}` stands twice; the first is on line {}",
        shortened(key),
        first.line
    );
    r.error("duplicate", at, message);
    false
}

pub(crate) fn constraints(r: &mut Reader<'_>, plan: &At<'_>) -> Option<Constraints> {
    let schedule = plan.get("schedule").map(|at| schedules::schedule(r, &at));
    let placement = plan.get("placement").map(|at| placement(r, &at));
    let audience = plan.get("audience").map(|at| rules::audience(r, &at));
    let caps = plan.get("caps").map(|at| caps::caps(r, &at));
    let rollout = plan.get("rollout").map(|at| rollout(r, &at));
    let experiment = plan.get("experiment").map(|at| experiment(r, &at));
    Some(Constraints {
        schedule: given(schedule)?,
        placement: given(placement)?,
        audience: given(audience)?,
        caps: given(caps)?.unwrap_or_default(),
        rollout: given(rollout)?,
        experiment: given(experiment)?,
    })
}

/// What is given must have been readable.
#[expect(
    clippy::option_option,
    reason = "the outer says whether it could be read, the inner whether it is given"
)]
pub(crate) fn given<T>(field: Option<Option<T>>) -> Option<Option<T>> {
    match field {
        None => Some(None),
        Some(None) => None,
        Some(read) => Some(read),
    }
}

fn placement(r: &mut Reader<'_>, at: &At<'_>) -> Option<Rule> {
    let object = r.object(at, shapes::PLACEMENT)?;
    if object.entries().is_empty() {
        r.error_intro(
            "missing_field",
            object,
            "a placement needs at least one field",
        );
        return None;
    }
    let texts = &[Type::String, Type::Enum];
    let fields: [(&str, &str, &[Type], Option<Comparison>); 4] = [
        ("platforms", "platform", texts, None),
        (
            "min_app_version",
            "app_version",
            &[Type::Version],
            Some(Comparison::Gte),
        ),
        (
            "max_app_version",
            "app_version",
            &[Type::Version],
            Some(Comparison::Lte),
        ),
        ("channels", "channel", texts, None),
    ];
    let mut tests = Vec::new();
    let mut whole = true;
    for (field, attribute, types, comparison) in fields {
        let Some(value) = object.get(field) else {
            continue;
        };
        let declared = placement_attribute(r, &value, field, attribute, types);
        let test = match comparison {
            None => placement_list(r, &value, attribute).map(Test::In),
            Some(comparison) => constants::version(r, &value)
                .map(|version| Test::Compare(comparison, Scalar::Version(version))),
        };
        match test {
            Some(test) if declared => tests.push(Rule::Predicate(Predicate {
                attribute: attribute.to_owned(),
                test,
            })),
            _ => whole = false,
        }
    }
    warnings::crossed_versions(r, object);
    whole.then_some(Rule::All(tests))
}

fn placement_attribute(
    r: &mut Reader<'_>,
    at: &At<'_>,
    field: &str,
    attribute: &str,
    types: &[Type],
) -> bool {
    if !r.names.attributes.contains(attribute) {
        let message = format!("`{field}` needs the attribute `{attribute}`, which is not declared");
        r.error_intro("unknown_attribute", at, message);
        return false;
    }
    let Some(declared) = r.names.attribute.get(attribute) else {
        return false;
    };
    let kind = declared.kind;
    if !types.contains(&kind) {
        let message = format!(
            "`{field}` doesn't apply to `{attribute}`, a {}",
            kind.name()
        );
        r.error_intro("operator_type", at, message);
        return false;
    }
    true
}

fn placement_list(r: &mut Reader<'_>, at: &At<'_>, attribute: &str) -> Option<Vec<Scalar>> {
    let declared = r.names.attribute.get(attribute).cloned();
    let declared = declared.filter(|a| a.kind == Type::Enum);
    let mut out = Vec::new();
    let mut whole = true;
    for item in r.list(at, "values", limits::LIST_VALUES)? {
        let Some(text) = constants::text(r, &item) else {
            whole = false;
            continue;
        };
        if let Some(attribute_values) = declared.as_ref().map(|a| &a.values)
            && attribute_values.binary_search(&text).is_err()
        {
            let message = format!("`{}` is no value of `{attribute}`", shortened(&text));
            let values = attribute_values.iter().map(String::as_str);
            r.not_among("unknown_value", &item, message, values);
            whole = false;
        }
        out.push(Scalar::Text(text));
    }
    whole.then_some(out)
}

fn rollout(r: &mut Reader<'_>, at: &At<'_>) -> Option<Rollout> {
    let share = |r: &mut Reader<'_>, at: &At<'_>| {
        let share = r.whole_in(at, "a share in basis points", 0..=limits::BASIS_POINTS)?;
        if share == 0 {
            r.warn("dead_rollout", at, "a share of 0 lets nobody see this");
        }
        Some(share)
    };
    if !matches!(at.node.value, Value::Map(_)) {
        return Some(Rollout {
            share_bps: share(r, at)?,
            salt: None,
            by: crate::model::Subject::default(),
        });
    }
    let object = r.object(at, shapes::ROLLOUT)?;
    let share_bps = object.get("share").map(|at| share(r, &at));
    let salt = salt(r, object);
    let by = caps::subject(r, object);
    Some(Rollout {
        share_bps: share_bps??,
        salt: salt?,
        by: by?,
    })
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether it could be read, the inner whether it is given"
)]
pub(crate) fn salt(r: &mut Reader<'_>, object: &At<'_>) -> Option<Option<String>> {
    let salt = object.get("salt").map(|at| {
        let salt = r.short_text(&at, "a salt", limits::TEXT_BYTES);
        salt.map(str::to_owned)
    });
    given(salt)
}

fn experiment(r: &mut Reader<'_>, at: &At<'_>) -> Option<(String, String)> {
    let object = r.object(at, shapes::PLAN_EXPERIMENT)?;
    let (key_at, variant_at) = (object.get("key"), object.get("variant"));
    // Both are looked at, so that both can be reported.
    let key = key_at.and_then(|at| r.reference(&at, NameKind::Experiment));
    let variant = variant_at.as_ref().and_then(|at| r.text(at));
    let key = key?;
    r.used_experiments.insert(key.to_owned());
    let (variant, at) = (variant?, variant_at.as_ref()?);
    let declared = Rc::clone(r.names.experiment.get(key)?);
    let variants = declared.variants.iter().map(|(key, _)| key.as_str());
    if !variants.clone().any(|v| v == variant) {
        let message = format!("`{key}` has no variant `{}`", shortened(variant));
        r.not_among("unknown_variant", at, message, variants);
        return None;
    }
    Some((key.to_owned(), variant.to_owned()))
}
