//! The query-string form of a context: `unit=u-1&locale=en&attr.age=67&attr.tags=a&attr.tags=b`.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{BadRequest, Context, Fact};
use crate::limits;
use crate::value::datetime;

pub(super) fn read(query: &str) -> Result<Context<'_>, BadRequest> {
    let mut context = Context::default();
    let mut given: Vec<Cow<'_, str>> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if let Some(attribute) = name.strip_prefix("attr.") {
            add(&mut context.attributes, attribute, value)?;
            continue;
        }
        if given.contains(&name) {
            return Err(BadRequest::new(name, "given twice"));
        }
        let slot = match &*name {
            "unit" => &mut context.unit,
            "device" => &mut context.device,
            "locale" => &mut context.locale,
            "now" => {
                let hint = "write an RFC 3339 instant, for example 2026-11-22T09:00:00Z";
                context.now_ms =
                    Some(datetime::parse(&value).ok_or_else(|| BadRequest::new("now", hint))?);
                given.push(name);
                continue;
            }
            "explain" => {
                context.explain = match &*value {
                    "" | "true" | "1" => true,
                    "false" | "0" => false,
                    _ => return Err(BadRequest::new("explain", "write true or false")),
                };
                given.push(name);
                continue;
            }
            "have" => &mut context.have,
            "previous_unit" => &mut context.previous_unit,
            _ => {
                let message =
                    "unknown parameter; use unit, device, locale, explain, have and attr.NAME";
                return Err(BadRequest::new(name, message));
            }
        };
        *slot = Some(value);
        given.push(name);
    }
    Ok(context)
}

fn add<'a>(
    attributes: &mut Vec<(Cow<'a, str>, Fact<'a>)>,
    name: &str,
    value: Cow<'a, str>,
) -> Result<(), BadRequest> {
    let room = attributes.len() < limits::REQUEST_ATTRIBUTES;
    match attributes.iter_mut().find(|(given, _)| given == name) {
        Some((_, Fact::Untyped(values))) if values.len() < limits::REQUEST_LIST => {
            values.push(value);
        }
        Some(_) => return Err(BadRequest::new(format!("attr.{name}"), "too many values")),
        None if room => attributes.push((Cow::Owned(name.into()), Fact::Untyped(vec![value]))),
        None => {
            return Err(BadRequest::new(
                format!("attr.{name}"),
                "too many attributes",
            ));
        }
    }
    Ok(())
}

/// Percent-decoding by the rules of HTML forms (`+` is a space). What isn't an escape stands for itself.
fn decode(text: &str) -> Result<Cow<'_, str>, BadRequest> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let hex = |digits: &[u8; 2]| {
            let [high, low] = digits.map(|d| char::from(d).to_digit(16));
            u8::try_from(high?.checked_mul(16)?.checked_add(low?)?).ok()
        };
        match (byte, after.split_first_chunk::<2>()) {
            (b'+', _) => out.push(b' '),
            (b'%', Some((digits, after))) if hex(digits).is_some() => {
                out.push(hex(digits).unwrap_or_default());
                rest = after;
            }
            _ => out.push(*byte),
        }
    }
    let text = String::from_utf8(out)
        .map_err(|_| BadRequest::new("", "the query is not UTF-8 after decoding"))?;
    Ok(Cow::Owned(text))
}
