//! Which operators a type lists.

use super::at::At;
use super::reader::{Reader, shortened};
use crate::model::Comparison;
use crate::value::Type;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Exists,
    Missing,
    Compare(Comparison),
    Between,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    InCidr,
    ContainsAny,
    ContainsAll,
    ContainsNone,
}

const EVERY: &[(&str, Operator)] = &[("exists", Operator::Exists), ("missing", Operator::Missing)];
const EQUALITY: &[(&str, Operator)] = &[
    ("eq", Operator::Compare(Comparison::Eq)),
    ("ne", Operator::Compare(Comparison::Ne)),
];
const MEMBERSHIP: &[(&str, Operator)] = &[("in", Operator::In), ("not_in", Operator::NotIn)];
const TEXTS: &[(&str, Operator)] = &[
    ("contains", Operator::Contains),
    ("starts_with", Operator::StartsWith),
    ("ends_with", Operator::EndsWith),
    ("matches", Operator::Matches),
    ("in_cidr", Operator::InCidr),
];
const ORDER: &[(&str, Operator)] = &[
    ("lt", Operator::Compare(Comparison::Lt)),
    ("lte", Operator::Compare(Comparison::Lte)),
    ("gt", Operator::Compare(Comparison::Gt)),
    ("gte", Operator::Compare(Comparison::Gte)),
    ("between", Operator::Between),
];
const LISTS: &[(&str, Operator)] = &[
    ("contains_any", Operator::ContainsAny),
    ("contains_all", Operator::ContainsAll),
    ("contains_none", Operator::ContainsNone),
];

type Group = &'static [(&'static str, Operator)];

/// The operators that a type lists.
fn operators(kind: Type) -> impl Iterator<Item = (&'static str, Operator)> {
    let groups: &[Group] = match kind {
        Type::String | Type::Enum => &[EQUALITY, MEMBERSHIP, TEXTS, EVERY],
        Type::StringList => &[LISTS, EVERY],
        Type::Integer | Type::Number | Type::Version | Type::Datetime => {
            &[EQUALITY, MEMBERSHIP, ORDER, EVERY]
        }
        Type::Boolean => &[EQUALITY, EVERY],
    };
    groups.iter().copied().flatten().copied()
}

/// An operator that applies to an attribute.
pub(crate) fn read(
    r: &mut Reader<'_>,
    at: &At<'_>,
    attribute: &str,
    kind: Type,
) -> Option<Operator> {
    let word = r.text(at)?;
    if let Some((_, operator)) = operators(kind).find(|(name, _)| *name == word) {
        return Some(operator);
    }
    let list: Vec<_> = operators(kind).map(|(name, _)| name).collect();
    let of_type = format!("of {} are allowed: {}", kind.name(), list.join(", "));
    let elsewhere = Type::ALL
        .into_iter()
        .flat_map(operators)
        .any(|(name, _)| name == word);
    if elsewhere {
        let message = format!("`{word}` doesn't apply to `{attribute}`, a {}", kind.name());
        r.error_hint("operator_type", at, message, of_type);
    } else {
        let hint = r
            .did_you_mean(word, list.iter().copied())
            .unwrap_or(of_type);
        let message = format!("there is no operator `{}`", shortened(word));
        r.error_hint("unknown_operator", at, message, hint);
    }
    None
}
