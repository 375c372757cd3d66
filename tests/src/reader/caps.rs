//! Fatigue caps: whether one is reached, and what a winner adds within its answer.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Reader;
use super::context::Counter;
use super::instant::{DAY, HOUR, MINUTE, SECOND};

impl Reader<'_> {
    /// `plan_name` is `page/<page>/<plan>` or `module/<module>/<plan>`.
    pub fn caps_allow(&self, plan_name: &str, plan: &Value) -> bool {
        let caps = plan["caps"].as_array().into_iter().flatten();
        caps.enumerate().all(|(index, cap)| {
            let counter = self.counter(&counter_name(plan_name, index, cap));
            !self.reached(cap, counter)
        })
    }

    fn reached(&self, cap: &Value, counter: Counter) -> bool {
        if let Some(limit) = self.limit_of(cap)["limit"].as_u64() {
            counter.count >= limit
        } else if let Some(cooldown) = cap["cooldown"].as_str() {
            counter
                .last
                .is_some_and(|last| self.context.now - last < duration(cooldown))
        } else {
            assert!(cap.get("stop_after").is_some(), "a cap of a known kind");
            counter.count >= 1
        }
    }

    /// A winner has been decided: it adds one to each of its counters, as if already served and seen.
    pub fn spend(&mut self, plan_name: &str, plan: &Value) {
        let mut names = BTreeSet::new();
        for (index, cap) in plan["caps"].as_array().into_iter().flatten().enumerate() {
            let limit = self.limit_of(cap);
            let count = limit["count"].as_str().unwrap_or("exposure");
            if limit.get("limit").is_some() && (count == "served" || count == "exposure") {
                names.insert(counter_name(plan_name, index, cap));
            }
        }
        for name in names {
            *self.spent.entry(name).or_default() += 1;
        }
    }

    /// What the visitor brought, and what this answer has added.
    fn counter(&self, name: &str) -> Counter {
        let mut counter = self.context.caps.get(name).copied().unwrap_or_default();
        counter.count += self.spent.get(name).copied().unwrap_or_default();
        counter
    }

    /// Where the limit of a cap is written: in its group, or in itself.
    fn limit_of<'a>(&'a self, cap: &'a Value) -> &'a Value {
        match cap["group"].as_str() {
            Some(group) => &self.document["cap_groups"][group],
            None => cap,
        }
    }
}

fn counter_name(plan_name: &str, index: usize, cap: &Value) -> String {
    match cap["group"].as_str() {
        Some(group) => format!("group/{group}"),
        None => format!("{plan_name}#{index}"),
    }
}

/// `30m`, `2h`, `1d`, `90s` in milliseconds.
pub fn duration(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        _ => panic!("no unit of time: {text}"),
    };
    number.parse::<i64>().expect("a whole number") * unit
}
