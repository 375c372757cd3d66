//! `unleash-yggdrasil`: a toggle for each list, a strategy with one variant for each plan.

use std::collections::HashMap;

use serde_json::{Value, json};
use unleash_yggdrasil::state::EnrichedContext;
use unleash_yggdrasil::{ClientFeatures, Context, EngineState, UpdateMessage};

use crate::engine::{Candidate, Engine};
use crate::workload::{self, NOBODY, Predicate, User, Workload};

pub const CANDIDATE: Candidate = Candidate {
    name: "unleash-yggdrasil 0.21",
    notes: "`check_variant`, without its metrics; all context values are texts there",
    write,
    load,
};

fn write(workload: &Workload) -> Result<Vec<u8>, String> {
    let strategy = |(plan, predicates): (usize, &Vec<Predicate>)| {
        let constraints: Vec<Value> = predicates.iter().flat_map(constraints).collect();
        json!({
            "name": "default", "constraints": constraints, "parameters": {},
            "variants": [{"name": plan.to_string(), "weight": 1000, "stickiness": "default"}],
        })
    };
    let toggle = |(number, list): (usize, &Vec<Vec<Predicate>>)| {
        let strategies: Vec<Value> = list.iter().enumerate().map(strategy).collect();
        json!({"name": format!("m{number}"), "enabled": true, "strategies": strategies})
    };
    let features: Vec<Value> = workload.modules.iter().enumerate().map(toggle).collect();
    let all = json!({"version": 2, "features": features});
    Ok(all.to_string().into_bytes())
}

fn constraints(predicate: &Predicate) -> Vec<Value> {
    let any = |attribute: &str, values: Value| {
        vec![json!({"contextName": attribute, "operator": "IN", "values": values})]
    };
    let compare = |attribute: &str, operator: &str, value: String| json!({"contextName": attribute, "operator": operator, "value": value});
    match *predicate {
        Predicate::City(city) => any("city", json!([workload::city(city)])),
        Predicate::Tag(tag) => any("tag", json!([workload::tag(tag)])),
        Predicate::Country(country) => any("country", json!([workload::country(country)])),
        Predicate::Platforms(mask) => any("platform", json!(workload::platforms(mask))),
        Predicate::VersionAtLeast(version) => {
            vec![compare("app_version", "SEMVER_GTE", version.text())]
        }
        Predicate::Age(from, to) => vec![
            compare("age", "NUM_GTE", from.to_string()),
            compare("age", "NUM_LTE", to.to_string()),
        ],
        Predicate::Languages(mask) => any("language", json!(workload::languages(mask))),
        Predicate::PercentBelow(share) => vec![compare("percent", "NUM_LT", share.to_string())],
    }
}

struct Unleash {
    state: EngineState,
    toggles: Vec<String>,
    contexts: Vec<Context>,
}

fn load(bytes: &[u8]) -> Box<dyn Engine> {
    let features: ClientFeatures = serde_json::from_slice(bytes).expect("features");
    let toggles = features.features.len();
    let state = EngineState::default();
    let warnings = state.take_state(UpdateMessage::FullResponse(features));
    assert!(warnings.is_none(), "every toggle compiles");
    Box::new(Unleash {
        state,
        toggles: (0..toggles).map(|number| format!("m{number}")).collect(),
        contexts: Vec::new(),
    })
}

impl Engine for Unleash {
    fn meet(&mut self, users: &[User]) {
        let context = |(number, user): (usize, &User)| {
            let properties: HashMap<String, String> = [
                ("city", workload::city(user.city)),
                ("tag", workload::tag(user.tag)),
                ("country", workload::country(user.country)),
                ("platform", user.platform().to_owned()),
                ("app_version", user.version.text()),
                ("age", user.age.to_string()),
                ("language", user.language().to_owned()),
                ("percent", user.percent.to_string()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
            Context {
                user_id: Some(format!("u-{number}")),
                properties: Some(properties),
                ..Context::default()
            }
        };
        self.contexts = users.iter().enumerate().map(context).collect();
    }

    fn winners(&mut self, user: usize, winners: &mut Vec<u32>) {
        let context = &self.contexts[user];
        winners.extend(self.toggles.iter().map(|toggle| {
            let context = EnrichedContext::from(context, toggle, None);
            let variant = self.state.check_variant(&context).expect("a toggle");
            // "disabled" is its name of none.
            variant.name.parse().unwrap_or(NOBODY)
        }));
    }
}
