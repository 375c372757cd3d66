//! Which objects a target has or may have, and how far each is on its way out.

use sqlx::sqlite::SqliteConnection;

use super::deliveries::At;
use super::failed;
use crate::store::StoreError;

/// What a delivery or a collection has to do with.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub now_ms: i64,
    /// A request to delete from before then has been answered, or never will be.
    pub answered_before_ms: i64,
}

/// The parts of the snapshots that these manifests name.
pub async fn of_manifests(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    sequences: &[i64],
) -> Result<Vec<String>, StoreError> {
    let sql = "
        SELECT DISTINCT chunk FROM snapshot_chunks WHERE workspace = ?1 AND snapshot IN (
            SELECT stable FROM manifests WHERE workspace = ?1 AND env = ?2
                AND sequence IN (SELECT value FROM json_each(?3))
            UNION
            SELECT gray FROM manifests WHERE workspace = ?1 AND env = ?2
                AND sequence IN (SELECT value FROM json_each(?3)))
        ORDER BY chunk";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    query
        .bind(json(sequences))
        .fetch_all(tx)
        .await
        .map_err(failed)
}

/// Their bytes.
pub async fn bytes(
    tx: &mut SqliteConnection,
    workspace: &str,
    digests: &[String],
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let sql = "SELECT digest, bytes FROM chunks
               WHERE workspace = ?1 AND digest IN (SELECT value FROM json_each(?2))";
    let query = sqlx::query_as(sql).bind(workspace).bind(json(digests));
    query.fetch_all(tx).await.map_err(failed)
}

/// Writes down what is about to be there, and takes back what was condemned. Gives since when a request to delete one of them
/// may be under way: then nothing may be uploaded.
pub async fn claim(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    digests: &[String],
    times: Times,
) -> Result<Option<i64>, StoreError> {
    let digests = json(digests);
    let sql = "
        INSERT INTO target_objects (workspace, env, target, digest, state, since_ms)
        SELECT ?1, ?2, ?3, value, 'live', ?5 FROM json_each(?4) WHERE true
        ON CONFLICT (workspace, env, target, digest) DO UPDATE SET state = 'live', since_ms = ?5
            WHERE state = 'condemned' OR (state = 'deleting' AND since_ms <= ?6)";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    let query = query.bind(&digests).bind(times.now_ms);
    let query = query.bind(times.answered_before_ms);
    query.execute(&mut *tx).await.map_err(failed)?;
    let sql = "
        SELECT max(since_ms) FROM target_objects
        WHERE workspace = ?1 AND env = ?2 AND target = ?3 AND state = 'deleting'
            AND digest IN (SELECT value FROM json_each(?4))";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    let query = query.bind(target).bind(&digests);
    query.fetch_one(tx).await.map_err(failed)
}

/// All that may be asked for at this target: what was issued since then, what is out, what stands or stood there until
/// something newer settled, and the last snapshots that were stable.
pub async fn roots(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    since_ms: i64,
    releases: i64,
) -> Result<Vec<String>, StoreError> {
    let sql = "
        WITH ours AS (SELECT * FROM manifests WHERE workspace = ?1 AND env = ?2),
        named AS (
            SELECT * FROM ours WHERE issued_ms >= ?4
                OR sequence = (SELECT max(sequence) FROM ours)
                OR sequence IN (SELECT sequence FROM stored_manifests
                                WHERE workspace = ?1 AND env = ?2 AND target = ?3)
                OR sequence IN (SELECT value FROM deliveries, json_each(json_array(delivered, fallback, settled))
                                WHERE workspace = ?1 AND env = ?2 AND target = ?3)
                OR stable IN (SELECT stable FROM ours GROUP BY stable ORDER BY max(sequence) DESC LIMIT ?5))
        SELECT DISTINCT chunk FROM snapshot_chunks WHERE workspace = ?1
            AND snapshot IN (SELECT stable FROM named UNION SELECT gray FROM named)";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    let query = query.bind(target).bind(since_ms).bind(releases);
    query.fetch_all(tx).await.map_err(failed)
}

/// One step of everything towards its end: what nothing names is condemned, what is named again lives. Gives what was condemned
/// for long enough, and what a request to delete was lost of; nothing of that is touched yet.
pub async fn condemn(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    roots: &[String],
    condemned_before_ms: i64,
    times: Times,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let roots = json(roots);
    let lives = "
        UPDATE target_objects SET state = 'live', since_ms = ?5
        WHERE workspace = ?1 AND env = ?2 AND target = ?3 AND state = 'condemned'
            AND digest IN (SELECT value FROM json_each(?4))";
    let condemned = "
        UPDATE target_objects SET state = 'condemned', since_ms = ?5
        WHERE workspace = ?1 AND env = ?2 AND target = ?3 AND state = 'live'
            AND digest NOT IN (SELECT value FROM json_each(?4))";
    for sql in [lives, condemned] {
        let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
        let query = query.bind(&roots).bind(times.now_ms);
        query.execute(&mut *tx).await.map_err(failed)?;
    }
    let sql = "
        SELECT digest FROM target_objects
        WHERE workspace = ?1 AND env = ?2 AND target = ?3
            AND ((state = 'condemned' AND since_ms <= ?4) OR (state = 'deleting' AND since_ms <= ?5))
            AND digest NOT IN (SELECT value FROM json_each(?6))
        ORDER BY digest LIMIT ?7";
    let query = sqlx::query_scalar(sql)
        .bind(workspace)
        .bind(env)
        .bind(target);
    let query = query.bind(condemned_before_ms);
    let query = query
        .bind(times.answered_before_ms)
        .bind(&roots)
        .bind(limit);
    query.fetch_all(tx).await.map_err(failed)
}

/// Right before one request to delete them: from here on an upload waits.
pub async fn deleting(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    digests: &[String],
    since_ms: i64,
) -> Result<(), StoreError> {
    let sql = "
        UPDATE target_objects SET state = 'deleting', since_ms = ?4
        WHERE workspace = ?1 AND env = ?2 AND target = ?3 AND state IN ('condemned', 'deleting')
            AND digest IN (SELECT value FROM json_each(?5))";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    let query = query.bind(since_ms).bind(json(digests));
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// The request to delete them was answered. Only of those that were given out at this time: another one may be under way.
pub async fn absent(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    digests: &[String],
    since_ms: i64,
) -> Result<(), StoreError> {
    let sql = "
        DELETE FROM target_objects
        WHERE workspace = ?1 AND env = ?2 AND target = ?3 AND state = 'deleting' AND since_ms = ?4
            AND digest IN (SELECT value FROM json_each(?5))";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    let query = query.bind(since_ms).bind(json(digests));
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn collected(
    tx: &mut SqliteConnection,
    (workspace, env, target): At<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql =
        "UPDATE deliveries SET collected_ms = ?4 WHERE workspace = ?1 AND env = ?2 AND target = ?3";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(target);
    query.bind(now_ms).execute(tx).await.map_err(failed)?;
    Ok(())
}

fn json<T: serde::Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).unwrap_or_default()
}
