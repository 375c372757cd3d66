//! A database as a file: copied while it is used, and looked at whether it is sound.

use std::path::Path;

use sqlx::Connection as _;

use super::{Sqlite, failed};
use crate::store::StoreError;

impl Sqlite {
    /// One moment of a database, into a file that isn't there yet. Whoever writes goes on meanwhile.
    pub async fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
        let mut connection = Self::look(from).await?;
        let copied = sqlx::query("VACUUM INTO ?1")
            .bind(to.to_string_lossy().into_owned())
            .execute(&mut connection)
            .await;
        connection.close().await.map_err(failed)?;
        copied.map_err(failed)?;
        let written = std::fs::File::open(to).and_then(|file| file.sync_all());
        written.map_err(|error| StoreError(error.to_string()))
    }

    /// What is damaged in a file. Nothing: it is sound.
    pub async fn faults(file: &Path) -> Result<Vec<String>, StoreError> {
        let mut connection = Self::look(file).await?;
        let found = sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_all(&mut connection)
            .await;
        let tables = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut connection)
            .await;
        connection.close().await.map_err(failed)?;
        let found: Vec<String> = found.map_err(failed)?;
        let mut faults: Vec<String> = found.into_iter().filter(|line| line != "ok").collect();
        let tables: i64 = tables.map_err(failed)?;
        // SQLite takes an empty file for an empty database, which is what a copy looks like that was cut off.
        if tables == 0 {
            faults.push("nothing is in it".into());
        }
        Ok(faults)
    }
}
