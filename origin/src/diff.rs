//! What differs between two outlines, in terms of pages, modules, plans and their fields. Lists of
//! things with keys are compared by key, so that a plan put before another is one move and not two
//! changes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Compared as wholes: a rule that differs in one constant is still read as a whole.
const LEAVES: [&str; 6] = [
    "audience",
    "placement",
    "rule",
    "schedule",
    "rollout",
    "caps",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Added,
    Removed,
    Changed,
    /// Among its neighbours; `before` and `after` are positions, counted from 0.
    Moved,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub kind: Kind,
    /// Keys from the outside in, for example pages, home, plans, senior, audience.
    pub path: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// All differences, in the order of the tree.
pub fn between(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Changes::default();
    changes.values(before, after);
    changes.found
}

#[derive(Default)]
struct Changes {
    path: Vec<String>,
    found: Vec<Change>,
}

impl Changes {
    fn values(&mut self, before: &Value, after: &Value) {
        if before == after {
            return;
        }
        let leaf = self
            .path
            .last()
            .is_some_and(|name| LEAVES.contains(&name.as_str()));
        match (before, after) {
            (Value::Object(before), Value::Object(after)) if !leaf => self.objects(before, after),
            (Value::Array(old), Value::Array(new)) if !leaf => match (keyed(old), keyed(new)) {
                (Some(old), Some(new)) => self.lists(&old, &new),
                _ => self.push(Kind::Changed, Some(before), Some(after)),
            },
            _ => self.push(Kind::Changed, Some(before), Some(after)),
        }
    }

    fn objects(&mut self, before: &Map<String, Value>, after: &Map<String, Value>) {
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.path.push(name.clone());
            match (before.get(name), after.get(name)) {
                (Some(before), Some(after)) => self.values(before, after),
                (before, after) => self.one_sided(before, after),
            }
            self.path.pop();
        }
    }

    fn lists(&mut self, before: &[(&str, &Value)], after: &[(&str, &Value)]) {
        let position =
            |list: &[(&str, &Value)], key: &str| list.iter().position(|(k, _)| *k == key);
        for (key, old) in before {
            if position(after, key).is_none() {
                self.within(key, |changes| changes.one_sided(Some(old), None));
            }
        }
        let stayed: Vec<usize> = after
            .iter()
            .filter_map(|(key, _)| position(before, key))
            .collect();
        let still = longest_rising(&stayed);
        for (now, (key, new)) in after.iter().enumerate() {
            let Some(was) = position(before, key) else {
                self.within(key, |changes| changes.one_sided(None, Some(new)));
                continue;
            };
            self.within(key, |changes| {
                if !still.contains(&was) {
                    changes.push(Kind::Moved, Some(&was.into()), Some(&now.into()));
                }
                if let Some((_, old)) = before.get(was) {
                    changes.values(old, new);
                }
            });
        }
    }

    fn within(&mut self, key: &str, compare: impl FnOnce(&mut Self)) {
        self.path.push(key.to_owned());
        compare(self);
        self.path.pop();
    }

    fn one_sided(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let kind = if before.is_some() {
            Kind::Removed
        } else {
            Kind::Added
        };
        self.push(kind, before, after);
    }

    fn push(&mut self, kind: Kind, before: Option<&Value>, after: Option<&Value>) {
        self.found.push(Change {
            kind,
            path: self.path.clone(),
            before: before.cloned(),
            after: after.cloned(),
        });
    }
}

/// The elements by key, if each has one of its own: `key` of an object, or a text itself.
fn keyed(list: &[Value]) -> Option<Vec<(&str, &Value)>> {
    let elements: Vec<(&str, &Value)> = list
        .iter()
        .map(|element| {
            let key = element.get("key").unwrap_or(element).as_str()?;
            Some((key, element))
        })
        .collect::<Option<_>>()?;
    let mut keys: Vec<&str> = elements.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.dedup();
    (keys.len() == elements.len()).then_some(elements)
}

/// A longest rising subsequence: the elements that need not be said to have moved. Patience sorting,
/// O(n log n), since a module may have a hundred thousand plans.
fn longest_rising(sequence: &[usize]) -> std::collections::HashSet<usize> {
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(sequence.len());
    for (at, value) in sequence.iter().enumerate() {
        let pile = tails.partition_point(|tail| sequence[*tail] < *value);
        before.push(pile.checked_sub(1).map(|previous| tails[previous]));
        match tails.get_mut(pile) {
            Some(tail) => *tail = at,
            None => tails.push(at),
        }
    }
    let mut rising = std::collections::HashSet::new();
    let mut at = tails.last().copied();
    while let Some(current) = at {
        rising.insert(sequence[current]);
        at = before[current];
    }
    rising
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(before: &Value, after: &Value, expected: &[(Kind, &str)]) {
        let found: Vec<(Kind, String)> = between(before, after)
            .into_iter()
            .map(|change| (change.kind, change.path.join("/")))
            .collect();
        let expected: Vec<(Kind, String)> = expected
            .iter()
            .map(|(kind, path)| (*kind, (*path).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn equal_trees_have_no_differences() {
        check(
            &json!({"a": [1, {"b": 2}]}),
            &json!({"a": [1, {"b": 2}]}),
            &[],
        );
    }

    #[test]
    fn one_plan_put_first_is_one_move() {
        let plans = |keys: &[&str]| {
            let plans: Vec<Value> = keys.iter().map(|key| json!({"key": key})).collect();
            json!({ "plans": plans })
        };
        check(
            &plans(&["a", "b", "c", "d"]),
            &plans(&["d", "a", "b", "c"]),
            &[(Kind::Moved, "plans/d")],
        );
        check(
            &plans(&["a", "b", "c"]),
            &plans(&["a", "x", "c"]),
            &[(Kind::Removed, "plans/b"), (Kind::Added, "plans/x")],
        );
    }

    #[test]
    fn a_rule_is_compared_as_a_whole() {
        check(
            &json!({"audience": {"attr": "age", "op": "gte", "value": 60}}),
            &json!({"audience": {"attr": "age", "op": "gte", "value": 65}}),
            &[(Kind::Changed, "audience")],
        );
    }

    #[test]
    fn a_field_of_a_content_is_named_with_its_locale() {
        check(
            &json!({"content": {"title": {"en": "a", "th": "c"}}}),
            &json!({"content": {"title": {"en": "b", "th": "c"}}}),
            &[(Kind::Changed, "content/title/en")],
        );
    }
}
