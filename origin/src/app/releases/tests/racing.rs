//! Many at once: nothing is lost, and no sequence is missing or taken twice.

use super::*;
use crate::app::releases::state::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_who_publish_at_once_lose_nothing() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    shop.edit().await;
    let (mut made, mut refused) = (Vec::new(), 0);
    for round in 0..8 {
        let asks = (0..16).map(|number| {
            let app = shop.app.clone();
            let wanted = Wanted {
                pipeline: Some("steps".into()),
                supersede: (number + round) % 4 == 0,
                ..Wanted::default()
            };
            tokio::spawn(async move { app.release(&ada(), PROD, wanted, None).await })
        });
        let asks: Vec<_> = asks.collect();
        for ask in asks {
            match ask.await.expect("no panic") {
                Ok(release) => made.push(release["id"].as_i64().expect("an id")),
                Err(Error::Conflict { .. } | Error::Moved { .. }) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        // Somebody takes back whatever is under way, and everything goes on.
        let live = shop.app.live(&ada(), PROD).await.expect("a head");
        let under_way = live.under_way.expect("one of them");
        shop.steer(&ada(), under_way, Steered::RollBack)
            .await
            .expect("back");
    }
    assert_eq!(made.len() + refused, 8 * 16);
    assert!(refused > 0 && made.len() >= 8);
    made.sort_unstable();
    let expected: Vec<i64> = (2..made.len() as i64 + 2).collect();
    assert_eq!(made, expected, "each got a number of its own");
    let mut states = std::collections::BTreeMap::new();
    for id in made {
        *states.entry(shop.state(id).await.name()).or_insert(0) += 1;
    }
    assert_eq!(states.get("rolled_back"), Some(&8), "{states:?}");
    assert!(
        states
            .keys()
            .all(|state| ["rolled_back", "superseded"].contains(state))
    );
    // One for the first, one for each begin, one for each rollback.
    let manifests = shop.manifests().await.len();
    assert_eq!(manifests, 1 + states.values().sum::<usize>() + 8);
    assert_eq!(shop.state(1).await, State::Full);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_who_expect_the_same_head_one_gets_it() {
    let shop = Shop::open().await;
    let asks = (0..16).map(|_| {
        let app = shop.app.clone();
        let wanted = Wanted {
            expected_head: Some(0),
            ..Wanted::default()
        };
        tokio::spawn(async move { app.release(&ada(), PROD, wanted, None).await })
    });
    let asks: Vec<_> = asks.collect();
    let mut made = 0;
    for ask in asks {
        match ask.await.expect("no panic") {
            Ok(_) => made += 1,
            Err(Error::Moved { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((made, shop.manifests().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rollback_always_wins_over_steps() {
    let shop = Shop::open().await;
    shop.release(Wanted::default()).await;
    for _ in 0..10 {
        let id = shop.by("steps").await;
        let steps = (0..4).map(|_| {
            let app = shop.app.clone();
            tokio::spawn(async move {
                let how = (None, String::new());
                app.steer(&ada(), PROD, id, Steered::Skip, how)
                    .await
                    .map(drop)
            })
        });
        let steps: Vec<_> = steps.collect();
        shop.steer(&ada(), id, Steered::RollBack)
            .await
            .expect("back");
        for step in steps {
            // Before it, or refused after it.
            let ended = step.await.expect("no panic");
            assert!(
                matches!(ended, Ok(()) | Err(Error::Conflict { .. })),
                "{ended:?}"
            );
        }
        assert_eq!(shop.state(id).await, State::RolledBack);
        let manifests = shop.manifests().await;
        let last = manifests.last().expect("a manifest");
        assert_eq!(last.header.stable, manifests[0].header.stable);
        assert!(last.header.gray.is_none());
    }
}
