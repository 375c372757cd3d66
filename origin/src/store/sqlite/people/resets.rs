//! Codes for those who forgot their password, one a user.

use sqlx::sqlite::SqliteConnection;

use crate::store::StoreError;
use crate::store::sqlite::failed;

/// In place of the one that was there.
pub async fn put(
    tx: &mut SqliteConnection,
    user: &str,
    hash: &[u8],
    until_ms: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO resets (user, hash, until_ms) VALUES (?1, ?2, ?3)
               ON CONFLICT (user) DO UPDATE SET hash = excluded.hash, until_ms = excluded.until_ms";
    let query = sqlx::query(sql).bind(user).bind(hash).bind(until_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Whose it is, if it is still good.
pub async fn owner(
    tx: &mut SqliteConnection,
    hash: &[u8],
    now_ms: i64,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT user FROM resets WHERE hash = ?1 AND until_ms > ?2";
    let found = sqlx::query_scalar(sql).bind(hash).bind(now_ms);
    found.fetch_optional(tx).await.map_err(failed)
}

pub async fn remove(tx: &mut SqliteConnection, user: &str) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM resets WHERE user = ?1").bind(user);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}
