//! `launchdarkly-server-sdk-evaluation`: a flag for each list, a rule for each plan.

use launchdarkly_server_sdk_evaluation::{Context, ContextBuilder, Flag, Segment, Store, evaluate};
use serde_json::{Value, json};

use crate::engine::{Candidate, Engine};
use crate::workload::{self, NOBODY, Predicate, User, Workload};

pub const CANDIDATE: Candidate = Candidate {
    name: "LaunchDarkly evaluation 2",
    notes: "versions by its SemVer operators (it has no ≥: a negated <)",
    write,
    load,
};

fn write(workload: &Workload) -> Result<Vec<u8>, String> {
    let flags: Vec<Value> = workload.modules.iter().enumerate().map(flag).collect();
    Ok(json!(flags).to_string().into_bytes())
}

/// Variation 0 is nobody's; plan n has n + 1.
fn flag((number, list): (usize, &Vec<Vec<Predicate>>)) -> Value {
    let rule = |(plan, predicates): (usize, &Vec<Predicate>)| {
        let clauses: Vec<Value> = predicates.iter().flat_map(clauses).collect();
        json!({"id": "", "variation": plan + 1, "clauses": clauses, "trackEvents": false})
    };
    let rules: Vec<Value> = list.iter().enumerate().map(rule).collect();
    let variations: Vec<usize> = (0..=list.len()).collect();
    json!({
        "key": format!("m{number}"), "version": 1, "on": true, "targets": [], "prerequisites": [], "rules": rules,
        "fallthrough": {"variation": 0}, "offVariation": 0, "variations": variations, "salt": "salt",
        "clientSide": false,
    })
}

fn clauses(predicate: &Predicate) -> Vec<Value> {
    let clause = |attribute: &str, op: &str, negate: bool, values: Value| json!({"contextKind": "user", "attribute": attribute, "op": op, "negate": negate, "values": values});
    let is = |attribute: &str, value: String| vec![clause(attribute, "in", false, json!([value]))];
    match *predicate {
        Predicate::City(city) => is("city", workload::city(city)),
        Predicate::Tag(tag) => is("tag", workload::tag(tag)),
        Predicate::Country(country) => is("country", workload::country(country)),
        Predicate::Platforms(mask) => {
            let platforms = json!(workload::platforms(mask));
            vec![clause("platform", "in", false, platforms)]
        }
        Predicate::VersionAtLeast(version) => {
            let version = json!([version.text()]);
            vec![clause("app_version", "semVerLessThan", true, version)]
        }
        Predicate::Age(from, to) => vec![
            clause("age", "greaterThanOrEqual", false, json!([from])),
            clause("age", "lessThanOrEqual", false, json!([to])),
        ],
        Predicate::Languages(mask) => {
            let languages = json!(workload::languages(mask));
            vec![clause("language", "in", false, languages)]
        }
        Predicate::PercentBelow(share) => {
            vec![clause("percent", "lessThan", false, json!([share]))]
        }
    }
}

/// No flag here asks for another, or for a segment.
struct NoStore;

impl Store for NoStore {
    fn flag(&self, _: &str) -> Option<Flag> {
        None
    }

    fn segment(&self, _: &str) -> Option<Segment> {
        None
    }
}

struct LaunchDarkly {
    flags: Vec<Flag>,
    contexts: Vec<Context>,
}

fn load(bytes: &[u8]) -> Box<dyn Engine> {
    Box::new(LaunchDarkly {
        flags: serde_json::from_slice(bytes).expect("flags"),
        contexts: Vec::new(),
    })
}

impl Engine for LaunchDarkly {
    fn meet(&mut self, users: &[User]) {
        let context = |(number, user): (usize, &User)| {
            ContextBuilder::new(format!("u-{number}"))
                .set_string("city", workload::city(user.city))
                .set_string("tag", workload::tag(user.tag))
                .set_string("country", workload::country(user.country))
                .set_string("platform", user.platform())
                .set_string("app_version", user.version.text())
                .set_float("age", f64::from(user.age))
                .set_string("language", user.language())
                .set_float("percent", f64::from(user.percent))
                .build()
                .expect("a context")
        };
        self.contexts = users.iter().enumerate().map(context).collect();
    }

    fn winners(&mut self, user: usize, winners: &mut Vec<u32>) {
        let context = &self.contexts[user];
        winners.extend(self.flags.iter().map(|flag| {
            let detail = evaluate(&NoStore, flag, context, None);
            let variation = detail.variation_index.expect("a variation");
            (variation as u32).checked_sub(1).unwrap_or(NOBODY)
        }));
    }
}
