//! What the object stores: the newest value of each key, and what is still to be done about it in KV. Every
//! call is synchronous, and calls without an await between them are stored together or not at all.

use skyful_edge::StoreError;
use worker::{SqlStorage, SqlStorageValue};

use crate::sql::Sql;

/// A row has less than 2 MB, a value up to that.
const PART_BYTES: usize = 1_000_000;
/// KV takes one write a second to a key; the rest is for clocks.
const PAUSE_MS: i64 = 1_100;
/// KV shows a write everywhere after about a minute.
const AUDIT_MS: i64 = 60_000;

const SCHEMA: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS part (
        key TEXT, number INTEGER, bytes BLOB, PRIMARY KEY (key, number))",
    // `version` counts values, `written` is the one that KV took; `due_ms` is null when KV was seen to have it.
    "CREATE TABLE IF NOT EXISTS job (
        key TEXT PRIMARY KEY, version INTEGER, written INTEGER, put_ms INTEGER, due_ms INTEGER,
        failures INTEGER)",
];

pub struct Values {
    sql: Sql,
}

/// Something to do in KV: write the value, or look whether it is there.
pub struct Job {
    pub key: String,
    pub version: i64,
    pub write: bool,
}

impl Values {
    pub fn open(sql: SqlStorage) -> Result<Self, StoreError> {
        let values = Self { sql: Sql(sql) };
        for table in SCHEMA {
            values.sql.run(table, vec![])?;
        }
        Ok(values)
    }

    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let parts = self.sql.rows(
            "SELECT bytes FROM part WHERE key = ? ORDER BY number",
            vec![key.into()],
        )?;
        let mut value: Option<Vec<u8>> = None;
        for part in parts.into_iter().flatten() {
            if let SqlStorageValue::Blob(part) = part {
                value.get_or_insert_default().extend_from_slice(&part);
            }
        }
        Ok(value)
    }

    pub fn set(&self, key: &str, value: &[u8], now_ms: i64) -> Result<(), StoreError> {
        // Nothing is taken away before what replaces it stands.
        let mut parts: i64 = 0;
        for part in value.chunks(PART_BYTES) {
            self.sql.run(
                "INSERT OR REPLACE INTO part (key, number, bytes) VALUES (?, ?, ?)",
                vec![key.into(), parts.into(), part.to_vec().into()],
            )?;
            parts += 1;
        }
        self.sql.run(
            "DELETE FROM part WHERE key = ? AND number >= ?",
            vec![key.into(), parts.into()],
        )?;
        self.sql.run(
            "INSERT INTO job (key, version, written, put_ms, due_ms, failures) VALUES (?, 1, 0, 0, ?, 0)
             ON CONFLICT (key) DO UPDATE SET
               version = version + 1, failures = 0, due_ms = max(excluded.due_ms, put_ms + ?)",
            vec![key.into(), now_ms.into(), PAUSE_MS.into()],
        )
    }

    /// The job that is due for longest.
    pub fn due(&self, now_ms: i64) -> Result<Option<Job>, StoreError> {
        let rows = self.sql.rows(
            "SELECT key, version, written FROM job WHERE due_ms <= ? ORDER BY due_ms LIMIT 1",
            vec![now_ms.into()],
        )?;
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| match <[_; 3]>::try_from(row) {
                Ok(
                    [
                        SqlStorageValue::String(key),
                        SqlStorageValue::Integer(version),
                        SqlStorageValue::Integer(written),
                    ],
                ) => Some(Job {
                    key,
                    version,
                    write: written < version,
                }),
                _ => None,
            }))
    }

    pub fn next_due_ms(&self) -> Result<Option<i64>, StoreError> {
        let rows = self.sql.rows("SELECT min(due_ms) FROM job", vec![])?;
        Ok(rows.into_iter().flatten().find_map(|value| match value {
            SqlStorageValue::Integer(due_ms) => Some(due_ms),
            _ => None,
        }))
    }

    /// A write to KV begins.
    pub fn writing(&self, job: &Job, now_ms: i64) -> Result<(), StoreError> {
        self.sql.run(
            "UPDATE job SET put_ms = ? WHERE key = ?",
            vec![now_ms.into(), job.key.as_str().into()],
        )
    }

    /// KV took this version. If a newer one came meanwhile, it is written after the pause.
    pub fn written(&self, job: &Job, now_ms: i64) -> Result<(), StoreError> {
        let (next, audit) = (now_ms + PAUSE_MS, now_ms + AUDIT_MS);
        self.sql.run(
            "UPDATE job SET put_ms = ?1, written = ?2, failures = 0,
               due_ms = CASE WHEN version = ?2 THEN ?3 ELSE ?4 END
             WHERE key = ?5",
            vec![
                now_ms.into(),
                job.version.into(),
                audit.into(),
                next.into(),
                job.key.as_str().into(),
            ],
        )
    }

    /// KV gave no answer: again after 2 s, 4 s, up to 30 s.
    pub fn failed(&self, job: &Job, now_ms: i64) -> Result<(), StoreError> {
        self.sql.run(
            "UPDATE job SET failures = failures + 1, due_ms = ? + min(30000, 2000 << min(failures, 4))
             WHERE key = ?",
            vec![now_ms.into(), job.key.as_str().into()],
        )
    }

    /// KV was seen to have this version.
    pub fn settled(&self, job: &Job) -> Result<(), StoreError> {
        self.sql.run(
            "UPDATE job SET due_ms = NULL WHERE key = ? AND version = ?",
            vec![job.key.as_str().into(), job.version.into()],
        )
    }

    /// KV was seen to have something else.
    pub fn lost(&self, job: &Job) -> Result<(), StoreError> {
        self.sql.run(
            "UPDATE job SET written = 0 WHERE key = ? AND version = ?",
            vec![job.key.as_str().into(), job.version.into()],
        )
    }
}
