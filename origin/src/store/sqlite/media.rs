//! Uploaded pictures.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::store::StoreError;

/// A picture without its bytes.
#[derive(Clone, Debug)]
pub struct MediaRow {
    pub digest: String,
    pub kind: String,
    pub name: String,
    pub size: i64,
    pub created_by: String,
    pub created_ms: i64,
}

/// Whether it is new.
pub async fn put(
    tx: &mut SqliteConnection,
    workspace: &str,
    row: &MediaRow,
    bytes: &[u8],
) -> Result<bool, StoreError> {
    let sql = "
        INSERT INTO media (workspace, digest, type, name, bytes, created_by, created_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(workspace).bind(&row.digest);
    let query = query.bind(&row.kind).bind(&row.name).bind(bytes);
    let query = query.bind(&row.created_by).bind(row.created_ms);
    let done = query.execute(tx).await.map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// Newest first.
pub async fn all(
    tx: &mut SqliteConnection,
    workspace: &str,
    limit: i64,
) -> Result<Vec<MediaRow>, StoreError> {
    let sql = "
        SELECT digest, type, name, length(bytes) AS size, created_by, created_ms
        FROM media WHERE workspace = ?1 ORDER BY created_ms DESC, digest LIMIT ?2";
    let rows = sqlx::query(sql)
        .bind(workspace)
        .bind(limit)
        .fetch_all(tx)
        .await;
    let row = |row: &SqliteRow| {
        Ok(MediaRow {
            digest: row.try_get("digest")?,
            kind: row.try_get("type")?,
            name: row.try_get("name")?,
            size: row.try_get("size")?,
            created_by: row.try_get("created_by")?,
            created_ms: row.try_get("created_ms")?,
        })
    };
    rows.map_err(failed)?
        .iter()
        .map(row)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

pub async fn count(tx: &mut SqliteConnection, workspace: &str) -> Result<i64, StoreError> {
    let query = sqlx::query_scalar("SELECT count(*) FROM media WHERE workspace = ?1");
    query.bind(workspace).fetch_one(tx).await.map_err(failed)
}

/// Type and bytes.
pub async fn bytes(
    tx: &mut SqliteConnection,
    workspace: &str,
    digest: &str,
) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let sql = "SELECT type, bytes FROM media WHERE workspace = ?1 AND digest = ?2";
    let query = sqlx::query_as(sql).bind(workspace).bind(digest);
    query.fetch_optional(tx).await.map_err(failed)
}

/// Whether it was there.
pub async fn delete(
    tx: &mut SqliteConnection,
    workspace: &str,
    digest: &str,
) -> Result<bool, StoreError> {
    let query = sqlx::query("DELETE FROM media WHERE workspace = ?1 AND digest = ?2");
    let done = query.bind(workspace).bind(digest).execute(tx).await;
    Ok(done.map_err(failed)?.rows_affected() > 0)
}
