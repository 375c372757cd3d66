//! Releases that go on by themselves, with an edge that reports.

use super::*;
use crate::app::releases::Staff;
use crate::app::releases::state::State;
use crate::store::sqlite::failed;
use skyful::snapshot::{Digest, Listing, listing::PageEntry};

#[tokio::test]
async fn it_goes_on_step_by_step_while_edges_report_that_all_is_well() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let (_, version) = shop.app.staff(&ada(), PROD).await.expect("staff");
    let staff = Staff {
        units: vec!["u-1".into(), "u-2".into()],
    };
    let (_, version) = shop
        .app
        .put_staff(&ada(), PROD, version, staff.clone())
        .await
        .expect("staff");
    assert!(matches!(
        shop.app.put_staff(&ada(), PROD, version - 1, staff).await,
        Err(Error::Moved { .. })
    ));

    let id = shop.by("steps").await;
    let eta = shop.get(id).await.release.eta;
    assert_eq!(eta.as_deref(), Some("2026-11-24T12:11:00Z"));
    let manifests = shop.manifests().await;
    let track = manifests[1].track(Some("u-1"));
    assert_eq!(track.name(), "gray");
    assert_eq!(manifests[1].track(Some("somebody")).name(), "stable");
    shop.pass(70, 100, 0.0).await;
    assert_eq!(shop.get(id).await.release.step, Some(1));
    shop.pass(310, 100, 0.0).await;
    let found = shop.get(id).await.release;
    assert_eq!((found.step, found.share), (Some(2), 5_000));
    let health = found.health.expect("reports");
    assert_eq!(health.gray.requests, health.stable.requests);
    shop.pass(310, 100, 0.0).await;
    let found = shop.get(id).await;
    assert_eq!(found.release.state, State::Full);
    assert_eq!(kinds(&found), ["create", "begin", "step", "step", "full"]);
    // What a decision was made of is kept.
    let step = &found.timeline[3];
    assert_eq!(step.actor, "system:releases");
    assert!(
        step.detail.pointer("/health/gates/0/high").is_some(),
        "{step:?}"
    );
    assert_eq!(shop.manifests().await.len(), 5);
}

#[tokio::test]
async fn errors_of_gray_take_it_back_by_itself() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let before = shop.manifests().await[0].header.stable;
    let id = shop.by("steps").await;
    shop.steer(&ada(), id, Steered::Skip)
        .await
        .expect("half of all");
    shop.pass(30, 100, 0.05).await;
    let found = shop.get(id).await;
    assert_eq!(
        found.release.state,
        State::RolledBack,
        "{:?}",
        kinds(&found)
    );
    let last = found.timeline.last().expect("a rollback");
    assert_eq!(
        (last.kind.as_str(), &last.detail["metric"]),
        ("rollback", &json!("errors"))
    );
    let manifests = shop.manifests().await;
    let last = manifests.last().expect("a manifest");
    assert_eq!((last.header.stable, last.header.gray), (before, None));
    let live = shop.app.live(&ada(), PROD).await.expect("a head");
    assert_eq!((live.under_way, live.release), (None, Some(1)));
}

#[tokio::test]
async fn without_reports_it_halts_alarms_and_goes_on_when_they_come_back() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let id = shop.by("steps").await;
    for _ in 0..100 {
        later(10);
        shop.look().await;
    }
    let found = shop.get(id).await;
    assert_eq!(found.release.state, State::Halted);
    let halted = found.release.halted.as_ref().expect("why");
    assert_eq!(value(&halted.why), json!({"code": "no_reports"}));
    assert!(halted.alarmed_at.is_some());
    assert_eq!(kinds(&found), ["create", "begin", "halt", "alarm"]);
    assert_eq!(shop.manifests().await.len(), 2);
    // Reports of another sequence say nothing of this one, and a report that comes again is none.
    shop.pass(30, 100, 0.0).await;
    let found = shop.get(id).await;
    assert_eq!(kinds(&found)[4..], ["recover", "step"]);
}

