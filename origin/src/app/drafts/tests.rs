//! Drafts over a real database file.

use serde_json::{Value, json};
use skyful::check::IdFile;

use super::path::Path;
use super::{Expect, Object, newest};
use crate::app::access::Actor;
use crate::app::testing::{PAYDAY, WALLET, known, sample, somebody, workspace};
use crate::app::{App, Error};

mod history;
mod live;
mod sizes;

async fn exported(app: &App, who: &Actor) -> Value {
    let (_, text) = app.export(who, "wallet").await.expect("a document");
    serde_json::from_str(&text).expect("JSON")
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("a path")
}

async fn made(app: &App, who: &Actor, at: &str, body: Value) -> Object {
    let put = app
        .put(who, "wallet", &path(at), Expect::Absent, body)
        .await;
    put.expect("nothing is there yet")
}

#[tokio::test]
async fn the_sample_goes_in_and_comes_out_and_can_be_released() {
    let (_folder, app, ada) = workspace().await;
    let done = sample(&app, &ada).await;
    assert!(done.created > 20, "{done:?}");
    let draft = app.draft("wallet").await.expect("a draft");
    let errors: Vec<_> = draft
        .problems
        .iter()
        .filter(|p| p.code != "portable")
        .collect();
    assert!(draft.snapshot.is_some(), "{errors:?}");

    // What comes out compiles to the same bytes as the file does.
    let document = exported(&app, &ada).await;
    let again = app.import(&ada, "wallet", None, document.to_string()).await;
    let again = again.expect("what came out goes in");
    assert_eq!((again.created, again.changed, again.deleted), (0, 0, 0));
    let options = skyful::check::Options {
        now_ms: None,
        read_file: &|_| Ok(IdFile::Text(PAYDAY.into())),
    };
    let checked = skyful::check::check(WALLET.as_bytes(), &options);
    let model = checked.workspace.expect("the sample is in order");
    let compiled = skyful::compile::compile(&model, &mut |_, _| ()).expect("it fits");
    let digest = draft
        .snapshot
        .as_ref()
        .map(|snapshot| snapshot.listing.digest());
    assert_eq!(digest, Some(compiled.listing.digest()));
}

