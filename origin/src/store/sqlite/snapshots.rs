//! Snapshots with their chunks, and what environments show. One that is gone is found by nobody until it is made again.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::store::StoreError;

/// Digests are hex.
#[derive(Clone, Debug)]
pub struct SnapshotRow {
    pub digest: String,
    pub revision: i64,
    pub document: String,
    pub listing: Vec<u8>,
    pub created_ms: i64,
}

/// What an environment shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadRow {
    pub sequence: i64,
    pub stable: String,
    pub gray: Option<String>,
    pub share_bps: i64,
    pub salt: i64,
    /// JSON.
    pub allow: String,
    pub mode: String,
    pub release: Option<i64>,
}

pub async fn get(
    tx: &mut SqliteConnection,
    workspace: &str,
    digest: &str,
) -> Result<Option<SnapshotRow>, StoreError> {
    let sql = "SELECT digest, revision, document, listing, created_ms
               FROM snapshots WHERE workspace = ?1 AND digest = ?2 AND gone_ms IS NULL";
    one(tx, sqlx::query(sql).bind(workspace).bind(digest)).await
}

/// Digest and listing of the one whose digest begins so.
pub async fn beginning(
    tx: &mut SqliteConnection,
    workspace: &str,
    prefix: &str,
) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    // No digit of hex comes after `f`.
    let sql = "SELECT digest, listing FROM snapshots
               WHERE workspace = ?1 AND digest >= ?2 AND digest < ?2 || 'g' AND gone_ms IS NULL LIMIT 1";
    let query = sqlx::query_as(sql).bind(workspace).bind(prefix);
    query.fetch_optional(tx).await.map_err(failed)
}

/// The newest one of a revision.
pub async fn of_revision(
    tx: &mut SqliteConnection,
    workspace: &str,
    revision: i64,
) -> Result<Option<SnapshotRow>, StoreError> {
    let sql = "SELECT digest, revision, document, listing, created_ms FROM snapshots
               WHERE workspace = ?1 AND revision = ?2 AND gone_ms IS NULL ORDER BY created_ms DESC LIMIT 1";
    one(tx, sqlx::query(sql).bind(workspace).bind(revision)).await
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

async fn one(
    tx: &mut SqliteConnection,
    query: Query<'_>,
) -> Result<Option<SnapshotRow>, StoreError> {
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    let read = |row: &SqliteRow| -> Result<SnapshotRow, sqlx::Error> {
        Ok(SnapshotRow {
            digest: row.try_get("digest")?,
            revision: row.try_get("revision")?,
            document: row.try_get("document")?,
            listing: row.try_get("listing")?,
            created_ms: row.try_get("created_ms")?,
        })
    };
    row.as_ref().map(read).transpose().map_err(failed)
}

/// Keeps a snapshot, unless it is there. Says whether it is new.
pub async fn add(
    tx: &mut SqliteConnection,
    workspace: &str,
    row: &SnapshotRow,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO snapshots (workspace, digest, revision, document, listing, created_ms)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (workspace, digest) DO UPDATE
               SET revision = ?3, document = ?4, listing = ?5, created_ms = ?6, gone_ms = NULL
               WHERE gone_ms IS NOT NULL";
    let query = sqlx::query(sql).bind(workspace).bind(&row.digest);
    let query = query.bind(row.revision).bind(&row.document);
    let query = query.bind(&row.listing).bind(row.created_ms);
    let done = query.execute(tx).await.map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// A part of a snapshot that was just added.
pub async fn add_chunk(
    tx: &mut SqliteConnection,
    workspace: &str,
    snapshot: &str,
    (digest, bytes): (&str, &[u8]),
) -> Result<(), StoreError> {
    let sql = "INSERT INTO chunks (workspace, digest, bytes) VALUES (?1, ?2, ?3)
               ON CONFLICT (workspace, digest) DO NOTHING";
    let query = sqlx::query(sql).bind(workspace).bind(digest).bind(bytes);
    query.execute(&mut *tx).await.map_err(failed)?;
    let sql = "INSERT INTO snapshot_chunks (workspace, snapshot, chunk) VALUES (?1, ?2, ?3)
               ON CONFLICT (workspace, snapshot, chunk) DO NOTHING";
    let query = sqlx::query(sql).bind(workspace).bind(snapshot).bind(digest);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// All parts, by digest.
pub async fn chunks(
    tx: &mut SqliteConnection,
    workspace: &str,
    snapshot: &str,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let sql = "SELECT chunks.digest, chunks.bytes FROM snapshot_chunks
               JOIN chunks ON chunks.workspace = snapshot_chunks.workspace AND chunks.digest = snapshot_chunks.chunk
               WHERE snapshot_chunks.workspace = ?1 AND snapshot_chunks.snapshot = ?2";
    let query = sqlx::query(sql).bind(workspace).bind(snapshot);
    let rows = query.fetch_all(tx).await.map_err(failed)?;
    let read = |row: &SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

pub async fn head(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Option<HeadRow>, StoreError> {
    let sql = "SELECT sequence, stable, gray, share_bps, salt, allow, mode, release
               FROM heads WHERE workspace = ?1 AND env = ?2";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    let read = |row: &SqliteRow| -> Result<HeadRow, sqlx::Error> {
        Ok(HeadRow {
            sequence: row.try_get("sequence")?,
            stable: row.try_get("stable")?,
            gray: row.try_get("gray")?,
            share_bps: row.try_get("share_bps")?,
            salt: row.try_get("salt")?,
            allow: row.try_get("allow")?,
            mode: row.try_get("mode")?,
            release: row.try_get("release")?,
        })
    };
    row.as_ref().map(read).transpose().map_err(failed)
}

/// Replaces what an environment shows.
pub async fn put_head(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
    head: &HeadRow,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO heads (workspace, env, sequence, stable, gray, share_bps, salt, allow, mode, release)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT (workspace, env) DO UPDATE SET sequence = excluded.sequence, stable = excluded.stable,
            gray = excluded.gray, share_bps = excluded.share_bps, salt = excluded.salt,
            allow = excluded.allow, mode = excluded.mode, release = excluded.release";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let query = query.bind(head.sequence).bind(&head.stable);
    let query = query.bind(&head.gray).bind(head.share_bps).bind(head.salt);
    let query = query.bind(&head.allow).bind(&head.mode).bind(head.release);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}
