//! `a-tree`: one tree over the plans of all lists. It finds everything that matches; the first of each list is picked.

use std::fmt::Write;

use a_tree::{ATree, AttributeDefinition, Event};

use crate::engine::{Candidate, Engine};
use crate::workload::{self, NOBODY, Predicate, User, Workload};

pub const CANDIDATE: Candidate = Candidate {
    name: "a-tree 0.6",
    notes: "knows no versions: given as ordered integers; one tree for all lists of a page, which reports every match; \
            building the event is measured apart",
    write,
    load,
};

/// A plan a line; an empty line ends a list.
fn write(workload: &Workload) -> Result<Vec<u8>, String> {
    let mut text = String::new();
    for list in &workload.modules {
        for plan in list {
            for (index, predicate) in plan.iter().enumerate() {
                text += if index == 0 { "" } else { " and " };
                add(&mut text, predicate);
            }
            text += "\n";
        }
        text += "\n";
    }
    Ok(text.into_bytes())
}

fn add(text: &mut String, predicate: &Predicate) {
    let result = match *predicate {
        Predicate::City(city) => write!(text, "city = '{}'", workload::city(city)),
        Predicate::Tag(tag) => write!(text, "tag = '{}'", workload::tag(tag)),
        Predicate::Country(country) => write!(text, "country = '{}'", workload::country(country)),
        Predicate::Platforms(mask) => {
            let platforms = workload::platforms(mask).join("', '");
            write!(text, "platform in ['{platforms}']")
        }
        Predicate::VersionAtLeast(version) => write!(text, "app_version >= {}", version.number()),
        Predicate::Age(from, to) => write!(text, "age >= {from} and age <= {to}"),
        Predicate::Languages(mask) => {
            let languages = workload::languages(mask).join("', '");
            write!(text, "language in ['{languages}']")
        }
        Predicate::PercentBelow(share) => write!(text, "percent < {share}"),
    };
    result.expect("a text takes everything");
}

struct Tree {
    /// Numbered list × 2³² + plan.
    tree: ATree<u64>,
    lists: usize,
    events: Vec<Event>,
}

fn load(bytes: &[u8]) -> Box<dyn Engine> {
    let mut tree = ATree::new(&[
        AttributeDefinition::string("city"),
        AttributeDefinition::string("tag"),
        AttributeDefinition::string("country"),
        AttributeDefinition::string("platform"),
        AttributeDefinition::integer("app_version"),
        AttributeDefinition::integer("age"),
        AttributeDefinition::string("language"),
        AttributeDefinition::integer("percent"),
    ])
    .expect("the attributes differ");
    let text = std::str::from_utf8(bytes).expect("it was text");
    let (mut list, mut plan) = (0_u64, 0_u64);
    for line in text.lines() {
        if line.is_empty() {
            (list, plan) = (list + 1, 0);
        } else {
            let id = list << 32 | plan;
            tree.insert(&id, line).expect("an expression");
            plan += 1;
        }
    }
    Box::new(Tree {
        tree,
        lists: list as usize,
        events: Vec::new(),
    })
}

impl Tree {
    fn event(&self, user: &User) -> Event {
        let mut event = self.tree.make_event();
        let texts = [
            ("city", workload::city(user.city)),
            ("tag", workload::tag(user.tag)),
            ("country", workload::country(user.country)),
            ("platform", user.platform().to_owned()),
            ("language", user.language().to_owned()),
        ];
        for (name, text) in &texts {
            event.with_string(name, text).expect("a text");
        }
        let integers = [
            ("app_version", i64::from(user.version.number())),
            ("age", i64::from(user.age)),
            ("percent", i64::from(user.percent)),
        ];
        for (name, integer) in integers {
            event.with_integer(name, integer).expect("an integer");
        }
        event.build().expect("an event")
    }
}

impl Engine for Tree {
    fn meet(&mut self, users: &[User]) {
        self.events = users.iter().map(|user| self.event(user)).collect();
    }

    fn winners(&mut self, user: usize, winners: &mut Vec<u32>) {
        let report = self.tree.search(&self.events[user]).expect("a search");
        let start = winners.len();
        winners.resize(start + self.lists, NOBODY);
        for id in report.matches() {
            let winner = &mut winners[start + (**id >> 32) as usize];
            *winner = (*winner).min(**id as u32);
        }
    }
}
