//! Audience rules: what a rule may say about an attribute is decided by the attribute's type, here.

use super::at::At;
use super::constants;
use super::names::NameKind;
use super::operators::{self, Operator};
use super::reader::{Reader, shortened};
use super::shapes;
use crate::compile::regex;
use crate::document::Value;
use crate::limits;
use crate::model::{Attribute, Comparison, Predicate, Rule, Scalar, Test};
use crate::snapshot::records;
use crate::snapshot::rule_size::{Asked, Excess, RuleSize, VERSION_BYTE};
use crate::value::Type;
use crate::value::network::Network;
use crate::value::version::Version;

/// A rule of a plan: its size counts with segments put in, so segments have to be read by now.
pub(crate) fn audience(r: &mut Reader<'_>, at: &At<'_>) -> Option<Rule> {
    let rule = rule(r, at)?;
    let size = size(r, &rule)?;
    within_limits(r, at, size).then_some(rule)
}

/// Of a rule with its segments put in. None if one of them couldn't be read.
pub(crate) fn size(r: &Reader<'_>, rule: &Rule) -> Option<RuleSize> {
    match rule {
        Rule::Predicate(predicate) => Some(RuleSize::predicate(asked(&predicate.test))),
        Rule::Segment(key) => r.segment_sizes.get(key).copied(),
        Rule::Not(child) => RuleSize::group(std::iter::once(size(r, child))),
        Rule::All(children) | Rule::Any(children) => {
            RuleSize::group(children.iter().map(|child| size(r, child)))
        }
    }
}

/// A test as a predicate row will have it, as far as it matters to its size.
pub(crate) fn asked(test: &Test) -> Asked {
    use records::Operator as Row;
    let texts = |texts: &[String]| texts.iter().map(|text| text.len() as u64).sum::<u64>();
    let scalars = |values: &[Scalar]| values.iter().map(bytes).sum::<u64>();
    let (operator, len, bytes) = match test {
        Test::Exists | Test::Missing => (Row::Exists, 0, 0),
        Test::Compare(_, value) => (Row::Eq, 1, bytes(value)),
        Test::StartsWith(text) | Test::EndsWith(text) => (Row::StartsWith, 1, text.len() as u64),
        Test::Between(low, high) => (Row::Between, 2, bytes(low) + bytes(high)),
        Test::In(values) | Test::NotIn(values) => (Row::In, values.len(), scalars(values)),
        Test::Contains(text) => (Row::Contains, 1, text.len() as u64),
        Test::Matches { automaton, .. } => (Row::Matches, automaton.len(), 0),
        Test::InCidr(networks) => (Row::InCidr, networks.len(), 0),
        Test::ContainsAny(words) | Test::ContainsAll(words) | Test::ContainsNone(words) => {
            (Row::ContainsAny, words.len(), texts(words))
        }
    };
    Asked {
        operator,
        len: u32::try_from(len).unwrap_or(u32::MAX),
        bytes,
    }
}

fn bytes(scalar: &Scalar) -> u64 {
    match scalar {
        Scalar::Text(text) => text.len() as u64,
        Scalar::Version(text) => {
            let version = Version::parse(text);
            version.map_or(0, |version| version.pre.len() as u64 * VERSION_BYTE)
        }
        Scalar::Integer(_) | Scalar::Number(_) | Scalar::Datetime(_) | Scalar::Boolean(_) => 0,
    }
}

pub(crate) fn within_limits(r: &mut Reader<'_>, at: &At<'_>, size: RuleSize) -> bool {
    let Some(excess) = size.excess() else {
        return true;
    };
    let message = match excess {
        Excess::Depth(depth) => format!(
            "this rule is {depth} deep with its segments put in; at most {} (RULE_DEPTH) are allowed",
            limits::RULE_DEPTH
        ),
        Excess::Levels(levels) => format!(
            "this rule is {levels} levels deep, counting each segment that is put in; at most {} (RULE_LEVELS) are allowed",
            limits::RULE_LEVELS
        ),
        Excess::Predicates(predicates) => format!(
            "this rule has {predicates} predicates with its segments put in; at most {} (RULE_COST) are allowed",
            limits::RULE_COST
        ),
        Excess::Nodes(nodes) => format!(
            "this rule has {nodes} predicates, groups and segments with its segments put in; at most {} (RULE_NODES) are allowed",
            limits::RULE_NODES
        ),
    };
    r.error_intro("limit", at, message);
    false
}

