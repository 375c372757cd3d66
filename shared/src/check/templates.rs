//! Templates: `{{ field }}` and nothing else, of fields that the schema knows.

use serde_json::Value;

use super::at::At;
use super::reader::{Reader, shortened};
use super::schemas::{alternatives, children};

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// Never empty.
    Text(&'t str),
    /// What stands between `{{` and `}}`.
    Field(&'t str),
    /// A `{{` that is never closed, and what follows it.
    Open,
}

pub(crate) fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let Some((inside, next)) = after.split_once("}}") else {
            pieces.push(Piece::Open);
            return pieces;
        };
        pieces.push(Piece::Field(inside));
        rest = next;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

pub(crate) fn check(r: &mut Reader<'_>, at: &At<'_>, template: &str, schema: &Value) -> bool {
    let mut fine = true;
    for piece in pieces(template) {
        match piece {
            Piece::Text(_) => {}
            Piece::Field(inside) => fine &= field(r, at, inside, schema),
            Piece::Open => {
                never_closed(r, at);
                fine = false;
            }
        }
    }
    fine
}

pub(crate) fn never_closed(r: &mut Reader<'_>, at: &At<'_>) {
    r.error("invalid_template", at, "a `{{` is never closed");
}

fn field(r: &mut Reader<'_>, at: &At<'_>, inside: &str, schema: &Value) -> bool {
    let name = inside.trim();
    let plain = |step: &str| {
        !step.is_empty()
            && step
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    if !name.split('.').all(plain) {
        let message = format!("`{{{{{}}}}}` is no field", shortened(inside));
        let hint = "a template knows only `{{ field }}`, always escaped".to_owned();
        r.error_hint("invalid_template", at, message, hint);
        return false;
    }
    let mut here = alternatives(schema, [schema]);
    for step in name.split('.') {
        let below = children(schema, &here, step);
        if below.is_empty() {
            let known: Vec<&str> = here
                .iter()
                .filter_map(|s| s.get("properties")?.as_object())
                .flat_map(serde_json::Map::keys)
                .map(String::as_str)
                .collect();
            let message = format!("the schema has no field `{}`", shortened(name));
            let hint = r.did_you_mean(step, known);
            r.error_hint("unknown_template_field", at, message, hint);
            return false;
        }
        here = below;
    }
    true
}
