//! Releases, what happened to them, and answers that are kept for whoever asks twice.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};

use super::failed;
use crate::app::releases::state::State;
use crate::store::StoreError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    pub workspace: String,
    pub env: String,
    pub id: i64,
    pub version: i64,
    pub state: State,
    /// Hex, like `base`.
    pub snapshot: String,
    pub revision: i64,
    pub note: String,
    pub base: Option<String>,
    pub base_release: Option<i64>,
    pub pipeline: Option<String>,
    /// JSON, like `halted`.
    pub plan: String,
    pub supersede: bool,
    pub start_ms: Option<i64>,
    pub salt: i64,
    pub step: Option<i64>,
    pub step_ms: Option<i64>,
    pub sequence: Option<i64>,
    pub halted: Option<String>,
    pub halted_ms: Option<i64>,
    pub alarmed_ms: Option<i64>,
    pub author: String,
    pub author_name: String,
    pub approver: Option<String>,
    pub approved_ms: Option<i64>,
    pub created_ms: i64,
    pub ended_ms: Option<i64>,
}

/// What happened to a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    pub seq: i64,
    pub at_ms: i64,
    pub kind: String,
    pub actor: String,
    pub state: String,
    pub step: Option<i64>,
    pub sequence: Option<i64>,
    pub detail: String,
}

const COLUMNS: &str = "workspace, env, id, version, state, snapshot, revision, note, base, base_release, pipeline, plan,
    supersede, start_ms, salt, step, step_ms, sequence, halted, halted_ms, alarmed_ms, author, author_name, approver,
    approved_ms, created_ms, ended_ms";

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, SqliteArguments>;

async fn rows(tx: &mut SqliteConnection, query: Query<'_>) -> Result<Vec<ReleaseRow>, StoreError> {
    let rows = query.fetch_all(tx).await.map_err(failed)?;
    rows.iter()
        .map(release)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

pub async fn get(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    id: i64,
) -> Result<Option<ReleaseRow>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM releases WHERE workspace = ?1 AND env = ?2 AND id = ?3");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql));
    let found = rows(tx, query.bind(workspace).bind(env).bind(id)).await?;
    Ok(found.into_iter().next())
}

/// The newest first, from below an id.
pub async fn list(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    below: i64,
    limit: i64,
) -> Result<Vec<ReleaseRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM releases WHERE workspace = ?1 AND env = ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql));
    rows(tx, query.bind(workspace).bind(env).bind(below).bind(limit)).await
}

/// In one of some states, the oldest first.
pub async fn in_states(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    states: &[State],
) -> Result<Vec<ReleaseRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM releases WHERE workspace = ?1 AND env = ?2
         AND state IN (SELECT value FROM json_each(?3)) ORDER BY id"
    );
    let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
    let names = serde_json::to_string(&names).unwrap_or_default();
    let query = sqlx::query(sqlx::AssertSqlSafe(sql));
    rows(tx, query.bind(workspace).bind(env).bind(names)).await
}

/// Of all environments: those that the runner looks at.
pub async fn to_run(tx: &mut SqliteConnection) -> Result<Vec<ReleaseRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM releases WHERE state IN ('approved', 'gray', 'paused', 'halted')
         ORDER BY workspace, env, id"
    );
    rows(tx, sqlx::query(sqlx::AssertSqlSafe(sql))).await
}

/// The id of the next release of an environment; those of one that had its name never come again.
pub async fn next_id(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
) -> Result<i64, StoreError> {
    let sql = "SELECT 1 + max(
        coalesce((SELECT max(id) FROM releases WHERE workspace = ?1 AND env = ?2), 0),
        coalesce((SELECT number FROM former_places WHERE workspace = ?1 AND env = ?2), 0))";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let row = query.fetch_one(tx).await.map_err(failed)?;
    row.try_get(0).map_err(failed)
}

/// The highest revision up to this one that everybody has seen in an environment; 0 for none.
pub async fn shown_until(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    revision: i64,
) -> Result<i64, StoreError> {
    let sql = "
        SELECT coalesce(max(revision), 0) FROM releases
        WHERE workspace = ?1 AND env = ?2 AND revision <= ?3 AND EXISTS (
            SELECT 1 FROM release_events WHERE release_events.workspace = releases.workspace
                AND release_events.env = releases.env AND release = id AND release_events.state = 'full')";
    let query = sqlx::query_scalar(sql).bind(workspace).bind(env);
    query.bind(revision).fetch_one(tx).await.map_err(failed)
}

