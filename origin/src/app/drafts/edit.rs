//! Changing a draft: one transaction that looks at the version, writes the object, its history and the audit log.

use std::collections::HashMap;

use serde_json::{Value, json};
use skyful::value::datetime;
use sqlx::sqlite::SqliteConnection;

use super::body::checked_body;
use super::evolution::evolved;
use super::path::Path;
use super::{Expect, FIRST, Object, missing, newest, value};
use crate::app::access::{Action, Actor};
use crate::app::audit::{self, Entry};
use crate::app::error::{Conflict, Side};
use crate::app::people::known;
use crate::app::{App, Error};
use crate::failpoint::{self, Point};
use crate::store::StoreError;
use crate::store::sqlite::drafts::{self as rows, ChangeRow, ObjectRow, Was};

/// Room between two plans that stand beside each other, so that one put between them moves no other.
pub(super) const APART: i64 = 1 << 20;

/// Who changes which draft, when, and what history says about it.
#[derive(Clone)]
pub struct Edit {
    pub workspace: String,
    pub actor: Actor,
    pub now_ms: i64,
    pub why: String,
}

impl App {
    /// Puts an object where `expect` says. Nothing happens if it is the same already.
    pub async fn put(
        &self,
        actor: &Actor,
        workspace: &str,
        path: &Path,
        expect: Expect,
        body: Value,
    ) -> Result<Object, Error> {
        actor.need(path.edited_by(), workspace, None)?;
        let types = evolved(path, Some(&body)).into_iter().collect();
        let body = checked_body(path, body)?;
        self.survives(workspace, types).await?;
        let edit = self.edit(actor, workspace, "edit");
        let path = path.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let edit = edit.still(tx, path.edited_by()).await?;
                    edit.put(tx, &path, expect, body).await
                })
            })
            .await
    }

    /// Deletes an object, and its plans.
    pub async fn delete(
        &self,
        actor: &Actor,
        workspace: &str,
        path: &Path,
        version: i64,
    ) -> Result<(), Error> {
        actor.need(path.edited_by(), workspace, None)?;
        self.survives(workspace, evolved(path, None).into_iter().collect())
            .await?;
        let edit = self.edit(actor, workspace, "delete");
        let path = path.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let edit = edit.still(tx, path.edited_by()).await?;
                    edit.delete(tx, &path, version).await
                })
            })
            .await
    }

    /// Tries the plans of a module or page in another order: all of their keys, first to last.
    pub async fn reorder(
        &self,
        actor: &Actor,
        workspace: &str,
        parent: &Path,
        version: i64,
        keys: Vec<String>,
    ) -> Result<Vec<Object>, Error> {
        actor.need(Action::EditContent, workspace, None)?;
        let edit = self.edit(actor, workspace, "reorder");
        let parent = parent.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let edit = edit.still(tx, Action::EditContent).await?;
                    edit.reorder(tx, &parent, version, &keys).await
                })
            })
            .await
    }

    pub(super) fn edit(&self, actor: &Actor, workspace: &str, why: &str) -> Edit {
        Edit {
            workspace: workspace.to_owned(),
            actor: actor.clone(),
            now_ms: self.now_ms(),
            why: why.to_owned(),
        }
    }
}

impl Edit {
    /// By whoever this person is now, if they may do it still.
    pub(super) async fn still(
        mut self,
        tx: &mut SqliteConnection,
        action: Action,
    ) -> Result<Self, Error> {
        let what = (action, &*self.workspace, None);
        self.actor = known::still_may(tx, &self.actor, what, self.now_ms).await?;
        Ok(self)
    }

    pub(super) async fn put(
        &self,
        tx: &mut SqliteConnection,
        path: &Path,
        expect: Expect,
        body: String,
    ) -> Result<Object, Error> {
        let name = path.to_string();
        let current = rows::get(tx, &self.workspace, &name).await?;
        let meets = match (&current, expect) {
            (None, Expect::Absent) => true,
            (Some(row), Expect::Version(version)) => row.version == version,
            _ => false,
        };
        // A repeat of what was saved already, most often after a lost answer, is done rather than refused.
        if let Some(row) = current.as_ref().filter(|row| row.body == body) {
            return Ok(Object::of(row));
        }
        if !meets {
            let yours = Some(value(&body));
            return Err(self.stale(tx, &name, current, expect, yours).await?);
        }
        if let Some(parent) = path.parent()
            && rows::get(tx, &self.workspace, &parent.to_string())
                .await?
                .is_none()
        {
            return Err(missing(&parent));
        }
        let position = match (&current, path) {
            (Some(row), _) => row.position,
            (None, Path::Plan { .. }) => self.last_position(tx, path).await?.saturating_add(APART),
            (None, _) => 0,
        };
        let revision = self.revision(tx).await?;
        let after = Was {
            body,
            position,
            version: revision,
        };
        let row = self
            .change(tx, revision, &name, current.as_ref(), Some(after))
            .await?;
        let action = if current.is_some() {
            "draft.change"
        } else {
            "draft.create"
        };
        self.audit(tx, action, &name, json!({"version": revision}))
            .await?;
        row.map(|row| Object::of(&row)).ok_or_else(|| missing(path))
    }

