//! Lists of ids, as sorted hashes in parts.

use sqlx::sqlite::SqliteConnection;

use super::failed;
use crate::store::StoreError;

/// Hashes of one part: a value of 1 MiB.
const PART: usize = 1 << 17;

pub async fn put(
    tx: &mut SqliteConnection,
    workspace: &str,
    digest: &str,
    hashes: &[u64],
) -> Result<(), StoreError> {
    let sql = "INSERT INTO id_lists (workspace, digest, part, hashes) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO NOTHING";
    // An empty list has a part as well, so that it can be told from none.
    let empty: &[u64] = &[];
    let parts = hashes.chunks(PART);
    let parts = parts.chain(hashes.is_empty().then_some(empty));
    for (part, hashes) in (0_i64..).zip(parts) {
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        let query = sqlx::query(sql).bind(workspace).bind(digest);
        let query = query.bind(part).bind(bytes);
        query.execute(&mut *tx).await.map_err(failed)?;
    }
    Ok(())
}

/// None: there is no such list.
pub async fn get(
    tx: &mut SqliteConnection,
    workspace: &str,
    digest: &str,
) -> Result<Option<Vec<u64>>, StoreError> {
    let sql = "SELECT hashes FROM id_lists WHERE workspace = ?1 AND digest = ?2 ORDER BY part";
    let parts: Vec<Vec<u8>> = sqlx::query_scalar(sql)
        .bind(workspace)
        .bind(digest)
        .fetch_all(tx)
        .await
        .map_err(failed)?;
    if parts.is_empty() {
        return Ok(None);
    }
    let hashes = parts.iter().flat_map(|part| part.as_chunks().0);
    Ok(Some(
        hashes.map(|bytes| u64::from_le_bytes(*bytes)).collect(),
    ))
}

/// Whether a list is kept.
pub async fn is_kept(
    tx: &mut SqliteConnection,
    workspace: &str,
    digest: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM id_lists WHERE workspace = ?1 AND digest = ?2 LIMIT 1";
    let query = sqlx::query(sql).bind(workspace).bind(digest);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    Ok(row.is_some())
}

/// A list that no draft holds, and that no change since then brought or replaced.
const UNUSED: &str = "
    SELECT workspace, digest FROM id_lists WHERE part = 0
    EXCEPT
    SELECT workspace, json_extract(body, '$.digest') FROM objects WHERE parent = 'id_lists'
    EXCEPT
    SELECT workspace, json_extract(value, '$.digest')
    FROM workspaces CROSS JOIN changes ON workspace = workspaces.key, json_each(json_array(body_before, body_after))
    WHERE changes.path > 'id_lists/' AND changes.path < 'id_lists0' AND changed_ms >= ?1 AND value IS NOT NULL
    LIMIT 1";

/// Removes one list that is not used since then. False: there is none.
pub async fn remove_unused(tx: &mut SqliteConnection, since_ms: i64) -> Result<bool, StoreError> {
    let sql = format!("DELETE FROM id_lists WHERE (workspace, digest) IN ({UNUSED})");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(since_ms);
    let done = query.execute(tx).await.map_err(failed)?;
    Ok(done.rows_affected() > 0)
}
