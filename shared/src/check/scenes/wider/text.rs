//! The same of texts that have fields in them.

use serde_json::Value as Json;

use super::super::super::templates::Piece;
use super::super::fields::Fields;
use super::{accepts_all, all_values, types};

/// Texts that are written out to look at all of them.
const WRITTEN: usize = 64;
/// Characters of a number, as JSON is written.
const NUMBER: usize = 24;

/// Whether a text meets a keyword, whatever its fields are.
pub(super) fn meets(fields: &Fields, pieces: &[Piece<'_>], keyword: &str, wanted: &Json) -> bool {
    if let Some(texts) = all_texts(fields, pieces) {
        return accepts_all(keyword, wanted, texts.iter());
    }
    let lengths = |of_field: fn(&Json) -> Option<usize>| {
        pieces.iter().try_fold(0_usize, |sum, piece| {
            let length = match piece {
                Piece::Text(text) => text.chars().count(),
                Piece::Field(name) => of_field(fields.schema_of(name.trim())?)?,
                Piece::Open => return None,
            };
            sum.checked_add(length)
        })
    };
    let limit = || usize::try_from(wanted.as_u64()?).ok();
    match keyword {
        "type" => types(wanted).contains(&"string"),
        "maxLength" => lengths(longest)
            .zip(limit())
            .is_some_and(|(most, limit)| most <= limit),
        "minLength" => lengths(shortest)
            .zip(limit())
            .is_some_and(|(least, limit)| least >= limit),
        "format" => {
            let address = ["uri", "uri-reference", "iri", "iri-reference"];
            address.iter().any(|format| wanted == format) && in_path(fields, pieces)
        }
        _ => false,
    }
}

/// If they are few.
fn all_texts(fields: &Fields, pieces: &[Piece<'_>]) -> Option<Vec<Json>> {
    let mut texts = vec![String::new()];
    for piece in pieces {
        let next = match piece {
            Piece::Text(text) => vec![(*text).to_owned()],
            Piece::Field(name) => {
                let values = all_values(fields.schema_of(name.trim())?)?;
                values.iter().map(words).collect()
            }
            Piece::Open => return None,
        };
        if texts.len().saturating_mul(next.len()) > WRITTEN {
            return None;
        }
        let with = |text: &String| {
            next.iter()
                .map(|part| text.clone() + part)
                .collect::<Vec<_>>()
        };
        texts = texts.iter().flat_map(with).collect();
    }
    Some(texts.into_iter().map(Json::String).collect())
}

fn words(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn longest(field: &Json) -> Option<usize> {
    if let Some(values) = all_values(field) {
        return values
            .iter()
            .map(|value| words(value).chars().count())
            .max();
    }
    if field.get("type")? == "string" {
        return usize::try_from(field.get("maxLength")?.as_u64()?).ok();
    }
    Some(NUMBER)
}

fn shortest(field: &Json) -> Option<usize> {
    if let Some(values) = all_values(field) {
        return values
            .iter()
            .map(|value| words(value).chars().count())
            .min();
    }
    if field.get("type")? == "string" {
        let least = field.get("minLength").and_then(Json::as_u64);
        return usize::try_from(least.unwrap_or(0)).ok();
    }
    Some(1)
}

/// Whether the fields stand behind the host of an address, and have only letters, digits, `-` and `_`, which may stand there
/// whatever comes before and after them.
fn in_path(fields: &Fields, pieces: &[Piece<'_>]) -> bool {
    let Some(Piece::Text(first)) = pieces.first() else {
        return false;
    };
    let behind = first.split_once("//").map_or(*first, |(_, behind)| behind);
    let harmless = |name: &str| fields.schema_of(name).is_some_and(is_harmless);
    behind.contains(['/', '?', '#'])
        && pieces.iter().all(|piece| match piece {
            Piece::Field(name) => harmless(name.trim()),
            // An escape takes the two characters that follow.
            Piece::Text(text) => !text.chars().rev().take(2).any(|c| c == '%'),
            Piece::Open => false,
        })
}

fn is_harmless(field: &Json) -> bool {
    match field.get("type").and_then(Json::as_str) {
        Some("integer") => true,
        Some("string") => {
            let pattern = field.get("pattern").and_then(Json::as_str);
            pattern.is_some_and(one_class)
        }
        _ => false,
    }
}

/// `^[a-z0-9_-]+$` and the like.
fn one_class(pattern: &str) -> bool {
    let inside = pattern
        .strip_prefix("^[")
        .and_then(|rest| rest.strip_suffix('$'));
    let Some((class, times)) = inside.and_then(|inside| inside.split_once(']')) else {
        return false;
    };
    let counted = times
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b',');
    is_word(class.as_bytes())
        && (matches!(times, "" | "?" | "*" | "+") || counted.is_some_and(digits))
}

/// Whether a class has only letters, digits, `-` and `_`.
fn is_word(class: &[u8]) -> bool {
    match class {
        [] => true,
        [first, b'-', last, rest @ ..] => {
            let kinds: [fn(&u8) -> bool; 3] = [
                u8::is_ascii_lowercase,
                u8::is_ascii_uppercase,
                u8::is_ascii_digit,
            ];
            kinds.iter().any(|kind| kind(first) && kind(last)) && is_word(rest)
        }
        [one, rest @ ..] => {
            (one.is_ascii_alphanumeric() || matches!(one, b'_' | b'-')) && is_word(rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::one_class;

    #[test]
    fn only_classes_of_word_characters_are_harmless() {
        for pattern in ["^[a-z]+$", "^[A-Za-z0-9_-]*$", "^[0-9]{1,4}$", "^[-a]$"] {
            assert!(one_class(pattern), "{pattern}");
        }
        for pattern in [
            "[a-z]+", "^[a-z]+", "^[^a]$", "^[a/]$", "^[A-z]+$", "^[+--]$", "^[a]|.$", "^[a].$",
            "^[\\d]$",
        ] {
            assert!(!one_class(pattern), "{pattern}");
        }
    }
}
