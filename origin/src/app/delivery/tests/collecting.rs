//! What is deleted, and what is not.

use std::collections::BTreeSet;

use skyful::snapshot::Digest;

use super::desk::{Desk, compiled, now, pass, run};
use super::shim::{Shim, Stop};
use crate::app::delivery::round::QUARANTINE_MS;
use crate::app::delivery::worker::{COLLECT_MS, LEASE_MS, Worker};
use crate::deliver::Traits;

const DAY_MS: i64 = 86_400_000;

/// The object that only the page of this title has.
fn own_object(title: &str) -> Digest {
    let names = |title: &str| -> BTreeSet<Digest> { compiled(title).objects.into_keys().collect() };
    let shared = names("something else");
    *names(title)
        .difference(&shared)
        .next()
        .expect("an object of its own")
}

/// So many releases that the ones before are beyond the last twenty.
async fn many_more(desk: &Desk, worker: &mut Worker) {
    for n in 0..21 {
        desk.release(&format!("more {n} {}", now())).await;
        desk.settle(worker).await;
    }
}

async fn collect(desk: &Desk, worker: &mut Worker) {
    pass(COLLECT_MS);
    desk.settle(worker).await;
}

#[test]
fn an_object_goes_when_nothing_has_named_it_for_the_whole_retention_and_not_before() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::AT_ONCE);
        let mut worker = desk.worker("t", &shim);
        let old = own_object("old");
        desk.release("old").await;
        desk.settle(&mut worker).await;
        many_more(&desk, &mut worker).await;
        assert!(shim.has_object(&old));
        pass(30 * DAY_MS - COLLECT_MS);
        collect(&desk, &mut worker).await;
        assert!(shim.has_object(&old), "issued in the last thirty days");
        // Condemned now, and a day later it goes.
        collect(&desk, &mut worker).await;
        assert!(shim.has_object(&old), "condemned only");
        pass(DAY_MS);
        collect(&desk, &mut worker).await;
        assert!(!shim.has_object(&old));
        let deleted = shim.store.lock().unwrap().deleted.len();
        assert_eq!(
            deleted, 2,
            "it and the one after it, which is the twenty-first"
        );
        // What is out, and the last twenty, are there however old they are.
        pass(400 * DAY_MS);
        for _ in 0..5 {
            collect(&desk, &mut worker).await;
        }
        assert_eq!(shim.shows(), Some(22));
        assert_eq!(
            shim.objects(),
            21,
            "twenty own ones and the one that they share"
        );
    });
}

#[test]
fn what_is_named_again_while_it_is_condemned_stays() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::AT_ONCE);
        let mut worker = desk.worker("t", &shim);
        let old = own_object("old");
        desk.release("old").await;
        desk.settle(&mut worker).await;
        many_more(&desk, &mut worker).await;
        pass(30 * DAY_MS);
        collect(&desk, &mut worker).await;
        // Taken up again in the very last moment.
        pass(DAY_MS);
        desk.release("old").await;
        desk.settle(&mut worker).await;
        pass(DAY_MS);
        collect(&desk, &mut worker).await;
        assert!(shim.has_object(&old));
        assert!(!shim.store.lock().unwrap().deleted.contains(&old));
    });
}

#[test]
fn an_upload_waits_while_a_request_to_delete_may_be_under_way() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::AT_ONCE);
        let mut worker = desk.worker("t", &shim);
        let old = own_object("old");
        desk.release("old").await;
        desk.settle(&mut worker).await;
        many_more(&desk, &mut worker).await;
        pass(30 * DAY_MS);
        collect(&desk, &mut worker).await;
        pass(DAY_MS + COLLECT_MS);
        // The worker ends while its request is on its way: nobody knows whether it will arrive.
        let mut found = false;
        for step in 0..100 {
            let stopping = shim.stopping(Stop { step, after: false });
            let mut first = desk.worker("t", &stopping);
            tokio::select! {
                () = stopping.stuck.notified() => {}
                () = desk.settle(&mut first) => break,
            }
            drop(first);
            pass(LEASE_MS + 1);
            let mut tx = desk.app.store.read().await.unwrap();
            let deleting: i64 =
                sqlx::query_scalar("SELECT count(*) FROM target_objects WHERE state = 'deleting'")
                    .fetch_one(&mut *tx)
                    .await
                    .unwrap();
            if deleting > 0 {
                found = true;
                break;
            }
        }
        assert!(found, "no step was between the decision and the request");
        let sequence = desk.release("old").await as u64;
        let mut second = desk.worker("t", &shim);
        let next_ms = second.round().await.unwrap().unwrap();
        assert!(next_ms > now() + QUARANTINE_MS / 2, "{}", next_ms - now());
        assert_ne!(shim.shows(), Some(sequence));
        // Here it arrives at last, which is the latest that it can.
        shim.change(|values| {
            values.remove(&old.hex());
        });
        pass(next_ms - now());
        desk.settle(&mut second).await;
        assert_eq!(shim.shows(), Some(sequence));
        assert!(shim.has_object(&old));
    });
}

#[test]
fn texts_of_manifests_go_when_they_are_old_and_stand_nowhere() {
    run(async |desk| {
        for target in ["t", "slow"] {
            desk.shimmed(target).await;
        }
        let (shim, slow) = (Shim::new(Traits::AT_ONCE), Shim::new(Traits::AT_ONCE));
        let mut behind = desk.worker("slow", &slow);
        desk.release("old").await;
        desk.settle(&mut behind).await;
        let mut worker = desk.worker("t", &shim);
        many_more(&desk, &mut worker).await;
        let texts = || async {
            let mut tx = desk.app.store.read().await.unwrap();
            let sql = "SELECT sequence FROM manifests WHERE length(envelope) > 0 ORDER BY sequence";
            let kept: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&mut *tx).await.unwrap();
            kept
        };
        assert_eq!(
            desk.app.collect_manifests().await.unwrap(),
            0,
            "all are young"
        );
        pass(31 * DAY_MS);
        assert_eq!(desk.app.collect_manifests().await.unwrap(), 19);
        assert_eq!(
            texts().await,
            [1, 21, 22],
            "one stands where nothing newer came, and 21 is a fallback"
        );
        assert_eq!(desk.app.collect_manifests().await.unwrap(), 0);
        // All goes on with what is left: a target that lost everything, and the next release.
        shim.change(std::collections::BTreeMap::clear);
        desk.settle(&mut worker).await;
        assert_eq!(shim.shows(), Some(22));
        let sequence = desk.release("new").await as u64;
        desk.settle(&mut worker).await;
        assert_eq!((sequence, shim.shows()), (23, Some(23)));
    });
}

#[test]
fn our_own_snapshots_go_when_nothing_names_them() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::AT_ONCE);
        let mut worker = desk.worker("t", &shim);
        desk.release("old").await;
        desk.settle(&mut worker).await;
        many_more(&desk, &mut worker).await;
        assert_eq!(desk.app.collect_snapshots().await.unwrap(), (0, 0));
        pass(31 * DAY_MS);
        assert_eq!(
            desk.app.collect_snapshots().await.unwrap(),
            (0, 0),
            "condemned only"
        );
        pass(DAY_MS);
        assert_eq!(desk.app.collect_snapshots().await.unwrap(), (2, 2));
        // What targets have to get is all there still.
        shim.change(std::collections::BTreeMap::clear);
        desk.settle(&mut worker).await;
        assert_eq!(shim.shows(), Some(22));
        pass(400 * DAY_MS);
        for _ in 0..3 {
            assert_eq!(desk.app.collect_snapshots().await.unwrap(), (0, 0));
            pass(DAY_MS);
        }
    });
}