/// The people who changed a draft after one revision and up to another, also by their tokens.
pub async fn editors(
    tx: &mut SqliteConnection,
    workspace: &str,
    (after, until): (i64, i64),
) -> Result<Vec<String>, StoreError> {
    let sql = "
        SELECT DISTINCT coalesce(user, substr(changed_by, instr(changed_by, ':') + 1)) FROM changes
        LEFT JOIN tokens ON changed_by = 'token:' || tokens.id
        WHERE changes.workspace = ?1 AND revision > ?2 AND revision <= ?3";
    let query = sqlx::query_scalar(sql).bind(workspace);
    let query = query.bind(after).bind(until);
    query.fetch_all(tx).await.map_err(failed)
}

/// Makes it, or replaces what can change of it.
pub async fn put(tx: &mut SqliteConnection, row: &ReleaseRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO releases ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,
            ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27)
         ON CONFLICT (workspace, env, id) DO UPDATE SET version = excluded.version, state = excluded.state,
            base_release = excluded.base_release,
            step = excluded.step, step_ms = excluded.step_ms, sequence = excluded.sequence,
            halted = excluded.halted, halted_ms = excluded.halted_ms, alarmed_ms = excluded.alarmed_ms,
            approver = excluded.approver, approved_ms = excluded.approved_ms, ended_ms = excluded.ended_ms"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql));
    let query = query.bind(&row.workspace).bind(&row.env).bind(row.id);
    let query = query.bind(row.version).bind(row.state.name());
    let query = query.bind(&row.snapshot).bind(row.revision).bind(&row.note);
    let query = query.bind(&row.base).bind(row.base_release);
    let query = query
        .bind(&row.pipeline)
        .bind(&row.plan)
        .bind(row.supersede);
    let query = query.bind(row.start_ms).bind(row.salt);
    let query = query.bind(row.step).bind(row.step_ms).bind(row.sequence);
    let query = query
        .bind(&row.halted)
        .bind(row.halted_ms)
        .bind(row.alarmed_ms);
    let query = query.bind(&row.author).bind(&row.author_name);
    let query = query.bind(&row.approver).bind(row.approved_ms);
    let query = query.bind(row.created_ms).bind(row.ended_ms);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

fn release(row: &SqliteRow) -> Result<ReleaseRow, sqlx::Error> {
    let state: String = row.try_get("state")?;
    let unknown = || sqlx::Error::Decode(format!("no state `{state}`").into());
    Ok(ReleaseRow {
        workspace: row.try_get("workspace")?,
        env: row.try_get("env")?,
        id: row.try_get("id")?,
        version: row.try_get("version")?,
        state: State::named(&state).ok_or_else(unknown)?,
        snapshot: row.try_get("snapshot")?,
        revision: row.try_get("revision")?,
        note: row.try_get("note")?,
        base: row.try_get("base")?,
        base_release: row.try_get("base_release")?,
        pipeline: row.try_get("pipeline")?,
        plan: row.try_get("plan")?,
        supersede: row.try_get("supersede")?,
        start_ms: row.try_get("start_ms")?,
        salt: row.try_get("salt")?,
        step: row.try_get("step")?,
        step_ms: row.try_get("step_ms")?,
        sequence: row.try_get("sequence")?,
        halted: row.try_get("halted")?,
        halted_ms: row.try_get("halted_ms")?,
        alarmed_ms: row.try_get("alarmed_ms")?,
        author: row.try_get("author")?,
        author_name: row.try_get("author_name")?,
        approver: row.try_get("approver")?,
        approved_ms: row.try_get("approved_ms")?,
        created_ms: row.try_get("created_ms")?,
        ended_ms: row.try_get("ended_ms")?,
    })
}

