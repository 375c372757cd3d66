//! What a plain scalar is under the core schema of YAML 1.2.2, section 10.3.2.

use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Number,
    /// Hexadecimal, octal, infinite or no number: nothing of ours can be that.
    Unusual,
    Text,
}

pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    let first = text.as_bytes().first().copied().unwrap_or(b' ');
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return Plain::Text;
    }
    let based = |prefix: &str, digit: fn(u8) -> bool| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(digit))
    };
    if based("0x", |b| b.is_ascii_hexdigit()) || based("0o", |b| matches!(b, b'0'..=b'7')) {
        return Plain::Unusual;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => Plain::Unusual,
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => Plain::Unusual,
        _ if is_decimal(unsigned) => Plain::Number,
        _ => Plain::Text,
    }
}

/// `(\. [0-9]+ | [0-9]+ (\. [0-9]*)?) ([eE] [-+]? [0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    exponent_fits && digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

pub(super) fn json_number(literal: &str) -> Cow<'_, str> {
    let (sign, rest) = match literal.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", literal.strip_prefix('+').unwrap_or(literal)),
    };
    let (mantissa, exponent) = rest.split_at(rest.find(['e', 'E']).unwrap_or(rest.len()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let trimmed = whole.trim_start_matches('0');
    let whole_json = if trimmed.is_empty() { "0" } else { trimmed };
    if whole_json == whole && !literal.starts_with('+') && !mantissa.ends_with('.') {
        return Cow::Borrowed(literal);
    }
    let point = if fraction.is_empty() { "" } else { "." };
    Cow::Owned([sign, whole_json, point, fraction, exponent].concat())
}
