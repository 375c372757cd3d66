//! What is kept of releases, and what goes.

use super::*;
use crate::app::releases::state::State;

const DAY: i64 = 86_400;

async fn hero(shop: &Shop, version: i64) {
    let path = Path::parse("modules/hero").expect("a path");
    let found = shop.app.object(&ada(), "shop", &path).await.expect("it");
    let body = json!({"type": "card", "default": {"content": {"v": version}}});
    let expect = Expect::Version(found.version);
    let put = shop.app.put(&ada(), "shop", &path, expect, body).await;
    put.expect("an edit");
}

#[tokio::test]
async fn snapshots_of_releases_that_are_long_over_go_and_come_back_when_they_are_made_again() {
    let shop = Shop::open().await;
    let mut ids = Vec::new();
    for version in 1..=25 {
        hero(&shop, version).await;
        ids.push(shop.release(Wanted::default()).await);
    }
    let snapshot = |of: &Detailed| of.release.snapshot.clone();
    let (first, last) = (shop.get(ids[0]).await, shop.get(ids[24]).await);
    // One that waits was never shown to anybody.
    hero(&shop, 26).await;
    let planned = shop
        .release(Wanted {
            start_ms: Some(now() + 40 * DAY * 1_000),
            ..Wanted::default()
        })
        .await;
    later(31 * DAY);
    assert_eq!(shop.app.collect_snapshots().await.expect("a step"), (0, 0));
    later(DAY);
    assert_eq!(shop.app.collect_snapshots().await.expect("a step"), (5, 5));
    for _ in 0..3 {
        later(DAY);
        assert_eq!(shop.app.collect_snapshots().await.expect("a step"), (0, 0));
    }

    // The history stays, and what needs more says why not.
    assert_eq!(snapshot(&shop.get(ids[0]).await), snapshot(&first));
    let told = shop.app.changes_of(&ada(), PROD, ids[0]).await;
    let told = refused(told.expect_err("it is gone"));
    assert!(told.contains("isn't kept any more"), "{told}");
    let again = Wanted {
        snapshot: Some(snapshot(&first)),
        ..Wanted::default()
    };
    let told = shop.try_release(again.clone()).await;
    assert!(matches!(told, Err(Error::NotFound(_))), "{told:?}");

    // What is out can be taken back, and what waited begins.
    let back = shop.steer(&ada(), ids[24], Steered::RollBack).await;
    assert_eq!(back.expect("kept").state, State::RolledBack);
    let back = shop.release(Wanted {
        snapshot: Some(snapshot(&last)),
        ..Wanted::default()
    });
    assert_eq!(shop.state(back.await).await, State::Full);
    later(10 * DAY);
    shop.look().await;
    assert_eq!(shop.state(planned).await, State::Full);

    // Made again it is the same, and whole.
    hero(&shop, 1).await;
    let id = shop.release(Wanted::default()).await;
    assert_eq!(snapshot(&shop.get(id).await), snapshot(&first));
    shop.app.changes_of(&ada(), PROD, id).await.expect("whole");
    hero(&shop, 27).await;
    shop.release(Wanted::default()).await;
    let id = shop.release(again).await;
    assert_eq!(shop.state(id).await, State::Full);
}
