//! What was changed, and taking a change back.

use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};
use skyful::value::datetime;
use sqlx::sqlite::SqliteConnection;

use super::evolution::evolved;
use super::id_lists;
use super::invoke;
use super::path::Path;
use super::{Expect, FIRST, Listed, PAGE, value};
use crate::app::access::{Action, Actor};
use crate::app::drafts::edit::Edit;
use crate::app::{App, Error};
use crate::store::sqlite::drafts::{self as rows, ChangeRow, Part};

/// Of objects, as they were before and after. One change may have twice as much by itself.
const ANSWER_BYTES: i64 = 1 << 20;

/// One object, changed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Change {
    pub revision: i64,
    pub path: String,
    /// Null: it wasn't there.
    pub before: Option<Value>,
    /// Null: it was deleted.
    pub after: Option<Value>,
    pub changed_by: String,
    pub changed_at: String,
    pub why: String,
}

impl Change {
    fn of(row: &ChangeRow) -> Self {
        Self {
            revision: row.revision,
            path: row.path.clone(),
            before: row.before.as_ref().map(|was| value(&was.body)),
            after: row.after.as_ref().map(|was| value(&was.body)),
            changed_by: row.changed_by.clone(),
            changed_at: datetime::format(row.changed_ms),
            why: row.why.clone(),
        }
    }
}

/// Where in a history an answer begins: after the changes of this revision up to this path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    revision: i64,
    path: String,
}

impl FromStr for Cursor {
    type Err = Error;

    /// `17`: what is older than that revision. `17/modules/hero`: what comes after that object in it.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (revision, path) = text.split_once('/').unwrap_or((text, ""));
        let wrong = || Error::invalid(format!("`{text}` is no place in a history")).at("cursor");
        let revision: i64 = revision.parse().map_err(|_| wrong())?;
        if path.is_empty() {
            let revision = revision.saturating_sub(1);
            return Ok(Self {
                revision,
                path: String::new(),
            });
        }
        let path = Path::parse(path).map_err(|_| wrong())?.to_string();
        Ok(Self { revision, path })
    }
}

impl App {
    /// Newest first, of one object or of all. As many as fit into [`ANSWER_BYTES`], so also an import, which changes many
    /// objects in one revision, comes in several answers.
    pub async fn history(
        &self,
        actor: &Actor,
        workspace: &str,
        path: Option<&Path>,
        from: Option<Cursor>,
    ) -> Result<Listed<Change>, Error> {
        actor.need(Action::Read, workspace, None)?;
        let mut tx = self.store.read().await?;
        let path = path.map(ToString::to_string);
        let after = from.as_ref().map(|from| (from.revision, &*from.path));
        let mut part = Part {
            workspace,
            path: path.as_deref(),
            after: after.unwrap_or((i64::MAX, "")),
            limit: PAGE as i64 + 1,
        };
        let sizes = rows::change_sizes(&mut tx, part).await?;
        let fit = fitting(sizes.iter().map(|(_, _, bytes)| *bytes));
        part.limit = fit as i64;
        let found = rows::changes(&mut tx, part).await?;
        let next = match (found.last(), sizes.get(fit)) {
            (Some(last), Some((revision, ..))) if last.revision == *revision => {
                Some(format!("{revision}/{}", last.path))
            }
            (Some(last), Some(_)) => Some(last.revision.to_string()),
            _ => None,
        };
        let items = found.iter().map(Change::of).collect();
        Ok(Listed { items, next })
    }

    /// Takes back what one revision changed, if nobody changed the same objects since. That is a change as well, so it can be
    /// taken back in turn.
    pub async fn undo(&self, actor: &Actor, workspace: &str, revision: i64) -> Result<i64, Error> {
        actor.need(Action::Read, workspace, None)?;
        let mut tx = self.store.read().await?;
        let changes = rows::changes_at(&mut tx, workspace, revision).await?;
        drop(tx);
        let types = changes.iter().filter_map(|change| {
            let before = change.before.as_ref().map(|was| value(&was.body));
            evolved(&Path::parse(&change.path).ok()?, before.as_ref())
        });
        self.survives(workspace, types.collect()).await?;
        let edit = self.edit(actor, workspace, &format!("undo of {revision}"));
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let edit = edit.still(tx, Action::Read).await?;
                    edit.undo(tx, revision).await
                })
            })
            .await
    }
}

/// How many of these fit into an answer: one at least, however large it is.
fn fitting(sizes: impl Iterator<Item = i64>) -> usize {
    let mut sum = 0_i64;
    let fits = sizes.take(PAGE).take_while(|bytes| {
        let first = sum == 0;
        sum = sum.saturating_add(*bytes);
        first || sum <= ANSWER_BYTES
    });
    fits.count()
}

impl Edit {
    async fn undo(&self, tx: &mut SqliteConnection, revision: i64) -> Result<i64, Error> {
        let changes = rows::changes_at(tx, &self.workspace, revision).await?;
        if changes.is_empty() {
            return Err(Error::NotFound(format!("no change {revision}")));
        }
        let next = self.revision(tx).await?;
        let paths: Vec<String> = changes.iter().map(|change| change.path.clone()).collect();
        for change in changes {
            let path = Path::parse(&change.path)?;
            // Who may make pages of templates may take back what came of that.
            let action = if invoke::made_by_template(&change) {
                Action::EditContent
            } else {
                path.edited_by()
            };
            self.actor.need(action, &self.workspace, None)?;
            let current = rows::get(tx, &self.workspace, &change.path).await?;
            let untouched = match (&current, &change.after) {
                (None, None) => true,
                (Some(row), Some(_)) => row.version == revision,
                _ => false,
            };
            if !untouched {
                let expect = Expect::Version(revision);
                let yours = change.before.as_ref().map(|was| value(&was.body));
                return Err(self.stale(tx, &change.path, current, expect, yours).await?);
            }
            if let Some(before) = &change.before {
                id_lists::still_kept(tx, &self.workspace, &path, &before.body).await?;
            }
            self.change(tx, next, &change.path, current.as_ref(), change.before)
                .await?;
        }
        for path in &paths {
            self.no_orphans(tx, &Path::parse(path)?).await?;
        }
        self.audit(
            tx,
            "draft.undo",
            &format!("change {revision}"),
            json!({"version": next}),
        )
        .await?;
        Ok(next)
    }

    /// A plan without its module or page would be in no document, and come back with the next one of that name.
    async fn no_orphans(&self, tx: &mut SqliteConnection, path: &Path) -> Result<(), Error> {
        let name = path.to_string();
        let there = rows::get(tx, &self.workspace, &name).await?.is_some();
        let orphaned = match path.parent().filter(|_| there) {
            Some(parent) => {
                let parent = parent.to_string();
                rows::get(tx, &self.workspace, &parent).await?.is_none()
            }
            None if there => false,
            None => {
                let plans = rows::children(tx, &self.workspace, &name, FIRST, 1).await?;
                !plans.is_empty()
            }
        };
        if !orphaned {
            return Ok(());
        }
        Err(Error::conflict(
            format!("{name} would have plans without what they belong to, or the other way round"),
            "undo what was done to its plans, or to its module or page, first",
        ))
    }
}