/// Adds to the history of a release; `seq` is counted here.
pub async fn add_event(
    tx: &mut SqliteConnection,
    release: &ReleaseRow,
    event: &EventRow,
) -> Result<(), StoreError> {
    let sql = "
        INSERT INTO release_events (workspace, env, release, seq, at_ms, kind, actor, state, step, sequence, detail)
        SELECT ?1, ?2, ?3, coalesce(max(seq), 0) + 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10
        FROM release_events WHERE workspace = ?1 AND env = ?2 AND release = ?3";
    let query = sqlx::query(sql).bind(&release.workspace);
    let query = query.bind(&release.env).bind(release.id);
    let query = query.bind(event.at_ms).bind(&event.kind).bind(&event.actor);
    let query = query.bind(&event.state).bind(event.step);
    let query = query.bind(event.sequence).bind(&event.detail);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// What happened last, and after a place in the history, in order.
pub async fn events(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    release: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    let sql = "
        SELECT * FROM (
            SELECT seq, at_ms, kind, actor, state, step, sequence, detail FROM release_events
            WHERE workspace = ?1 AND env = ?2 AND release = ?3 AND seq > ?4 ORDER BY seq DESC LIMIT ?5)
        ORDER BY seq";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let query = query.bind(release).bind(after).bind(limit);
    let rows = query.fetch_all(tx).await.map_err(failed)?;
    let event = |row: &SqliteRow| -> Result<EventRow, sqlx::Error> {
        Ok(EventRow {
            seq: row.try_get("seq")?,
            at_ms: row.try_get("at_ms")?,
            kind: row.try_get("kind")?,
            actor: row.try_get("actor")?,
            state: row.try_get("state")?,
            step: row.try_get("step")?,
            sequence: row.try_get("sequence")?,
            detail: row.try_get("detail")?,
        })
    };
    rows.iter()
        .map(event)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

/// What was answered under a key, and the hash of what was asked then.
pub async fn answered(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    (user, key): (&str, &str),
    since_ms: i64,
) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    let sql = "SELECT request, answer FROM idempotency
               WHERE workspace = ?1 AND env = ?2 AND user = ?3 AND key = ?4 AND created_ms >= ?5";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let query = query.bind(user).bind(key).bind(since_ms);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    let read = |row: SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?));
    row.map(read).transpose().map_err(failed)
}

/// Keeps an answer, and forgets those from before an instant.
pub async fn answer(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    (user, key): (&str, &str),
    (request, answer): (&[u8], &str),
    (now_ms, forget_ms): (i64, i64),
) -> Result<(), StoreError> {
    let sql = "DELETE FROM idempotency WHERE created_ms < ?1";
    let query = sqlx::query(sql).bind(forget_ms);
    query.execute(&mut *tx).await.map_err(failed)?;
    let sql = "INSERT INTO idempotency (workspace, env, user, key, request, answer, created_ms)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let query = query.bind(user).bind(key).bind(request).bind(answer);
    query.bind(now_ms).execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Units that see a release first (JSON), and the version of the environment.
pub async fn staff(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
) -> Result<Option<(String, i64)>, StoreError> {
    let sql = "SELECT staff, version FROM environments WHERE workspace = ?1 AND key = ?2";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let row = query.fetch_optional(tx).await.map_err(failed)?;
    let read = |row: SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?));
    row.map(read).transpose().map_err(failed)
}

pub async fn put_staff(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    staff: &str,
    version: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE environments SET staff = ?3, version = ?4 WHERE workspace = ?1 AND key = ?2";
    let query = sqlx::query(sql).bind(workspace).bind(env);
    let query = query.bind(staff).bind(version);
    query.execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Exposures of a sequence: gray, stable.
pub async fn exposures(
    tx: &mut SqliteConnection,
    (workspace, env): (&str, &str),
    sequence: i64,
) -> Result<(u64, u64), StoreError> {
    let sql =
        "SELECT gray, events FROM exposures WHERE workspace = ?1 AND env = ?2 AND sequence = ?3";
    let query = sqlx::query(sql).bind(workspace).bind(env).bind(sequence);
    let rows = query.fetch_all(tx).await.map_err(failed)?;
    let (mut gray, mut stable) = (0, 0);
    for row in rows {
        let of_gray: bool = row.try_get(0).map_err(failed)?;
        let events: i64 = row.try_get(1).map_err(failed)?;
        let track = if of_gray { &mut gray } else { &mut stable };
        *track = events.cast_unsigned();
    }
    Ok((gray, stable))
}
