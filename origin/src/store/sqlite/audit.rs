//! The audit log's rows, and its sealed end. Whoever can write the file could cut the log short without a trace; the seal is
//! made with a key that isn't in it.

use std::sync::OnceLock;

use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::failed;
use crate::store::StoreError;

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    pub seq: i64,
    pub at_ms: i64,
    pub actor: String,
    pub workspace: Option<String>,
    pub env: Option<String>,
    pub action: String,
    pub object: String,
    pub detail: String,
    pub hash: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct HeadRow {
    pub seq: i64,
    pub hash: Vec<u8>,
    pub seal: Vec<u8>,
}

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub workspace: Option<String>,
    pub actor: Option<String>,
    /// An action, or the noun before its dot. (`/` is what follows the dot in ASCII.)
    pub action: Option<String>,
}

/// Older than a number, newest first; of a workspace since it was made: one of its name may have been somebody else's.
const LIST: &str = "
SELECT seq, at_ms, actor, workspace, env, action, object, detail, hash FROM audit
WHERE seq < ?1 AND (?2 IS NULL OR workspace = ?2 AND seq >= coalesce((
    SELECT max(seq) FROM audit WHERE action = 'workspace.create' AND workspace = ?2), 0)) AND (?3 IS NULL OR actor = ?3)
  AND (?4 IS NULL OR action = ?4 OR (action >= ?4 || '.' AND action < ?4 || '/'))
ORDER BY seq DESC LIMIT ?5";

const AFTER: &str = "
SELECT seq, at_ms, actor, workspace, env, action, object, detail, hash FROM audit
WHERE seq > ?1 ORDER BY seq LIMIT ?2";

const INSERT: &str = "
INSERT INTO audit (seq, at_ms, actor, workspace, env, action, object, detail, hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const SET_HEAD: &str = "
INSERT INTO audit_head (one, seq, hash, seal) VALUES (1, ?1, ?2, ?3)
ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, seal = excluded.seal";

/// Number and hash of the last entry.
pub type End = (i64, Vec<u8>);

pub async fn end(tx: &mut SqliteConnection) -> Result<Option<End>, StoreError> {
    let last = sqlx::query_as("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1");
    last.fetch_optional(tx).await.map_err(failed)
}

pub async fn insert(tx: &mut SqliteConnection, row: &AuditRow) -> Result<(), StoreError> {
    let query = sqlx::query(INSERT).bind(row.seq).bind(row.at_ms);
    let query = query.bind(&row.actor).bind(&row.workspace);
    let query = query.bind(&row.env).bind(&row.action);
    let query = query.bind(&row.object).bind(&row.detail);
    query.bind(&row.hash).execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn list(
    tx: &mut SqliteConnection,
    filter: &Filter,
    before: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    let query = sqlx::query_as(LIST).bind(before);
    let query = query.bind(&filter.workspace).bind(&filter.actor);
    let query = query.bind(&filter.action).bind(limit);
    query.fetch_all(tx).await.map_err(failed)
}

pub async fn after(
    tx: &mut SqliteConnection,
    seq: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    let query = sqlx::query_as(AFTER).bind(seq).bind(limit);
    query.fetch_all(tx).await.map_err(failed)
}

pub async fn head(tx: &mut SqliteConnection) -> Result<Option<HeadRow>, StoreError> {
    let query = sqlx::query_as("SELECT seq, hash, seal FROM audit_head");
    query.fetch_optional(tx).await.map_err(failed)
}

/// What proves where the log ends.
pub fn seal(key: &[u8; 32], seq: i64, hash: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&seq.to_le_bytes());
    hasher.update(hash);
    hasher.finalize()
}

/// Whether a head was written by somebody who has one of the keys; compared in constant time.
pub fn sealed(keys: &[[u8; 32]], head: &HeadRow) -> bool {
    let Ok(kept) = blake3::Hash::from_slice(&head.seal) else {
        return false;
    };
    let fits = |key| kept == seal(key, head.seq, &head.hash);
    keys.iter().any(fits)
}

/// Seals the end of the log at each commit that moved it.
#[derive(Default)]
pub struct Sealer {
    /// The first one seals.
    pub keys: OnceLock<Vec<[u8; 32]>>,
}

impl Sealer {
    fn keys(&self) -> &[[u8; 32]] {
        self.keys.get().map_or(&[], Vec::as_slice)
    }

    /// Where the log ended before a transaction; nothing without a key.
    pub async fn before(&self, tx: &mut SqliteConnection) -> Result<Option<End>, StoreError> {
        if self.keys().is_empty() {
            return Ok(None);
        }
        end(tx).await
    }

    /// Only what follows a good seal is sealed: otherwise the next entry would make a log good again that was cut short.
    pub async fn after(
        &self,
        tx: &mut SqliteConnection,
        before: Option<End>,
    ) -> Result<(), StoreError> {
        let Some(key) = self.keys().first() else {
            return Ok(());
        };
        let Some((seq, hash)) = end(tx).await? else {
            return Ok(());
        };
        if before.as_ref().is_some_and(|(last, _)| *last == seq) {
            return Ok(());
        }
        let follows = match (head(tx).await?, before) {
            (None, None) => true,
            (Some(head), Some((seq, hash))) => {
                sealed(self.keys(), &head) && head.seq == seq && head.hash == hash
            }
            _ => false,
        };
        if !follows {
            tracing::error!(
                seq,
                "the audit log was changed from outside; see `skyful audit verify`"
            );
            return Ok(());
        }
        let seal = seal(key, seq, &hash);
        let query = sqlx::query(SET_HEAD).bind(seq).bind(hash);
        let query = query.bind(seal.as_bytes().as_slice());
        query.execute(tx).await.map_err(failed)?;
        Ok(())
    }
}
