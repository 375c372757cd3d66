//! Tokens of programs.

use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use crate::store::StoreError;
use crate::store::sqlite::failed;

#[derive(Clone, Debug, FromRow)]
pub struct TokenRow {
    pub id: String,
    pub hash: Vec<u8>,
    pub user: String,
    pub workspace: String,
    /// Empty: all.
    pub env: String,
    pub role: String,
    pub name: String,
    pub created_ms: i64,
    pub until_ms: i64,
    pub used_ms: Option<i64>,
    pub revoked_ms: Option<i64>,
}

const INSERT: &str = "
INSERT INTO tokens (id, hash, user, workspace, env, role, name, created_ms, until_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Of a workspace, or of one user in it; after an id.
const LIST: &str = "
SELECT * FROM tokens WHERE workspace = ?1 AND (?2 IS NULL OR user = ?2) AND id > ?3 ORDER BY id LIMIT ?4";

const REVOKE_OF_USER: &str = "
UPDATE tokens SET revoked_ms = ?3
WHERE user = ?1 AND (?2 IS NULL OR workspace = ?2) AND revoked_ms IS NULL";

pub async fn by_hash(
    tx: &mut SqliteConnection,
    hash: &[u8],
) -> Result<Option<TokenRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM tokens WHERE hash = ?1").bind(hash);
    found.fetch_optional(tx).await.map_err(failed)
}

pub async fn by_id(tx: &mut SqliteConnection, id: &str) -> Result<Option<TokenRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM tokens WHERE id = ?1").bind(id);
    found.fetch_optional(tx).await.map_err(failed)
}

pub async fn get(
    tx: &mut SqliteConnection,
    workspace: &str,
    id: &str,
) -> Result<Option<TokenRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM tokens WHERE workspace = ?1 AND id = ?2");
    let found = found.bind(workspace).bind(id);
    found.fetch_optional(tx).await.map_err(failed)
}

pub async fn list(
    tx: &mut SqliteConnection,
    workspace: &str,
    user: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<TokenRow>, StoreError> {
    let found = sqlx::query_as(LIST).bind(workspace).bind(user);
    let found = found.bind(after).bind(limit);
    found.fetch_all(tx).await.map_err(failed)
}

/// Those of somebody that still let in.
pub async fn count(
    tx: &mut SqliteConnection,
    workspace: &str,
    user: &str,
    now_ms: i64,
) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM tokens
               WHERE workspace = ?1 AND user = ?2 AND revoked_ms IS NULL AND until_ms > ?3";
    let count = sqlx::query_scalar(sql).bind(workspace);
    let count = count.bind(user).bind(now_ms);
    count.fetch_one(tx).await.map_err(failed)
}

pub async fn insert(tx: &mut SqliteConnection, row: &TokenRow) -> Result<(), StoreError> {
    let query = sqlx::query(INSERT).bind(&row.id).bind(&row.hash);
    let query = query.bind(&row.user).bind(&row.workspace);
    let query = query.bind(&row.env).bind(&row.role).bind(&row.name);
    let query = query.bind(row.created_ms).bind(row.until_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn used(tx: &mut SqliteConnection, id: &str, now_ms: i64) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE tokens SET used_ms = ?2 WHERE id = ?1");
    let query = query.bind(id).bind(now_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn revoke(tx: &mut SqliteConnection, id: &str, now_ms: i64) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE tokens SET revoked_ms = ?2 WHERE id = ?1");
    let query = query.bind(id).bind(now_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// In one workspace, or everywhere.
pub async fn revoke_of_user(
    tx: &mut SqliteConnection,
    user: &str,
    workspace: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let query = sqlx::query(REVOKE_OF_USER).bind(user);
    let query = query.bind(workspace).bind(now_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}
