//! Signing keys, and the era of an environment.

use skyful::manifest::COUNTER_BITS;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::store::StoreError;

#[derive(Clone, Debug)]
pub struct KeyRow {
    pub id: String,
    /// Hex.
    pub public: String,
    pub sealed: Option<Vec<u8>>,
    pub state: String,
    pub era_limit: i64,
    pub version: i64,
    pub created_ms: i64,
    pub activated_ms: Option<i64>,
    /// The first sequence that it signed, or would have.
    pub from_sequence: Option<i64>,
    pub retired_ms: Option<i64>,
}

/// The newest first.
pub async fn all(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Vec<KeyRow>, StoreError> {
    let sql = "
        SELECT id, public, sealed, state, era_limit, version, created_ms, activated_ms,
               from_sequence, retired_ms
        FROM keys WHERE workspace = ?1 AND env = ?2 ORDER BY created_ms DESC, id";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let rows = query.fetch_all(tx).await.map_err(failed)?;
    rows.iter()
        .map(key)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

pub async fn put(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
    row: &KeyRow,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO keys (workspace, env, id, public, sealed, state, era_limit, version,
                          created_ms, activated_ms, from_sequence, retired_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
        ON CONFLICT (workspace, env, id) DO UPDATE SET sealed = excluded.sealed, state = excluded.state,
            version = excluded.version, activated_ms = excluded.activated_ms,
            from_sequence = excluded.from_sequence, retired_ms = excluded.retired_ms";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let query = query.bind(&row.id).bind(&row.public).bind(&row.sealed);
    let query = query.bind(&row.state).bind(row.era_limit).bind(row.version);
    let query = query
        .bind(row.created_ms)
        .bind(row.activated_ms)
        .bind(row.from_sequence)
        .bind(row.retired_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn era(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT era FROM eras WHERE workspace = ?1 AND env = ?2";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    query.fetch_optional(tx).await.map_err(failed)
}

pub async fn put_era(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
    era: i64,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO eras (workspace, env, era) VALUES (?1, ?2, ?3)
        ON CONFLICT (workspace, env) DO UPDATE SET era = excluded.era";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(era);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// The era of every environment that has one, by workspace.
pub async fn eras(tx: &mut SqliteConnection) -> Result<Vec<(String, String, i64)>, StoreError> {
    let sql = "
        SELECT workspace, env, max(era) FROM (
            SELECT workspace, env, era FROM eras
            UNION ALL
            SELECT workspace, env, sequence >> ?1 FROM heads
            UNION ALL
            SELECT workspace, env, max(sequence) >> ?1 FROM manifests GROUP BY workspace, env)
        GROUP BY workspace, env ORDER BY workspace, env";
    let query = sqlx::query_as(sql).bind(COUNTER_BITS);
    query.fetch_all(tx).await.map_err(failed)
}

/// The highest sequence that was ever given out here.
pub async fn last_sequence(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Option<i64>, StoreError> {
    let sql = "
        SELECT max(sequence) FROM (
            SELECT sequence FROM heads WHERE workspace = ?1 AND env = ?2
            UNION ALL
            SELECT max(sequence) FROM manifests WHERE workspace = ?1 AND env = ?2)";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    query.fetch_one(tx).await.map_err(failed)
}

/// A target that has, or whose fallback is, something from before this sequence.
pub async fn target_before(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
    sequence: i64,
) -> Result<Option<String>, StoreError> {
    let sql = "
        SELECT key FROM targets
        LEFT JOIN deliveries ON deliveries.workspace = targets.workspace
            AND deliveries.env = targets.env AND deliveries.target = targets.key
        WHERE targets.workspace = ?1 AND targets.env = ?2 AND enabled = 1
            AND min(coalesce(delivered, 0), coalesce(fallback, 0)) < ?3
        ORDER BY key LIMIT 1";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    query
        .bind(sequence)
        .fetch_optional(tx)
        .await
        .map_err(failed)
}

/// Environments where a key leaves, every target has settled on what the new one signed first, and some still falls back on
/// the old one.
pub async fn rotations_to_finish(
    tx: &mut SqliteConnection,
) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "
        SELECT DISTINCT keys.workspace, keys.env FROM keys
        JOIN keys AS leaving ON leaving.workspace = keys.workspace AND leaving.env = keys.env
            AND leaving.state = 'leaving'
        WHERE keys.state = 'active'
            AND NOT EXISTS (SELECT 1 FROM heads WHERE workspace = keys.workspace AND env = keys.env
                AND release IS NOT NULL)
            AND EXISTS (SELECT 1 FROM targets JOIN deliveries USING (workspace, env)
                WHERE workspace = keys.workspace AND env = keys.env AND target = key AND enabled = 1
                    AND coalesce(fallback, 0) < keys.from_sequence)
            AND NOT EXISTS (SELECT 1 FROM targets LEFT JOIN deliveries
                    ON deliveries.workspace = targets.workspace AND deliveries.env = targets.env AND target = key
                WHERE targets.workspace = keys.workspace AND targets.env = keys.env AND enabled = 1
                    AND (coalesce(settled, 0) < keys.from_sequence OR coalesce(delivered, 0) <
                        (SELECT max(sequence) FROM manifests
                         WHERE workspace = keys.workspace AND env = keys.env)))";
    sqlx::query_as(sql).fetch_all(tx).await.map_err(failed)
}

fn key(row: &SqliteRow) -> Result<KeyRow, sqlx::Error> {
    Ok(KeyRow {
        id: row.try_get("id")?,
        public: row.try_get("public")?,
        sealed: row.try_get("sealed")?,
        state: row.try_get("state")?,
        era_limit: row.try_get("era_limit")?,
        version: row.try_get("version")?,
        created_ms: row.try_get("created_ms")?,
        activated_ms: row.try_get("activated_ms")?,
        from_sequence: row.try_get("from_sequence")?,
        retired_ms: row.try_get("retired_ms")?,
    })
}