#[tokio::test]
async fn a_paused_release_stays_and_a_planned_one_waits_for_its_time() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let id = shop.by("steps").await;
    shop.steer(&ada(), id, Steered::Pause)
        .await
        .expect("paused");
    shop.pass(600, 100, 0.0).await;
    assert_eq!(shop.state(id).await, State::Paused);
    shop.steer(&ada(), id, Steered::Resume)
        .await
        .expect("resumed");
    shop.pass(10, 100, 0.0).await;
    assert_eq!(shop.get(id).await.release.share, 5_000);
    shop.steer(&ada(), id, Steered::RollBack)
        .await
        .expect("back");

    // 23:00, which is quiet until 08:00.
    shop.edit().await;
    let start_ms = NOON + 11 * 3_600_000;
    let wanted = Wanted {
        pipeline: Some("nights".into()),
        start_ms: Some(start_ms),
        ..Wanted::default()
    };
    let planned = shop.release(wanted).await;
    let eta = shop.get(planned).await.release.eta;
    assert_eq!(eta.as_deref(), Some("2026-11-25T09:00:00Z"));
    NOW.set(start_ms + 3_600_000);
    shop.look().await;
    assert_eq!(shop.state(planned).await, State::Approved);
    NOW.set(NOON + 20 * 3_600_000);
    shop.look().await;
    assert_eq!(shop.state(planned).await, State::Gray);
}

#[tokio::test]
async fn a_planned_release_never_takes_back_what_was_released_meanwhile() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    shop.edit().await;
    let wanted = Wanted {
        start_ms: Some(now() + 60_000),
        ..Wanted::default()
    };
    let planned = shop.release(wanted).await;
    shop.edit().await;
    let urgent = shop.release(Wanted::default()).await;
    later(61);
    shop.look().await;
    assert_eq!(shop.state(urgent).await, State::Full);
    let found = shop.get(planned).await;
    assert_eq!(found.release.state, State::Cancelled);
    let why = &found.timeline.last().expect("an end").detail["why"];
    assert!(
        why.as_str()
            .is_some_and(|why| why.contains("something else was released")),
        "{why}"
    );
}

#[tokio::test]
async fn a_release_goes_on_where_it_was_after_a_restart() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let id = shop.by("steps").await;
    shop.pass(200, 100, 0.0).await;
    let before = shop.get(id).await;
    shop.app.store.close().await;
    let store = Sqlite::open(&shop.folder.path().join("skyful.sqlite")).await;
    let health = Health::new(Some(SECRET.into())).with_clock(now);
    let app = App::new(store.expect("a database"), now)
        .with_keyring(Keyring::new([[7; 32]]))
        .with_health(health);
    let shop = Shop { app, ..shop };
    let after = shop.get(id).await;
    assert_eq!(
        (before.release.step, before.release.version),
        (after.release.step, after.release.version)
    );
    // Nothing was reported to this process yet, so nothing is known.
    later(200);
    shop.look().await;
    assert_eq!(shop.state(id).await, State::Halted);
    shop.pass(20, 100, 0.0).await;
    assert_eq!(shop.get(id).await.release.share, 5_000);
}

#[tokio::test]
async fn a_click_at_night_begins_in_the_morning_and_one_that_is_broken_keeps_nobody() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    NOW.set(NOON + 11 * 3_600_000);
    let at_night = shop.by("nights").await;
    let found = shop.get(at_night).await.release;
    assert_eq!(found.state, State::Approved);
    assert_eq!(found.eta.as_deref(), Some("2026-11-25T09:00:00Z"));

    // Looked at first, and of a version that this one can't read.
    shop.environment("dev", false, None).await;
    let wanted = Wanted {
        start_ms: Some(now() + 60_000),
        ..Wanted::default()
    };
    let who = ada();
    let planned = shop.app.release(&who, ("shop", "dev"), wanted, None);
    planned.await.expect("a release");
    let breaks = shop.app.store.write(|tx| {
        Box::pin(async move {
            let query = sqlx::query("UPDATE releases SET plan = '{}' WHERE env = 'dev'");
            let done = query.execute(tx).await;
            done.map(|_| ()).map_err(failed)
        })
    });
    breaks.await.expect("a row");
    NOW.set(NOON + 20 * 3_600_000);
    shop.look().await;
    assert_eq!(shop.state(at_night).await, State::Gray);
}

