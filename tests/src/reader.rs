//! A second reader of workspace documents: it walks the JSON on every call, straight from the
//! sentences of `docs/document.md`, and shares no code with the one that serves.
//!
//! It deliberately lacks everything that makes serving fast: nothing is compiled, indexed or kept.
//! It trusts the document to be valid and panics where it isn't.

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub mod bucket;
pub mod caps;
pub mod content;
pub mod context;
pub mod digits;
pub mod fact;
pub mod instant;
pub mod locale;
pub mod ordering;
pub mod rule;
pub mod schedule;
pub mod version;

use content::Localizer;
use context::Context;
use ordering::Placed;

/// Named text files that a document refers to, for example lists of ids.
pub type Files = BTreeMap<String, String>;

const SLOT_MAX: u64 = 50;

/// The body of an answer without `release`, `receipt` and `trace`; None if there is no such page.
pub fn answer(document: &Value, files: &Files, page: &str, context: &Value) -> Option<Value> {
    answer_text(document, files, page, &context.to_string())
}

/// The same from the text of a context, whose number literals are taken as written.
pub fn answer_text(
    document: &Value,
    files: &Files,
    page: &str,
    context_json: &str,
) -> Option<Value> {
    let definition = document["pages"].get(page)?;
    Some(Reader::new(document, files, context_json).page(page, definition))
}

pub struct Reader<'a> {
    pub document: &'a Value,
    pub files: &'a Files,
    pub context: Context,
    /// What the winners of this answer have added to counters so far.
    spent: BTreeMap<String, u64>,
}

/// What came of trying the plans of a page or module in order.
struct Decision<'a> {
    winner: Option<&'a Value>,
    enrolments: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    pub fn new(document: &'a Value, files: &'a Files, context_json: &str) -> Self {
        Self {
            document,
            files,
            context: context::parse(context_json),
            spent: BTreeMap::new(),
        }
    }

    fn page(&mut self, page: &str, definition: &'a Value) -> Value {
        let locales = &self.document["locales"];
        let found = locale::found(locales, self.context.locale.as_deref());
        let decision = self.decide("page", page, &definition["plans"]);

        let default = &definition["default"];
        let (modules, ordering) = match decision.winner {
            None => (&default["modules"], &default["ordering"]),
            Some(plan) if plan.get("modules").is_some() => (&plan["modules"], &plan["ordering"]),
            Some(plan) => {
                let ordering = plan.get("ordering").unwrap_or(&default["ordering"]);
                (&default["modules"], ordering)
            }
        };

        let mut answers = Vec::new();
        for slot in list(&definition["slots"]) {
            let key = slot["key"].as_str().expect("a slot has a key");
            let mut placed = Vec::new();
            for module in list(&modules[key]) {
                placed.extend(self.module(key, module.as_str().expect("a module"), &found));
            }
            let max = slot["max"].as_u64().unwrap_or(SLOT_MAX) as usize;
            let ordered = self.order(page, key, &ordering[key], placed);
            answers.extend(ordered.into_iter().take(max).map(|placed| placed.answer));
        }

        let schedules = schedules_of(self.document, definition);
        let valid_until = schedule::valid_until(&schedules, self.context.now);
        json!({
            "page": page,
            "plan": key_of(decision.winner),
            "reason": reason(decision.winner),
            "locale": found,
            "experiments": enrolments(&decision),
            "modules": answers,
            "valid_until": valid_until.map(instant::write),
        })
    }

    /// None if no plan holds and there is no default.
    fn module(&mut self, slot: &str, module: &'a str, found: &str) -> Option<Placed<'a>> {
        let definition = &self.document["modules"][module];
        let decision = self.decide("module", module, &definition["plans"]);
        let default = definition.get("default");
        if decision.winner.is_none() && default.is_none() {
            return None;
        }
        let content = decision
            .winner
            .and_then(|plan| plan.get("content"))
            .or_else(|| default.and_then(|default| default.get("content")))
            .expect("content of the plan, or else of the default");
        let type_key = definition["type"].as_str().expect("a type");
        let schema = &self.document["module_types"][type_key]["schema"];
        let localizer = Localizer::new(schema, &self.document["locales"], found);
        let answer = json!({
            "slot": slot,
            "module": module,
            "type": type_key,
            "plan": key_of(decision.winner),
            "content": localizer.content(content),
            "reason": reason(decision.winner),
            "experiments": enrolments(&decision),
        });
        Some(Placed {
            module,
            plan: decision.winner,
            answer,
        })
    }

    /// Tries the plans in order; the first whose constraints all hold wins, and counts.
    fn decide(&mut self, kind: &str, owner: &str, plans: &'a Value) -> Decision<'a> {
        let mut decision = Decision {
            winner: None,
            enrolments: Vec::new(),
        };
        for plan in list(plans) {
            let name = format!("{kind}/{owner}/{}", key_of(Some(plan)));
            if !self.all_but_experiment(&name, plan) {
                continue;
            }
            if let Some(wanted) = plan.get("experiment") {
                let key = wanted["key"].as_str().expect("the key of an experiment");
                let Some(variant) = self.variant(key) else {
                    continue;
                };
                if !decision.enrolments.iter().any(|(known, _)| known == key) {
                    decision
                        .enrolments
                        .push((key.to_owned(), variant.to_owned()));
                }
                if wanted["variant"] != variant {
                    continue;
                }
            }
            self.spend(&name, plan);
            decision.winner = Some(plan);
            break;
        }
        decision
    }

    pub fn all_but_experiment(&self, name: &str, plan: &Value) -> bool {
        let holds = |field: &str, test: &dyn Fn(&Value) -> bool| plan.get(field).is_none_or(test);
        holds("schedule", &|schedule| {
            schedule::holds(schedule, self.context.now)
        }) && holds("placement", &|placement| self.placement(placement))
            && holds("audience", &|audience| self.rule(audience))
            && holds("rollout", &|rollout| self.rollout(name, rollout))
            && self.caps_allow(name, plan)
    }

    fn rollout(&self, name: &str, rollout: &Value) -> bool {
        let share = rollout.as_u64().or_else(|| rollout["share"].as_u64());
        let own_salt = format!("rollout/{name}");
        let salt = rollout["salt"].as_str().unwrap_or(&own_salt);
        bucket::bucket(self.subject(rollout), salt) < share.expect("a share")
    }

    /// The variant that the unit draws, if the experiment owns its bucket of the layer.
    fn variant(&self, key: &str) -> Option<&'a str> {
        let experiment = &self.document["experiments"][key];
        let layer = experiment["layer"].as_str().expect("a layer");
        let subject = self.subject(experiment);
        let place = bucket::bucket(subject, &format!("layer/{layer}"));
        let owned = list(&experiment["buckets"]).any(|range| {
            let edge = |index: usize| range[index].as_u64().expect("a bucket");
            edge(0) <= place && place < edge(1)
        });
        // Nobody without a unit is inside, not even where a range ends at 10000.
        if subject.is_none() || !owned {
            return None;
        }
        let own_salt = format!("experiment/{key}");
        let salt = experiment["salt"].as_str().unwrap_or(&own_salt);
        let drawn = bucket::bucket(subject, salt);
        let mut sum = 0;
        list(&experiment["variants"])
            .find(|variant| {
                sum += variant["weight"].as_u64().expect("a weight");
                drawn < sum
            })
            .map(|variant| variant["key"].as_str().expect("the key of a variant"))
    }

    /// Whom a constraint buckets.
    fn subject(&self, constraint: &Value) -> Option<&str> {
        if constraint["by"] == "device" {
            self.context.device.as_deref()
        } else {
            self.context.unit.as_deref()
        }
    }
}

