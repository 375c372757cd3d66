//! The database of a real origin, looked at from outside: whether all that belongs together is there.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::support::Desk;

/// What must never be found, and how it would be: each gives how often.
const NEVER: &[(&str, &str)] = &[
    (
        "a gap among sequences",
        "SELECT count(*) FROM (
            SELECT min(sequence) AS first, max(sequence) AS last, count(*) AS many
            FROM manifests GROUP BY workspace, env, sequence >> 40)
         WHERE last - first + 1 <> many OR (first & ((1 << 40) - 1)) <> 1",
    ),
    (
        "a head that isn't what was signed last",
        "SELECT count(*) FROM heads LEFT JOIN manifests USING (workspace, env, sequence)
         WHERE manifests.stable IS NOT heads.stable OR manifests.gray IS NOT heads.gray
            OR sequence < (SELECT max(sequence) FROM manifests AS others
                WHERE others.workspace = heads.workspace AND others.env = heads.env)",
    ),
    (
        "a manifest of a snapshot that isn't there",
        "SELECT count(*) FROM manifests AS m WHERE NOT EXISTS (
            SELECT 1 FROM snapshots WHERE workspace = m.workspace AND digest = m.stable)
            OR (gray IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM snapshots WHERE workspace = m.workspace AND digest = m.gray))",
    ),
    (
        "a snapshot without its parts",
        "SELECT count(*) FROM snapshots AS s WHERE gone_ms IS NULL AND NOT EXISTS (
            SELECT 1 FROM snapshot_chunks WHERE workspace = s.workspace AND snapshot = s.digest)",
    ),
    (
        "a part that isn't there",
        "SELECT count(*) FROM snapshot_chunks AS s WHERE NOT EXISTS (
            SELECT 1 FROM chunks WHERE workspace = s.workspace AND digest = s.chunk)",
    ),
    (
        "a gap among releases",
        "SELECT count(*) FROM (SELECT max(id) AS last, count(*) AS many FROM releases GROUP BY workspace, env)
         WHERE last <> many",
    ),
    (
        "a release whose history is not what happened to it",
        "SELECT count(*) FROM releases AS r WHERE version <> (
            SELECT count(*) FROM release_events WHERE workspace = r.workspace AND env = r.env AND release = r.id)
            OR state IS NOT (SELECT state FROM release_events
                WHERE workspace = r.workspace AND env = r.env AND release = r.id ORDER BY seq DESC LIMIT 1)",
    ),
    (
        "a release with a sequence that was not signed",
        "SELECT count(*) FROM releases AS r WHERE sequence IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM manifests WHERE workspace = r.workspace AND env = r.env AND sequence = r.sequence)",
    ),
    (
        "a release under way that the head doesn't know, or knows wrongly",
        "SELECT count(*) FROM releases AS r LEFT JOIN heads AS h ON h.workspace = r.workspace AND h.env = r.env
         WHERE (r.state IN ('gray', 'paused', 'halted')) <> (coalesce(h.release, 0) = r.id)",
    ),
    (
        "something that happened to a release and isn't in the audit log",
        "SELECT abs((SELECT count(*) FROM release_events)
            - (SELECT count(*) FROM audit WHERE action LIKE 'release.%'))",
    ),
    (
        "an object that is not what was done to it last",
        "SELECT count(*) FROM objects AS o WHERE body IS NOT (
            SELECT body_after FROM changes WHERE workspace = o.workspace AND path = o.path
            ORDER BY revision DESC LIMIT 1)",
    ),
    (
        "a change beyond the revision of its draft",
        "SELECT count(*) FROM workspaces AS w WHERE revision < (
            SELECT max(revision) FROM changes WHERE workspace = w.key)",
    ),
    (
        "a list without its ids",
        "SELECT count(*) FROM objects AS o WHERE path LIKE 'id_lists/%' AND NOT EXISTS (
            SELECT 1 FROM id_lists WHERE workspace = o.workspace AND digest = json_extract(o.body, '$.digest'))",
    ),
    (
        "an answer about a release that isn't there",
        "SELECT count(*) FROM idempotency AS i WHERE NOT EXISTS (SELECT 1 FROM releases
            WHERE workspace = i.workspace AND env = i.env AND id = json_extract(i.answer, '$.id'))",
    ),
    (
        "an environment that nobody or two sign for",
        "SELECT count(*) FROM heads AS h WHERE (SELECT count(*) FROM keys
            WHERE workspace = h.workspace AND env = h.env AND state = 'active') <> 1",
    ),
];

