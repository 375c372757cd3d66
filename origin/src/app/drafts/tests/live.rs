//! Drafts beside what is released.

use super::*;

#[tokio::test]
async fn a_type_does_not_change_under_content_that_is_live() {
    let (_folder, app, ada) = workspace().await;
    sample(&app, &ada).await;
    let at = path("module_types/banner");
    let banner = app
        .object(&ada, "wallet", &at)
        .await
        .expect("in the sample");
    let mut stricter = banner.value.clone();
    stricter["schema"]["required"] = json!(["title", "image", "badge"]);
    stricter["schema"]["properties"]["badge"] = json!({"type": "string"});
    let expect = Expect::Version(banner.version);
    live(&app, "prod").await;
    let refused = app.put(&ada, "wallet", &at, expect, stricter.clone()).await;
    let Err(Error::Breaks { what, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        what.iter()
            .any(|line| line.starts_with("prod: modules/hero")),
        "{what:?}"
    );
    let gone = app.delete(&ada, "wallet", &at, banner.version).await;
    assert!(matches!(gone, Err(Error::Breaks { .. })), "{gone:?}");
    // What live content fits is let through, also by an import.
    let mut wider = banner.value;
    wider["schema"]["properties"]["badge"] = json!({"type": "string"});
    let wider = app
        .put(&ada, "wallet", &at, expect, wider)
        .await
        .expect("nothing breaks");
    let mut document = exported(&app, &ada).await;
    document["module_types"]["banner"] = stricter;
    let imported = app.import(&ada, "wallet", None, document.to_string()).await;
    assert!(
        matches!(imported, Err(Error::Breaks { .. })),
        "{imported:?}"
    );
    let now = app
        .object(&ada, "wallet", &at)
        .await
        .expect("it is still there");
    assert_eq!(now.version, wider.version);
}

/// As if the draft were released.
async fn live(app: &App, env: &str) {
    let draft = app.draft("wallet").await.expect("a draft");
    let document = draft.document.to_string();
    let env = env.to_owned();
    let write = app.store.write(move |tx| {
        Box::pin(async move {
            let sql = "
                INSERT INTO environments (workspace, key, name, protected, version, created_ms)
                    VALUES ('wallet', ?1, 'E', 0, 1, 1);
                INSERT INTO snapshots VALUES ('wallet', 'd', 1, ?2, x'', 1, NULL);
                INSERT INTO heads VALUES ('wallet', ?1, 1, 'd', NULL, 0, 0, '[]', 'run', NULL);";
            let query = sqlx::query(sql).bind(env).bind(document).execute(tx).await;
            query.map(|_| ()).map_err(crate::store::sqlite::failed)
        })
    });
    write.await.expect("rows as a release writes them");
}

#[tokio::test]
async fn a_draft_is_looked_at_as_visitors_would_see_it() {
    use crate::app::preview::Source;
    let (_folder, app, ada) = workspace().await;
    sample(&app, &ada).await;
    let ask = json!({"page": "home", "unit": "u-1", "attributes": {"age": 67}, "locale": "zh-HK",
        "now": "2026-11-22T09:00:00Z"})
    .to_string();
    let page = app
        .preview(&ada, "wallet", &Source::Draft, ask.as_bytes())
        .await;
    let page: Value = serde_json::from_slice(&page.expect("an answer")).expect("JSON");
    assert_eq!(
        (page["plan"].as_str(), page["locale"].as_str()),
        (Some("senior"), Some("zh-HK"))
    );
    let missing = app
        .preview(&ada, "wallet", &Source::Draft, br#"{"page": "nope"}"#)
        .await;
    assert!(matches!(missing, Err(Error::NotFound(_))));
    // A browser gets the same bytes that an edge would get, and resolves by itself.
    let (digest, bytes) = app
        .listing(&ada, "wallet", &Source::Draft)
        .await
        .expect("a listing");
    let listing = skyful::snapshot::Listing::from_object(&bytes, digest).expect("it opens");
    for digest in listing.digests() {
        let object = app
            .snapshot_object(&ada, "wallet", &Source::Draft, &digest)
            .await;
        assert!(!object.expect("it is named").is_empty());
    }
    let nothing = app
        .preview(
            &ada,
            "wallet",
            &Source::Environment("prod".into()),
            ask.as_bytes(),
        )
        .await;
    assert!(matches!(nothing, Err(Error::NotFound(_))));
    // What was released is found by its digest as answers show it.
    let digest = digest.hex();
    let row = (digest.clone(), bytes.clone());
    let kept = app.store.write(move |tx| {
        Box::pin(async move {
            let sql = "INSERT INTO snapshots VALUES ('wallet', ?1, 1, '{}', ?2, 1, NULL)";
            let query = sqlx::query(sql).bind(row.0).bind(row.1).execute(tx).await;
            query.map(|_| ()).map_err(crate::store::sqlite::failed)
        })
    });
    kept.await.expect("a row");
    let source = Source::Snapshot(format!("b3-{digest}"));
    let again = app.listing(&ada, "wallet", &source).await;
    assert_eq!(again.expect("the same").1, bytes);
}
