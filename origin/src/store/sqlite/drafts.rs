//! Objects of drafts, and their changes.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::store::StoreError;

/// An object as it lies in the database; `body` is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    pub path: String,
    pub body: String,
    pub position: i64,
    pub version: i64,
    pub changed_by: String,
    pub changed_ms: i64,
}

/// A change of one object. None: it wasn't there, or isn't any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    pub revision: i64,
    pub path: String,
    pub before: Option<Was>,
    pub after: Option<Was>,
    pub changed_by: String,
    pub changed_ms: i64,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Was {
    pub body: String,
    pub position: i64,
    pub version: i64,
}

impl From<&ObjectRow> for Was {
    fn from(row: &ObjectRow) -> Self {
        Self {
            body: row.body.clone(),
            position: row.position,
            version: row.version,
        }
    }
}

const GET: &str = "
SELECT path, body, position, version, changed_by, changed_ms
FROM objects WHERE workspace = ?1 AND path = ?2";

/// Under a parent, by position and path, after a place in that order.
const CHILDREN: &str = "
SELECT path, body, position, version, changed_by, changed_ms FROM objects
WHERE workspace = ?1 AND parent = ?2 AND (position, path) > (?3, ?4) ORDER BY position, path LIMIT ?5";

const ALL: &str = "
SELECT path, body, position, version, changed_by, changed_ms FROM objects
WHERE workspace = ?1 ORDER BY parent, position, path";

