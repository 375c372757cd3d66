use super::*;

const SPAN: (i64, i64) = (0, i64::MAX);

fn row(id: &str, received_ms: i64) -> EventRow {
    EventRow {
        workspace: "wallet".into(),
        env: "prod".into(),
        id: id.into(),
        kind: "exposure",
        name: None,
        unit: "ü-\"1\"".into(),
        page: "home".into(),
        module: Some("hero".into()),
        receipt: "AAAA".into(),
        at_ms: received_ms,
        received_ms,
        sent_ms: None,
        grant: None,
        value: Some("12.50".into()),
        currency: Some("EUR".into()),
        track: Some((7, received_ms % 2 == 0)),
    }
}

fn span(env: &str, (from_ms, to_ms): (i64, i64)) -> Span {
    Span {
        workspace: "wallet".into(),
        env: env.into(),
        from_ms,
        to_ms,
    }
}

fn run(test: impl AsyncFnOnce(Sqlite, std::path::PathBuf)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(&path).await.unwrap();
        test(store, path).await;
    });
}

#[test]
fn an_id_is_kept_once_in_each_environment() {
    run(async |store, path| {
        let rows = [row("a", 1), row("b", 2), row("a", 3)];
        assert_eq!(store.insert_events(&rows).await.unwrap(), 2);
        assert_eq!(store.insert_events(&rows).await.unwrap(), 0);
        let mut elsewhere = row("a", 1);
        elsewhere.env = "dev".into();
        assert_eq!(store.insert_events(&[elsewhere]).await.unwrap(), 1);
        store.close().await;
        // Also for the next process.
        let store = Sqlite::open(&path).await.unwrap();
        assert_eq!(store.insert_events(&rows).await.unwrap(), 0);
        let counts = store.count_events(&span("prod", SPAN), 10).await.unwrap();
        assert_eq!(counts.len(), 1, "{counts:?}");
        assert_eq!((counts[0].events, counts[0].units), (2, 1));
        assert_eq!(counts[0].module.as_deref(), Some("hero"));
        let early = store.count_events(&span("prod", (0, 2)), 10).await.unwrap();
        assert_eq!(early[0].events, 1);
    });
}

#[test]
fn what_is_old_is_forgotten_and_the_rest_is_not() {
    run(async |store, _| {
        let rows: Vec<_> = (0..12_000).map(|n| row(&format!("e-{n}"), n)).collect();
        for part in rows.chunks(1_000) {
            store.insert_events(part).await.unwrap();
        }
        assert_eq!(store.expire_events(11_000).await.unwrap(), 11_000);
        assert_eq!(store.expire_events(11_000).await.unwrap(), 0);
        let counts = store.count_events(&span("prod", SPAN), 10).await.unwrap();
        assert_eq!(counts[0].events, 1_000);
    });
}

#[test]
fn sqlite_is_one_that_is_known_to_be_safe() {
    run(async |store, _| {
        let found = sqlx::query("SELECT sqlite_version()")
            .fetch_one(&store.writer)
            .await
            .unwrap();
        let version: String = found.try_get(0).unwrap();
        let parts: Vec<u32> = version
            .split('.')
            .map(|part| part.parse().unwrap())
            .collect();
        assert!(parts >= vec![3, 51, 3], "{version}");
        for (pragma, wanted) in [("PRAGMA synchronous", "2"), ("PRAGMA journal_mode", "wal")] {
            let found = sqlx::query(pragma).fetch_one(&store.writer).await.unwrap();
            let text = found
                .try_get::<String, _>(0)
                .or_else(|_| found.try_get::<i64, _>(0).map(|n| n.to_string()));
            assert_eq!(text.unwrap(), wanted, "{pragma}");
        }
    });
}

#[test]
fn exposures_are_counted_by_release_and_track_each_once() {
    run(async |store, _| {
        let rows: Vec<_> = (0..10).map(|n| row(&format!("e-{n}"), n)).collect();
        let mut other = row("click", 1);
        other.kind = "click";
        let mut unknown = row("unknown", 1);
        unknown.track = None;
        for _ in 0..3 {
            store.insert_events(&rows).await.unwrap();
            store
                .insert_events(&[other.clone(), unknown.clone()])
                .await
                .unwrap();
        }
        let mut tx = store.read().await.unwrap();
        let found = releases::exposures(&mut tx, ("wallet", "prod"), 7)
            .await
            .unwrap();
        assert_eq!(found, (5, 5));
        let none = releases::exposures(&mut tx, ("wallet", "prod"), 8)
            .await
            .unwrap();
        assert_eq!(none, (0, 0));
    });
}

#[test]
fn a_change_that_panics_ends_nobody_else() {
    run(async |store, _| {
        let panics = store.write(|tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO chunks (workspace, digest, bytes) VALUES ('a', 'd', x'')")
                    .execute(&mut *tx)
                    .await
                    .unwrap();
                panic!("told to");
                #[expect(unreachable_code, reason = "says what would be handed back")]
                Ok::<(), StoreError>(())
            })
        });
        assert!(panics.await.is_err());
        assert_eq!(store.insert_events(&[row("a", 1)]).await.unwrap(), 1);
        let mut tx = store.read().await.unwrap();
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM chunks")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        assert_eq!(left, 0, "nothing of it is kept");
    });
}

/// Read through for each part, it took seconds in the one writer.
#[test]
fn what_no_snapshot_has_is_found_by_an_index() {
    run(async |store, _| {
        let mut tx = store.read().await.unwrap();
        let shows = "SELECT 1 FROM releases WHERE workspace = 'a' AND snapshot = 'b'";
        for (sql, index) in [
            (
                unused::PARTS,
                "snapshot_chunks_by_chunk (workspace=? AND chunk=?)",
            ),
            (shows, "releases_by_snapshot (workspace=? AND snapshot=?)"),
        ] {
            let sql = format!("EXPLAIN QUERY PLAN {sql}");
            let plan = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *tx);
            let plan: Vec<String> = plan
                .await
                .unwrap()
                .iter()
                .map(|row| sqlx::Row::get(row, "detail"))
                .collect();
            assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
        }
    });
}
