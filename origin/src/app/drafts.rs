//! The draft of a workspace: its document, edited object by object. Whoever changes one says which version they saw; if
//! somebody else was there first, both sides are shown and nothing is lost.

pub mod assemble;
mod body;
pub mod buckets;
pub mod compiled;
mod edit;
mod evolution;
pub mod history;
pub mod id_lists;
pub mod import;
pub mod invoke;
pub mod path;

use serde::Serialize;
use serde_json::Value;
use skyful::value::datetime;

use super::access::{Action, Actor};
use super::{App, Error};
use crate::store::sqlite::drafts::{self as rows, ObjectRow};
use path::Path;

/// What a body may take.
pub const BODY_BYTES: usize = 1 << 20;
/// Before every place in an order.
const FIRST: (i64, &str) = (i64::MIN, "");
/// Objects of one answer.
pub const PAGE: usize = 100;

/// What a change has to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing is there yet.
    Absent,
    /// This version is there.
    Version(i64),
}

/// An object as people see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Object {
    pub path: String,
    pub key: String,
    pub version: i64,
    pub changed_by: String,
    pub changed_at: String,
    pub value: Value,
}

impl Object {
    pub fn of(row: &ObjectRow) -> Self {
        Self {
            key: row.path.rsplit('/').next().unwrap_or_default().to_owned(),
            path: row.path.clone(),
            version: row.version,
            changed_by: row.changed_by.clone(),
            changed_at: datetime::format(row.changed_ms),
            value: value(&row.body),
        }
    }
}

/// One answer of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// Where the next answer begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl App {
    pub async fn object(
        &self,
        actor: &Actor,
        workspace: &str,
        path: &Path,
    ) -> Result<Object, Error> {
        actor.need(Action::Read, workspace, None)?;
        let mut tx = self.store.read().await?;
        match rows::get(&mut tx, workspace, &path.to_string()).await? {
            Some(row) => Ok(Object::of(&row)),
            None => Err(missing(path)),
        }
    }

    /// The objects of a section, without plans, by key; those after `cursor`.
    pub async fn objects(
        &self,
        actor: &Actor,
        workspace: &str,
        section: &'static str,
        cursor: Option<&str>,
    ) -> Result<Listed<Object>, Error> {
        actor.need(Action::Read, workspace, None)?;
        let mut tx = self.store.read().await?;
        let after = cursor
            .map(|key| format!("{section}/{key}"))
            .unwrap_or_default();
        let limit = PAGE as i64 + 1;
        let found = rows::children(&mut tx, workspace, section, (0, &after), limit).await?;
        let mut items: Vec<Object> = found.iter().map(Object::of).collect();
        let next = (items.len() > PAGE).then(|| {
            items.truncate(PAGE);
            items
                .last()
                .map(|item| item.key.clone())
                .unwrap_or_default()
        });
        Ok(Listed { items, next })
    }

    /// The plans of a module or page, in the order in which they are tried.
    pub async fn plans(
        &self,
        actor: &Actor,
        workspace: &str,
        parent: &Path,
    ) -> Result<Vec<Object>, Error> {
        actor.need(Action::Read, workspace, None)?;
        let mut tx = self.store.read().await?;
        if rows::get(&mut tx, workspace, &parent.to_string())
            .await?
            .is_none()
        {
            return Err(missing(parent));
        }
        let plans =
            rows::children(&mut tx, workspace, &parent.to_string(), FIRST, i64::MAX).await?;
        Ok(plans.iter().map(Object::of).collect())
    }
}

/// What the plans of a module or page are as a whole: the version of the one that was changed last.
pub fn newest(versions: impl Iterator<Item = i64>) -> i64 {
    versions.max().unwrap_or(0)
}

fn missing(path: &Path) -> Error {
    Error::NotFound(format!("there is no `{path}`"))
}

/// What is stored was JSON when it was stored.
fn value(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
