//! Values near a constant, spelled in the many ways that JSON allows.

use serde_json::{Value, json};

use super::draw::Draw;
use crate::reader::instant;

/// Texts that fit no type, or not the one they are given for.
const ODD: [&str; 14] = [
    "null",
    "true",
    "\"67\"",
    "67",
    "[]",
    "{}",
    "[1]",
    "[\"a\", null]",
    "\"\"",
    "-1",
    "1e400",
    "\"\\u0000\"",
    "\"2026-11-22\"",
    "[[\"a\"]]",
];

pub fn odd(draw: &mut Draw) -> String {
    (*draw.pick(&ODD)).to_owned()
}

/// JSON text of a value equal to a constant of this type, or just beside it.
pub fn near(draw: &mut Draw, kind: &str, constant: &Value) -> String {
    match (kind, constant) {
        ("integer", constant) => {
            let value = crate::reader::digits::whole(&constant.to_string()).unwrap_or(0);
            let step = *draw.pick(&[-1, 0, 0, 0, 1]);
            whole(draw, i128::from(value) + step)
        }
        ("number", constant) => double(draw, constant.as_f64().unwrap_or(0.0)),
        ("boolean", constant) => constant.to_string(),
        ("version", Value::String(text)) => json!(version(draw, text)).to_string(),
        ("datetime", Value::String(text)) => {
            let step = *draw.pick(&[-1, 0, 0, 1, 1000]);
            let instant = instant::parse(text).unwrap_or(0) + step;
            json!(moment(draw, instant)).to_string()
        }
        ("enum", constant) => constant.to_string(),
        (_, Value::String(text)) => escaped(draw, text),
        (_, other) => other.to_string(),
    }
}

/// A whole number; beyond i64 too.
pub fn whole(draw: &mut Draw, value: i128) -> String {
    match draw.below(10) {
        0 => format!("{value}.0"),
        1 => format!("{value}.000"),
        2 => format!("{value}e0"),
        3 if value != 0 => format!("{value}0E-1"),
        4 => format!("{value}.0e+00"),
        5 => format!("{value}.5"),
        6 => {
            let digits = value.unsigned_abs().to_string();
            let sign = if value < 0 { "-" } else { "" };
            format!(
                "{sign}{}.{}0e{}",
                &digits[..1],
                &digits[1..],
                digits.len() - 1
            )
        }
        _ => value.to_string(),
    }
}

fn double(draw: &mut Draw, value: f64) -> String {
    match draw.below(9) {
        0 => format!("{:?}", value.next_up()),
        1 => format!("{:?}", value.next_down()),
        2 => format!("{value:e}"),
        // All the digits that a small double has, and a little more than all.
        3 => format!("{value:.60}"),
        4 => format!("{value:.60}1"),
        5 => format!("{value:?}").replace('e', "E"),
        6 => format!("{:?}", -value),
        _ => format!("{value:?}"),
    }
}

fn version(draw: &mut Draw, text: &str) -> String {
    let bare = text.trim_start_matches('v');
    match draw.below(12) {
        0 => format!("v{bare}"),
        1 => format!("{bare}-alpha"),
        2 => format!("{bare}+build.01"),
        3 => format!("{bare}.0"),
        4 => format!("{bare}.1"),
        5 => format!("0{bare}"),
        6 => format!("{bare}."),
        7 => format!("V{bare}"),
        8 => bare.replace("beta.2", "beta.3"),
        _ => text.to_owned(),
    }
}

/// RFC 3339 in one of its spellings.
pub fn moment(draw: &mut Draw, instant: i64) -> String {
    let minutes = if draw.chance(60) {
        0
    } else {
        draw.between(-720, 840)
    };
    let local = chrono::DateTime::from_timestamp_millis(instant + minutes * instant::MINUTE);
    let local = local.expect("an instant that chrono can hold");
    let date = local.format("%Y-%m-%d");
    let time = local.format(if instant % 1000 == 0 && draw.chance(70) {
        "%H:%M:%S"
    } else {
        "%H:%M:%S%.3f"
    });
    let more = if time.to_string().contains('.') && draw.chance(30) {
        "999"
    } else {
        ""
    };
    let t = if draw.chance(10) { 't' } else { 'T' };
    let offset = match minutes {
        0 if draw.chance(10) => "z".to_owned(),
        0 if draw.chance(10) => "-00:00".to_owned(),
        0 => "Z".to_owned(),
        _ => {
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
    };
    format!("{date}{t}{time}{more}{offset}")
}

fn escaped(draw: &mut Draw, text: &str) -> String {
    let changed = match draw.below(12) {
        0 => format!("{text}x"),
        1 => format!("x{text}"),
        2 => text.to_lowercase(),
        3 => text.to_uppercase(),
        4 => text.chars().skip(1).collect(),
        5 => text.chars().take(1).collect(),
        6 => format!("{text}7"),
        _ => text.to_owned(),
    };
    let plain = json!(changed).to_string();
    // The same text, spelled with escapes.
    if draw.chance(10) {
        let units = changed.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        return format!("\"{}\"", units.collect::<String>());
    }
    plain
}