const PUT: &str = "
INSERT INTO objects (workspace, path, parent, body, position, version, changed_by, changed_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (workspace, path) DO UPDATE SET body = excluded.body, position = excluded.position,
    version = excluded.version, changed_by = excluded.changed_by, changed_ms = excluded.changed_ms";

const CHANGE: &str = "
INSERT INTO changes (workspace, revision, path, body_before, position_before, version_before,
                     body_after, position_after, changed_by, changed_ms, why)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

/// What a history shows, from a place in it on: newest first, and in a revision by path. One text for all objects and one for a
/// single one, since only so each finds its index.
const FROM_ALL: &str = "
FROM changes WHERE workspace = ?1 AND revision <= ?2 AND (revision < ?2 OR path > ?3)
ORDER BY revision DESC, path LIMIT ?4";

// Left to itself, SQLite takes the primary key here as well, and reads the history of all objects for one.
const FROM_ONE: &str = "
FROM changes INDEXED BY changes_by_path WHERE workspace = ?1 AND path = ?5 AND revision <= ?2 AND (revision < ?2 OR path > ?3)
ORDER BY revision DESC LIMIT ?4";

const WHOLE: &str = "
SELECT revision, path, body_before, position_before, version_before, body_after, position_after,
       changed_by, changed_ms, why";

/// Without reading what is long.
const SIZES: &str = "
SELECT revision, path, coalesce(octet_length(body_before), 0) + coalesce(octet_length(body_after), 0)";

const CHANGES_AT: &str = "
SELECT revision, path, body_before, position_before, version_before, body_after, position_after,
       changed_by, changed_ms, why
FROM changes WHERE workspace = ?1 AND revision = ?2 ORDER BY path";

/// How an object was after a revision.
const AS_OF: &str = "
SELECT revision, path, body_before, position_before, version_before, body_after, position_after,
       changed_by, changed_ms, why
FROM changes WHERE workspace = ?1 AND path = ?2 AND revision = ?3";

pub async fn get(
    tx: &mut SqliteConnection,
    workspace: &str,
    path: &str,
) -> Result<Option<ObjectRow>, StoreError> {
    let query = sqlx::query(GET).bind(workspace).bind(path);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    row.as_ref().map(object).transpose().map_err(failed)
}

/// What is listed under a parent, after a place in its order.
pub async fn children(
    tx: &mut SqliteConnection,
    workspace: &str,
    parent: &str,
    (position, path): (i64, &str),
    limit: i64,
) -> Result<Vec<ObjectRow>, StoreError> {
    let query = sqlx::query(CHILDREN).bind(workspace).bind(parent);
    let query = query.bind(position).bind(path).bind(limit);
    let rows = query.fetch_all(tx).await.map_err(failed)?;
    rows.iter()
        .map(object)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

/// What the objects of a draft take, all together.
pub async fn bytes(tx: &mut SqliteConnection, workspace: &str) -> Result<usize, StoreError> {
    let sql = "SELECT coalesce(sum(octet_length(body)), 0) FROM objects WHERE workspace = ?1";
    let query = sqlx::query_scalar(sql).bind(workspace);
    let bytes: i64 = query.fetch_one(tx).await.map_err(failed)?;
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// A whole draft; plans of one parent in their order.
pub async fn all(tx: &mut SqliteConnection, workspace: &str) -> Result<Vec<ObjectRow>, StoreError> {
    let rows = sqlx::query(ALL).bind(workspace).fetch_all(tx).await;
    let rows = rows.map_err(failed)?;
    rows.iter()
        .map(object)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

pub async fn put(
    tx: &mut SqliteConnection,
    workspace: &str,
    row: &ObjectRow,
) -> Result<(), StoreError> {
    let query = sqlx::query(PUT).bind(workspace).bind(&row.path);
    let query = query.bind(parent(&row.path)).bind(&row.body);
    let query = query.bind(row.position).bind(row.version);
    let query = query.bind(&row.changed_by).bind(row.changed_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// What a path is listed under.
fn parent(path: &str) -> &str {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    parent.strip_suffix("/plans").unwrap_or(parent)
}

pub async fn delete(
    tx: &mut SqliteConnection,
    workspace: &str,
    path: &str,
) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM objects WHERE workspace = ?1 AND path = ?2");
    query
        .bind(workspace)
        .bind(path)
        .execute(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

pub async fn record(
    tx: &mut SqliteConnection,
    workspace: &str,
    change: &ChangeRow,
) -> Result<(), StoreError> {
    let query = sqlx::query(CHANGE).bind(workspace);
    let query = query.bind(change.revision).bind(&change.path);
    let before = change.before.as_ref();
    let query = query.bind(before.map(|was| &was.body));
    let query = query.bind(before.map(|was| was.position));
    let query = query.bind(before.map(|was| was.version));
    let query = query.bind(change.after.as_ref().map(|was| &was.body));
    let query = query.bind(change.after.as_ref().map(|was| was.position));
    let query = query
        .bind(&change.changed_by)
        .bind(change.changed_ms)
        .bind(&change.why);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Part of a history.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    pub workspace: &'a str,
    /// None: of all objects.
    pub path: Option<&'a str>,
    /// Begins with what comes after this path in this revision.
    pub after: (i64, &'a str),
    pub limit: i64,
}

impl Part<'_> {
    async fn rows(
        &self,
        tx: &mut SqliteConnection,
        columns: &str,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let from = if self.path.is_some() {
            FROM_ONE
        } else {
            FROM_ALL
        };
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{columns}{from}")));
        let query = query.bind(self.workspace).bind(self.after.0);
        let query = query.bind(self.after.1).bind(self.limit);
        let query = match self.path {
            Some(path) => query.bind(path),
            None => query,
        };
        query.fetch_all(tx).await.map_err(failed)
    }
}

/// How histories are asked for, and what each has to be found by.
#[cfg(test)]
pub fn histories() -> [(String, &'static str); 2] {
    [
        (
            format!("{WHOLE}{FROM_ALL}"),
            "PRIMARY KEY (workspace=? AND revision<?)",
        ),
        (
            format!("{WHOLE}{FROM_ONE}"),
            "changes_by_path (workspace=? AND path=? AND revision<?)",
        ),
    ]
}

pub async fn changes(
    tx: &mut SqliteConnection,
    part: Part<'_>,
) -> Result<Vec<ChangeRow>, StoreError> {
    let rows = part.rows(tx, WHOLE).await?;
    rows.iter()
        .map(change)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

/// Revision, path and how many bytes each takes.
pub async fn change_sizes(
    tx: &mut SqliteConnection,
    part: Part<'_>,
) -> Result<Vec<(i64, String, i64)>, StoreError> {
    let rows = part.rows(tx, SIZES).await?;
    let size = |row: &SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    rows.iter()
        .map(size)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

pub async fn changes_at(
    tx: &mut SqliteConnection,
    workspace: &str,
    revision: i64,
) -> Result<Vec<ChangeRow>, StoreError> {
    let query = sqlx::query(CHANGES_AT).bind(workspace).bind(revision);
    let rows = query.fetch_all(tx).await.map_err(failed)?;
    rows.iter()
        .map(change)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

/// The change that made an object what it was in a version.
pub async fn change_to(
    tx: &mut SqliteConnection,
    workspace: &str,
    path: &str,
    version: i64,
) -> Result<Option<ChangeRow>, StoreError> {
    let query = sqlx::query(AS_OF).bind(workspace).bind(path).bind(version);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    row.as_ref().map(change).transpose().map_err(failed)
}

/// Of the last object under a parent.
pub async fn last_position(
    tx: &mut SqliteConnection,
    workspace: &str,
    parent: &str,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT max(position) FROM objects WHERE workspace = ?1 AND parent = ?2";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(parent);
    query.fetch_one(tx).await.map_err(failed)
}

/// Counts one more change of the draft. None: there is no such workspace.
pub async fn next_revision(
    tx: &mut SqliteConnection,
    workspace: &str,
) -> Result<Option<i64>, StoreError> {
    let sql = "UPDATE workspaces SET revision = revision + 1 WHERE key = ?1 RETURNING revision";
    let row = sqlx::query_scalar(sql).bind(workspace).fetch_optional(tx);
    row.await.map_err(failed)
}

pub async fn revision(
    tx: &mut SqliteConnection,
    workspace: &str,
) -> Result<Option<i64>, StoreError> {
    let row = sqlx::query_scalar("SELECT revision FROM workspaces WHERE key = ?1");
    row.bind(workspace).fetch_optional(tx).await.map_err(failed)
}

fn object(row: &SqliteRow) -> Result<ObjectRow, sqlx::Error> {
    Ok(ObjectRow {
        path: row.try_get("path")?,
        body: row.try_get("body")?,
        position: row.try_get("position")?,
        version: row.try_get("version")?,
        changed_by: row.try_get("changed_by")?,
        changed_ms: row.try_get("changed_ms")?,
    })
}

fn change(row: &SqliteRow) -> Result<ChangeRow, sqlx::Error> {
    let revision = row.try_get("revision")?;
    let before: Option<String> = row.try_get("body_before")?;
    let after: Option<String> = row.try_get("body_after")?;
    let (position_before, position_after): (Option<i64>, Option<i64>) = (
        row.try_get("position_before")?,
        row.try_get("position_after")?,
    );
    let version_before: Option<i64> = row.try_get("version_before")?;
    Ok(ChangeRow {
        revision,
        path: row.try_get("path")?,
        before: before.map(|body| Was {
            body,
            position: position_before.unwrap_or(0),
            version: version_before.unwrap_or(0),
        }),
        after: after.map(|body| Was {
            body,
            position: position_after.unwrap_or(0),
            version: revision,
        }),
        changed_by: row.try_get("changed_by")?,
        changed_ms: row.try_get("changed_ms")?,
        why: row.try_get("why")?,
    })
}