/// Also while somebody writes into it.
#[track_caller]
pub fn whole(desk: &Desk) {
    with(desk, async |file| {
        let mut tx = file.begin().await.expect("a moment of it");
        for (what, sql) in NEVER {
            let query = sqlx::query_scalar::<_, i64>(*sql);
            let found = query.fetch_one(&mut *tx).await.expect("an answer");
            assert_eq!(found, 0, "{what}");
        }
    });
}

pub fn change(desk: &Desk, sql: &str) {
    with(desk, async |file| {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(file);
        done.await.expect("it is done");
    });
}

/// The first column of what is found.
pub fn number(desk: &Desk, sql: &str) -> i64 {
    with(desk, async |file| {
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        query.fetch_one(file).await.expect("a number")
    })
}

/// Id, note and state of all releases of an environment, in their order.
pub fn releases(desk: &Desk, env: &str) -> Vec<(i64, String, String)> {
    with(desk, async |file| {
        let sql = "SELECT id, note, state FROM releases WHERE env = ?1 ORDER BY id";
        let found = sqlx::query_as(sql).bind(env).fetch_all(file).await;
        found.expect("releases")
    })
}

/// All of it as SQL, and the name of the newest migration that it has.
pub fn dump(desk: &Desk) -> (String, String) {
    with(desk, async |file| {
        let newest = "SELECT printf('%04d', max(version)) FROM _sqlx_migrations";
        let newest = sqlx::query_scalar(newest).fetch_one(&mut *file).await;
        let made = "SELECT type, name, sql FROM sqlite_schema
                    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type <> 'table', rowid";
        let made: Vec<(String, String, String)> = sqlx::query_as(made)
            .fetch_all(&mut *file)
            .await
            .expect("what was made");
        let mut text = "PRAGMA foreign_keys = OFF;\nBEGIN;\n".to_owned();
        // What looks after the rows comes behind them.
        for (kind, name, sql) in &made {
            text += &format!("{sql};\n");
            if kind == "table" {
                for row in rows(file, name).await {
                    text += &format!("INSERT INTO {name} VALUES ({row});\n");
                }
            }
        }
        (newest.expect("a migration"), text + "COMMIT;\n")
    })
}

/// The values of each, as SQL writes them.
async fn rows(file: &mut SqliteConnection, table: &str) -> Vec<String> {
    let columns =
        "SELECT group_concat('quote(' || name || ')', ' || '', '' || ') FROM pragma_table_info(?1)";
    let columns = sqlx::query_scalar(columns).bind(table);
    let columns: String = columns.fetch_one(&mut *file).await.expect("columns");
    let sql = format!("SELECT {columns} FROM {table} ORDER BY 1");
    let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(file);
    rows.await.expect("rows")
}

/// Makes the database that [`dump`] wrote.
pub fn load(desk: &Desk, text: &str) {
    std::fs::File::create_new(desk.path("data/skyful.sqlite")).expect("there is none");
    change(desk, text);
}

fn with<T>(desk: &Desk, work: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    let file = SqliteConnectOptions::new().filename(desk.path("data/skyful.sqlite"));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut file = file.connect().await.expect("a database");
        let done = work(&mut file).await;
        file.close().await.expect("closed");
        done
    })
}
