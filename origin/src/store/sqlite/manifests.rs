//! Signed manifests. The newest of an environment is what its targets have to get.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::store::StoreError;

#[derive(Clone, Debug)]
pub struct ManifestRow {
    pub sequence: i64,
    /// Empty once nothing may ask for it any more.
    pub envelope: Vec<u8>,
    pub stable: String,
    pub gray: Option<String>,
    pub issued_ms: i64,
    pub release: Option<i64>,
}

pub async fn newest(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Option<ManifestRow>, StoreError> {
    let sql = "SELECT sequence, envelope, stable, gray, issued_ms, release FROM manifests
               WHERE workspace = ?1 AND env = ?2 ORDER BY sequence DESC LIMIT 1";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    row.as_ref().map(manifest).transpose().map_err(failed)
}

/// Of the newest.
pub async fn newest_sequence(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT max(sequence) FROM manifests WHERE workspace = ?1 AND env = ?2";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    query.fetch_one(tx).await.map_err(failed)
}

pub async fn get(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
    sequence: i64,
) -> Result<Option<ManifestRow>, StoreError> {
    let sql = "SELECT sequence, envelope, stable, gray, issued_ms, release FROM manifests
               WHERE workspace = ?1 AND env = ?2 AND sequence = ?3";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(sequence);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    row.as_ref().map(manifest).transpose().map_err(failed)
}

/// Adds one that replaces the newest: the head follows, in the same transaction.
pub async fn add(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
    row: &ManifestRow,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO manifests (workspace, env, sequence, envelope, stable, gray, issued_ms, release)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let query = query
        .bind(row.sequence)
        .bind(&row.envelope)
        .bind(&row.stable);
    let query = query.bind(&row.gray).bind(row.issued_ms).bind(row.release);
    query.execute(&mut *tx).await.map_err(failed)?;
    let sql = "UPDATE heads SET sequence = ?3 WHERE workspace = ?1 AND env = ?2";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    query.bind(row.sequence).execute(tx).await.map_err(failed)?;
    Ok(())
}

/// The release that is under way in an environment.
pub async fn release_under_way(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT release FROM heads WHERE workspace = ?1 AND env = ?2";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    let found: Option<Option<i64>> = query.fetch_optional(tx).await.map_err(failed)?;
    Ok(found.flatten())
}

fn manifest(row: &SqliteRow) -> Result<ManifestRow, sqlx::Error> {
    Ok(ManifestRow {
        sequence: row.try_get("sequence")?,
        envelope: row.try_get("envelope")?,
        stable: row.try_get("stable")?,
        gray: row.try_get("gray")?,
        issued_ms: row.try_get("issued_ms")?,
        release: row.try_get("release")?,
    })
}
