//! What is kept of an object that somebody sends.

use serde_json::{Map, Value};
use skyful::limits;

use super::BODY_BYTES;
use super::assemble::SETTINGS;
use super::path::Path;
use crate::app::Error;

/// As it is kept: an object, without what is kept elsewhere. What it means is told by checking the draft: a draft may be
/// unfinished, but not unreadable.
pub(super) fn checked_body(path: &Path, body: Value) -> Result<String, Error> {
    let Value::Object(mut fields) = body else {
        let hint = "the body is a JSON object: {…}";
        return Err(Error::invalid("an object is wanted").at("body").hint(hint));
    };
    if matches!(path, Path::Plan { .. }) {
        same_key(path, &mut fields)?;
    } else if matches!(path, Path::Settings) {
        // They stand at the root of the document, beside what isn't theirs.
        let unknown = fields
            .keys()
            .find(|name| !SETTINGS.contains(&name.as_str()));
        if let Some(unknown) = unknown {
            let wrong = Error::invalid(format!("settings have no `{unknown}`"));
            let hint = format!("they are {}", SETTINGS.join(", "));
            return Err(wrong.at(format!("/{unknown}")).hint(hint));
        }
    } else if fields.contains_key("plans") {
        let wrong = Error::invalid(format!("plans of {path} are objects of their own"));
        return Err(wrong
            .at("/plans")
            .hint(format!("put each to {path}/plans/KEY")));
    }
    let body = Value::Object(fields);
    let deepest = limits::DOCUMENT_DEPTH - path.depth();
    if depth(&body) > deepest {
        let wrong = Error::invalid(format!("{path} nests deeper than {deepest}"));
        let hint = format!(
            "the whole document nests at most {} deep",
            limits::DOCUMENT_DEPTH
        );
        return Err(wrong.hint(hint));
    }
    let body = body.to_string();
    if body.len() > BODY_BYTES {
        let wrong = Error::invalid(format!("{path} takes {} bytes", body.len()));
        return Err(wrong.hint(format!("at most {BODY_BYTES} are kept")));
    }
    Ok(body)
}

/// Lists and maps in each other, counting the value itself if it is one.
fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    inner.unwrap_or(0) + 1
}

/// A plan's key stands in its path; in a document it stands in the plan.
fn same_key(path: &Path, fields: &mut Map<String, Value>) -> Result<(), Error> {
    match fields.remove("key") {
        None => Ok(()),
        Some(key) if key == path.key() => Ok(()),
        Some(key) => {
            let wrong = Error::invalid(format!("{key} is not the key in the path"));
            Err(wrong.at("/key").hint("leave it out"))
        }
    }
}
