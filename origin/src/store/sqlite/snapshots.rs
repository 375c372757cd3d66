//! Snapshots as they were compiled, and what is live of them.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::store::StoreError;

/// What an environment shows to somebody: a track, and the document behind it.
pub struct Live {
    pub env: String,
    pub digest: String,
    pub document: String,
}

/// Of all environments, stable and gray.
pub async fn live(tx: &mut SqliteConnection, workspace: &str) -> Result<Vec<Live>, StoreError> {
    let sql = "
        SELECT heads.env, snapshots.digest, snapshots.document FROM heads
        JOIN snapshots ON snapshots.workspace = heads.workspace
            AND snapshots.digest IN (heads.stable, heads.gray)
        WHERE heads.workspace = ?1 ORDER BY heads.env, snapshots.digest";
    let rows = sqlx::query(sql).bind(workspace).fetch_all(tx).await;
    let live = |row: &SqliteRow| {
        Ok(Live {
            env: row.try_get(0)?,
            digest: row.try_get(1)?,
            document: row.try_get(2)?,
        })
    };
    rows.map_err(failed)?
        .iter()
        .map(live)
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
    let sql = "SELECT listing FROM snapshots WHERE workspace = ?1 AND digest = ?2";
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