pub(crate) fn rule(r: &mut Reader<'_>, at: &At<'_>) -> Option<Rule> {
    if !matches!(at.node.value, Value::Map(_)) {
        r.wrong_type(at, "a rule (an object)");
        return None;
    }
    let forms = [
        ("attr", shapes::PREDICATE),
        ("all", shapes::RULE_ALL),
        ("any", shapes::RULE_ANY),
        ("not", shapes::RULE_NOT),
        ("segment", shapes::RULE_SEGMENT),
    ];
    let has = |field: &str| at.get(field).is_some();
    let mut present = forms.iter().filter(|(field, _)| has(field));
    let form = match (present.next(), present.next()) {
        (Some(form), None) => form,
        (Some((first, _)), Some((second, _))) => {
            let message =
                format!("a rule is one thing; this one has both `{first}` and `{second}`");
            let hint = "put them into a list under `all` or `any`".to_owned();
            r.error_hint("ambiguous_rule", at, message, hint);
            return None;
        }
        _ if has("op") || has("value") => {
            r.object(at, shapes::PREDICATE);
            return None;
        }
        _ => {
            no_rule(r, at);
            return None;
        }
    };
    let (field, shape) = form;
    r.object(at, shape)?;
    let child = at.get(field)?;
    match *field {
        "all" => rules(r, &child).map(Rule::All),
        "any" => rules(r, &child).map(Rule::Any),
        "not" => rule(r, &child).map(|rule| Rule::Not(Box::new(rule))),
        "segment" => segment(r, &child).map(Rule::Segment),
        _ => predicate(r, at, &child).map(Rule::Predicate),
    }
}

fn no_rule(r: &mut Reader<'_>, at: &At<'_>) {
    let forms = ["all", "any", "not", "segment", "attr"];
    let list = "a rule has `attr` and `op`, or one of `all`, `any`, `not`, `segment`".to_owned();
    if at.entries().is_empty() {
        let hint = "`all: []` is true of everybody".to_owned();
        r.error_hint("missing_field", at, list.clone(), hint);
    }
    for entry in at.entries() {
        let hint = r
            .did_you_mean(&entry.key, forms)
            .unwrap_or_else(|| list.clone());
        let field = at.field(entry);
        r.report(
            crate::problem::Severity::Error,
            "unknown_field",
            entry.place,
            field.path(),
            format!("a rule has no field `{}`", entry.key),
            Some(hint),
        );
    }
}