    async fn delete(
        &self,
        tx: &mut SqliteConnection,
        path: &Path,
        version: i64,
    ) -> Result<(), Error> {
        let name = path.to_string();
        let Some(row) = rows::get(tx, &self.workspace, &name).await? else {
            return Err(missing(path));
        };
        if row.version != version {
            let expect = Expect::Version(version);
            return Err(self.stale(tx, &name, Some(row), expect, None).await?);
        }
        let revision = self.revision(tx).await?;
        for plan in rows::children(tx, &self.workspace, &name, FIRST, i64::MAX).await? {
            self.change(tx, revision, &plan.path, Some(&plan), None)
                .await?;
        }
        self.change(tx, revision, &name, Some(&row), None).await?;
        self.audit(tx, "draft.delete", &name, json!({"version": revision}))
            .await?;
        Ok(())
    }

    async fn reorder(
        &self,
        tx: &mut SqliteConnection,
        parent: &Path,
        version: i64,
        keys: &[String],
    ) -> Result<Vec<Object>, Error> {
        let name = parent.to_string();
        let mut plans = rows::children(tx, &self.workspace, &name, FIRST, i64::MAX).await?;
        if newest(plans.iter().map(|row| row.version)) != version {
            return Err(Error::changed(&format!("a plan of {name}")));
        }
        let key = |row: &ObjectRow| row.path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut have: Vec<String> = plans.iter().map(key).collect();
        let mut want = keys.to_vec();
        have.sort_unstable();
        want.sort_unstable();
        if have != want {
            // One that was deleted leaves no version behind.
            return Err(Error::conflict(
                format!("{name} has other plans than were put in order"),
                "read them again: somebody added or deleted one",
            ));
        }
        let places: HashMap<&str, usize> = keys.iter().map(String::as_str).zip(0..).collect();
        plans.sort_by_cached_key(|row| places.get(&*key(row)).copied());
        let revision = self.revision(tx).await?;
        let mut moved = Vec::new();
        for (place, row) in (1_i64..).zip(&plans) {
            let position = place.saturating_mul(APART);
            if row.position == position {
                moved.push(Object::of(row));
                continue;
            }
            let after = Was {
                position,
                version: revision,
                ..Was::from(row)
            };
            let row = self
                .change(tx, revision, &row.path, Some(row), Some(after))
                .await?;
            moved.extend(row.as_ref().map(Object::of));
        }
        self.audit(tx, "draft.reorder", &name, json!({"version": revision}))
            .await?;
        Ok(moved)
    }

    /// Writes one object and its history. What was written, if it is still there.
    pub(super) async fn change(
        &self,
        tx: &mut SqliteConnection,
        revision: i64,
        name: &str,
        before: Option<&ObjectRow>,
        after: Option<Was>,
    ) -> Result<Option<ObjectRow>, StoreError> {
        let row = after.as_ref().map(|after| ObjectRow {
            path: name.to_owned(),
            body: after.body.clone(),
            position: after.position,
            version: revision,
            changed_by: self.actor.name.clone(),
            changed_ms: self.now_ms,
        });
        match &row {
            Some(row) => rows::put(tx, &self.workspace, row).await?,
            None => rows::delete(tx, &self.workspace, name).await?,
        }
        failpoint::reach(Point::DraftWritten);
        let change = ChangeRow {
            revision,
            path: name.to_owned(),
            before: before.map(Was::from),
            after,
            changed_by: self.actor.name.clone(),
            changed_ms: self.now_ms,
            why: self.why.clone(),
        };
        rows::record(tx, &self.workspace, &change).await?;
        Ok(row)
    }

    pub(super) async fn revision(&self, tx: &mut SqliteConnection) -> Result<i64, Error> {
        let next = rows::next_revision(tx, &self.workspace).await?;
        next.ok_or_else(|| Error::NotFound(format!("no workspace `{}`", self.workspace)))
    }

    pub(super) async fn audit(
        &self,
        tx: &mut SqliteConnection,
        action: &str,
        object: &str,
        detail: Value,
    ) -> Result<(), StoreError> {
        let entry = Entry {
            workspace: Some(&self.workspace),
            env: None,
            action,
            object,
            detail,
        };
        audit::record(tx, &self.actor, self.now_ms, entry).await
    }

    /// For what replaces whatever it finds.
    pub(super) async fn whatever_is_there(
        &self,
        tx: &mut SqliteConnection,
        path: &Path,
    ) -> Result<Expect, Error> {
        let row = rows::get(tx, &self.workspace, &path.to_string()).await?;
        Ok(row.map_or(Expect::Absent, |row| Expect::Version(row.version)))
    }

    async fn last_position(&self, tx: &mut SqliteConnection, plan: &Path) -> Result<i64, Error> {
        let parent = plan
            .parent()
            .map(|parent| parent.to_string())
            .unwrap_or_default();
        Ok(rows::last_position(tx, &self.workspace, &parent)
            .await?
            .unwrap_or(0))
    }

    /// Both sides, and what the caller started from, as far as it is remembered.
    pub(super) async fn stale(
        &self,
        tx: &mut SqliteConnection,
        name: &str,
        current: Option<ObjectRow>,
        expect: Expect,
        yours: Option<Value>,
    ) -> Result<Error, Error> {
        let base = match expect {
            Expect::Absent => None,
            Expect::Version(version) => rows::change_to(tx, &self.workspace, name, version).await?,
        };
        let base = base.and_then(|change| {
            Some(Side {
                version: change.revision,
                value: value(&change.after?.body),
                changed_by: change.changed_by,
                changed_at: datetime::format(change.changed_ms),
            })
        });
        let current = current.map(|row| Side {
            version: row.version,
            value: value(&row.body),
            changed_by: row.changed_by,
            changed_at: datetime::format(row.changed_ms),
        });
        Ok(Error::Stale(Box::new(Conflict {
            path: name.to_owned(),
            current,
            base,
            yours,
        })))
    }
}
