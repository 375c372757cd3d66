//! Sessions of people who signed in.

use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use crate::store::StoreError;
use crate::store::sqlite::failed;

#[derive(Clone, Debug, FromRow)]
pub struct SessionRow {
    pub hash: Vec<u8>,
    pub id: String,
    pub user: String,
    pub created_ms: i64,
    pub seen_ms: i64,
    pub until_ms: i64,
    pub address: String,
    pub agent: String,
}

const INSERT: &str = "
INSERT INTO sessions (hash, id, user, created_ms, seen_ms, until_ms, address, agent)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// All but the newest of somebody.
const CROWD: &str = "
DELETE FROM sessions WHERE hash IN (
    SELECT hash FROM sessions WHERE user = ?1 ORDER BY seen_ms DESC, id LIMIT -1 OFFSET ?2)";

pub async fn by_hash(
    tx: &mut SqliteConnection,
    hash: &[u8],
) -> Result<Option<SessionRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM sessions WHERE hash = ?1").bind(hash);
    found.fetch_optional(tx).await.map_err(failed)
}

pub async fn by_id(tx: &mut SqliteConnection, id: &str) -> Result<Option<SessionRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM sessions WHERE id = ?1").bind(id);
    found.fetch_optional(tx).await.map_err(failed)
}

/// Newest first.
pub async fn of_user(tx: &mut SqliteConnection, user: &str) -> Result<Vec<SessionRow>, StoreError> {
    let sql = "SELECT * FROM sessions WHERE user = ?1 ORDER BY seen_ms DESC, id";
    let found = sqlx::query_as(sql).bind(user);
    found.fetch_all(tx).await.map_err(failed)
}

/// Adds one; of this user's, `keep` stay at most.
pub async fn insert(
    tx: &mut SqliteConnection,
    row: &SessionRow,
    keep: i64,
) -> Result<(), StoreError> {
    let query = sqlx::query(INSERT).bind(&row.hash).bind(&row.id);
    let query = query.bind(&row.user).bind(row.created_ms);
    let query = query.bind(row.seen_ms).bind(row.until_ms);
    let query = query.bind(&row.address).bind(&row.agent);
    query.execute(&mut *tx).await.map_err(failed)?;
    let crowd = sqlx::query(CROWD).bind(&row.user).bind(keep);
    crowd.execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn seen(tx: &mut SqliteConnection, hash: &[u8], now_ms: i64) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE sessions SET seen_ms = max(seen_ms, ?2) WHERE hash = ?1");
    let query = query.bind(hash).bind(now_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Whether there was one.
pub async fn end(tx: &mut SqliteConnection, user: &str, id: &str) -> Result<bool, StoreError> {
    let query = sqlx::query("DELETE FROM sessions WHERE user = ?1 AND id = ?2");
    let done = query.bind(user).bind(id).execute(tx).await;
    Ok(done.map_err(failed)?.rows_affected() > 0)
}

pub async fn end_all(tx: &mut SqliteConnection, user: &str) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM sessions WHERE user = ?1").bind(user);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn forget(
    tx: &mut SqliteConnection,
    until_before_ms: i64,
    seen_before_ms: i64,
) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM sessions WHERE until_ms < ?1 OR seen_ms < ?2");
    let query = query.bind(until_before_ms).bind(seen_before_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}
