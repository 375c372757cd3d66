//! Workspaces, environments, and who holds which role in them.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::failed;
use crate::app::access::{Grant, Role};
use crate::store::StoreError;

#[derive(Clone, Debug)]
pub struct WorkspaceRow {
    pub key: String,
    pub name: String,
    pub revision: i64,
    pub version: i64,
    pub created_ms: i64,
}

#[derive(Clone, Debug)]
pub struct EnvironmentRow {
    pub key: String,
    pub name: String,
    pub protected: bool,
    pub editors_approve: bool,
    pub pipeline: Option<String>,
    pub version: i64,
    pub created_ms: i64,
}

pub async fn all(tx: &mut SqliteConnection) -> Result<Vec<WorkspaceRow>, StoreError> {
    let sql = "SELECT key, name, revision, version, created_ms FROM workspaces ORDER BY key";
    let rows = sqlx::query(sql).fetch_all(tx).await.map_err(failed)?;
    rows.iter()
        .map(workspace)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

pub async fn get(tx: &mut SqliteConnection, key: &str) -> Result<Option<WorkspaceRow>, StoreError> {
    let sql = "SELECT key, name, revision, version, created_ms FROM workspaces WHERE key = ?1";
    let row = sqlx::query(sql)
        .bind(key)
        .fetch_optional(tx)
        .await
        .map_err(failed)?;
    row.as_ref().map(workspace).transpose().map_err(failed)
}

pub async fn create(
    tx: &mut SqliteConnection,
    key: &str,
    name: &str,
    (revision, version): (i64, i64),
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO workspaces (key, name, revision, version, created_ms)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let query = sqlx::query(sql).bind(key).bind(name);
    let query = query.bind(revision).bind(version).bind(now_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn rename(tx: &mut SqliteConnection, key: &str, name: &str) -> Result<(), StoreError> {
    let sql = "UPDATE workspaces SET name = ?2, version = version + 1 WHERE key = ?1";
    let query = sqlx::query(sql).bind(key).bind(name);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// With all that belongs to it.
pub async fn delete(tx: &mut SqliteConnection, key: &str) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM workspaces WHERE key = ?1").bind(key);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Environments whose edges show something.
pub async fn live(tx: &mut SqliteConnection, workspace: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT env FROM heads WHERE workspace = ?1 AND mode != 'off' ORDER BY env";
    let query = sqlx::query_scalar(sql).bind(workspace);
    query.fetch_all(tx).await.map_err(failed)
}

/// A target that lacks the newest manifest of its environment, though it is switched on.
pub async fn undelivered(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: Option<&str>,
) -> Result<Option<(String, String)>, StoreError> {
    let sql = "
        SELECT targets.env, targets.key FROM targets
        JOIN heads USING (workspace, env)
        LEFT JOIN deliveries ON deliveries.workspace = targets.workspace
            AND deliveries.env = targets.env AND deliveries.target = targets.key
        WHERE targets.workspace = ?1 AND enabled = 1 AND (?2 IS NULL OR targets.env = ?2)
            AND coalesce(delivered, 0) < heads.sequence
        ORDER BY targets.env, targets.key LIMIT 1";
    let query = sqlx::query_as(sql).bind(workspace).bind(env);
    query.fetch_optional(tx).await.map_err(failed)
}

pub async fn delete_environment(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM environments WHERE workspace = ?1 AND key = ?2");
    let query = query.bind(workspace).bind(env);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

pub async fn environments(
    tx: &mut SqliteConnection,
    workspace: &str,
) -> Result<Vec<EnvironmentRow>, StoreError> {
    let sql = "SELECT key, name, protected, editors_approve, pipeline, version, created_ms
               FROM environments WHERE workspace = ?1 ORDER BY created_ms, key";
    let rows = sqlx::query(sql).bind(workspace).fetch_all(tx).await;
    let rows = rows.map_err(failed)?;
    rows.iter()
        .map(environment_of)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

/// Of all workspaces, by workspace.
pub async fn places(tx: &mut SqliteConnection) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT workspace, key FROM environments ORDER BY workspace, key";
    sqlx::query_as(sql).fetch_all(tx).await.map_err(failed)
}

pub async fn environment(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<Option<EnvironmentRow>, StoreError> {
    let sql = "SELECT key, name, protected, editors_approve, pipeline, version, created_ms
               FROM environments WHERE workspace = ?1 AND key = ?2";
    let row = sqlx::query(sql)
        .bind(workspace)
        .bind(env)
        .fetch_optional(tx);
    row.await
        .map_err(failed)?
        .as_ref()
        .map(environment_of)
        .transpose()
        .map_err(failed)
}

pub async fn put_environment(
    tx: &mut SqliteConnection,
    workspace: &str,
    row: &EnvironmentRow,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO environments (workspace, key, name, protected, pipeline, version, created_ms, editors_approve)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (workspace, key) DO UPDATE SET name = excluded.name,
            protected = excluded.protected, editors_approve = excluded.editors_approve,
            pipeline = excluded.pipeline, version = excluded.version";
    let query = sqlx::query(sql)
        .bind(workspace)
        .bind(&row.key)
        .bind(&row.name);
    let query = query.bind(row.protected).bind(&row.pipeline);
    let query = query.bind(row.version).bind(row.created_ms);
    let query = query.bind(row.editors_approve);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Gives a role, in place of the one that was held there.
pub async fn add_member(
    tx: &mut SqliteConnection,
    workspace: &str,
    user: &str,
    env: Option<&str>,
    role: Role,
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO members (workspace, user, env, role, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (workspace, user, env) DO UPDATE SET role = excluded.role";
    let query = sqlx::query(sql).bind(workspace).bind(user);
    let query = query
        .bind(env.unwrap_or_default())
        .bind(role.name())
        .bind(now_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// All that somebody may do, at this moment.
pub async fn grants(tx: &mut SqliteConnection, user: &str) -> Result<Vec<Grant>, StoreError> {
    let sql = "SELECT workspace, env, role FROM members WHERE user = ?1";
    let rows = sqlx::query(sql)
        .bind(user)
        .fetch_all(tx)
        .await
        .map_err(failed)?;
    let grant = |row: &SqliteRow| {
        let env: String = row.try_get("env")?;
        let role: String = row.try_get("role")?;
        Ok(Role::named(&role).map(|role| Grant {
            workspace: row.get("workspace"),
            env: Some(env).filter(|env| !env.is_empty()),
            role,
        }))
    };
    let grants: Result<Vec<Option<Grant>>, sqlx::Error> = rows.iter().map(grant).collect();
    Ok(grants.map_err(failed)?.into_iter().flatten().collect())
}

fn workspace(row: &SqliteRow) -> Result<WorkspaceRow, sqlx::Error> {
    Ok(WorkspaceRow {
        key: row.try_get("key")?,
        name: row.try_get("name")?,
        revision: row.try_get("revision")?,
        version: row.try_get("version")?,
        created_ms: row.try_get("created_ms")?,
    })
}

fn environment_of(row: &SqliteRow) -> Result<EnvironmentRow, sqlx::Error> {
    Ok(EnvironmentRow {
        key: row.try_get("key")?,
        name: row.try_get("name")?,
        protected: row.try_get("protected")?,
        editors_approve: row.try_get("editors_approve")?,
        pipeline: row.try_get("pipeline")?,
        version: row.try_get("version")?,
        created_ms: row.try_get("created_ms")?,
    })
}
