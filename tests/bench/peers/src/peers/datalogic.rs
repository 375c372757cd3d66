//! `datalogic-rs`: JSONLogic with flagd's operators. A rule for each list: one `if` with a branch for each plan.

use datalogic_rs::bumpalo::Bump;
use datalogic_rs::{Engine as Evaluator, Logic, ParsedData};
use serde_json::{Value, json};

use crate::engine::{Candidate, Engine};
use crate::workload::{self, NOBODY, Predicate, User, Workload};

pub const CANDIDATE: Candidate = Candidate {
    name: "datalogic-rs 5",
    notes: "flagd's language; compiled logic, parsed data, one arena that is reset after each evaluation",
    write,
    load,
};

fn write(workload: &Workload) -> Result<Vec<u8>, String> {
    let list = |list: &Vec<Vec<Predicate>>| {
        let mut branches = Vec::new();
        for (plan, predicates) in list.iter().enumerate() {
            let conditions: Vec<Value> = predicates.iter().map(condition).collect();
            branches.push(json!({"and": conditions}));
            branches.push(json!(plan));
        }
        branches.push(json!(-1));
        json!({"if": branches})
    };
    let lists: Vec<Value> = workload.modules.iter().map(list).collect();
    Ok(json!(lists).to_string().into_bytes())
}

fn condition(predicate: &Predicate) -> Value {
    let var = |name: &str| json!({"var": name});
    match *predicate {
        Predicate::City(city) => json!({"===": [var("city"), workload::city(city)]}),
        Predicate::Tag(tag) => json!({"===": [var("tag"), workload::tag(tag)]}),
        Predicate::Country(country) => json!({"===": [var("country"), workload::country(country)]}),
        Predicate::Platforms(mask) => {
            json!({"in": [var("platform"), workload::platforms(mask)]})
        }
        Predicate::VersionAtLeast(version) => {
            json!({"sem_ver": [var("app_version"), ">=", version.text()]})
        }
        Predicate::Age(from, to) => json!({"<=": [from, var("age"), to]}),
        Predicate::Languages(mask) => json!({"in": [var("language"), workload::languages(mask)]}),
        Predicate::PercentBelow(share) => json!({"<": [var("percent"), share]}),
    }
}

struct DataLogic {
    evaluator: Evaluator,
    lists: Vec<Logic>,
    users: Vec<ParsedData>,
    arena: Bump,
}

fn load(bytes: &[u8]) -> Box<dyn Engine> {
    let evaluator = Evaluator::new();
    let lists: Vec<Box<serde_json::value::RawValue>> =
        serde_json::from_slice(bytes).expect("a list");
    let compiled = lists.iter().map(|list| evaluator.compile(list.get()));
    Box::new(DataLogic {
        lists: compiled.map(|list| list.expect("logic")).collect(),
        evaluator,
        users: Vec::new(),
        arena: Bump::new(),
    })
}

impl Engine for DataLogic {
    fn meet(&mut self, users: &[User]) {
        let users = users.iter().map(|user| user.attributes().to_string());
        self.users = users
            .map(|text| ParsedData::from_json(&text).expect("data"))
            .collect();
    }

    fn winners(&mut self, user: usize, winners: &mut Vec<u32>) {
        let user = &self.users[user];
        for list in &self.lists {
            let result = self.evaluator.evaluate(list, user, &self.arena);
            let winner = result.expect("it evaluates").as_i64();
            winners.push(
                winner
                    .and_then(|plan| u32::try_from(plan).ok())
                    .unwrap_or(NOBODY),
            );
        }
        self.arena.reset();
    }
}
