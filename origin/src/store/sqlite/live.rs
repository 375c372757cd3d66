//! What is live of the snapshots, and their parts.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::store::StoreError;

/// What an environment shows to somebody: a track, and the document behind it.
pub struct Live {
    pub env: String,
    pub document: String,
}

/// Of all environments, stable and gray.
pub async fn all(tx: &mut SqliteConnection, workspace: &str) -> Result<Vec<Live>, StoreError> {
    let sql = "
        SELECT DISTINCT heads.env, snapshots.document FROM heads
        JOIN snapshots ON snapshots.workspace = heads.workspace
            AND snapshots.digest IN (heads.stable, heads.gray)
        WHERE heads.workspace = ?1 ORDER BY heads.env";
    let rows = sqlx::query(sql).bind(workspace).fetch_all(tx).await;
    let read = |row: &SqliteRow| {
        Ok(Live {
            env: row.try_get(0)?,
            document: row.try_get(1)?,
        })
    };
    rows.map_err(failed)?
        .iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

/// The digest of what an environment shows to everybody else than its gray share.
pub async fn stable(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT stable FROM heads WHERE workspace = ?1 AND env = ?2";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    query.fetch_optional(tx).await.map_err(failed)
}

pub async fn listing(
    tx: &mut SqliteConnection,
    workspace: &str,
    digest: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql =
        "SELECT listing FROM snapshots WHERE workspace = ?1 AND digest = ?2 AND gone_ms IS NULL";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(digest);
    query.fetch_optional(tx).await.map_err(failed)
}

pub async fn object(
    tx: &mut SqliteConnection,
    workspace: &str,
    digest: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM chunks WHERE workspace = ?1 AND digest = ?2";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(digest);
    query.fetch_optional(tx).await.map_err(failed)
}
