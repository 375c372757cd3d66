//! Workspaces and environments that are gone: what one that is made again under the name has to be above.

use skyful::manifest::COUNTER_BITS;
use sqlx::sqlite::SqliteConnection;

use super::failed;
use crate::store::StoreError;

#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Former {
    /// The last revision of its draft, or the last number of a release.
    pub number: i64,
    /// None: nothing was ever signed.
    pub era: Option<i64>,
}

/// Of a workspace, or of an environment in it.
pub async fn get(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: Option<&str>,
) -> Result<Option<Former>, StoreError> {
    let sql = "SELECT number, era FROM former_places WHERE workspace = ?1 AND env = ?2";
    let query = sqlx::query_as(sql).bind(workspace);
    let query = query.bind(env.unwrap_or_default());
    query.fetch_optional(tx).await.map_err(failed)
}

/// Remembers an environment, or a workspace with all of its own, right before it goes.
pub async fn remember(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: Option<&str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let environments = "
        INSERT INTO former_places (workspace, env, number, era, ended_ms)
        SELECT workspace, key,
            (SELECT coalesce(max(id), 0) FROM releases
             WHERE releases.workspace = environments.workspace AND releases.env = environments.key),
            nullif(max(
                coalesce((SELECT era FROM eras
                          WHERE eras.workspace = environments.workspace AND eras.env = environments.key), -1),
                coalesce((SELECT max(sequence) >> ?4 FROM manifests
                          WHERE manifests.workspace = environments.workspace AND manifests.env = environments.key), -1)), -1),
            ?3
        FROM environments WHERE workspace = ?1 AND (?2 IS NULL OR key = ?2)
        ON CONFLICT (workspace, env) DO UPDATE SET number = max(number, excluded.number),
            era = coalesce(max(era, excluded.era), era, excluded.era), ended_ms = excluded.ended_ms";
    let query = sqlx::query(environments).bind(workspace).bind(env);
    let query = query.bind(now_ms).bind(COUNTER_BITS);
    query.execute(&mut *tx).await.map_err(failed)?;
    if env.is_some() {
        return Ok(());
    }
    let workspaces = "
        INSERT INTO former_places (workspace, env, number, era, ended_ms)
        SELECT key, '', revision, NULL, ?2 FROM workspaces WHERE key = ?1
        ON CONFLICT (workspace, env) DO UPDATE SET number = max(number, excluded.number), ended_ms = excluded.ended_ms";
    let query = sqlx::query(workspaces).bind(workspace).bind(now_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// The highest era of each environment that is gone, for a file that knows of none below the first.
pub async fn eras(tx: &mut SqliteConnection) -> Result<Vec<(String, String, i64)>, StoreError> {
    let sql = "SELECT workspace, env, max(era, 1) FROM former_places WHERE era IS NOT NULL
               ORDER BY workspace, env";
    sqlx::query_as(sql).fetch_all(tx).await.map_err(failed)
}