#[tokio::test]
async fn what_edges_report_is_weighed_beside_what_others_ask() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let id = shop.by("steps").await;
    shop.steer(&ada(), id, Steered::Skip)
        .await
        .expect("half of all");
    shop.pass(30, 100, 0.0).await;
    let gate = std::sync::Arc::clone(&shop.app.heavy.gate);
    gate.shut_after(0);
    let mut asked = std::pin::pin!(shop.get(id));
    tokio::select! {
        found = &mut asked => panic!("it was weighed in between: {found:?}"),
        () = gate.holds() => {}
    }
    gate.open();
    assert!(asked.await.release.health.is_some());
}

#[tokio::test]
async fn whoever_resumes_what_was_halted_over_its_share_begins_to_count_anew() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let id = shop.by("steps").await;
    shop.pass(30, 100, 0.0).await;
    // A cache that keeps one page for everybody: all are counted on gray.
    for secs in 1..=80 {
        later(5);
        shop.hear((10_000 + 500 * secs, 0), 30_000).await;
        shop.look().await;
    }
    let halted = shop.get(id).await.release;
    let why = halted.halted.expect("why").why;
    assert_eq!(value(&why)["code"], "share");
    let (share, sequence) = (halted.share, halted.sequence);

    shop.steer(&ada(), id, Steered::Resume)
        .await
        .expect("looked at");
    shop.look().await;
    let found = shop.get(id).await.release;
    assert_eq!((found.state, found.share), (State::Gray, share));
    assert!(found.sequence > sequence, "edges count anew");
    shop.pass(310, 100, 0.0).await;
    assert!(shop.get(id).await.release.share > share);
}

/// Puts a snapshot whose table of pages doesn't fit a manifest beside another one in place of what a release shows.
async fn too_large(shop: &Shop, id: i64) {
    let page = |number: u64| PageEntry {
        page: number,
        locale_mask: 1,
        chunk: Digest([0; 32]),
    };
    let locales = shop.manifests().await[0].tail().stable.locales.clone();
    let listing = Listing {
        workspace: "shop".into(),
        locales,
        pages: (0..21_000).map(page).collect(),
        id_shards: Vec::new(),
        ofrep: Vec::new(),
    };
    let digest = listing.digest().hex();
    let made = shop.app.store.write(move |tx| {
        Box::pin(async move {
            let snapshot =
                "INSERT INTO snapshots (workspace, digest, revision, document, listing, created_ms)
                            VALUES ('shop', ?1, 1, '{}', ?2, 1) ON CONFLICT DO NOTHING";
            let query = sqlx::query(snapshot).bind(&digest);
            query
                .bind(listing.to_object())
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
            let release = sqlx::query("UPDATE releases SET snapshot = ?1 WHERE id = ?2");
            release
                .bind(&digest)
                .bind(id)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
            let head = sqlx::query("UPDATE heads SET gray = ?1 WHERE release = ?2");
            head.bind(&digest)
                .bind(id)
                .execute(tx)
                .await
                .map_err(failed)?;
            Ok::<_, Error>(())
        })
    });
    made.await.expect("a snapshot");
}

#[tokio::test]
async fn what_cannot_go_on_says_so_once_and_waits_for_nobody() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    shop.edit().await;
    let wanted = Wanted {
        pipeline: Some("steps".into()),
        start_ms: Some(now() + 60_000),
        ..Wanted::default()
    };
    let planned = shop.release(wanted).await;
    too_large(&shop, planned).await;
    later(61);
    shop.look().await;
    let found = shop.get(planned).await;
    assert_eq!(found.release.state, State::Cancelled);
    assert_eq!(kinds(&found), ["create", "cancel"]);
    let why = found.timeline[1].detail["why"].as_str();
    assert!(why.is_some_and(|why| why.contains("bytes")), "{why:?}");
    assert_eq!(shop.manifests().await.len(), 1);

    let under_way = shop.by("steps").await;
    too_large(&shop, under_way).await;
    shop.pass(400, 100, 0.0).await;
    let found = shop.get(under_way).await;
    assert_eq!(kinds(&found), ["create", "begin", "halt", "alarm"]);
    let halted = found.release.halted.expect("a reason");
    assert!(halted.words.contains("bytes"), "{}", halted.words);
    assert!(halted.hint.contains("everybody"), "{}", halted.hint);
    shop.steer(&ada(), under_way, Steered::RollBack)
        .await
        .expect("back");
}
