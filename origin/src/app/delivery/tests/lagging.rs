//! A store that shows what was written only a minute later.

use super::desk::{Desk, now, pass, pass_to, run};
use super::shim::Shim;
use crate::app::delivery::worker::Worker;
use crate::deliver::{LAG, SETTLE_MS, Traits};

/// As the store is told of everywhere, a fifth of what is allowed.
const LATER_MS: i64 = LAG.as_millis() as i64 / 5;

/// Lets time pass until an instant, and the worker look whenever it wants to. Edges see something whole all the while.
async fn until(desk: &Desk, worker: &mut Worker, shim: &Shim, end_ms: i64) {
    let mut shown = shim.shows();
    while now() < end_ms {
        let next_ms = worker.round().await.unwrap().unwrap();
        assert!(
            shim.shows() >= shown,
            "from {shown:?} to {:?}",
            shim.shows()
        );
        shown = shim.shows();
        pass_to(next_ms, end_ms);
    }
    let told = desk.progress("prod", "t").await;
    assert_eq!(told.error, None);
}

#[test]
fn objects_are_visible_before_the_manifest_and_the_fallback_is_what_has_settled() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::HOSTED);
        let mut worker = desk.worker("t", &shim);
        let first = desk.release("a").await;
        until(&desk, &mut worker, &shim, now() + LATER_MS - 1).await;
        assert_eq!(desk.progress("prod", "t").await.delivered, None);
        until(&desk, &mut worker, &shim, now() + LATER_MS + 5_000).await;
        assert_eq!(desk.progress("prod", "t").await.delivered, Some(first));
        assert_eq!((shim.shows(), shim.settled()), (Some(1), None));
        // Two more before it has settled: neither of them is what edges can count on.
        let second = desk.release("b").await;
        until(&desk, &mut worker, &shim, now() + 3 * LATER_MS).await;
        assert_eq!(desk.progress("prod", "t").await.delivered, Some(second));
        assert_eq!(shim.fallback(), None);
        until(&desk, &mut worker, &shim, now() + SETTLE_MS + 2 * LATER_MS).await;
        assert_eq!(shim.settled(), Some(second as u64));
        let third = desk.release("c").await;
        until(&desk, &mut worker, &shim, now() + 3 * LATER_MS).await;
        assert_eq!(
            (shim.shows(), shim.fallback()),
            (Some(third as u64), Some(second as u64))
        );
        assert_eq!(desk.progress("prod", "t").await.settled, Some(second));
        until(&desk, &mut worker, &shim, now() + SETTLE_MS + 2 * LATER_MS).await;
        assert_eq!(desk.progress("prod", "t").await.settled, Some(third));
    });
}

#[test]
fn what_is_not_visible_yet_is_not_written_again_and_again() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::HOSTED);
        let mut worker = desk.worker("t", &shim);
        desk.release("a").await;
        until(&desk, &mut worker, &shim, now() + 3 * LATER_MS).await;
        let store = shim.store.lock().unwrap();
        assert_eq!(store.puts, 2, "one write an object");
        assert_eq!(store.history, [1], "one write of the manifest");
    });
}

#[test]
fn only_the_newest_is_delivered() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::HOSTED);
        let mut worker = desk.worker("t", &shim);
        for n in 0..20 {
            desk.release(&format!("v{n}")).await;
        }
        until(&desk, &mut worker, &shim, now() + 3 * LATER_MS).await;
        assert_eq!(shim.store.lock().unwrap().history, [20]);
    });
}

#[test]
fn an_object_that_never_becomes_visible_is_told() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::HOSTED);
        let mut worker = desk.worker("t", &shim);
        desk.release("a").await;
        let end_ms = now() + LAG.as_millis() as i64 * 3;
        let late = std::sync::Arc::clone(&shim.store);
        while now() < end_ms {
            // Lost on the way, whatever was answered.
            let next_ms = worker.round().await.unwrap().unwrap();
            late.lock().unwrap().lose();
            pass((next_ms - now()).max(50));
        }
        let told = desk.progress("prod", "t").await;
        assert_eq!(told.delivered, None);
        assert!(told.error.unwrap().contains("other than it was written"));
        assert!(shim.shows().is_none(), "no manifest without its objects");
    });
}
