//! Templates: `{{ field }}` and nothing else, of fields that the schema knows.

use serde_json::Value;

use super::at::At;
use super::reader::{Reader, shortened};
use super::schemas::{alternatives, children};

pub(crate) fn check(r: &mut Reader<'_>, at: &At<'_>, template: &str, schema: &Value) -> bool {
    let mut rest = template;
    let mut fine = true;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((inside, next)) = after.split_once("}}") else {
            r.error("invalid_template", at, "a `{{` is never closed");
            return false;
        };
        fine &= field(r, at, inside, schema);
        rest = next;
    }
    fine
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
