//! Drafts, checked and compiled. Each revision once: whoever asks while that goes on waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use skyful::check::{self, IdFile, Options};
use skyful::compile::{Compiler, Snapshot};
use skyful::limits;
use skyful::model::Workspace;
use skyful::problem::{Problem, Severity};
use tokio::sync::Mutex;

use super::{assemble, id_lists};
use crate::app::access::{Action, Actor};
use crate::app::{App, Error};
use crate::store::sqlite::drafts as rows;

/// A draft as it was at a revision.
pub struct Draft {
    pub revision: i64,
    pub document: Value,
    /// The same as it is kept with a release.
    pub text: String,
    /// Errors and warnings, in the order of the document.
    pub problems: Vec<Problem>,
    /// Problems beyond those.
    pub suppressed: usize,
    /// Both there if there are no errors.
    pub model: Option<Workspace>,
    pub snapshot: Option<Snapshot>,
}

/// A problem where people see it: in an object of the draft.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Placed {
    pub severity: &'static str,
    pub code: &'static str,
    /// Path of the object.
    pub object: String,
    /// JSON Pointer in it.
    pub at: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Bytes of documents that are kept compiled, all together; a draft takes about twenty times as much.
const KEPT_BYTES: usize = limits::DOCUMENT_BYTES;

/// What is compiled at the moment, by workspace.
#[derive(Default)]
pub struct Compiled {
    workspaces: StdMutex<HashMap<String, Entry>>,
}

#[derive(Default)]
struct Entry {
    kept: Arc<Mutex<Kept>>,
    /// Of its document.
    bytes: usize,
    /// Higher than of all that were used before.
    used: u64,
}

/// What a compiler keeps of the revision before makes the next one quick.
#[derive(Default)]
struct Kept {
    compiler: Compiler,
    newest: Option<Arc<Draft>>,
}

impl Compiled {
    fn of(&self, workspace: &str) -> Arc<Mutex<Kept>> {
        let mut all = self.all();
        let used = 1 + all.values().map(|entry| entry.used).max().unwrap_or(0);
        let entry = all.entry(workspace.to_owned()).or_default();
        entry.used = used;
        Arc::clone(&entry.kept)
    }

    /// Remembers how large a draft is. Those that were not used for longest make room: they are compiled again when somebody
    /// asks for them.
    fn weigh(&self, workspace: &str, bytes: usize) {
        let mut all = self.all();
        if let Some(entry) = all.get_mut(workspace) {
            entry.bytes = bytes;
        }
        let mut by_use: Vec<(u64, usize, String)> = all
            .iter()
            .map(|(name, entry)| (entry.used, entry.bytes, name.clone()))
            .collect();
        by_use.sort_unstable();
        let mut sum: usize = by_use.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, name) in by_use {
            if sum <= KEPT_BYTES || name == workspace {
                break;
            }
            sum -= bytes;
            all.remove(&name);
        }
    }

    /// For a workspace that is no more.
    pub fn forget(&self, workspace: &str) {
        self.all().remove(workspace);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.workspaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// The draft as it is now.
    pub async fn draft(&self, workspace: &str) -> Result<Arc<Draft>, Error> {
        let kept = self.compiled.of(workspace);
        // Held while it is compiled: whoever comes meanwhile finds it done.
        let mut kept = kept.lock_owned().await;
        let mut tx = self.store.read().await?;
        let gone = || Error::NotFound(format!("no workspace `{workspace}`"));
        let revision = rows::revision(&mut tx, workspace).await?.ok_or_else(gone)?;
        if let Some(newest) = kept
            .newest
            .as_ref()
            .filter(|draft| draft.revision == revision)
        {
            return Ok(Arc::clone(newest));
        }
        let bytes = rows::bytes(&mut tx, workspace).await?;
        if bytes > limits::DOCUMENT_BYTES {
            return Err(too_large(bytes));
        }
        let objects = rows::all(&mut tx, workspace).await?;
        let id_lists = id_lists::read(&mut tx, workspace, &objects).await?;
        drop(tx);
        let (name, now_ms) = (workspace.to_owned(), self.now_ms());
        let work = move || {
            let document = assemble::document(&name, &objects);
            let draft = Arc::new(compile(
                &mut kept.compiler,
                revision,
                document,
                &id_lists,
                now_ms,
            ));
            kept.newest = Some(Arc::clone(&draft));
            draft
        };
        let draft = self.heavy.run(work).await?;
        self.compiled.weigh(workspace, draft.text.len());
        Ok(draft)
    }

    /// What is wrong with the draft, for people.
    pub async fn problems(&self, actor: &Actor, workspace: &str) -> Result<Arc<Draft>, Error> {
        actor.need(Action::Read, workspace, None)?;
        self.draft(workspace).await
    }
}

impl Draft {
    pub fn placed(&self) -> Vec<Placed> {
        let placed = |problem: &Problem| {
            let (object, at) = assemble::place(&self.document, problem);
            Placed {
                severity: match problem.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                },
                code: problem.code,
                object,
                at,
                message: problem.message.clone(),
                hint: problem.hint.clone(),
            }
        };
        self.problems.iter().map(placed).collect()
    }
}

/// Such a draft is neither read nor put together: its objects can still be deleted, one by one.
fn too_large(bytes: usize) -> Error {
    let most = limits::DOCUMENT_BYTES;
    Error::conflict(
        format!("the objects of the draft take {bytes} bytes; at most {most} make a document"),
        "delete what nobody needs, or share it out among several workspaces",
    )
}

/// Checks and compiles a document.
fn compile(
    compiler: &mut Compiler,
    revision: i64,
    document: Value,
    id_lists: &HashMap<String, Option<Vec<u64>>>,
    now_ms: i64,
) -> Draft {
    let text = document.to_string();
    let read_file = |name: &str| match id_lists.get(name) {
        Some(Some(hashes)) => Ok(IdFile::Hashes(hashes.clone())),
        Some(None) => Err(format!(
            "it and the lists before it hold more than {} ids (IDS) together",
            limits::IDS
        )),
        None => Err(format!("no list of ids called `{name}` was uploaded")),
    };
    let options = Options {
        now_ms: Some(now_ms),
        read_file: &read_file,
    };
    let checked = check::check(text.as_bytes(), &options);
    let mut problems = checked.problems;
    let mut snapshot = None;
    if let Some(model) = &checked.workspace {
        match compiler.compile(model, &mut |_, _| ()) {
            Ok(compiled) => {
                problems.extend(compiled.warnings.iter().cloned());
                snapshot = Some(compiled.clone());
            }
            Err(too_large) => problems.extend(too_large),
        }
    }
    Draft {
        revision,
        document,
        text,
        problems,
        suppressed: checked.suppressed,
        model: checked.workspace.filter(|_| snapshot.is_some()),
        snapshot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let compiled = Compiled::default();
        let third = KEPT_BYTES / 3;
        for name in ["a", "b", "c"] {
            compiled.of(name);
            compiled.weigh(name, third);
        }
        let first = compiled.of("a");
        compiled.of("d");
        compiled.weigh("d", third);
        let kept = |name: &str| compiled.all().contains_key(name);
        assert_eq!(["a", "b", "c", "d"].map(kept), [true, false, true, true]);
        assert!(Arc::ptr_eq(&first, &compiled.of("a")));
        // The largest there can be is kept, alone.
        compiled.of("e");
        compiled.weigh("e", KEPT_BYTES);
        assert_eq!(compiled.all().len(), 1);
    }
}
