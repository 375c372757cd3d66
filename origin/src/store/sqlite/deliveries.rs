//! How far targets got, and who is at it.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::store::StoreError;

/// Workspace, environment and target.
pub type At<'a> = (&'a str, &'a str, &'a str);

#[derive(Clone, Debug, Default)]
pub struct DeliveryRow {
    pub delivered: Option<i64>,
    pub delivered_ms: Option<i64>,
    pub settled: Option<i64>,
    pub settled_ms: Option<i64>,
    pub attempts: i64,
    pub next_ms: i64,
    pub error: Option<String>,
    pub error_ms: Option<i64>,
    pub audited_ms: i64,
    pub collected_ms: i64,
}

/// How a round ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// None: it went well, or only waits.
    pub error: Option<String>,
    /// Neither a success nor a failure: what is known of those stays.
    pub waits: bool,
    pub now_ms: i64,
    pub next_ms: i64,
    pub audited: bool,
}

pub async fn get(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
) -> Result<DeliveryRow, StoreError> {
    let sql = "
        SELECT delivered, delivered_ms, settled, settled_ms, attempts, next_ms, error, error_ms,
               audited_ms, collected_ms
        FROM deliveries WHERE workspace = ?1 AND env = ?2 AND target = ?3";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    let row = row.as_ref().map(delivery).transpose().map_err(failed)?;
    Ok(row.unwrap_or_default())
}

/// Forgets how far it got: it is another place now, or has to be done again.
pub async fn reset(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
) -> Result<(), StoreError> {
    for table in ["deliveries", "stored_manifests", "target_objects"] {
        let sql = format!("DELETE FROM {table} WHERE workspace = ?1 AND env = ?2 AND target = ?3");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(workspace);
        let query = query.bind(env).bind(target);
        query.execute(&mut *tx).await.map_err(failed)?;
    }
    Ok(())
}

/// Tries again at once.
pub async fn hurry(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
) -> Result<(), StoreError> {
    let sql = "UPDATE deliveries SET next_ms = 0, audited_ms = 0
               WHERE workspace = ?1 AND env = ?2 AND target = ?3";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Takes the lease, unless somebody holds it. Its number is another than all before, also where the target was moved or made
/// again: whoever held one of those has no say any more.
pub async fn take(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    now_ms: i64,
    until_ms: i64,
) -> Result<Option<i64>, StoreError> {
    let sql = "
        INSERT INTO deliveries (workspace, env, target, lease, lease_ms) VALUES (?1, ?2, ?3, random() & 0xffffffffffff, ?5)
        ON CONFLICT (workspace, env, target) DO UPDATE SET lease = lease + 1, lease_ms = ?5
            WHERE lease_ms <= ?4
        RETURNING lease";
    let query = sqlx::query_scalar(sql).bind(workspace);
    let query = query.bind(env).bind(target).bind(now_ms).bind(until_ms);
    query.fetch_optional(tx).await.map_err(failed)
}

/// Ends all leases. Their numbers stay: whoever held one has no say once somebody takes the next.
pub async fn end_all(tx: &mut SqliteConnection) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE deliveries SET lease_ms = 0 WHERE lease_ms > 0");
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// False: the lease is somebody else's.
pub async fn keep(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    lease: i64,
    until_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE deliveries SET lease_ms = ?5
               WHERE workspace = ?1 AND env = ?2 AND target = ?3 AND lease = ?4";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    let done = query.bind(lease).bind(until_ms).execute(tx).await;
    Ok(done.map_err(failed)?.rows_affected() > 0)
}

/// Gives the lease back with what came of it. A success forgets the failures before it; a wait changes nothing of them.
pub async fn end(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    lease: i64,
    ended: &Ended,
) -> Result<(), StoreError> {
    let sql = "
        UPDATE deliveries SET lease_ms = 0, next_ms = ?5,
            error = iif(?9, error, ?6),
            error_ms = iif(?9, error_ms, iif(?6 IS NULL, NULL, ?7)),
            attempts = iif(?9, attempts, iif(?6 IS NULL, 0, attempts + 1)),
            audited_ms = iif(?8, ?7, audited_ms)
        WHERE workspace = ?1 AND env = ?2 AND target = ?3 AND lease = ?4";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    let query = query.bind(lease).bind(ended.next_ms).bind(&ended.error);
    let query = query.bind(ended.now_ms).bind(ended.audited);
    let query = query.bind(ended.waits);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// What was read back. Never lowered.
pub async fn delivered(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    sequence: i64,
    fallback: Option<i64>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "
        UPDATE deliveries SET delivered = max(coalesce(delivered, 0), ?4),
            delivered_ms = iif(coalesce(delivered, 0) < ?4, ?6, delivered_ms), fallback = ?5
        WHERE workspace = ?1 AND env = ?2 AND target = ?3";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    let query = query.bind(sequence).bind(fallback).bind(now_ms);
    query.execute(&mut *tx).await.map_err(failed)?;
    let sql = "
        INSERT INTO stored_manifests (workspace, env, target, sequence, stored_ms)
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    let query = query.bind(sequence).bind(now_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Edges were told that this has settled. What is below it is no fallback any more.
pub async fn settled(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    sequence: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "
        UPDATE deliveries SET settled = max(coalesce(settled, 0), ?4),
            settled_ms = iif(coalesce(settled, 0) < ?4, ?5, settled_ms)
        WHERE workspace = ?1 AND env = ?2 AND target = ?3";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    let query = query.bind(sequence).bind(now_ms);
    query.execute(&mut *tx).await.map_err(failed)?;
    let sql = "DELETE FROM stored_manifests
               WHERE workspace = ?1 AND env = ?2 AND target = ?3 AND sequence < ?4";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    query.bind(sequence).execute(tx).await.map_err(failed)?;
    Ok(())
}

/// This and what is older is no fallback any more.
pub async fn forget(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    sequence: i64,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM stored_manifests
               WHERE workspace = ?1 AND env = ?2 AND target = ?3 AND sequence <= ?4";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    query.bind(sequence).execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Sequence and since when it is stored, the newest first.
pub async fn stored(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let sql = "SELECT sequence, stored_ms FROM stored_manifests
               WHERE workspace = ?1 AND env = ?2 AND target = ?3 ORDER BY sequence DESC";
    let query = sqlx::query_as(sql).bind(workspace).bind(env).bind(target);
    query.fetch_all(tx).await.map_err(failed)
}

fn delivery(row: &SqliteRow) -> Result<DeliveryRow, sqlx::Error> {
    Ok(DeliveryRow {
        delivered: row.try_get("delivered")?,
        delivered_ms: row.try_get("delivered_ms")?,
        settled: row.try_get("settled")?,
        settled_ms: row.try_get("settled_ms")?,
        attempts: row.try_get("attempts")?,
        next_ms: row.try_get("next_ms")?,
        error: row.try_get("error")?,
        error_ms: row.try_get("error_ms")?,
        audited_ms: row.try_get("audited_ms")?,
        collected_ms: row.try_get("collected_ms")?,
    })
}
