//! `growthbook-rust`: a feature for each list, a forced value for each plan.

use std::collections::HashMap;

use growthbook_rust::dto::GrowthBookFeature;
use growthbook_rust::growthbook::GrowthBook;
use growthbook_rust::model_public::GrowthBookAttribute;
use serde_json::{Map, Value, json};

use crate::engine::{Candidate, Engine};
use crate::workload::{self, NOBODY, Predicate, User, Workload};

pub const CANDIDATE: Candidate = Candidate {
    name: "growthbook-rust 0.4",
    notes: "without its feature `tracing`; versions by `$vgte`",
    write,
    load,
};

fn write(workload: &Workload) -> Result<Vec<u8>, String> {
    let mut features = Map::new();
    for (number, list) in workload.modules.iter().enumerate() {
        let rule = |(plan, predicates): (usize, &Vec<Predicate>)| {
            let condition: Map<String, Value> = predicates.iter().map(condition).collect();
            json!({"condition": condition, "force": plan})
        };
        let rules: Vec<Value> = list.iter().enumerate().map(rule).collect();
        let feature = json!({"defaultValue": -1, "rules": rules});
        features.insert(format!("m{number}"), feature);
    }
    Ok(json!(features).to_string().into_bytes())
}

fn condition(predicate: &Predicate) -> (String, Value) {
    let (attribute, value) = match *predicate {
        Predicate::City(city) => ("city", json!(workload::city(city))),
        Predicate::Tag(tag) => ("tag", json!(workload::tag(tag))),
        Predicate::Country(country) => ("country", json!(workload::country(country))),
        Predicate::Platforms(mask) => ("platform", json!({"$in": workload::platforms(mask)})),
        Predicate::VersionAtLeast(version) => ("app_version", json!({"$vgte": version.text()})),
        Predicate::Age(from, to) => ("age", json!({"$gte": from, "$lte": to})),
        Predicate::Languages(mask) => ("language", json!({"$in": workload::languages(mask)})),
        Predicate::PercentBelow(share) => ("percent", json!({"$lt": share})),
    };
    (attribute.to_owned(), value)
}

struct Book {
    book: GrowthBook,
    features: Vec<String>,
    users: Vec<Option<Vec<GrowthBookAttribute>>>,
}

fn load(bytes: &[u8]) -> Box<dyn Engine> {
    let features: HashMap<String, GrowthBookFeature> =
        serde_json::from_slice(bytes).expect("features");
    Box::new(Book {
        features: (0..features.len())
            .map(|number| format!("m{number}"))
            .collect(),
        book: GrowthBook {
            forced_variations: None,
            features,
            attributes: None,
            sticky_bucket_service: None,
            saved_groups: HashMap::new(),
        },
        users: Vec::new(),
    })
}

impl Engine for Book {
    fn meet(&mut self, users: &[User]) {
        let users = users.iter().map(User::attributes);
        self.users = users
            .map(|user| Some(GrowthBookAttribute::from(user).expect("an object")))
            .collect();
    }

    fn winners(&mut self, user: usize, winners: &mut Vec<u32>) {
        let user = &self.users[user];
        winners.extend(self.features.iter().map(|feature| {
            let result = self.book.check(feature, user);
            let plan = result.value.as_u64();
            plan.map_or(NOBODY, |plan| plan as u32)
        }));
    }
}
