//! Declared attributes.

use super::at::At;
use super::constants;
use super::reader::Reader;
use super::shapes;
use crate::limits;
use crate::model::{Attribute, Scalar, Source};
use crate::value::Type;

pub(crate) fn attribute(r: &mut Reader<'_>, at: &At<'_>) -> Option<Attribute> {
    let object = r.object(at, shapes::ATTRIBUTE)?;
    r.description(object);
    let kind = object.get("type").and_then(|at| {
        let words = Type::ALL.map(|t| (t.name(), t));
        r.word(&at, "attribute type", &words)
    });
    let source = object.get("from").map(|at| source(r, &at));
    let kind = kind?;
    let values = values(r, object, kind);
    let min = bound(r, object, "min", kind);
    let max = bound(r, object, "max", kind);
    let (values, min, max) = (values?, min?, max?);
    if let (Some(min), Some(max)) = (&min, &max)
        && constants::compare(min, max).is_some_and(std::cmp::Ordering::is_gt)
    {
        let message = "`min` is above `max`, so no value fits";
        r.warn("empty_range", object, message);
    }
    Some(Attribute {
        kind,
        values,
        min,
        max,
        source: source.unwrap_or(Some(Source::Request))?,
    })
}

fn source(r: &mut Reader<'_>, at: &At<'_>) -> Option<Source> {
    let text = r.text(at)?;
    match text {
        "edge.country" => return Some(Source::EdgeCountry),
        "edge.region" => return Some(Source::EdgeRegion),
        "edge.ip" => return Some(Source::EdgeIp),
        "signed" => return Some(Source::Signed),
        _ => {}
    }
    if let Some(name) = text.strip_prefix("header.") {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if (1..=limits::KEY_BYTES).contains(&name.len()) && name.bytes().all(token) {
            return Some(Source::Header(name.to_ascii_lowercase()));
        }
        let message = format!("`{name}` is no name of a header");
        r.error("invalid_value", at, message);
        return None;
    }
    let possible = ["edge.country", "edge.region", "edge.ip", "signed"];
    let hint = r.did_you_mean(text, possible).unwrap_or_else(|| {
        format!(
            "possible are {}, header.NAME; leave it out for what the client says",
            possible.join(", ")
        )
    });
    r.error_hint(
        "invalid_value",
        at,
        format!("an attribute cannot come from `{text}`"),
        hint,
    );
    None
}

/// Sorted; empty for all types but enums.
fn values(r: &mut Reader<'_>, object: &At<'_>, kind: Type) -> Option<Vec<String>> {
    let Some(at) = object.get("values") else {
        if kind == Type::Enum {
            let message = "an enum needs the field `values`";
            r.error_intro("missing_field", object, message);
            return None;
        }
        return Some(Vec::new());
    };
    if kind != Type::Enum {
        let message = format!("`values` belongs to an enum; this is a {}", kind.name());
        r.error_intro("unknown_field", &at, message);
        return None;
    }
    let mut values = Vec::new();
    let mut whole = true;
    for item in r.list(&at, "values", limits::ENUM_VALUES)? {
        match r.text(&item) {
            None => whole = false,
            Some(text) if values.iter().any(|v| v == text) => {
                let message = format!("the value `{text}` stands twice");
                r.error("duplicate", &item, message);
                whole = false;
            }
            Some(text) => {
                whole &= r
                    .text_within(&item, text, "a value", limits::TEXT_BYTES)
                    .is_some();
                values.push(text.to_owned());
            }
        }
    }
    if values.is_empty() && whole {
        r.error("invalid_value", &at, "an enum needs at least one value");
        whole = false;
    }
    values.sort_unstable();
    whole.then_some(values)
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether it could be read, the inner whether it is given"
)]
fn bound(r: &mut Reader<'_>, object: &At<'_>, field: &str, kind: Type) -> Option<Option<Scalar>> {
    let Some(at) = object.get(field) else {
        return Some(None);
    };
    if !matches!(kind, Type::Integer | Type::Number) {
        let message = format!(
            "`{field}` belongs to an integer or number; this is a {}",
            kind.name()
        );
        r.error_intro("unknown_field", &at, message);
        return None;
    }
    constants::scalar(r, &at, kind).map(Some)
}
