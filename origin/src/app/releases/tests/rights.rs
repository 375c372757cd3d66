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
