//! What lets nobody in any more, and answers that nobody asks for again.

use sqlx::sqlite::SqliteConnection;

use super::failed;
use crate::store::StoreError;

/// Before which instants what has ended goes.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    pub now_ms: i64,
    /// When sessions were last used.
    pub idle_ms: i64,
    /// When invitations and tokens ended: until then people may look at how.
    pub kept_ms: i64,
    /// When answers to repeated requests were given.
    pub answers_ms: i64,
}

/// A token that changed a draft stays: it says whose change that was.
const TOKENS: &str = "
DELETE FROM tokens WHERE min(until_ms, coalesce(revoked_ms, until_ms)) < ?1
    AND NOT EXISTS (SELECT 1 FROM changes WHERE changes.workspace = tokens.workspace
        AND changed_by = 'token:' || tokens.id)";

/// Gives how many rows went.
pub async fn remove(tx: &mut SqliteConnection, before: Before) -> Result<u64, StoreError> {
    let mut gone = 0;
    for (sql, instant_ms) in [
        ("DELETE FROM sessions WHERE until_ms < ?1", before.now_ms),
        ("DELETE FROM sessions WHERE seen_ms < ?1", before.idle_ms),
        ("DELETE FROM resets WHERE until_ms < ?1", before.now_ms),
        (
            "DELETE FROM invitations WHERE coalesce(ended_ms, until_ms) < ?1",
            before.kept_ms,
        ),
        (TOKENS, before.kept_ms),
        (
            "DELETE FROM idempotency WHERE created_ms < ?1",
            before.answers_ms,
        ),
    ] {
        let done = sqlx::query(sql).bind(instant_ms).execute(&mut *tx).await;
        gone += done.map_err(failed)?.rows_affected();
    }
    Ok(gone)
}
