//! What is counted for monitoring: small figures over all workspaces.

use sqlx::sqlite::SqliteConnection;

use super::failed;
use crate::store::StoreError;

/// A target that is switched on.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TargetFigures {
    pub workspace: String,
    pub env: String,
    pub target: String,
    /// Since the last success.
    pub failures: i64,
    /// When what it lacks was signed. None: it lacks nothing.
    pub behind_since_ms: Option<i64>,
}

/// How many releases of an environment are in a state.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ReleaseFigures {
    pub workspace: String,
    pub env: String,
    pub state: String,
    pub releases: i64,
}

pub async fn targets(tx: &mut SqliteConnection) -> Result<Vec<TargetFigures>, StoreError> {
    let sql = "
        SELECT targets.workspace, targets.env, targets.key AS target, coalesce(attempts, 0) AS failures,
            iif(heads.sequence > coalesce(delivered, 0), issued_ms, NULL) AS behind_since_ms
        FROM targets
        LEFT JOIN deliveries ON deliveries.workspace = targets.workspace
            AND deliveries.env = targets.env AND deliveries.target = targets.key
        LEFT JOIN heads ON heads.workspace = targets.workspace AND heads.env = targets.env
        LEFT JOIN manifests ON manifests.workspace = targets.workspace
            AND manifests.env = targets.env AND manifests.sequence = heads.sequence
        WHERE enabled = 1 ORDER BY targets.workspace, targets.env, targets.key";
    sqlx::query_as(sql).fetch_all(tx).await.map_err(failed)
}

pub async fn releases(tx: &mut SqliteConnection) -> Result<Vec<ReleaseFigures>, StoreError> {
    let sql = "SELECT workspace, env, state, count(*) AS releases FROM releases
               GROUP BY workspace, env, state ORDER BY workspace, env, state";
    sqlx::query_as(sql).fetch_all(tx).await.map_err(failed)
}
