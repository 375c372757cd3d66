//! What serde and axum say of a request that can't be read, with its place and in words for whoever sent it. Their texts are
//! taken apart, since they are all that is told; what is worded otherwise by a later version is handed on as it is.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::app::Error;

const SHAPE: &str = "see /api/openapi.json for the shape of the body";
const PARAMETERS: &str = "see /api/openapi.json for the parameters";

/// Read once more, by who remembers the way: what is right doesn't pay for it.
pub fn body<T: DeserializeOwned>(body: &[u8], wrong: &serde_json::Error) -> Error {
    let text = wrong.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(&*text, |(text, _)| text);
    if wrong.classify() != Category::Data {
        let place = format!("line {}, column {}", wrong.line(), wrong.column());
        let error = Error::invalid(format!("this is no JSON: {text}"));
        return error.at(place).hint("look at quotes, commas and brackets");
    }
    let Said { what, field, hint } = said(text);
    let again = &mut serde_json::Deserializer::from_slice(body);
    let again = serde_path_to_error::deserialize::<_, T>(again).err();
    let mut place = again.map_or_else(String::new, |error| pointer(error.path()));
    if let Some(field) = field.filter(|field| !place.ends_with(&format!("/{field}"))) {
        place = format!("{place}/{field}");
    }
    let error = Error::invalid(what).at(place);
    error.hint(hint.unwrap_or_else(|| SHAPE.into()))
}

pub fn query(rejection: &QueryRejection) -> Error {
    let text = rejection.body_text();
    let text = text
        .split_once("query string: ")
        .map_or(&*text, |(_, text)| text);
    // Where it is known, the parameter stands before what is wrong with it.
    let (name, text) = match text.split_once(": ") {
        Some((name, rest)) if !name.contains(' ') => (Some(name), rest),
        _ => (None, text),
    };
    let Said { what, field, hint } = said(text);
    let place = name.or(field).unwrap_or("query").to_owned();
    let error = Error::invalid(what).at(place);
    error.hint(hint.unwrap_or_else(|| PARAMETERS.into()))
}

pub fn path(rejection: PathRejection) -> Error {
    let text = rejection.body_text();
    let PathRejection::FailedToDeserializePathParams(wrong) = rejection else {
        return Error::invalid(text).at("path");
    };
    let what = match wrong.into_kind() {
        ErrorKind::ParseErrorAtKey {
            value,
            expected_type,
            ..
        }
        | ErrorKind::ParseErrorAtIndex {
            value,
            expected_type,
            ..
        }
        | ErrorKind::ParseError {
            value,
            expected_type,
        } => format!("`{value}` stands where {} is wanted", wanted(expected_type)),
        ErrorKind::InvalidUtf8InPathParam { key } => format!("`{key}` is no UTF-8"),
        _ => text,
    };
    Error::invalid(what).at("path")
}

/// What is wrong, and the field that it is about.
struct Said<'a> {
    what: String,
    field: Option<&'a str>,
    hint: Option<String>,
}

fn said(text: &str) -> Said<'_> {
    let mut said = Said {
        what: text.to_owned(),
        field: None,
        hint: None,
    };
    if let Some(field) = quoted(text, "missing field ") {
        (said.what, said.field) = (format!("`{field}` is missing"), Some(field));
    } else if let Some(field) = quoted(text, "duplicate field ") {
        (said.what, said.field) = (format!("`{field}` comes twice"), Some(field));
    } else if let Some(field) = quoted(text, "unknown field ") {
        (said.what, said.field) = (format!("there is no field `{field}` here"), Some(field));
        let known = text.split_once(", expected ").map(|(_, known)| known);
        said.hint = known.map(|known| format!("known is {}", known.trim_start_matches("one of ")));
    } else if let Some((found, expected)) = text
        .strip_prefix("invalid type: ")
        .or(text.strip_prefix("invalid value: "))
        .and_then(|text| text.rsplit_once(", expected "))
    {
        said.what = format!("{found} stands where {} is wanted", wanted(expected));
    } else if text.starts_with("invalid length ") && text.contains("expected struct ") {
        said.what = "a list stands where an object is wanted".to_owned();
    } else if text.starts_with("invalid digit found") || text.starts_with("cannot parse integer") {
        said.what = "a whole number is wanted".to_owned();
    }
    said
}