/// The schedules of a page's plans, and of all plans of all modules that the page could place.
pub fn schedules_of<'a>(document: &'a Value, page: &'a Value) -> Vec<&'a Value> {
    let plans: Vec<&Value> = list(&page["plans"]).collect();
    let mut found: Vec<&Value> = plans
        .iter()
        .filter_map(|plan| plan.get("schedule"))
        .collect();
    let placing = plans.into_iter().chain([&page["default"]]);
    for slots in placing.filter_map(|plan| plan["modules"].as_object()) {
        for module in slots.values().flat_map(list) {
            let module = &document["modules"][module.as_str().expect("a module")];
            found.extend(list(&module["plans"]).filter_map(|plan| plan.get("schedule")));
        }
    }
    found
}

fn key_of(plan: Option<&Value>) -> &str {
    plan.map_or("default", |plan| {
        plan["key"].as_str().expect("a plan has a key")
    })
}

fn reason(winner: Option<&Value>) -> &'static str {
    let Some(plan) = winner else {
        return "DEFAULT";
    };
    let has = |field: &&str| plan.get(field).is_some();
    let capped = list(&plan["caps"]).next().is_some();
    if ["rollout", "experiment"].iter().any(has) {
        "SPLIT"
    } else if capped || ["schedule", "placement", "audience"].iter().any(has) {
        "TARGETING_MATCH"
    } else {
        "STATIC"
    }
}

fn enrolments(decision: &Decision<'_>) -> Value {
    let each = decision.enrolments.iter();
    each.map(|(key, variant)| json!({"key": key, "variant": variant}))
        .collect()
}

/// The elements of a list, none where there is no list.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
#[path = "reader/reader_tests.rs"]
mod tests;
