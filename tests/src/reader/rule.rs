//! Audience rules, walked as they are written.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use regex::Regex;
use serde_json::Value;

use super::Reader;
use super::fact::{self, Fact};

impl Reader<'_> {
    /// Whether a rule holds for the context.
    pub fn rule(&self, rule: &Value) -> bool {
        if let Some(rules) = rule["all"].as_array() {
            rules.iter().all(|rule| self.rule(rule))
        } else if let Some(rules) = rule["any"].as_array() {
            rules.iter().any(|rule| self.rule(rule))
        } else if let Some(rule) = rule.get("not") {
            !self.rule(rule)
        } else if let Some(segment) = rule["segment"].as_str() {
            self.segment(segment)
        } else {
            let attribute = rule["attr"].as_str().expect("a rule of a known kind");
            self.predicate(attribute, rule["op"].as_str().expect("op"), &rule["value"])
        }
    }

    fn segment(&self, name: &str) -> bool {
        let segment = &self.document["segments"][name];
        if let Some(rule) = segment.get("rule")
            && self.rule(rule)
        {
            return true;
        }
        let Some(unit) = &self.context.unit else {
            return false;
        };
        let ids = &segment["ids"];
        if let Some(list) = ids["list"].as_array() {
            return list.iter().any(|id| *id == unit.as_str());
        }
        match ids["file"].as_str() {
            Some(file) => self.files[file].lines().any(|id| id == unit),
            None => false,
        }
    }

    /// Placement is three predicates more.
    pub fn placement(&self, placement: &Value) -> bool {
        let parts = [
            ("platforms", "platform", "in"),
            ("channels", "channel", "in"),
            ("min_app_version", "app_version", "gte"),
            ("max_app_version", "app_version", "lte"),
        ];
        parts.iter().all(|(field, attribute, op)| {
            placement
                .get(*field)
                .is_none_or(|value| self.predicate(attribute, op, value))
        })
    }

    fn predicate(&self, attribute: &str, op: &str, value: &Value) -> bool {
        let declared = &self.document["attributes"][attribute];
        let present = self
            .context
            .attributes
            .get(attribute)
            .and_then(|json| fact::read(declared, json.get()));
        match (present, op) {
            (present, "missing") => present.is_none(),
            (None, _) => false,
            (Some(_), "exists") => true,
            (Some(Fact::List(list)), op) => of_list(&list, op, &texts(value)),
            (Some(present), op) => of_scalar(declared, &present, op, value),
        }
    }
}

fn of_list(list: &[String], op: &str, wanted: &[&str]) -> bool {
    let has = |text: &&str| list.iter().any(|item| item == text);
    match op {
        "contains_any" => wanted.iter().any(has),
        "contains_all" => wanted.iter().all(has),
        "contains_none" => !wanted.iter().any(has),
        _ => panic!("no operator of string_list: {op}"),
    }
}

fn of_scalar(declared: &Value, present: &Fact, op: &str, value: &Value) -> bool {
    let order = |constant: &Value| {
        let constant = fact::read(declared, &constant.to_string());
        fact::compare(present, &constant.expect("a constant that fits"))
    };
    let equals = |constant: &Value| order(constant) == Ordering::Equal;
    let among = || value.as_array().expect("a list").iter().any(equals);
    match op {
        "eq" => equals(value),
        "ne" => !equals(value),
        "in" => among(),
        "not_in" => !among(),
        "lt" => order(value) == Ordering::Less,
        "lte" => order(value) != Ordering::Greater,
        "gt" => order(value) == Ordering::Greater,
        "gte" => order(value) != Ordering::Less,
        "between" => order(&value[0]) != Ordering::Less && order(&value[1]) != Ordering::Greater,
        _ => {
            let Fact::Text(text) = present else {
                panic!("no operator of this type: {op}");
            };
            of_text(text, op, value)
        }
    }
}

fn of_text(text: &str, op: &str, value: &Value) -> bool {
    if op == "in_cidr" {
        return texts(value).iter().any(|network| in_network(text, network));
    }
    let wanted = value.as_str().expect("a text");
    match op {
        "contains" => text.contains(wanted),
        "starts_with" => text.starts_with(wanted),
        "ends_with" => text.ends_with(wanted),
        "matches" => Regex::new(wanted).expect("a pattern").is_match(text),
        _ => panic!("no operator of text: {op}"),
    }
}

/// IPv4-mapped IPv6 counts as IPv4, in an address and in a network.
fn in_network(text: &str, network: &str) -> bool {
    let Ok(address) = text.parse::<IpAddr>() else {
        return false;
    };
    let network: IpNet = network.parse().expect("a network");
    let network = match network {
        IpNet::V6(six) if six.prefix_len() >= 96 => match six.addr().to_ipv4_mapped() {
            Some(four) => v4(four, six.prefix_len() - 96),
            None => network,
        },
        _ => network,
    };
    network.contains(&address.to_canonical())
}

fn v4(address: Ipv4Addr, prefix: u8) -> IpNet {
    IpNet::new(address.into(), prefix).expect("a prefix of at most 32")
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list of texts");
    list.iter()
        .map(|item| item.as_str().expect("a text"))
        .collect()
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