#[tokio::test]
async fn whoever_comes_second_sees_both_sides_and_loses_nothing() {
    let (_folder, app, ada) = workspace().await;
    let bob = somebody("bob");
    known(&app, &bob).await;
    let first = made(&app, &ada, "modules/hero", json!({"type": "banner"})).await;
    let expect = Expect::Version(first.version);
    let hers = json!({"type": "banner", "description": "hers"});
    let his = json!({"type": "banner", "description": "his"});
    let second = app
        .put(&ada, "wallet", &path("modules/hero"), expect, hers.clone())
        .await;
    let second = second.expect("she saw the newest");
    let refused = app
        .put(&bob, "wallet", &path("modules/hero"), expect, his.clone())
        .await;
    let Err(Error::Stale(conflict)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(conflict.current.map(|side| side.value), Some(hers.clone()));
    assert_eq!(
        conflict.base.map(|side| side.value),
        Some(json!({"type": "banner"}))
    );
    assert_eq!(conflict.yours, Some(his));
    // Her own save again, after a lost answer, is no conflict.
    let again = app
        .put(&ada, "wallet", &path("modules/hero"), expect, hers)
        .await;
    assert_eq!(
        again.map(|object| object.version).ok(),
        Some(second.version)
    );
    let absent = app
        .put(
            &bob,
            "wallet",
            &path("modules/hero"),
            Expect::Absent,
            json!({}),
        )
        .await;
    assert!(matches!(absent, Err(Error::Stale(_))), "{absent:?}");
}

#[tokio::test]
async fn plans_keep_their_order_and_can_be_put_in_another() {
    let (_folder, app, ada) = workspace().await;
    made(&app, &ada, "modules/hero", json!({"type": "banner"})).await;
    for key in ["b", "c", "a"] {
        made(
            &app,
            &ada,
            &format!("modules/hero/plans/{key}"),
            json!({"rollout": 1}),
        )
        .await;
    }
    let keys = |plans: &[Object]| {
        plans
            .iter()
            .map(|plan| plan.key.clone())
            .collect::<Vec<_>>()
    };
    let plans = app
        .plans(&ada, "wallet", &path("modules/hero"))
        .await
        .expect("plans");
    assert_eq!(keys(&plans), ["b", "c", "a"]);
    let hero = path("modules/hero");
    let reorder = async |plans: &[Object], keys: [&str; 3]| {
        let seen = newest(plans.iter().map(|plan| plan.version));
        let keys = keys.map(str::to_owned).to_vec();
        app.reorder(&ada, "wallet", &hero, seen, keys).await
    };
    let moved = reorder(&plans, ["a", "b", "c"]).await;
    let moved = moved.expect("all are named");
    assert_eq!(keys(&moved), ["a", "b", "c"]);
    let document = exported(&app, &ada).await;
    assert_eq!(document["modules"]["hero"]["plans"][0]["key"], "a");
    let late = reorder(&plans, ["b", "a", "c"]).await;
    assert!(matches!(late, Err(Error::Moved { .. })), "{late:?}");
    let wrong = reorder(&moved, ["a", "b", "x"]).await;
    assert!(matches!(wrong, Err(Error::Conflict { .. })), "{wrong:?}");
    // A plan in no module has nowhere to be.
    let lost = app
        .put(
            &ada,
            "wallet",
            &path("modules/x/plans/a"),
            Expect::Absent,
            json!({}),
        )
        .await;
    assert!(matches!(lost, Err(Error::NotFound(_))), "{lost:?}");
}

#[tokio::test]
async fn problems_stand_at_the_object_that_they_are_in() {
    let (_folder, app, ada) = workspace().await;
    sample(&app, &ada).await;
    let fine = app
        .problems(&ada, "wallet")
        .await
        .expect("a draft")
        .placed();
    assert!(
        fine.iter().all(|problem| problem.severity == "warning"),
        "{fine:?}"
    );
    let rule = json!({"audience": {"attr": "no_such", "op": "eq", "value": 1}});
    made(&app, &ada, "modules/hero/plans/wrong", rule).await;
    let draft = app.problems(&ada, "wallet").await.expect("a draft");
    let (revision, problems) = (draft.revision, draft.placed());
    let wrong = problems
        .iter()
        .find(|problem| problem.severity == "error")
        .expect("one");
    assert_eq!(wrong.object, "modules/hero/plans/wrong");
    assert_eq!((wrong.at.as_str(), revision), ("/audience/attr", 3));
    assert!(
        app.draft("wallet")
            .await
            .expect("a draft")
            .snapshot
            .is_none()
    );
}

#[tokio::test]
async fn what_cannot_be_taken_apart_is_refused_with_its_place() {
    let (_folder, app, ada) = workspace().await;
    let place = async |text: &str| match app.import(&ada, "wallet", None, text.to_owned()).await {
        Err(Error::Invalid { at, .. }) => at,
        Err(Error::Faulty(problems)) => problems[0].code.to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        place("skyful: 1\nmodules: {hero: {plans: [{}]}}").await,
        "/modules/hero/plans/0"
    );
    assert_eq!(
        place("skyful: 1\nmodules: {hero: {plans: {}}}").await,
        "/modules/hero/plans"
    );
    assert_eq!(
        place("skyful: 1\nmodules: {Hero: {}}").await,
        "/modules/Hero"
    );
    assert_eq!(place("skyful: 1\nworkspace: other").await, "/workspace");
    assert_eq!(place("skyful: 1\ncolour: red").await, "/colour");
    assert_eq!(place("workspace: wallet").await, "/skyful");
    assert_eq!(place("a: [").await, "syntax");
    let body = app
        .put(
            &ada,
            "wallet",
            &path("modules/hero"),
            Expect::Absent,
            json!({"plans": []}),
        )
        .await;
    assert!(matches!(body, Err(Error::Invalid { at, .. }) if at == "/plans"));
}

/// A hundred people who save as fast as they can: none is answered before the save is on disk, and they share the wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_editors_save_at_once() {
    let (_folder, app, ada) = workspace().await;
    let saves: usize = std::env::var("SKYFUL_SAVES").map_or(5, |n| n.parse().expect("a number"));
    for n in 0..100 {
        made(
            &app,
            &ada,
            &format!("modules/m{n}"),
            json!({"type": "banner"}),
        )
        .await;
    }
    let began = std::time::Instant::now();
    for n in 0..100 {
        known(&app, &somebody(&format!("e{n}"))).await;
    }
    let editors: Vec<_> = (0..100)
        .map(|n| {
            let (app, who, at) = (
                app.clone(),
                somebody(&format!("e{n}")),
                path(&format!("modules/m{n}")),
            );
            tokio::spawn(async move {
                let mut version = app
                    .object(&who, "wallet", &at)
                    .await
                    .expect("there")
                    .version;
                for save in 0..saves {
                    let body = json!({"type": "banner", "description": format!("{n} {save}")});
                    let put = app
                        .put(&who, "wallet", &at, Expect::Version(version), body)
                        .await;
                    version = put.expect("nobody else saves this one").version;
                }
            })
        })
        .collect();
    for editor in editors {
        editor.await.expect("no editor fails");
    }
    let took = began.elapsed();
    println!("{} saves in {took:.2?}", saves * 100);
    let workspace = app.workspace(&ada, "wallet").await.expect("there");
    assert_eq!(workspace.revision, 100 + saves as i64 * 100);
}

