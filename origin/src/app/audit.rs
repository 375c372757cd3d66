//! The audit log: who did what to what. Written in the transaction that does it, so that neither is ever there without the
//! other. Each entry's hash covers the one before, so that an altered, missing or inserted entry shows.

use serde::Serialize;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::access::Actor;
use crate::store::StoreError;
use crate::store::sqlite::failed;

const CONTEXT: &str = "skyful 1 audit";

/// What is added.
pub struct Entry<'a> {
    pub workspace: Option<&'a str>,
    pub env: Option<&'a str>,
    /// A verb, for example `release.approve`.
    pub action: &'a str,
    /// What it was done to.
    pub object: &'a str,
    pub detail: Value,
}

/// As it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    pub seq: i64,
    pub at_ms: i64,
    pub actor: String,
    pub workspace: Option<String>,
    pub env: Option<String>,
    pub action: String,
    pub object: String,
    pub detail: String,
    #[serde(skip)]
    pub hash: Vec<u8>,
}

impl Kept {
    /// Every field with its length before it, so that no two entries are written alike.
    fn hash(&self, before: &[u8]) -> [u8; 32] {
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
        field(Some(&self.seq.to_le_bytes()));
        field(Some(&self.at_ms.to_le_bytes()));
        field(Some(self.actor.as_bytes()));
        field(self.workspace.as_deref().map(str::as_bytes));
        field(self.env.as_deref().map(str::as_bytes));
        field(Some(self.action.as_bytes()));
        field(Some(self.object.as_bytes()));
        field(Some(self.detail.as_bytes()));
        *hasher.finalize().as_bytes()
    }
}

/// Adds an entry, in the transaction of what it tells about.
pub async fn record(
    tx: &mut SqliteConnection,
    actor: &Actor,
    at_ms: i64,
    entry: Entry<'_>,
) -> Result<(), StoreError> {
    let last = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
    let (seq, before) = match last {
        None => (0, Vec::new()),
        Some(row) => (
            row.try_get::<i64, _>(0).map_err(failed)?,
            row.try_get::<Vec<u8>, _>(1).map_err(failed)?,
        ),
    };
    let mut kept = Kept {
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
    kept.hash = kept.hash(&before).to_vec();
    sqlx::query(
        "INSERT INTO audit (seq, at_ms, actor, workspace, env, action, object, detail, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .bind(kept.seq)
    .bind(kept.at_ms)
    .bind(kept.actor)
    .bind(kept.workspace)
    .bind(kept.env)
    .bind(kept.action)
    .bind(kept.object)
    .bind(kept.detail)
    .bind(kept.hash)
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}
