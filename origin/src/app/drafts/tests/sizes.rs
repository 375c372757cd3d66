//! What a draft costs where much was put into it.

use super::*;
use crate::app::delivery;
use crate::app::drafts::id_lists;
use crate::store::sqlite::{drafts as rows, failed};

async fn upload(
    app: &App,
    ada: &Actor,
    name: &str,
    expect: Option<Expect>,
) -> Result<Object, Error> {
    let at = path(&format!("id_lists/{name}"));
    let mut upload = app.upload(ada, "wallet", &at).expect("who may");
    upload
        .push(format!("{name}-1\n{name}-2\n").as_bytes())
        .expect("room");
    app.uploaded(ada, "wallet", &at, expect, upload).await
}

#[tokio::test]
async fn lists_that_no_segment_names_are_not_read() {
    let (_folder, app, ada) = workspace().await;
    for name in ["used.csv", "unused.csv"] {
        upload(&app, &ada, name, None).await.expect("a list");
    }
    made(
        &app,
        &ada,
        "segments/payday",
        json!({"ids": {"file": "used.csv"}}),
    )
    .await;
    made(
        &app,
        &ada,
        "segments/written",
        json!({"ids": {"list": ["unused.csv"]}}),
    )
    .await;
    let mut tx = app.store.read().await.expect("a transaction");
    let objects = rows::all(&mut tx, "wallet").await.expect("objects");
    let lists = id_lists::read(&mut tx, "wallet", &objects)
        .await
        .expect("lists");
    let lengths: Vec<_> = lists
        .iter()
        .map(|(name, list)| (&**name, list.as_ref().map(Vec::len)))
        .collect();
    assert_eq!(lengths, [("used.csv", Some(2))]);
}

#[tokio::test]
async fn a_list_that_comes_second_leaves_nothing_behind() {
    let (_folder, app, ada) = workspace().await;
    let first = upload(&app, &ada, "a.csv", Some(Expect::Absent)).await;
    let version = first.expect("the first").version;
    let kept = async || {
        let mut tx = app.store.read().await.expect("a transaction");
        let count = sqlx::query_scalar("SELECT count(*) FROM id_lists").fetch_one(&mut *tx);
        let count: i64 = count.await.expect("a count");
        count
    };
    let body = async |expect| {
        let at = path("id_lists/a.csv");
        let mut upload = app.upload(&ada, "wallet", &at).expect("who may");
        upload.push(b"another").expect("room");
        app.uploaded(&ada, "wallet", &at, Some(expect), upload)
            .await
    };
    let refused = body(Expect::Absent).await;
    assert!(matches!(refused, Err(Error::Stale(_))), "{refused:?}");
    assert_eq!(kept().await, 1);
    let done = body(Expect::Version(version)).await;
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(kept().await, 2);
}

#[tokio::test]
async fn a_draft_that_no_document_can_hold_is_refused_before_it_is_read() {
    let (_folder, app, ada) = workspace().await;
    let kept = made(&app, &ada, "modules/hero", json!({"type": "banner"})).await;
    let fill = app.store.write(|tx| {
        Box::pin(async move {
            let sql = "
                WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 65)
                INSERT INTO objects (workspace, path, parent, body, position, version, changed_by, changed_ms)
                    SELECT 'wallet', 'modules/m' || n, 'modules', json_object('x', printf('%.*c', 1048576, 'x')), 0, 1, 'ada', 1
                    FROM counted";
            sqlx::query(sql).execute(tx).await.map_err(failed)?;
            Ok::<_, Error>(())
        })
    });
    fill.await.expect("objects");
    let told = app.draft("wallet").await.err();
    let Some(Error::Conflict { detail, .. }) = told else {
        panic!("{told:?}");
    };
    assert!(detail.contains("67108864"), "{detail}");
    // It can be made smaller.
    let gone = app
        .delete(&ada, "wallet", &path("modules/hero"), kept.version)
        .await;
    assert!(gone.is_ok(), "{gone:?}");
}

#[tokio::test]
async fn ids_go_once_nothing_has_needed_them_for_long() {
    let (_folder, app, ada) = workspace().await;
    let put = async |ids: &[u8]| {
        let at = path("id_lists/a.csv");
        let mut upload = app.upload(&ada, "wallet", &at).expect("who may");
        upload.push(ids).expect("room");
        let done = app.uploaded(&ada, "wallet", &at, None, upload).await;
        done.expect("a list").version
    };
    let (_, second) = (put(b"u-1").await, put(b"u-2").await);
    assert_eq!(app.collect_id_lists().await.expect("done"), 0);
    // As if all that was long ago.
    let later = app.clone().with_delivery(delivery::Options {
        retention_ms: -1,
        ..delivery::Options::default()
    });
    assert_eq!(later.collect_id_lists().await.expect("done"), 1);
    assert_eq!(later.collect_id_lists().await.expect("done"), 0);

    let undone = app.undo(&ada, "wallet", second).await;
    let Err(Error::Conflict { detail, .. }) = undone else {
        panic!("{undone:?}");
    };
    assert!(detail.contains("aren't kept any more"), "{detail}");
    let now = app.object(&ada, "wallet", &path("id_lists/a.csv")).await;
    assert_eq!(now.expect("as it was").version, second);

    // Uploaded again they are there again, and what is undone in time comes back.
    let third = put(b"u-1").await;
    app.undo(&ada, "wallet", third).await.expect("kept still");
    assert_eq!(later.collect_id_lists().await.expect("done"), 1);
    let now = app.object(&ada, "wallet", &path("id_lists/a.csv")).await;
    let gone = now.expect("as it was").version;
    let at = path("id_lists/a.csv");
    app.delete(&ada, "wallet", &at, gone)
        .await
        .expect("deleted");
    assert_eq!(later.collect_id_lists().await.expect("done"), 1);
}
