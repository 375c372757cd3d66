//! Constraints as one line that can be read aloud.

use serde_json::Value;

/// Constraints in the order in which an edge asks for them.
pub const CONSTRAINTS: [&str; 6] = [
    "schedule",
    "placement",
    "audience",
    "caps",
    "rollout",
    "experiment",
];

/// One constraint of a plan.
pub fn constraint(name: &str, value: &Value) -> String {
    match name {
        "schedule" => schedule(value),
        "placement" | "audience" | "rule" => rule(value),
        "caps" => list(value, cap, ", "),
        "rollout" => {
            let by = text(value, "by");
            format!("{} of {by}s", percent(value.get("share")))
        }
        "experiment" => format!("{} = {}", text(value, "key"), text(value, "variant")),
        _ => value.to_string(),
    }
}

/// A rule with as few brackets as possible.
pub fn rule(value: &Value) -> String {
    if let Some(rules) = value.get("all") {
        return joined(rules, " and ", "everybody");
    }
    if let Some(rules) = value.get("any") {
        return joined(rules, " or ", "nobody");
    }
    if let Some(inner) = value.get("not") {
        return format!("not {}", within(inner));
    }
    if value.get("segment").is_some() {
        return format!("segment {}", text(value, "segment"));
    }
    let (attribute, operator) = (text(value, "attr"), text(value, "op"));
    match value.get("value") {
        None => format!("{attribute} {operator}"),
        Some(constant) => format!("{attribute} {operator} {}", plain(constant)),
    }
}

fn joined(rules: &Value, word: &str, none: &str) -> String {
    match rules.as_array().map(Vec::as_slice) {
        None | Some([]) => none.to_owned(),
        Some([one]) => rule(one),
        Some(many) => many.iter().map(within).collect::<Vec<_>>().join(word),
    }
}

/// In brackets if it has several parts.
fn within(value: &Value) -> String {
    let parts = value.get("all").or_else(|| value.get("any"));
    let many = parts.and_then(Value::as_array).is_some_and(|p| p.len() > 1);
    let text = rule(value);
    if many { format!("({text})") } else { text }
}

fn schedule(value: &Value) -> String {
    let mut parts = Vec::new();
    if value.get("from").is_some() {
        parts.push(format!("from {}", text(value, "from")));
    }
    if value.get("until").is_some() {
        parts.push(format!("until {}", text(value, "until")));
    }
    if let Some(weekly) = value.get("weekly") {
        parts.push(format!("{} ({})", windows(weekly), text(value, "timezone")));
    }
    parts.join(" ")
}

/// Days with the same hours together: `mon tue 09:00-21:00`.
fn windows(weekly: &Value) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for window in weekly.as_array().into_iter().flatten() {
        let Some((day, hours)) = window.as_str().and_then(|w| w.split_once(' ')) else {
            continue;
        };
        // `mon 23:00-tue 05:00` has the hours 23:00-05:00.
        let hours = match hours.split_once('-') {
            Some((from, until)) => match until.split_once(' ') {
                Some((next, until)) if follows(day, next) => format!("{from}-{until}"),
                _ => hours.to_owned(),
            },
            None => hours.to_owned(),
        };
        match groups.iter_mut().find(|(known, _)| *known == hours) {
            Some((_, days)) => days.push(day),
            None => groups.push((hours, vec![day])),
        }
    }
    let groups = groups.into_iter().map(|(hours, days)| match days.len() {
        7 => format!("daily {hours}"),
        _ => format!("{} {hours}", days.join(" ")),
    });
    groups.collect::<Vec<_>>().join(", ")
}

fn follows(day: &str, next: &str) -> bool {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let at = |day| DAYS.iter().position(|known| *known == day);
    at(day).is_some_and(|day| at(next) == Some((day + 1) % 7))
}

fn cap(value: &Value) -> String {
    let (counter, count) = (text(value, "counter"), text(value, "count"));
    let own = match counter.strip_prefix("group/") {
        Some(group) => format!(" in group {group}"),
        None => String::new(),
    };
    let by = match text(value, "by") {
        "device" => " a device",
        _ => "",
    };
    match value.get("limit") {
        Some(limit) if count != "exposure" && count != "served" && *limit == 1 => {
            format!("stop after {count}{by}{own}")
        }
        Some(limit) => format!("{limit} {count} per {}{by}{own}", text(value, "per")),
        None => format!("{} after {count}{by}", text(value, "cooldown")),
    }
}

fn list(value: &Value, each: impl Fn(&Value) -> String, between: &str) -> String {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().map(each).collect::<Vec<_>>().join(between)
}

/// A constant without needless quotes; a long list is cut.
pub fn plain(value: &Value) -> String {
    const SHOWN: usize = 8;
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.len() > SHOWN => {
            let head: Vec<String> = items.iter().take(SHOWN).map(plain).collect();
            format!("[{}, … {} more]", head.join(", "), items.len() - SHOWN)
        }
        Value::Array(_) => format!("[{}]", list(value, plain, ", ")),
        other => other.to_string(),
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or("")
}

/// Basis points as a percentage.
pub fn percent(share: Option<&Value>) -> String {
    let bps = share.and_then(Value::as_u64).unwrap_or(0);
    match (bps / 100, bps % 100) {
        (whole, 0) => format!("{whole} %"),
        (whole, part) => format!("{whole}.{part:02} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rule_reads_like_a_sentence() {
        let value = json!({"all": [
            {"segment": "seniors"},
            {"any": [{"attr": "country", "op": "in", "value": ["CN", "HK"]}, {"attr": "age", "op": "missing"}]},
            {"not": {"attr": "tags", "op": "contains_any", "value": ["blocked"]}},
        ]});
        assert_eq!(
            rule(&value),
            "segment seniors and (country in [CN, HK] or age missing) and not tags contains_any [blocked]"
        );
    }

    #[test]
    fn days_with_the_same_hours_are_said_together() {
        let value = json!([
            "mon 23:00-tue 05:00",
            "tue 23:00-wed 05:00",
            "sat 09:00-12:00"
        ]);
        assert_eq!(windows(&value), "mon tue 23:00-05:00, sat 09:00-12:00");
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!(percent(Some(&json!(2500))), "25 %");
        assert_eq!(percent(Some(&json!(5))), "0.05 %");
    }
}