fn rules(r: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<Rule>> {
    let mut out = Vec::new();
    let mut whole = true;
    for item in r.list(at, "rules", limits::RULE_COST as usize)? {
        match rule(r, &item) {
            Some(rule) => out.push(rule),
            None => whole = false,
        }
    }
    whole.then_some(out)
}

fn segment(r: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let key = r.reference(at, NameKind::Segment)?;
    Some(key.to_owned())
}

fn predicate(r: &mut Reader<'_>, at: &At<'_>, attr: &At<'_>) -> Option<Predicate> {
    let name = r.reference(attr, NameKind::Attribute)?;
    // A faulty declaration is reported where it stands.
    let attribute = r.names.attribute.get(name).cloned()?;
    let op = at.get("op")?;
    let operator = operators::read(r, &op, name, attribute.kind)?;
    let value = at.get("value");
    let test = match (operator, &value) {
        (Operator::Exists, None) => Test::Exists,
        (Operator::Missing, None) => Test::Missing,
        (Operator::Exists | Operator::Missing, Some(value)) => {
            r.error_intro(
                "unknown_field",
                value,
                "`exists` and `missing` take no value",
            );
            return None;
        }
        (_, None) => {
            r.error_intro("missing_field", at, "a predicate needs the field `value`");
            return None;
        }
        (operator, Some(value)) => test(r, value, operator, name, &attribute)?,
    };
    Some(Predicate {
        attribute: name.to_owned(),
        test,
    })
}

fn test(
    r: &mut Reader<'_>,
    at: &At<'_>,
    operator: Operator,
    name: &str,
    attribute: &Attribute,
) -> Option<Test> {
    Some(match operator {
        Operator::Compare(comparison) => {
            let listed = matches!(comparison, Comparison::Eq | Comparison::Ne);
            Test::Compare(comparison, constant(r, at, name, attribute, listed)?)
        }
        Operator::Between => between(r, at, name, attribute)?,
        Operator::In => Test::In(constants_list(r, at, name, attribute)?),
        Operator::NotIn => Test::NotIn(constants_list(r, at, name, attribute)?),
        Operator::Contains => Test::Contains(constants::text(r, at)?),
        Operator::StartsWith => Test::StartsWith(constants::text(r, at)?),
        Operator::EndsWith => Test::EndsWith(constants::text(r, at)?),
        Operator::Matches => matches(r, at)?,
        Operator::InCidr => Test::InCidr(each(r, at, "networks", network)?),
        Operator::ContainsAny => Test::ContainsAny(each(r, at, "texts", constants::text)?),
        Operator::ContainsAll => Test::ContainsAll(each(r, at, "texts", constants::text)?),
        Operator::ContainsNone => Test::ContainsNone(each(r, at, "texts", constants::text)?),
        Operator::Exists => Test::Exists,
        Operator::Missing => Test::Missing,
    })
}

fn each<T>(
    r: &mut Reader<'_>,
    at: &At<'_>,
    noun: &str,
    mut read: impl FnMut(&mut Reader<'_>, &At<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut out = Vec::new();
    let mut whole = true;
    for item in r.list(at, noun, limits::LIST_VALUES)? {
        match read(r, &item) {
            Some(value) => out.push(value),
            None => whole = false,
        }
    }
    whole.then_some(out)
}

fn constants_list(
    r: &mut Reader<'_>,
    at: &At<'_>,
    name: &str,
    attribute: &Attribute,
) -> Option<Vec<Scalar>> {
    each(r, at, "values", |r, item| {
        constant(r, item, name, attribute, true)
    })
}

/// One constant; `listed` if an enum takes declared values only.
fn constant(
    r: &mut Reader<'_>,
    at: &At<'_>,
    name: &str,
    attribute: &Attribute,
    listed: bool,
) -> Option<Scalar> {
    let constant = constants::scalar(r, at, attribute.kind)?;
    if let (Type::Enum, true, Scalar::Text(text)) = (attribute.kind, listed, &constant)
        && attribute.values.binary_search(text).is_err()
    {
        let message = format!("`{}` is no value of `{name}`", shortened(text));
        let values = attribute.values.iter().map(String::as_str);
        r.not_among("unknown_value", at, message, values);
        return None;
    }
    let beyond = |bound: &Option<Scalar>, wrong: fn(std::cmp::Ordering) -> bool| {
        bound
            .as_ref()
            .and_then(|bound| constants::compare(&constant, bound))
            .is_some_and(wrong)
    };
    if beyond(&attribute.min, std::cmp::Ordering::is_lt)
        || beyond(&attribute.max, std::cmp::Ordering::is_gt)
    {
        let message = format!("`{name}` never has this value: it is outside `min` and `max`");
        r.warn("never_reached", at, message);
    }
    Some(constant)
}

fn between(r: &mut Reader<'_>, at: &At<'_>, name: &str, attribute: &Attribute) -> Option<Test> {
    let list = constants_list(r, at, name, attribute)?;
    let Ok([low, high]) = <[Scalar; 2]>::try_from(list) else {
        let message = "`between` takes a list of two values, [low, high]";
        r.error("invalid_value", at, message);
        return None;
    };
    if constants::compare(&low, &high).is_some_and(std::cmp::Ordering::is_gt) {
        r.warn(
            "empty_range",
            at,
            "low is above high, so nothing is between",
        );
    }
    Some(Test::Between(low, high))
}

fn network(r: &mut Reader<'_>, at: &At<'_>) -> Option<Network> {
    let text = r.text(at)?;
    match Network::parse(text) {
        Ok(network) => Some(network),
        Err(why) => {
            let message = format!("`{}` is no network: {why}", shortened(text));
            r.error("invalid_value", at, message);
            None
        }
    }
}

fn matches(r: &mut Reader<'_>, at: &At<'_>) -> Option<Test> {
    let pattern = constants::text(r, at)?;
    if !r.automata.contains_key(&pattern) {
        r.automata
            .insert(pattern.clone(), regex::automaton(&pattern));
    }
    match r.automata.get(&pattern)?.clone() {
        Ok(automaton) => Some(Test::Matches { pattern, automaton }),
        Err(why) => {
            let hint = "`starts_with`, `ends_with` or `contains` may do".to_owned();
            r.error_hint("invalid_pattern", at, why, hint);
            None
        }
    }
}
