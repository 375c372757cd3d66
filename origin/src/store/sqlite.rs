//! SQLite: one file, one writer. What was committed is on disk (`synchronous=FULL`), so whoever is answered after a commit
//! needs to keep nothing.

pub mod audit;
mod copy;
pub mod deliveries;
pub mod drafts;
pub mod expired;
pub mod figures;
pub mod former;
pub mod id_lists;
pub mod keys;
pub mod live;
pub mod manifests;
pub mod media;
pub mod people;
pub mod releases;
pub mod snapshots;
pub mod target_objects;
pub mod targets;
pub mod unused;
pub mod workspaces;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _, Transaction};

use super::{Count, EventRow, Span, StoreError};
pub use writer::Doing;
use writer::Writer;

/// Ids come in no order, so each insert meets another page of the index: 64 MiB of them, instead of 2. Negative: in KiB.
const CACHE_KIB: &str = "-65536";
/// What a log of writes shrinks to after long reads made it grow.
const JOURNAL_BYTES: &str = "67108864";
/// Connections that only read.
const READERS: u32 = 8;
/// Rows that are deleted at once: others get their turn in between.
const EXPIRED_AT_ONCE: i64 = 5_000;

/// One statement for a whole batch, which is one transaction and one trip to the database's thread.
const INSERT: &str = "
INSERT INTO events (workspace, env, id, type, name, unit, page, module, receipt,
                    at_ms, received_ms, sent_ms, grant_nonce, value, currency, sequence, gray)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
       value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14,
       value ->> 15, value ->> 16
FROM json_each(?1) WHERE true
ON CONFLICT (workspace, env, id) DO NOTHING";

const COUNT: &str = "
SELECT type, page, module, count(*) AS events, count(DISTINCT unit) AS units
FROM events WHERE workspace = ?1 AND env = ?2 AND at_ms >= ?3 AND at_ms < ?4
    AND received_ms >= coalesce((SELECT ended_ms FROM former_places WHERE workspace = ?1 AND env = ?2), 0)
GROUP BY type, page, module ORDER BY page, module, type LIMIT ?5";

const EXPIRE: &str = "
DELETE FROM events WHERE rowid IN (
    SELECT rowid FROM events WHERE received_ms < ?1
    UNION ALL
    SELECT events.rowid FROM former_places CROSS JOIN events USING (workspace, env) WHERE received_ms < ended_ms
    LIMIT ?2)";

#[derive(Clone)]
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    changes: Writer,
    sealer: Arc<audit::Sealer>,
}

impl Sqlite {
    /// Opens the file, makes it if there is none, and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", CACHE_KIB)
            .pragma("journal_size_limit", JOURNAL_BYTES);
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections);
        let writer = pool(1)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        sqlx::migrate!("migrations/sqlite")
            .run(&writer)
            .await
            .map_err(|error| StoreError(error.to_string()))?;
        let readers = pool(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        let sealer = Arc::new(audit::Sealer::default());
        let changes = Writer::start(writer.clone(), Arc::clone(&sealer));
        Ok(Self {
            writer,
            readers,
            changes,
            sealer,
        })
    }

    /// Opens a file only to look at it: nothing is made or brought up to date.
    pub async fn look(path: &Path) -> Result<SqliteConnection, StoreError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        options.connect().await.map_err(failed)
    }

    /// From now on each commit seals the end of the audit log with the first of the keys; the others were used before. The
    /// first call counts.
    pub fn seal_audit(&self, keys: Vec<[u8; 32]>) {
        if !keys.is_empty() {
            _ = self.sealer.keys.set(keys);
        }
    }

    /// All of `work` or nothing, and on disk when it is answered. Changes of others may share the transaction.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut SqliteConnection) -> Doing<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.changes.write(work).await
    }

    /// Changes that were kept, and the transactions that they shared, since the database was opened.
    pub fn written(&self) -> (u64, u64) {
        let written = &self.changes.written;
        (
            written.changes.load(Ordering::Relaxed),
            written.transactions.load(Ordering::Relaxed),
        )
    }

    /// Sees the database as it is at its first statement, until it ends.
    pub async fn read(&self) -> Result<Transaction<'static, sqlx::Sqlite>, StoreError> {
        self.readers.begin().await.map_err(failed)
    }

    /// Keeps those whose ids are new, all or none, and says how many they were.
    pub async fn insert_events(&self, rows: &[EventRow]) -> Result<u64, StoreError> {
        let values: Vec<_> = rows.iter().map(values).collect();
        let values =
            serde_json::to_string(&values).map_err(|error| StoreError(error.to_string()))?;
        let done = sqlx::query(INSERT)
            .bind(values)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected())
    }

    pub async fn count_events(&self, span: &Span, limit: i64) -> Result<Vec<Count>, StoreError> {
        let rows = sqlx::query(COUNT)
            .bind(&span.workspace)
            .bind(&span.env)
            .bind(span.from_ms)
            .bind(span.to_ms)
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        let count = |row: &sqlx::sqlite::SqliteRow| {
            Ok(Count {
                r#type: row.try_get("type")?,
                page: row.try_get("page")?,
                module: row.try_get("module")?,
                events: row.try_get("events")?,
                units: row.try_get("units")?,
            })
        };
        rows.iter()
            .map(count)
            .collect::<Result<_, _>>()
            .map_err(failed)
    }

    /// Forgets what edges received before this instant, or of an environment that is gone.
    pub async fn expire_events(&self, before_ms: i64) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let done = sqlx::query(EXPIRE)
                .bind(before_ms)
                .bind(EXPIRED_AT_ONCE)
                .execute(&self.writer)
                .await
                .map_err(failed)?;
            gone += done.rows_affected();
            if done.rows_affected() == 0 {
                return Ok(gone);
            }
        }
    }

    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// In the order of [`INSERT`].
fn values(row: &EventRow) -> serde_json::Value {
    serde_json::json!([
        row.workspace,
        row.env,
        row.id,
        row.kind,
        row.name,
        row.unit,
        row.page,
        row.module,
        row.receipt,
        row.at_ms,
        row.received_ms,
        row.sent_ms,
        row.grant,
        row.value,
        row.currency,
        row.track.map(|(sequence, _)| sequence),
        row.track.map(|(_, gray)| i64::from(gray)),
    ])
}

pub fn failed(error: sqlx::Error) -> StoreError {
    StoreError(error.to_string())
}

#[cfg(test)]
mod tests;
