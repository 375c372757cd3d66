//! The audit log: who did what to what. Written in the transaction that does it, so that neither is ever there without the
//! other. Each entry's hash covers the one before, so that an altered, missing or inserted entry shows.

pub mod read;
pub mod verify;

use serde_json::Value;
use sqlx::sqlite::SqliteConnection;

use super::access::Actor;
use crate::store::StoreError;
use crate::store::sqlite::audit::{self as rows, AuditRow};

const CONTEXT: &str = "skyful 1 audit";

/// What is added.
pub struct Entry<'a> {
    pub workspace: Option<&'a str>,
    pub env: Option<&'a str>,
    /// A verb, for example `release.approve`.
    pub action: &'a str,
    /// What it was done to.
    pub object: &'a str,
    /// No secret, and nothing that has to be forgotten some day.
    pub detail: Value,
}

/// Over every field with its length before it, so that no two entries are written alike.
fn hash(row: &AuditRow, before: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    let mut field = |bytes: Option<&[u8]>| match bytes {
        None => {
            hasher.update(&[0]);
        }
        Some(bytes) => {
            hasher.update(&[1]);
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
    };
    field(Some(before));
    field(Some(&row.seq.to_le_bytes()));
    field(Some(&row.at_ms.to_le_bytes()));
    field(Some(row.actor.as_bytes()));
    field(row.workspace.as_deref().map(str::as_bytes));
    field(row.env.as_deref().map(str::as_bytes));
    field(Some(row.action.as_bytes()));
    field(Some(row.object.as_bytes()));
    field(Some(row.detail.as_bytes()));
    *hasher.finalize().as_bytes()
}

/// Adds an entry, in the transaction of what it tells about.
pub async fn record(
    tx: &mut SqliteConnection,
    actor: &Actor,
    at_ms: i64,
    entry: Entry<'_>,
) -> Result<(), StoreError> {
    let (seq, before) = rows::end(tx).await?.unwrap_or_default();
    let mut row = AuditRow {
        seq: seq + 1,
        at_ms,
        actor: actor.name.clone(),
        workspace: entry.workspace.map(str::to_owned),
        env: entry.env.map(str::to_owned),
        action: entry.action.to_owned(),
        object: entry.object.to_owned(),
        detail: entry.detail.to_string(),
        hash: Vec::new(),
    };
    row.hash = hash(&row, &before).to_vec();
    rows::insert(tx, &row).await
}

/// The number of the next entry. It never comes back, so what is made under it is told from all that had its name before.
pub async fn next(tx: &mut SqliteConnection) -> Result<i64, StoreError> {
    let last = rows::end(tx).await?;
    Ok(last.map_or(0, |(seq, _)| seq) + 1)
}

#[cfg(test)]
mod tests;
