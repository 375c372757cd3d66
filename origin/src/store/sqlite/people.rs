//! People and what lets them in. Of passwords, sessions, tokens and codes only hashes come here.

pub mod invitations;
pub mod members;
pub mod resets;
pub mod sessions;
pub mod tokens;

use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::failed;
use crate::store::StoreError;

#[derive(Clone, Debug, FromRow)]
pub struct UserRow {
    pub id: String,
    pub email: String,
    pub name: String,
    pub password: String,
    pub root: bool,
    pub disabled_ms: Option<i64>,
    pub version: i64,
    pub created_ms: i64,
}

const INSERT: &str = "
INSERT INTO users (id, email, name, password, root, disabled_ms, version, created_ms)
VALUES (?1, ?2, ?3, ?4, ?5, NULL, 1, ?6)";

pub async fn by_id(tx: &mut SqliteConnection, id: &str) -> Result<Option<UserRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM users WHERE id = ?1").bind(id);
    found.fetch_optional(tx).await.map_err(failed)
}

/// `email` in lower case.
pub async fn by_email(
    tx: &mut SqliteConnection,
    email: &str,
) -> Result<Option<UserRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM users WHERE email = ?1").bind(email);
    found.fetch_optional(tx).await.map_err(failed)
}

/// By id, those after `after`.
pub async fn list(
    tx: &mut SqliteConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<UserRow>, StoreError> {
    let found = sqlx::query_as("SELECT * FROM users WHERE id > ?1 ORDER BY id LIMIT ?2");
    let found = found.bind(after).bind(limit);
    found.fetch_all(tx).await.map_err(failed)
}

pub async fn count(tx: &mut SqliteConnection) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar("SELECT count(*) FROM users");
    count.fetch_one(tx).await.map_err(failed)
}

/// Those who may make workspaces, and aren't shut out.
pub async fn roots(tx: &mut SqliteConnection) -> Result<i64, StoreError> {
    let count =
        sqlx::query_scalar("SELECT count(*) FROM users WHERE root = 1 AND disabled_ms IS NULL");
    count.fetch_one(tx).await.map_err(failed)
}

pub async fn insert(tx: &mut SqliteConnection, row: &UserRow) -> Result<(), StoreError> {
    let query = sqlx::query(INSERT).bind(&row.id).bind(&row.email);
    let query = query.bind(&row.name).bind(&row.password).bind(row.root);
    let query = query.bind(row.created_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// What root changes about somebody.
pub async fn update(tx: &mut SqliteConnection, row: &UserRow) -> Result<(), StoreError> {
    let sql = "UPDATE users SET name = ?2, root = ?3, disabled_ms = ?4, version = ?5 WHERE id = ?1";
    let query = sqlx::query(sql)
        .bind(&row.id)
        .bind(&row.name)
        .bind(row.root);
    let query = query.bind(row.disabled_ms).bind(row.version);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// False if the password isn't `old` any more, or the person was shut out.
pub async fn set_password(
    tx: &mut SqliteConnection,
    id: &str,
    old: &str,
    new: &str,
) -> Result<bool, StoreError> {
    let sql =
        "UPDATE users SET password = ?3 WHERE id = ?1 AND password = ?2 AND disabled_ms IS NULL";
    let done = sqlx::query(sql).bind(id).bind(old).bind(new);
    let done = done.execute(tx).await.map_err(failed)?;
    Ok(done.rows_affected() == 1)
}
