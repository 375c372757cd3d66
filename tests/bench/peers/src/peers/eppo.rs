//! `eppo_core`: a flag for each list, an allocation for each plan.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use eppo_core::eval::get_assignment;
use eppo_core::ufc::{AssignmentValue, UniversalFlagConfig};
use eppo_core::{Attributes, Configuration, SdkMetadata, Str};
use serde_json::{Map, Value, json};

use crate::engine::{Candidate, Engine};
use crate::workload::{self, NOBODY, Predicate, User, Workload};

pub const CANDIDATE: Candidate = Candidate {
    name: "eppo_core 10",
    notes: "with its feature `ahash`; versions as SemVer; no assignment logged",
    write,
    load,
};

fn write(workload: &Workload) -> Result<Vec<u8>, String> {
    let mut flags = Map::new();
    for (number, list) in workload.modules.iter().enumerate() {
        let key = format!("m{number}");
        let mut variations = Map::new();
        let mut allocations = Vec::new();
        for (plan, predicates) in list.iter().enumerate() {
            let name = format!("p{plan}");
            variations.insert(name.clone(), json!({"key": name, "value": plan}));
            let conditions: Vec<Value> = predicates.iter().flat_map(conditions).collect();
            allocations.push(json!({
                "key": name, "rules": [{"conditions": conditions}], "doLog": false,
                "splits": [{"variationKey": name, "shards": []}],
            }));
        }
        let flag = json!({
            "key": key, "enabled": true, "variationType": "INTEGER", "variations": variations,
            "allocations": allocations, "totalShards": 10_000,
        });
        flags.insert(key, flag);
    }
    let all = json!({
        "createdAt": "2026-11-23T00:00:00Z", "format": "SERVER", "environment": {"name": "bench"},
        "flags": flags, "bandits": {},
    });
    Ok(all.to_string().into_bytes())
}

fn conditions(predicate: &Predicate) -> Vec<Value> {
    let condition = |attribute: &str, operator: &str, value: Value| json!({"attribute": attribute, "operator": operator, "value": value});
    match *predicate {
        Predicate::City(city) => vec![condition("city", "ONE_OF", json!([workload::city(city)]))],
        Predicate::Tag(tag) => vec![condition("tag", "ONE_OF", json!([workload::tag(tag)]))],
        Predicate::Country(country) => {
            let countries = json!([workload::country(country)]);
            vec![condition("country", "ONE_OF", countries)]
        }
        Predicate::Platforms(mask) => {
            let platforms = json!(workload::platforms(mask));
            vec![condition("platform", "ONE_OF", platforms)]
        }
        Predicate::VersionAtLeast(version) => {
            vec![condition("app_version", "GTE", json!(version.text()))]
        }
        Predicate::Age(from, to) => vec![
            condition("age", "GTE", json!(from)),
            condition("age", "LTE", json!(to)),
        ],
        Predicate::Languages(mask) => {
            let languages = json!(workload::languages(mask));
            vec![condition("language", "ONE_OF", languages)]
        }
        Predicate::PercentBelow(share) => vec![condition("percent", "LT", json!(share))],
    }
}

struct Eppo {
    configuration: Configuration,
    keys: Vec<String>,
    subjects: Vec<(Str, Arc<Attributes>)>,
    now: DateTime<Utc>,
}

fn load(bytes: &[u8]) -> Box<dyn Engine> {
    let sdk = SdkMetadata {
        name: "bench",
        version: "0",
    };
    let flags = UniversalFlagConfig::from_json(sdk, bytes.to_vec()).expect("a configuration");
    let configuration = Configuration::from_server_response(flags, None);
    let flags = configuration.flag_keys().count();
    Box::new(Eppo {
        configuration,
        keys: (0..flags).map(|number| format!("m{number}")).collect(),
        subjects: Vec::new(),
        now: DateTime::from_timestamp(1_795_000_000, 0).expect("a time"),
    })
}

impl Engine for Eppo {
    fn meet(&mut self, users: &[User]) {
        let subject = |(number, user): (usize, &User)| {
            let attributes: Attributes = [
                ("city".into(), workload::city(user.city).into()),
                ("tag".into(), workload::tag(user.tag).into()),
                ("country".into(), workload::country(user.country).into()),
                ("platform".into(), user.platform().into()),
                ("app_version".into(), user.version.text().into()),
                ("age".into(), f64::from(user.age).into()),
                ("language".into(), user.language().into()),
                ("percent".into(), f64::from(user.percent).into()),
            ]
            .into_iter()
            .collect();
            (Str::from(format!("u-{number}")), Arc::new(attributes))
        };
        self.subjects = users.iter().enumerate().map(subject).collect();
    }

    fn winners(&mut self, user: usize, winners: &mut Vec<u32>) {
        let (subject, attributes) = &self.subjects[user];
        let configuration = Some(&self.configuration);
        winners.extend(self.keys.iter().map(|key| {
            let found = get_assignment(configuration, key, subject, attributes, None, self.now);
            match found.expect("a flag").map(|assignment| assignment.value) {
                Some(AssignmentValue::Integer(plan)) => plan as u32,
                _ => NOBODY,
            }
        }));
    }
}
