//! Module types change under content that is out. A change after which live content would not fit any more is refused, with
//! the list of what would break: whoever draws modules by the new type would be handed the old content.

use serde_json::Value;
use skyful::check::{self, IdFile, Options};
use skyful::problem::Severity;

use super::assemble;
use super::path::Path;
use crate::app::{App, Error};
use crate::store::sqlite::live;

/// What a type is to become; none: it goes.
pub type Evolved = (String, Option<Value>);

/// Broken contents that are named; the rest is counted.
const NAMED: usize = 100;

impl App {
    /// Refuses what live content doesn't survive. Looked at before the change, not in it: a release that goes out in between
    /// was checked against its own draft.
    pub(super) async fn survives(
        &self,
        workspace: &str,
        evolved: Vec<Evolved>,
    ) -> Result<(), Error> {
        if evolved.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.read().await?;
        let shown = live::all(&mut tx, workspace).await?;
        drop(tx);
        let work = move || {
            shown
                .iter()
                .flat_map(|live| broken(live, &evolved))
                .collect()
        };
        let mut broken: Vec<String> = self.heavy.run(work).await?;
        if broken.is_empty() {
            return Ok(());
        }
        broken.sort_unstable();
        broken.dedup();
        let more = broken.len().saturating_sub(NAMED);
        broken.truncate(NAMED);
        if more > 0 {
            broken.push(format!("{more} more"));
        }
        Err(Error::Breaks {
            detail: "live content does not fit the new module type".into(),
            what: broken,
        })
    }
}

/// The module type at a path, as it is to become.
pub fn evolved(path: &Path, to: Option<&Value>) -> Option<Evolved> {
    match path {
        Path::Object { section, key } if *section == "module_types" => {
            Some((key.clone(), to.cloned()))
        }
        _ => None,
    }
}

/// What the check finds in a live document that it doesn't find without the change.
fn broken(live: &live::Live, evolved: &[Evolved]) -> Vec<String> {
    let Ok(before) = serde_json::from_str::<Value>(&live.document) else {
        return Vec::new();
    };
    let mut after = before.clone();
    let Some(types) = after["module_types"].as_object_mut() else {
        return Vec::new();
    };
    let mut touched = false;
    for (key, to) in evolved {
        // A type that nothing live has can't break it.
        if let Some(slot) = types.get_mut(key) {
            touched = true;
            *slot = to.clone().unwrap_or(Value::Null);
            if to.is_none() {
                types.remove(key);
            }
        }
    }
    if !touched {
        return Vec::new();
    }
    let old = errors(&before);
    let new = errors(&after)
        .into_iter()
        .filter(|(_, error)| !old.iter().any(|(_, o)| o == error));
    new.map(|(place, error)| format!("{}: {place}: {error}", live.env))
        .collect()
}

/// Place and message of each error. Lists of ids are not what is looked at here.
fn errors(document: &Value) -> Vec<(String, String)> {
    let options = Options {
        now_ms: None,
        read_file: &|_| Ok(IdFile::Hashes(Vec::new())),
    };
    let checked = check::check(document.to_string().as_bytes(), &options);
    let errors = checked.problems.iter();
    let errors = errors.filter(|problem| problem.severity == Severity::Error);
    errors
        .map(|problem| {
            let (object, at) = assemble::place(document, problem);
            (format!("{object}{at}"), problem.message.clone())
        })
        .collect()
}
