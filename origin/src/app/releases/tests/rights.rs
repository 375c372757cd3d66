//! What stands in the way of a release, and who may do what.

use super::*;
use crate::app::releases::state::State;

#[tokio::test]
async fn one_at_a_time_is_under_way_unless_it_gives_way() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let second = shop.by("steps").await;
    shop.edit().await;
    let refusal = shop
        .try_release(Wanted::default())
        .await
        .expect_err("one is under way");
    assert_eq!(refused(refusal), "release 2 is under way");
    let wanted = Wanted {
        pipeline: Some("steps".into()),
        supersede: true,
        ..Wanted::default()
    };
    let third = shop.release(wanted).await;
    assert_eq!(shop.state(second).await, State::Superseded);
    assert_eq!(shop.state(third).await, State::Gray);
    let live = shop.app.live(&ada(), PROD).await.expect("a head");
    assert_eq!((live.under_way, live.release), (Some(third), Some(1)));
}

#[tokio::test]
async fn the_switch_works_in_the_middle_of_a_release_and_stays() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    let second = shop.by("steps").await;
    let before = shop.get(second).await.release;
    for mode in ["hold", "hold", "off"] {
        let mode = crate::app::releases::mode_named(mode).expect("a mode");
        let viewer = person("vic", Role::Viewer);
        assert!(shop.app.switch_mode(&viewer, PROD, mode).await.is_err());
        shop.app
            .switch_mode(&ada(), PROD, mode)
            .await
            .expect("switched");
    }
    let manifests = shop.manifests().await;
    assert_eq!(manifests.len(), 4, "the same mode again is nothing new");
    let after = shop.get(second).await.release;
    assert_eq!(after.sequence, before.sequence.map(|sequence| sequence + 2));
    shop.pass(600, 100, 0.0).await;
    assert_eq!(shop.state(second).await, State::Halted);
    let done = shop
        .steer(&ada(), second, Steered::RollBack)
        .await
        .expect("back");
    assert_eq!(done.state, State::RolledBack);
    let live = shop.app.live(&ada(), PROD).await.expect("a head");
    assert_eq!((live.mode.as_str(), live.gray), ("off", None));
}

#[tokio::test]
async fn nothing_is_released_without_the_role_or_in_another_workspace() {
    let shop = Shop::open().await;
    let viewer = person("vic", Role::Viewer);
    let stranger = Actor {
        grants: Vec::new(),
        ..person("eve", Role::Viewer)
    };
    let ask = async |who: &Actor| shop.app.release(who, PROD, Wanted::default(), None).await;
    assert!(matches!(ask(&viewer).await, Err(Error::Denied(_))));
    assert!(matches!(ask(&stranger).await, Err(Error::NotFound(_))));
    let id = shop.release(Wanted::default()).await;
    for wanted in [
        Steered::RollBack,
        Steered::Skip,
        Steered::Pause,
        Steered::Reject,
    ] {
        assert!(matches!(
            shop.steer(&viewer, id, wanted.clone()).await,
            Err(Error::Denied(_))
        ));
        assert!(matches!(
            shop.steer(&stranger, id, wanted).await,
            Err(Error::NotFound(_))
        ));
    }
    assert!(matches!(
        shop.app.release_of(&stranger, PROD, id).await,
        Err(Error::NotFound(_))
    ));
    let elsewhere = shop.app.release_of(&ada(), ("shop", "dev"), id).await;
    assert!(matches!(elsewhere, Err(Error::NotFound(_))));
}

async fn checked(shop: &Shop, wanted: Wanted) -> (i64, Steered) {
    let id = shop.release(wanted).await;
    let digest = shop.get(id).await.release.snapshot;
    (id, Steered::Approve { digest })
}

fn told(error: Error) -> (String, String) {
    match error {
        Error::Forbidden { detail, hint } => (detail, hint),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whoever_made_a_change_does_not_approve_it_whoever_puts_the_release_together() {
    let shop = Shop::open().await;
    shop.environment("prod", true, None).await;
    let bob = shop.member("bob", Role::Admin).await;
    let eve = shop.member("eve", Role::Admin).await;
    // Ada wrote the draft; Bob puts it together.
    let made = shop.app.release(&bob, PROD, Wanted::default(), None).await;
    let first = made.expect("a release")["id"].as_i64().expect("an id");
    let digest = shop.get(first).await.release.snapshot;
    let approve = Steered::Approve { digest };
    let (detail, hint) = told(
        shop.steer(&ada(), first, approve.clone())
            .await
            .expect_err("hers"),
    );
    assert_eq!(
        detail,
        "you made a change that this release brings, so somebody else has to approve it"
    );
    assert_eq!(hint, "ask eve");
    let (detail, _) = told(
        shop.steer(&bob, first, approve.clone())
            .await
            .expect_err("his"),
    );
    assert!(
        detail.starts_with("you put this release together"),
        "{detail}"
    );
    shop.steer(&eve, first, approve).await.expect("approved");

    // What is shown by now is nobody's change any more.
    shop.edit_as(&bob).await;
    let (second, approve) = checked(&shop, Wanted::default()).await;
    told(
        shop.steer(&bob, second, approve.clone())
            .await
            .expect_err("his change"),
    );
    shop.steer(&eve, second, approve).await.expect("approved");

    // One that never went out brings all that is in it, also once the draft has moved on and shows something else.
    shop.edit_as(&eve).await;
    let third = shop.release(Wanted::default()).await;
    let old = shop.get(third).await.release.snapshot;
    shop.steer(&bob, third, Steered::Reject)
        .await
        .expect("rejected");
    shop.edit_as(&bob).await;
    let (fourth, approve) = checked(&shop, Wanted::default()).await;
    let nobody = shop
        .steer(&bob, fourth, approve)
        .await
        .expect_err("his change");
    let (_, hint) = told(nobody);
    assert!(hint.starts_with("nobody else may approve"), "{hint}");
    let zoe = shop.member("zoe", Role::Approver).await;
    let digest = shop.get(fourth).await.release.snapshot;
    shop.steer(&zoe, fourth, Steered::Approve { digest })
        .await
        .expect("approved");
    let wanted = Wanted {
        snapshot: Some(old),
        ..Wanted::default()
    };
    let (fifth, approve) = checked(&shop, wanted).await;
    told(
        shop.steer(&eve, fifth, approve.clone())
            .await
            .expect_err("her change"),
    );
    shop.steer(&bob, fifth, approve).await.expect("not his");
}

#[tokio::test]
async fn an_environment_may_let_editors_approve() {
    let shop = Shop::open().await;
    shop.environment("prod", true, None).await;
    let bob = shop.member("bob", Role::Admin).await;
    shop.edit_as(&bob).await;
    let (id, approve) = checked(&shop, Wanted::default()).await;
    told(
        shop.steer(&bob, id, approve.clone())
            .await
            .expect_err("his change"),
    );
    let version = shop
        .app
        .environment(&ada(), PROD.0, PROD.1)
        .await
        .expect("it")
        .version;
    let settings = EnvironmentSettings {
        name: "prod".into(),
        protected: true,
        editors_approve: true,
        pipeline: None,
    };
    let who = ada();
    let put = shop
        .app
        .put_environment(&who, PROD.0, PROD.1, Expect::Version(version), settings);
    put.await.expect("changed");
    told(
        shop.steer(&ada(), id, approve.clone())
            .await
            .expect_err("put together by her"),
    );
    shop.steer(&bob, id, approve).await.expect("he may here");
}
