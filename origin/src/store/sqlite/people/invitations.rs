//! Invitations into workspaces.

use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use crate::store::StoreError;
use crate::store::sqlite::failed;

#[derive(Clone, Debug, FromRow)]
pub struct InvitationRow {
    pub id: String,
    pub hash: Vec<u8>,
    pub workspace: String,
    /// Empty: all.
    pub env: String,
    pub role: String,
    pub email: String,
    pub invited_by: String,
    pub created_ms: i64,
    pub until_ms: i64,
    pub ended_ms: Option<i64>,
    pub accepted_by: Option<String>,
}

const INSERT: &str = "
INSERT INTO invitations (id, hash, workspace, env, role, email, invited_by, created_ms, until_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

pub async fn by_hash(
    tx: &mut SqliteConnection,
    hash: &[u8],
) -> Result<Option<InvitationRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM invitations WHERE hash = ?1").bind(hash);
    found.fetch_optional(tx).await.map_err(failed)
}

pub async fn get(
    tx: &mut SqliteConnection,
    workspace: &str,
    id: &str,
) -> Result<Option<InvitationRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM invitations WHERE workspace = ?1 AND id = ?2");
    let found = found.bind(workspace).bind(id);
    found.fetch_optional(tx).await.map_err(failed)
}

/// By id, those after `after`.
pub async fn list(
    tx: &mut SqliteConnection,
    workspace: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<InvitationRow>, StoreError> {
    let sql = "SELECT * FROM invitations WHERE workspace = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let found = sqlx::query_as(sql).bind(workspace).bind(after).bind(limit);
    found.fetch_all(tx).await.map_err(failed)
}

/// Those that can still be accepted.
pub async fn open(
    tx: &mut SqliteConnection,
    workspace: &str,
    now_ms: i64,
) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM invitations
               WHERE workspace = ?1 AND ended_ms IS NULL AND until_ms > ?2";
    let count = sqlx::query_scalar(sql).bind(workspace).bind(now_ms);
    count.fetch_one(tx).await.map_err(failed)
}

pub async fn insert(tx: &mut SqliteConnection, row: &InvitationRow) -> Result<(), StoreError> {
    let query = sqlx::query(INSERT).bind(&row.id).bind(&row.hash);
    let query = query.bind(&row.workspace).bind(&row.env);
    let query = query.bind(&row.role).bind(&row.email);
    let query = query.bind(&row.invited_by);
    let query = query.bind(row.created_ms).bind(row.until_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Accepted by somebody, or revoked.
pub async fn end(
    tx: &mut SqliteConnection,
    id: &str,
    accepted_by: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE invitations SET ended_ms = ?3, accepted_by = ?2 WHERE id = ?1";
    let query = sqlx::query(sql).bind(id).bind(accepted_by).bind(now_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}
