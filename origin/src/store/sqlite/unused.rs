//! Our own snapshots and their parts, on their way out, and the texts of manifests.

use sqlx::sqlite::SqliteConnection;

use super::failed;
use crate::store::StoreError;

/// Snapshots that nothing may ask for: not made or issued since then, not out, at no target, not among the last ones that were
/// stable, and neither shown by a release that is not over nor its way back.
const UNUSED: &str = "
    SELECT workspace, digest FROM snapshots WHERE created_ms < ?1 AND gone_ms IS NULL
    EXCEPT
    SELECT workspace, stable FROM manifests WHERE issued_ms >= ?1
    EXCEPT
    SELECT workspace, gray FROM manifests WHERE issued_ms >= ?1
    EXCEPT
    SELECT workspace, stable FROM heads
    EXCEPT
    SELECT workspace, gray FROM heads
    EXCEPT
    SELECT manifests.workspace, stable FROM manifests JOIN at_targets USING (workspace, env, sequence)
    EXCEPT
    SELECT manifests.workspace, gray FROM manifests JOIN at_targets USING (workspace, env, sequence)
    EXCEPT
    SELECT workspace, stable FROM (
        SELECT workspace, stable,
               row_number() OVER (PARTITION BY workspace, env ORDER BY max(sequence) DESC) AS place
        FROM manifests GROUP BY workspace, env, stable)
    WHERE place <= ?2
    EXCEPT
    SELECT workspace, snapshot FROM going
    EXCEPT
    SELECT workspace, base FROM going";
/// Releases of which anything but history can come.
const GOING: &str = "
    going AS (
        SELECT workspace, snapshot, base FROM releases
        WHERE state IN ('checked', 'approved', 'gray', 'paused', 'halted', 'full'))";
/// Sequences that stand at a target, or stood there until something newer settled.
const AT_TARGETS: &str = "
    at_targets AS (
        SELECT workspace, env, sequence FROM stored_manifests
        UNION
        SELECT workspace, env, value AS sequence
        FROM deliveries, json_each(json_array(delivered, fallback, settled)) WHERE value IS NOT NULL)";

/// Parts that no snapshot has.
pub(super) const PARTS: &str = "
    DELETE FROM chunks WHERE NOT EXISTS (
        SELECT 1 FROM snapshot_chunks
        WHERE snapshot_chunks.workspace = chunks.workspace AND chunk = digest)";

/// One step: what is unused is condemned, what is used again is not any more, and what was condemned for long enough goes,
/// with the parts that no other snapshot has. Gives how many snapshots and parts went.
pub async fn collect(
    tx: &mut SqliteConnection,
    now_ms: i64,
    since_ms: i64,
    condemned_before_ms: i64,
    releases: i64,
) -> Result<(u64, u64), StoreError> {
    let with = format!("WITH {AT_TARGETS}, {GOING}, unused AS ({UNUSED})");
    let spared = format!(
        "{with} DELETE FROM condemned_snapshots WHERE (workspace, digest) NOT IN (SELECT * FROM unused)"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(spared));
    let query = query.bind(since_ms).bind(releases);
    query.execute(&mut *tx).await.map_err(failed)?;
    let condemned = format!(
        "{with} INSERT INTO condemned_snapshots (workspace, digest, since_ms)
         SELECT workspace, digest, ?3 FROM unused WHERE true ON CONFLICT DO NOTHING"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(condemned));
    let query = query.bind(since_ms).bind(releases).bind(now_ms);
    query.execute(&mut *tx).await.map_err(failed)?;
    let due = "SELECT workspace, digest FROM condemned_snapshots WHERE since_ms <= ?1";
    let query = sqlx::query_as(due).bind(condemned_before_ms);
    let due: Vec<(String, String)> = query.fetch_all(&mut *tx).await.map_err(failed)?;
    let mut snapshots = 0;
    for (workspace, digest) in due {
        let sql = "DELETE FROM snapshots WHERE workspace = ?1 AND digest = ?2";
        let query = sqlx::query(sql).bind(&workspace).bind(&digest);
        match query.execute(&mut *tx).await {
            Ok(done) => snapshots += done.rows_affected(),
            // The history of a release names it; only this statement was taken back.
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                empty(tx, (&workspace, &digest), now_ms).await?;
                snapshots += 1;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    if snapshots == 0 {
        return Ok((0, 0));
    }
    let parts = sqlx::query(PARTS).execute(tx).await.map_err(failed)?;
    Ok((snapshots, parts.rows_affected()))
}

/// Takes the text of manifests that were issued before then, stand at no target, and are not the newest. Gives how many.
pub async fn empty_manifests(tx: &mut SqliteConnection, since_ms: i64) -> Result<u64, StoreError> {
    let sql = format!(
        "WITH {AT_TARGETS} UPDATE manifests SET envelope = x''
         WHERE issued_ms < ?1 AND length(envelope) > 0
            AND sequence < (SELECT max(sequence) FROM manifests AS newer
                WHERE newer.workspace = manifests.workspace AND newer.env = manifests.env)
            AND (workspace, env, sequence) NOT IN (SELECT workspace, env, sequence FROM at_targets)"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(since_ms);
    let done = query.execute(tx).await.map_err(failed)?;
    Ok(done.rows_affected())
}

/// Leaves nothing of a snapshot but its name.
async fn empty(
    tx: &mut SqliteConnection,
    (workspace, digest): (&str, &str),
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE snapshots SET document = '', listing = x'', gone_ms = ?3
               WHERE workspace = ?1 AND digest = ?2";
    let query = sqlx::query(sql).bind(workspace).bind(digest).bind(now_ms);
    query.execute(&mut *tx).await.map_err(failed)?;
    for sql in [
        "DELETE FROM snapshot_chunks WHERE workspace = ?1 AND snapshot = ?2",
        "DELETE FROM condemned_snapshots WHERE workspace = ?1 AND digest = ?2",
    ] {
        let query = sqlx::query(sql).bind(workspace).bind(digest);
        query.execute(&mut *tx).await.map_err(failed)?;
    }
    Ok(())
}
