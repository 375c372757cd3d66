//! Typed constants of rules, by the grammars that requests are read with.

use std::cmp::Ordering;

use super::at::At;
use super::reader::{Reader, shortened};
use crate::limits;
use crate::model::Scalar;
use crate::value::version::Version;
use crate::value::{Type, datetime, number};

/// A constant of a type; of `string_list` an element.
pub(crate) fn scalar(r: &mut Reader<'_>, at: &At<'_>, kind: Type) -> Option<Scalar> {
    match kind {
        Type::String | Type::Enum | Type::StringList => Some(Scalar::Text(text(r, at)?)),
        Type::Integer => Some(Scalar::Integer(r.whole(at)?)),
        Type::Number => {
            let literal = r.number(at, "a number")?;
            let value = number::double(&literal);
            if value.is_none() {
                r.error("wrong_type", at, format!("{literal} is too large a number"));
            }
            value.map(Scalar::Number)
        }
        Type::Version => version(r, at).map(Scalar::Version),
        Type::Datetime => {
            let text = r.text(at)?;
            let value = datetime::parse(text);
            if value.is_none() {
                let message = format!("`{}` is no RFC 3339 instant", shortened(text));
                let hint = "for example \"2026-11-22T09:00:00Z\" or \"…+08:00\"".to_owned();
                r.error_hint("invalid_value", at, message, hint);
            }
            value.map(Scalar::Datetime)
        }
        Type::Boolean => r.boolean(at).map(Scalar::Boolean),
    }
}

pub(crate) fn text(r: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let text = r.text(at)?;
    r.text_within(at, text, "this text", limits::TEXT_BYTES)
        .map(str::to_owned)
}

pub(crate) fn version(r: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let text = text(r, at)?;
    if Version::parse(&text).is_none() {
        let message = format!("`{}` is no version", shortened(&text));
        let hint = "1 to 4 numbers, for example \"8.2.0\" or \"8.2.0-beta.1\"".to_owned();
        r.error_hint("invalid_value", at, message, hint);
        return None;
    }
    Some(text)
}

/// Of two constants of one type; none for types without order.
pub(crate) fn compare(a: &Scalar, b: &Scalar) -> Option<Ordering> {
    match (a, b) {
        (Scalar::Integer(a), Scalar::Integer(b)) | (Scalar::Datetime(a), Scalar::Datetime(b)) => {
            Some(a.cmp(b))
        }
        (Scalar::Number(a), Scalar::Number(b)) => a.partial_cmp(b),
        (Scalar::Version(a), Scalar::Version(b)) => {
            Some(Version::parse(a)?.precedence(&Version::parse(b)?))
        }
        _ => None,
    }
}