#[tokio::test]
async fn a_share_of_a_layer_becomes_buckets_that_nobody_else_has() {
    let (_folder, app, ada) = workspace().await;
    sample(&app, &ada).await;
    let at = path("experiments/hero_copy");
    let before = app
        .object(&ada, "wallet", &at)
        .await
        .expect("in the sample");
    let layer = before.value["layer"].clone();
    let fresh = json!({"layer": layer, "variants": [{"key": "a", "weight": 10_000}]});
    let fresh = made(&app, &ada, "experiments/fresh", fresh).await;
    let fresh = app
        .give_share(
            &ada,
            "wallet",
            &path("experiments/fresh"),
            fresh.version,
            500,
        )
        .await;
    let fresh = fresh.expect("the layer has room");
    assert!(
        fresh.value["buckets"]
            .as_array()
            .is_some_and(|ranges| !ranges.is_empty())
    );
    let problems = app
        .problems(&ada, "wallet")
        .await
        .expect("a draft")
        .placed();
    assert!(
        problems.iter().all(|problem| problem.code != "overlap"),
        "{problems:?}"
    );
    let all = app
        .give_share(
            &ada,
            "wallet",
            &path("experiments/fresh"),
            fresh.version,
            10_000,
        )
        .await;
    assert!(matches!(all, Err(Error::Conflict { .. })), "{all:?}");
}

#[tokio::test]
async fn nothing_is_left_without_what_it_belongs_to() {
    let (_folder, app, ada) = workspace().await;
    let hero = made(&app, &ada, "modules/hero", json!({"type": "banner"})).await;
    let plan = made(&app, &ada, "modules/hero/plans/a", json!({"rollout": 1})).await;
    let orphans = app.undo(&ada, "wallet", hero.version).await;
    assert!(
        matches!(orphans, Err(Error::Conflict { .. })),
        "{orphans:?}"
    );
    let gone = async |at: &str, version| app.delete(&ada, "wallet", &path(at), version).await;
    gone("modules/hero/plans/a", plan.version)
        .await
        .expect("a plan");
    let document = exported(&app, &ada).await;
    assert!(document["modules"]["hero"].get("plans").is_none());
    let history = app
        .history(&ada, "wallet", None, None)
        .await
        .expect("changes");
    let deleted = history.items[0].revision;
    gone("modules/hero", hero.version).await.expect("a module");
    let orphan = app.undo(&ada, "wallet", deleted).await;
    assert!(matches!(orphan, Err(Error::Conflict { .. })), "{orphan:?}");
}

#[tokio::test]
async fn settings_hold_what_is_theirs() {
    let (_folder, app, ada) = workspace().await;
    made(&app, &ada, "modules/hero", json!({"type": "banner"})).await;
    for wrong in [
        json!({"modules": 1}),
        json!({"workspace": "other"}),
        json!({"skyful": 2}),
        json!({"module_types": {}}),
    ] {
        let at = path("settings");
        let put = app.put(&ada, "wallet", &at, Expect::Absent, wrong).await;
        assert!(matches!(put, Err(Error::Invalid { .. })), "{put:?}");
    }
    let document = exported(&app, &ada).await;
    assert_eq!(document["workspace"], "wallet");
}

/// What one takes on the way in, nobody refuses when all is put together.
#[tokio::test]
async fn nothing_is_kept_that_nests_too_deep_for_a_document() {
    let (_folder, app, ada) = workspace().await;
    made(&app, &ada, "modules/hero", json!({"type": "banner"})).await;
    let nested = |levels: usize| {
        let inner = (2..levels).fold(json!([]), |inner, _| json!([inner]));
        json!({"description": inner})
    };
    for (at, deepest) in [
        ("modules/deep", 126),
        ("modules/hero/plans/deep", 124),
        ("settings", 128),
    ] {
        let (at, field) = match at {
            "settings" => (at, "locales"),
            _ => (at, "description"),
        };
        let body = |levels: usize| json!({field: nested(levels)["description"]});
        let put = async |levels| {
            let at = path(at);
            let there = app.object(&ada, "wallet", &at).await.ok();
            let expect = there.map_or(Expect::Absent, |object| Expect::Version(object.version));
            app.put(&ada, "wallet", &at, expect, body(levels)).await
        };
        let refused = put(deepest + 1).await;
        assert!(
            matches!(refused, Err(Error::Invalid { .. })),
            "{at}: {refused:?}"
        );
        put(deepest).await.expect("it fits");
        let draft = app.draft("wallet").await.expect("a draft");
        let deep = draft
            .problems
            .iter()
            .find(|problem| problem.message.contains("deeper"));
        assert!(deep.is_none(), "{at}: {deep:?}");
    }
}
