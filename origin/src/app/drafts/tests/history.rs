//! What was changed, in answers of bounded size, and taking it back.

use super::*;
use crate::app::drafts::history::{Change, Cursor};

#[tokio::test]
async fn every_change_can_be_taken_back_unless_somebody_built_on_it() {
    let (_folder, app, ada) = workspace().await;
    let done = sample(&app, &ada).await;
    let hero = app
        .object(&ada, "wallet", &path("modules/hero"))
        .await
        .expect("a module");
    app.delete(&ada, "wallet", &path("modules/hero"), hero.version)
        .await
        .expect("hers to delete");
    let gone = app.object(&ada, "wallet", &path("modules/hero")).await;
    assert!(matches!(gone, Err(Error::NotFound(_))));
    let changes = app
        .history(&ada, "wallet", Some(&path("modules/hero")), None)
        .await;
    let changes = changes.expect("history").items;
    assert_eq!(changes.len(), 2);
    assert!(changes[0].after.is_none() && changes[1].before.is_none());
    let now = app
        .undo(&ada, "wallet", changes[0].revision)
        .await
        .expect("nobody was there since");
    let back = app
        .object(&ada, "wallet", &path("modules/hero"))
        .await
        .expect("it is back");
    assert_eq!((back.value, back.version), (hero.value, now));
    let plans = app
        .plans(&ada, "wallet", &path("modules/hero"))
        .await
        .expect("its plans");
    assert!(!plans.is_empty());
    // The import can't be taken back any more: a module that it made was changed since.
    let undone = app.undo(&ada, "wallet", done.revision).await;
    assert!(matches!(undone, Err(Error::Stale(_))), "{undone:?}");
}

/// All answers, one after the other.
async fn answers(app: &App, who: &Actor, at: Option<&Path>) -> Vec<Vec<Change>> {
    let mut all = Vec::new();
    let mut from: Option<Cursor> = None;
    loop {
        let found = app.history(who, "wallet", at, from).await;
        let found = found.expect("a part of the history");
        all.push(found.items);
        match found.next {
            Some(next) => from = Some(next.parse().expect("what was told can be asked")),
            None => return all,
        }
    }
}

fn names(changes: &[Change]) -> Vec<(i64, String)> {
    let name = |change: &Change| (change.revision, change.path.clone());
    changes.iter().map(name).collect()
}

#[tokio::test]
async fn an_answer_is_as_large_as_one_may_be_and_none_is_told_twice() {
    let (_folder, app, ada) = workspace().await;
    let long = |n: usize| json!({"type": "banner", "description": format!("{n}").repeat(300_000)});
    let mut version = made(&app, &ada, "modules/hero", long(1)).await.version;
    for n in 2..10 {
        let at = path("modules/hero");
        let expect = Expect::Version(version);
        let put = app.put(&ada, "wallet", &at, expect, long(n)).await;
        version = put.expect("hers").version;
    }
    // One revision with many objects, which together are too much as well.
    let modules = (0..150).map(|n| (format!("m{n:03}"), long(1)));
    let modules: serde_json::Map<String, Value> = modules
        .map(|(key, mut body)| {
            body["description"] = json!("x".repeat(20_000));
            (key, body)
        })
        .collect();
    let document = json!({"skyful": 1, "workspace": "wallet", "modules": modules}).to_string();
    app.import(&ada, "wallet", None, document)
        .await
        .expect("a draft");
    for at in [None, Some(path("modules/hero")), Some(path("modules/m007"))] {
        let answers = answers(&app, &ada, at.as_ref()).await;
        for items in &answers {
            let text = serde_json::to_string(items).expect("JSON");
            assert!(items.len() == 1 || text.len() < 1_100_000, "{}", text.len());
            assert!((1..=100).contains(&items.len()));
        }
        let told: Vec<_> = answers.iter().flat_map(|items| names(items)).collect();
        let mut sorted = told.clone();
        sorted.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        sorted.dedup();
        assert_eq!(told, sorted);
        let wanted = match at.as_ref().map(ToString::to_string).as_deref() {
            // Nine saves; an import that makes 150, deletes one and writes the settings.
            None => 9 + 150 + 1 + 1,
            Some("modules/hero") => 10,
            Some(_) => 1,
        };
        assert_eq!(told.len(), wanted, "{at:?}");
        assert_eq!(answers.len() > 1, wanted > 1, "{at:?}");
    }
}

#[tokio::test]
async fn a_place_in_a_history_is_one_that_was_told() {
    for wrong in [
        "",
        "x",
        "1/nothing",
        "1/modules/hero/x",
        "99999999999999999999",
    ] {
        let read = wrong.parse::<Cursor>();
        assert!(matches!(read, Err(Error::Invalid { .. })), "{wrong}");
    }
    for right in [
        "1",
        "17/modules/hero",
        "17/pages/home/plans/senior",
        "3/settings",
    ] {
        assert!(right.parse::<Cursor>().is_ok(), "{right}");
    }
}

/// Whoever asks for one object among many doesn't read the history of all.
#[tokio::test]
async fn a_history_is_found_by_its_index() {
    let (_folder, app, _) = workspace().await;
    let mut tx = app.store.read().await.expect("a database");
    for (columns, index) in crate::store::sqlite::drafts::histories() {
        let sql = format!("EXPLAIN QUERY PLAN {columns}");
        let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut *tx)
            .await
            .expect("a plan");
        let plan: Vec<&str> = rows.iter().map(|row| &*row.3).collect();
        assert!(plan[0].contains(index), "{plan:?}");
    }
}
