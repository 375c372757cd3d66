//! Who is in a workspace, as which role, one row for each role that somebody holds there.

use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use crate::store::StoreError;
use crate::store::sqlite::failed;

#[derive(Clone, Debug, FromRow)]
pub struct MemberRow {
    pub user: String,
    /// Empty: all.
    pub env: String,
    pub role: String,
    pub version: i64,
    pub email: Option<String>,
    pub name: Option<String>,
    pub disabled_ms: Option<i64>,
}

/// The rows of the first people after a user, or of one.
const LIST: &str = "
SELECT m.user, m.env, m.role, m.version, u.email, u.name, u.disabled_ms
FROM members m LEFT JOIN users u ON u.id = m.user
WHERE m.workspace = ?1 AND m.user IN (
    SELECT DISTINCT user FROM members WHERE workspace = ?1 AND user > ?2 ORDER BY user LIMIT ?3)
ORDER BY m.user, m.env";

const GET: &str = "
SELECT m.user, m.env, m.role, m.version, u.email, u.name, u.disabled_ms
FROM members m LEFT JOIN users u ON u.id = m.user
WHERE m.workspace = ?1 AND m.user = ?2 ORDER BY m.env";

/// Whoever may look after the whole workspace, and isn't shut out.
const ADMINS: &str = "
SELECT count(DISTINCT m.user) FROM members m JOIN users u ON u.id = m.user
WHERE m.workspace = ?1 AND m.env = '' AND m.role = 'admin' AND u.disabled_ms IS NULL";

/// Where nobody is left to look after it.
const ORPHANS: &str = "
SELECT m.workspace FROM members m WHERE m.user = ?1 AND m.env = '' AND m.role = 'admin' AND NOT EXISTS (
    SELECT 1 FROM members o JOIN users u ON u.id = o.user
    WHERE o.workspace = m.workspace AND o.user <> ?1 AND o.env = '' AND o.role = 'admin'
      AND u.disabled_ms IS NULL)
ORDER BY m.workspace LIMIT 100";

pub async fn list(
    tx: &mut SqliteConnection,
    workspace: &str,
    after: &str,
    people: i64,
) -> Result<Vec<MemberRow>, StoreError> {
    let found = sqlx::query_as(LIST).bind(workspace);
    let found = found.bind(after).bind(people);
    found.fetch_all(tx).await.map_err(failed)
}

pub async fn get(
    tx: &mut SqliteConnection,
    workspace: &str,
    user: &str,
) -> Result<Vec<MemberRow>, StoreError> {
    let found = sqlx::query_as(GET).bind(workspace).bind(user);
    found.fetch_all(tx).await.map_err(failed)
}

/// Who holds which role in an environment, or in all, and isn't shut out.
pub async fn of_env(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT m.user, m.role FROM members m LEFT JOIN users u ON u.id = m.user
               WHERE m.workspace = ?1 AND m.env IN ('', ?2) AND u.disabled_ms IS NULL";
    let found = sqlx::query_as(sql).bind(workspace).bind(env);
    found.fetch_all(tx).await.map_err(failed)
}

/// How many people there are.
pub async fn count(tx: &mut SqliteConnection, workspace: &str) -> Result<i64, StoreError> {
    let sql = "SELECT count(DISTINCT user) FROM members WHERE workspace = ?1";
    let count = sqlx::query_scalar(sql).bind(workspace);
    count.fetch_one(tx).await.map_err(failed)
}

pub async fn admins(tx: &mut SqliteConnection, workspace: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(ADMINS).bind(workspace);
    count.fetch_one(tx).await.map_err(failed)
}

pub async fn orphans(tx: &mut SqliteConnection, user: &str) -> Result<Vec<String>, StoreError> {
    let found = sqlx::query_scalar(ORPHANS).bind(user);
    found.fetch_all(tx).await.map_err(failed)
}

pub async fn remove(
    tx: &mut SqliteConnection,
    workspace: &str,
    user: &str,
) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM members WHERE workspace = ?1 AND user = ?2");
    let query = query.bind(workspace).bind(user);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn set_version(
    tx: &mut SqliteConnection,
    workspace: &str,
    user: &str,
    version: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE members SET version = ?3 WHERE workspace = ?1 AND user = ?2";
    let query = sqlx::query(sql).bind(workspace).bind(user).bind(version);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}