/// What stands in backquotes behind a beginning.
fn quoted<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(beginning)?.strip_prefix('`')?;
    Some(rest.split_once('`')?.0)
}

/// As a JSON Pointer.
fn pointer(path: &Path) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(part).collect()
}

/// A type, for whoever doesn't write Rust.
fn wanted(name: &str) -> &str {
    match name {
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "f32" | "f64" => "a number",
        "a map" => "an object",
        "a sequence" => "a list",
        _ if name.starts_with("struct ") || name.contains(" tagged enum ") => "an object",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::asked::read;
    use super::*;
    use axum::extract::Query;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what can't be read matters")]
    struct Asked {
        name: String,
        #[serde(default)]
        revision: Option<i64>,
        #[serde(default)]
        roles: Vec<Role>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what can't be read matters")]
    struct Role {
        role: Kind,
        share: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Viewer,
        Admin,
    }

    fn told(error: &Error) -> (&str, &str, &str) {
        let Error::Invalid { detail, at, hint } = error else {
            panic!("{error:?}");
        };
        (at, detail, hint.as_deref().unwrap_or_default())
    }

    #[test]
    fn bodies_are_told_where_and_what() {
        for (body, place, what) in [
            (
                r#"{"name": "#,
                "line 1, column 9",
                "this is no JSON: EOF while parsing a value",
            ),
            ("{}", "/name", "`name` is missing"),
            (
                r#"{"name": "a"} x"#,
                "line 1, column 15",
                "this is no JSON: trailing characters",
            ),
            (
                r#"{"name": 7}"#,
                "/name",
                "integer `7` stands where a string is wanted",
            ),
            ("[]", "", "a list stands where an object is wanted"),
            ("7", "", "integer `7` stands where an object is wanted"),
            (
                r#"{"name": "a", "revision": "x"}"#,
                "/revision",
                r#"string "x" stands where a whole number is wanted"#,
            ),
            (
                r#"{"name": "a", "roles": {}}"#,
                "/roles",
                "map stands where a list is wanted",
            ),
            (
                r#"{"name": "a", "roles": [{"role": "viewer", "share": 1}, {"role": "admin", "share": -1}]}"#,
                "/roles/1/share",
                "integer `-1` stands where a whole number from 0 on is wanted",
            ),
            (
                r#"{"name": "a", "roles": [{"role": "viewer"}]}"#,
                "/roles/0/share",
                "`share` is missing",
            ),
            (
                r#"{"name": "a", "roles": [{"role": "boss", "share": 1}]}"#,
                "/roles/0/role",
                "unknown variant `boss`, expected `viewer` or `admin`",
            ),
            (
                r#"{"name": "a", "nome": 1}"#,
                "/nome",
                "there is no field `nome` here",
            ),
            (
                r#"{"name": "a", "name": "b"}"#,
                "/name",
                "`name` comes twice",
            ),
        ] {
            let error = read::<Asked>(body.as_bytes()).unwrap_err();
            let (at, detail, hint) = told(&error);
            assert_eq!((at, detail), (place, what), "{body}");
            assert!(!hint.is_empty(), "{body}");
        }
        let error = read::<Asked>(br#"{"nome": 1}"#).unwrap_err();
        assert_eq!(told(&error).2, "known is `name`, `revision`, `roles`");
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what can't be read matters")]
    struct Parameters {
        name: String,
        limit: Option<u32>,
    }

    #[test]
    fn parameters_are_told_by_name() {
        for (asked, place, what) in [
            ("/", "name", "`name` is missing"),
            ("/?name=a&limit=x", "limit", "a whole number is wanted"),
            (
                "/?name=a&lumit=1",
                "lumit",
                "there is no field `lumit` here",
            ),
        ] {
            let refused = Query::<Parameters>::try_from_uri(&asked.parse().unwrap()).unwrap_err();
            let error = query(&refused);
            assert_eq!((told(&error).0, told(&error).1), (place, what), "{asked}");
        }
    }
}
