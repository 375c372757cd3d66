//! What people do: the one click, approval, the way back.

use super::*;
use crate::app::drafts::path::Path;
use crate::app::releases::create::Once;
use crate::app::releases::state::State;

#[tokio::test]
async fn one_click_shows_the_draft_to_everybody_and_the_next_begins_beside_it() {
    let shop = Shop::open().await;
    let first = shop.release(Wanted::default()).await;
    assert_eq!(shop.state(first).await, State::Full);
    let again = shop
        .try_release(Wanted::default())
        .await
        .expect_err("nothing new");
    assert_eq!(refused(again), "everybody sees this snapshot already");

    let second = shop.by("steps").await;
    let found = shop.get(second).await;
    assert_eq!(
        (found.release.state, found.release.share),
        (State::Gray, 1_000)
    );
    // Nobody is staff, so that step is passed over.
    assert_eq!(found.release.step, Some(1));
    assert_eq!(kinds(&found), ["create", "begin"]);
    assert!(found.release.eta.is_some());
    let manifests = shop.manifests().await;
    let [one, two] = manifests.as_slice() else {
        panic!("{} manifests", manifests.len());
    };
    assert_eq!(one.header.stable, two.header.stable);
    assert_eq!(two.header.gray.map(|gray| gray.share_bps), Some(1_000));
    let changes = shop
        .app
        .changes_of(&ada(), PROD, second)
        .await
        .expect("changes");
    assert_eq!(changes.total, 1, "{changes:?}");

    let mut salts = vec![two.header.gray.expect("gray").salt];
    for (share, state) in [(5_000, State::Gray), (10_000, State::Full)] {
        let found = shop
            .steer(&ada(), second, Steered::Skip)
            .await
            .expect("a step");
        assert_eq!((found.share, found.state), (share, state));
        let manifests = shop.manifests().await;
        salts.extend(
            manifests
                .last()
                .and_then(|last| last.header.gray)
                .map(|gray| gray.salt),
        );
    }
    assert!(salts.len() == 2 && salts[0] == salts[1], "{salts:?}");
    assert_eq!(shop.state(first).await, State::Superseded);
    let all = shop.app.releases(&ada(), PROD, None).await.expect("a list");
    assert_eq!(
        all.items.iter().map(|item| item.id).collect::<Vec<_>>(),
        [2, 1]
    );
}

