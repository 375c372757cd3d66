//! Lists of ids for segments: uploaded as text, one id a line, read piece by piece, kept as hashes. A list is an object of
//! the draft like any other, so that an upload has a version, a history and can be undone.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use skyful::check::{IdLines, TooMany};
use skyful::ids::IdKey;
use skyful::limits;
use sqlx::sqlite::SqliteConnection;

use super::path::{Path, SEGMENTS};
use super::{Expect, Object, value};
use crate::app::access::Actor;
use crate::app::{App, Error};
use crate::failpoint::{self, Point};
use crate::store::StoreError;
use crate::store::sqlite::drafts::ObjectRow;
use crate::store::sqlite::id_lists as rows;

/// Of hashes in the order in which they are kept.
const CONTEXT: &str = "skyful 1 id list";

/// Of one list. A workspace may have several, as far as `limits::IDS` goes.
const LIST_IDS: usize = 10_000_000;

/// An upload under way.
pub struct Upload {
    lines: IdLines,
}

impl Upload {
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.lines.push(piece).map_err(|TooMany| too_many())?;
        failpoint::reach(Point::IdListPiece);
        Ok(())
    }
}

impl App {
    /// Begins one, if the caller may.
    pub fn upload(&self, actor: &Actor, workspace: &str, path: &Path) -> Result<Upload, Error> {
        actor.need(path.edited_by(), workspace, None)?;
        let key = IdKey::of_workspace(workspace);
        let lines = IdLines::new(key, LIST_IDS);
        Ok(Upload { lines })
    }

    /// Puts what was uploaded in place of the list that `expect` names; without, of whichever is there.
    pub async fn uploaded(
        &self,
        actor: &Actor,
        workspace: &str,
        path: &Path,
        expect: Option<Expect>,
        upload: Upload,
    ) -> Result<Object, Error> {
        actor.need(path.edited_by(), workspace, None)?;
        let work = move || {
            let (hashes, bad, bad_lines) = upload.lines.finish()?;
            Ok((digest(&hashes), hashes, bad, bad_lines))
        };
        let finished = self.heavy.run(work).await?;
        let (digest, hashes, bad, bad_lines) = finished.map_err(|TooMany| too_many())?;
        if let Some(first) = bad.first() {
            let lines = match bad_lines {
                1 => "1 line holds no id: it".to_owned(),
                many => format!("{many} lines hold no id: the first"),
            };
            let wrong = Error::invalid(format!("{lines} {}", first.why));
            let hint = format!(
                "one id a line, at most {} bytes, UTF-8; nothing was kept",
                limits::UNIT_BYTES
            );
            return Err(wrong.at(format!("line {}", first.line)).hint(hint));
        }
        let body = json!({"ids": hashes.len(), "digest": digest}).to_string();
        let edit = self.edit(actor, workspace, "upload");
        let path = path.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let edit = edit.still(tx, path.edited_by()).await?;
                    let expect = match expect {
                        Some(expect) => expect,
                        None => edit.whatever_is_there(tx, &path).await?,
                    };
                    // First, since it may be refused, and the ids may be many.
                    let object = edit.put(tx, &path, expect, body).await?;
                    rows::put(tx, &edit.workspace, &digest, &hashes).await?;
                    failpoint::reach(Point::IdListKept);
                    Ok(object)
                })
            })
            .await
    }
}

impl App {
    /// Removes lists that no draft has had for so long as snapshots are kept. Gives how many.
    pub async fn collect_id_lists(&self) -> Result<u64, Error> {
        let since_ms = self.now_ms() - self.delivery.retention_ms;
        let mut gone = 0;
        // One a transaction: ten million ids take a while, and everybody else waits.
        loop {
            let removed = self.store.write(move |tx| {
                Box::pin(async move {
                    let removed = rows::remove_unused(tx, since_ms).await?;
                    if removed {
                        failpoint::reach(Point::IdListCollected);
                    }
                    Ok::<_, StoreError>(removed)
                })
            });
            if !removed.await? {
                return Ok(gone);
            }
            gone += 1;
        }
    }
}

/// Refuses to bring back a list whose ids went.
pub(super) async fn still_kept(
    tx: &mut SqliteConnection,
    workspace: &str,
    path: &Path,
    body: &str,
) -> Result<(), Error> {
    let body = value(body);
    let digest = body["digest"].as_str().unwrap_or_default();
    if !matches!(path, Path::IdList { .. }) || rows::is_kept(tx, workspace, digest).await? {
        return Ok(());
    }
    Err(Error::conflict(
        format!("the ids that {path} had aren't kept any more"),
        "upload the list again: ids go 30 days after a list was replaced or deleted",
    ))
}

/// What a list is known by: of its hashes, sorted.
pub fn digest(hashes: &[u64]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for hash in hashes {
        hasher.update(&hash.to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// The lists that segments of a draft name, by name: what none names costs nothing. None for those that would be more, all
/// together, than a document may name.
pub async fn read(
    tx: &mut SqliteConnection,
    workspace: &str,
    objects: &[ObjectRow],
) -> Result<HashMap<String, Option<Vec<u64>>>, StoreError> {
    let mut named = HashSet::new();
    let mut uploaded = Vec::new();
    for row in objects {
        match Path::parse(&row.path) {
            Ok(Path::Object { section, .. }) if section == SEGMENTS => {
                let file = value(&row.body).pointer("/ids/file").cloned();
                named.extend(file.as_ref().and_then(Value::as_str).map(str::to_owned));
            }
            Ok(Path::IdList { name }) => uploaded.push((name, value(&row.body))),
            _ => {}
        }
    }
    let mut lists = HashMap::new();
    let mut room = limits::IDS;
    for (name, body) in uploaded {
        if !named.contains(&name) {
            continue;
        }
        if room == 0 {
            lists.insert(name, None);
            continue;
        }
        let digest = body["digest"].as_str().unwrap_or_default();
        if let Some(hashes) = rows::get(tx, workspace, digest).await? {
            room = room.saturating_sub(hashes.len());
            lists.insert(name, Some(hashes));
        }
    }
    Ok(lists)
}

fn too_many() -> Error {
    let wrong = Error::invalid(format!("a list has at most {LIST_IDS} ids"));
    wrong.hint("use a rule over an attribute instead, or several workspaces")
}
