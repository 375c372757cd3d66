//! Targets as they are set up.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::store::StoreError;

#[derive(Clone, Debug)]
pub struct TargetRow {
    pub workspace: String,
    pub env: String,
    pub key: String,
    pub kind: String,
    /// JSON, without secrets.
    pub settings: String,
    pub sealed: Option<Vec<u8>>,
    pub enabled: bool,
    pub version: i64,
    pub created_ms: i64,
}

const ALL: &str = "
    SELECT workspace, env, key, kind, settings, sealed, enabled, version, created_ms FROM targets
    ORDER BY workspace, env, key";
const OF_ENV: &str = "
    SELECT workspace, env, key, kind, settings, sealed, enabled, version, created_ms FROM targets
    WHERE workspace = ?1 AND env = ?2 ORDER BY key";
const ONE: &str = "
    SELECT workspace, env, key, kind, settings, sealed, enabled, version, created_ms FROM targets
    WHERE workspace = ?1 AND env = ?2 AND key = ?3";

/// Of all workspaces.
pub async fn all(tx: &mut SqliteConnection) -> Result<Vec<TargetRow>, StoreError> {
    let rows = sqlx::query(ALL).fetch_all(tx).await.map_err(failed)?;
    read(&rows)
}

pub async fn of_env(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Vec<TargetRow>, StoreError> {
    let query = sqlx::query(OF_ENV).bind(workspace).bind(env);
    let rows = query.fetch_all(tx).await.map_err(failed)?;
    read(&rows)
}

pub async fn get(
    tx: &mut SqliteConnection,
    (workspace, env, key): (&str, &str, &str),
) -> Result<Option<TargetRow>, StoreError> {
    let query = sqlx::query(ONE).bind(workspace).bind(env).bind(key);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    row.as_ref().map(target).transpose().map_err(failed)
}

pub async fn put(tx: &mut SqliteConnection, row: &TargetRow) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO targets (workspace, env, key, kind, settings, sealed, enabled, version, created_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (workspace, env, key) DO UPDATE SET kind = excluded.kind, settings = excluded.settings,
            sealed = excluded.sealed, enabled = excluded.enabled, version = excluded.version";
    let query = sqlx::query(sql).bind(&row.workspace).bind(&row.env);
    let query = query.bind(&row.key).bind(&row.kind).bind(&row.settings);
    let query = query.bind(&row.sealed).bind(row.enabled);
    let query = query.bind(row.version).bind(row.created_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// With all that is known of how far it got.
pub async fn delete(
    tx: &mut SqliteConnection,
    (workspace, env, key): (&str, &str, &str),
) -> Result<(), StoreError> {
    let sql = "DELETE FROM targets WHERE workspace = ?1 AND env = ?2 AND key = ?3";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(key);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

fn read(rows: &[SqliteRow]) -> Result<Vec<TargetRow>, StoreError> {
    rows.iter()
        .map(target)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

fn target(row: &SqliteRow) -> Result<TargetRow, sqlx::Error> {
    Ok(TargetRow {
        workspace: row.try_get("workspace")?,
        env: row.try_get("env")?,
        key: row.try_get("key")?,
        kind: row.try_get("kind")?,
        settings: row.try_get("settings")?,
        sealed: row.try_get("sealed")?,
        enabled: row.try_get("enabled")?,
        version: row.try_get("version")?,
        created_ms: row.try_get("created_ms")?,
    })
}