#[tokio::test]
async fn a_draft_with_errors_is_refused_with_the_list_of_them() {
    let shop = Shop::open().await;
    let path = Path::parse("pages/home").expect("a path");
    let body = json!({"slots": [{"key": "top"}], "default": {"modules": {"top": ["nobody"]}}});
    let found = shop.app.object(&ada(), "shop", &path).await.expect("it");
    let put = shop
        .app
        .put(&ada(), "shop", &path, Expect::Version(found.version), body)
        .await;
    put.expect("drafts may be wrong");
    let error = shop
        .try_release(Wanted::default())
        .await
        .expect_err("errors");
    let Error::Faulty(problems) = error else {
        panic!("{error:?}");
    };
    assert!(
        problems
            .iter()
            .any(|problem| problem.path.contains("/pages/home")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn nobody_approves_their_own_release_or_another_one_than_they_saw() {
    let shop = Shop::open().await;
    shop.environment("prod", true, Some("steps")).await;
    let bob = shop.member("bob", Role::Approver).await;
    let id = shop.release(Wanted::default()).await;
    assert_eq!(shop.state(id).await, State::Checked);
    let digest = shop.get(id).await.release.snapshot;
    let approve = |digest: &str| Steered::Approve {
        digest: digest.into(),
    };

    let own = shop
        .steer(&ada(), id, approve(&digest))
        .await
        .expect_err("her own");
    assert!(matches!(&own, Error::Forbidden { .. }), "{own:?}");
    let other = approve(&format!("b3-{}", "0".repeat(64)));
    let other = shop.steer(&bob, id, other).await.expect_err("another one");
    assert!(matches!(&other, Error::Moved { .. }), "{other:?}");
    // What a session remembers of a role is not enough.
    let gone = person("eve", Role::Approver);
    let gone = shop
        .steer(&gone, id, approve(&digest))
        .await
        .expect_err("no member");
    assert!(matches!(&gone, Error::Unauthenticated), "{gone:?}");
    let viewer = shop.member("vic", Role::Operator).await;
    let viewer = shop
        .steer(&viewer, id, approve(&digest))
        .await
        .expect_err("no approver");
    assert!(matches!(&viewer, Error::Denied(_)), "{viewer:?}");
    assert!(shop.manifests().await.is_empty());

    let done = shop
        .steer(&bob, id, approve(&digest))
        .await
        .expect("approved");
    assert_eq!(
        (done.state, done.approved_by.as_deref()),
        (State::Full, Some("bob"))
    );
    let twice = shop
        .steer(&bob, id, approve(&digest))
        .await
        .expect_err("once");
    assert_eq!(
        refused(twice),
        "release 1 is full: everybody sees it already"
    );

    shop.edit().await;
    let next = shop.release(Wanted::default()).await;
    let done = shop
        .steer(&bob, next, Steered::Reject)
        .await
        .expect("rejected");
    assert_eq!(done.state, State::Rejected);
    assert_eq!(
        shop.audited().await,
        [
            "release.create",
            "release.approve",
            "release.full",
            "release.create",
            "release.reject"
        ]
    );
}

#[tokio::test]
async fn an_environment_that_becomes_protected_holds_what_was_planned() {
    let shop = Shop::open().await;
    let wanted = Wanted {
        start_ms: Some(now() + 60_000),
        ..Wanted::default()
    };
    let id = shop.release(wanted).await;
    assert_eq!(shop.state(id).await, State::Approved);
    shop.environment("prod", true, None).await;
    later(61);
    shop.look().await;
    assert_eq!(shop.state(id).await, State::Checked);
    assert!(shop.manifests().await.is_empty());
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_for_a_day() {
    let shop = Shop::open().await;
    let once = |request: u8| {
        Some(Once {
            key: "k".into(),
            request: [request; 32],
        })
    };
    let ask = async |request| {
        shop.app
            .release(&ada(), PROD, Wanted::default(), once(request))
            .await
    };
    let first = ask(1).await.expect("a release");
    shop.edit().await;
    assert_eq!(ask(1).await.expect("the same"), first);
    assert!(matches!(ask(2).await, Err(Error::Unfit { .. })));
    assert_eq!(shop.manifests().await.len(), 1);
    // Another person's key is another key.
    let bob = shop.member("bob", Role::Operator).await;
    let other = shop
        .app
        .release(&bob, PROD, Wanted::default(), once(1))
        .await;
    assert_eq!(other.expect("another release")["id"], 2);
    later(24 * 3_600 + 1);
    shop.edit().await;
    assert_eq!(ask(1).await.expect("a new one")["id"], 3);
}

#[tokio::test]
async fn what_was_looked_at_must_still_be_so() {
    let shop = Shop::open().await;
    let moved =
        |wanted| async { matches!(shop.try_release(wanted).await, Err(Error::Moved { .. })) };
    assert!(
        moved(Wanted {
            expected_head: Some(7),
            ..Wanted::default()
        })
        .await
    );
    assert!(
        moved(Wanted {
            revision: Some(99),
            ..Wanted::default()
        })
        .await
    );
    let first = shop
        .release(Wanted {
            expected_head: Some(0),
            ..Wanted::default()
        })
        .await;
    let digest = shop.get(first).await.release.snapshot;
    let second = shop.by("steps").await;
    let version = shop.get(second).await.release.version;
    let skip = async |version| {
        let how = (Some(version), String::new());
        shop.app
            .steer(&ada(), PROD, second, Steered::Skip, how)
            .await
    };
    skip(version).await.expect("a step");
    assert!(matches!(skip(version).await, Err(Error::Moved { .. })));
    skip(version + 1).await.expect("another step");
    // An old snapshot is as good as a new one.
    let third = shop
        .release(Wanted {
            snapshot: Some(digest.clone()),
            ..Wanted::default()
        })
        .await;
    let found = shop.get(third).await.release;
    assert_eq!((found.state, found.snapshot), (State::Full, digest));
    assert!(matches!(
        shop.try_release(Wanted {
            pipeline: Some("none".into()),
            ..Wanted::default()
        })
        .await,
        Err(Error::Invalid { .. })
    ));
}

#[tokio::test]
async fn a_rollback_shows_what_was_shown_before_step_by_step() {
    let shop = Shop::open().await;
    let ids = [
        shop.release(Wanted::default()).await,
        shop.by("steps").await,
    ];
    while shop.state(ids[1]).await != State::Full {
        shop.steer(&ada(), ids[1], Steered::Skip)
            .await
            .expect("a step");
    }
    let third = shop.by("steps").await;
    let shown = async || {
        shop.manifests()
            .await
            .last()
            .map(|last| (last.header.stable, last.header.gray.is_some()))
    };
    let (stable, gray) = shown().await.expect("a manifest");
    assert!(gray);

    // From a gray step: stable stays.
    let done = shop
        .steer(&ada(), third, Steered::RollBack)
        .await
        .expect("back");
    assert_eq!(done.state, State::RolledBack);
    assert_eq!(shown().await, Some((stable, false)));
    // From full, with another one under way, which is stopped.
    let fourth = shop.by("steps").await;
    let done = shop
        .steer(&ada(), ids[1], Steered::RollBack)
        .await
        .expect("back");
    assert_eq!(done.state, State::RolledBack);
    assert_eq!(shop.state(fourth).await, State::RolledBack);
    assert_eq!(shop.state(ids[0]).await, State::Full);
    let manifests = shop.manifests().await;
    let (first, last) = (&manifests[0], &manifests[manifests.len() - 1]);
    assert_eq!(first.header.stable, last.header.stable);
    assert!(last.header.gray.is_none() && last.sequence() > first.sequence());
    // The first one has nothing before it; what is over stays over.
    let none = shop
        .steer(&ada(), ids[0], Steered::RollBack)
        .await
        .expect_err("the first");
    assert!(refused(none).contains("nothing to go back to"));
    let over = shop
        .steer(&ada(), third, Steered::RollBack)
        .await
        .expect_err("twice");
    assert_eq!(
        refused(over),
        "release 3 is rolled_back: it was rolled back"
    );
}

#[tokio::test]
async fn an_approval_that_comes_too_late_cancels_the_release_and_says_why() {
    let shop = Shop::open().await;
    let bob = shop.member("bob", Role::Approver).await;
    shop.release(Wanted::default()).await;
    shop.environment("prod", true, None).await;
    let mut waiting = Vec::new();
    for _ in 0..2 {
        shop.edit().await;
        waiting.push(shop.release(Wanted::default()).await);
    }
    let approved = async |id: i64| {
        let digest = shop.get(id).await.release.snapshot;
        let done = shop.steer(&bob, id, Steered::Approve { digest }).await;
        done.expect("an approval").state
    };
    assert_eq!(approved(waiting[1]).await, State::Full);
    assert_eq!(approved(waiting[0]).await, State::Cancelled);
    let found = shop.get(waiting[0]).await;
    assert_eq!(kinds(&found), ["create", "approve", "cancel"]);
}

#[tokio::test]
async fn an_old_snapshot_goes_out_by_the_steps_of_its_document() {
    let shop = Shop::open().await;
    // Its document names a list of ids, which lies beside it.
    let at = Path::parse("id_lists/few.csv").expect("a path");
    let mut upload = shop.app.upload(&ada(), "shop", &at).expect("let in");
    upload.push(b"u-1\n").expect("an id");
    let list = shop.app.uploaded(&ada(), "shop", &at, None, upload).await;
    list.expect("a list");
    let document = format!("{DOCUMENT}segments: {{few: {{ids: {{file: few.csv}}}}}}\n");
    let done = shop.app.import(&ada(), "shop", None, document).await;
    done.expect("a document");
    let first = shop.release(Wanted::default()).await;
    let old = shop.get(first).await.release.snapshot;
    shop.edit().await;
    shop.release(Wanted::default()).await;

    let wanted = Wanted {
        snapshot: Some(old.clone()),
        pipeline: Some("steps".into()),
        ..Wanted::default()
    };
    let again = shop.release(wanted).await;
    let found = shop.get(again).await.release;
    assert_eq!((found.state, found.snapshot), (State::Gray, old));
    assert_eq!(
        (found.pipeline.as_deref(), found.share),
        (Some("steps"), 1_000)
    );
}
