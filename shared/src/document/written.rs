//! A tree written out again: as a JSON value, or as YAML for people. Places are lost.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::scalar::{self, Plain};
use super::{Node, Value, json_number};

/// Numbers keep their value. The error is a number that no JSON value of ours holds.
pub fn json(node: &Node) -> Result<Json, String> {
    Ok(match &node.value {
        Value::Null | Value::Unusable => Json::Null,
        Value::Bool(yes) => Json::Bool(*yes),
        Value::Text(text) => Json::String(text.as_ref().to_owned()),
        Value::Number(literal) => {
            let literal = json_number(literal);
            serde_json::from_str(&literal).map_err(|_| literal.into_owned())?
        }
        Value::List(items) => items.iter().map(json).collect::<Result<_, _>>()?,
        Value::Map(entries) => {
            let field = |entry: &super::Entry| {
                let key = entry.key.as_ref().to_owned();
                Ok((key, json(&entry.value)?))
            };
            let fields: Result<Map<_, _>, String> = entries.iter().map(field).collect();
            Json::Object(fields?)
        }
    })
}

/// Objects and lists in block style, in the order of the tree.
pub fn yaml(node: &Node) -> String {
    let mut out = String::new();
    block(node, 0, &mut out);
    out
}

/// The lines of a value, each indented by so many steps.
fn block(node: &Node, depth: usize, out: &mut String) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries.iter() {
                indent(depth, out);
                text(&entry.key, out);
                out.push(':');
                below(&entry.value, depth, out);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for item in items.iter() {
                indent(depth, out);
                out.push('-');
                below(item, depth, out);
            }
        }
        _ => {
            indent(depth, out);
            scalar(node, out);
            out.push('\n');
        }
    }
}

/// What follows a key or a dash: on the same line if it has one.
fn below(node: &Node, depth: usize, out: &mut String) {
    let tall = match &node.value {
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    };
    if tall {
        out.push('\n');
        block(node, depth.saturating_add(1), out);
    } else {
        out.push(' ');
        scalar(node, out);
        out.push('\n');
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn scalar(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null | Value::Unusable => out.push_str("null"),
        Value::Bool(yes) => _ = write!(out, "{yes}"),
        Value::Number(literal) => out.push_str(&json_number(literal)),
        Value::Text(value) => text(value, out),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
}

/// Words that can't be read as anything else stand without quotes.
fn text(value: &str, out: &mut String) {
    let plain = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && scalar::resolve(value) == Plain::Text;
    if plain {
        out.push_str(value);
    } else {
        // A JSON string is a quoted scalar of YAML.
        out.push_str(&Json::from(value).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problems;

    fn read(text: &str) -> Node {
        let mut problems = Problems::default();
        let node = crate::document::read(text.as_bytes(), &mut problems);
        assert!(!problems.has_errors(), "{:?}", problems.finish().0);
        node.expect("a tree")
    }

    #[test]
    fn what_is_written_reads_as_the_same() {
        for text in [
            "modules:\n  a:\n    type: card\n    n: [1, -2.50, +007, 1e9]\n",
            r#"{"a": [[], {}, [[1], {"b": [null, true]}]], "": {"x y": "true", "null": "~"}}"#,
            r##"["07", "1e3", "a: b", "- c", "#d", "line\nbreak", "quote\"d", "😀\u0001", " edge ", "no", "2026-01-01"]"##,
            "null",
            "plain-word_1",
        ] {
            let node = read(text);
            let written = yaml(&node);
            assert_eq!(json(&read(&written)), json(&node), "{written}");
        }
        assert_eq!(
            yaml(&read("{b: {a: x, t: 'y z'}, a: [1, {k: []}]}")),
            "b:\n  a: x\n  t: \"y z\"\na:\n  - 1\n  -\n    k: []\n"
        );
    }

    #[test]
    fn a_number_beyond_all_doubles_is_named() {
        assert_eq!(json(&read("[1e999]")), Err("1e999".to_owned()));
    }
}
