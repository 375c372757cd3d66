//! Workers that end anywhere, workers that come back late, and what edges see of it.

use super::desk::{Desk, now, pass, run};
use super::shim::{Shim, Stop};
use crate::app::delivery::worker::{AUDIT_MS, LEASE_MS};
use crate::deliver::Traits;
use crate::store::sqlite::deliveries;

/// Delivers one release, ends a worker at one step of the next, and lets another one finish. False: there was no such step.
async fn ended_at(desk: &Desk, shim: &Shim, stop: Stop) -> bool {
    let old = shim.shows().unwrap_or(0);
    let new = desk.release(&format!("{stop:?}")).await as u64;
    let stopping = shim.stopping(stop);
    let mut first = desk.worker("t", &stopping);
    let ended = tokio::select! {
        () = stopping.stuck.notified() => true,
        () = desk.settle(&mut first) => false,
    };
    drop(first);
    let seen = shim.shows().unwrap_or(0);
    assert!(
        seen == old || seen == new,
        "{stop:?}: {seen}, not {old} or {new}"
    );
    // Its lease has to run out first.
    pass(LEASE_MS + 1);
    let mut second = desk.worker("t", shim);
    desk.settle(&mut second).await;
    assert_eq!(shim.shows(), Some(new), "{stop:?}");
    assert_eq!(shim.settled(), Some(new), "{stop:?}");
    let told = desk.progress("prod", "t").await;
    assert_eq!((told.state, told.delivered), ("current", Some(new as i64)));
    assert_eq!(told.error, None);
    ended
}

#[test]
fn a_worker_that_ends_at_any_step_leaves_the_old_or_the_new_and_the_next_one_finishes() {
    for compares in [true, false] {
        run(async |desk| {
            desk.shimmed("t").await;
            let traits = Traits {
                compares,
                ..Traits::AT_ONCE
            };
            let shim = Shim::new(traits);
            let mut steps = 0;
            for step in 0.. {
                let mut reached = false;
                for after in [false, true] {
                    reached |= ended_at(&desk, &shim, Stop { step, after }).await;
                }
                if !reached {
                    break;
                }
                steps += 1;
            }
            assert!(steps >= 8, "only {steps} steps were interrupted");
            let history = shim.store.lock().unwrap().history.clone();
            assert!(history.is_sorted(), "{history:?}");
        });
    }
}

#[test]
fn a_late_worker_cannot_put_an_older_manifest_where_there_is_compare_and_set() {
    late(true);
}

#[test]
fn where_there_is_none_the_next_look_repairs_it() {
    late(false);
}

/// A worker is held up right before it writes, loses its lease, and goes on after another one has delivered more.
fn late(compares: bool) {
    run(async |desk| {
        desk.shimmed("t").await;
        let traits = Traits {
            compares,
            ..Traits::AT_ONCE
        };
        let shim = Shim::new(traits);
        let old = desk.release("old").await;
        desk.settle(&mut desk.worker("t", &shim)).await;
        let slow = desk.release("slow").await;
        // What the slow one has decided to write.
        let mut tx = desk.app.store.read().await.unwrap();
        let row = crate::store::sqlite::manifests::get(&mut tx, "wallet", "prod", slow).await;
        let envelope = row.unwrap().unwrap().envelope;
        drop(tx);
        let value = skyful::manifest::Value {
            current: &envelope,
            fallback: &[],
        };
        let value = value.join();
        let new = desk.release("new").await;
        desk.settle(&mut desk.worker("t", &shim)).await;
        assert_eq!(shim.shows(), Some(new as u64));
        let place = desk.worker("t", &shim).place;
        let own = desk.app.own(&place).await.unwrap();
        let given = own.open(crate::deliver::Slot::Manifest, &value).unwrap();
        let rule =
            |stored: Option<&[u8]>| own.ruling(crate::deliver::Slot::Manifest, &given, stored);
        if compares {
            use crate::deliver::Target as _;
            let ruling = shim
                .replace(crate::deliver::Slot::Manifest, &value, &rule)
                .await;
            assert_eq!(ruling.unwrap(), crate::deliver::Ruling::Older(new as u64));
        } else {
            // It had read before the newer one was there.
            shim.change(|values| {
                values.insert("manifest".into(), value.clone());
            });
            assert_eq!(shim.fallback(), None);
            pass(AUDIT_MS);
            desk.settle(&mut desk.worker("t", &shim)).await;
        }
        assert_eq!(shim.shows(), Some(new as u64));
        let told = desk.progress("prod", "t").await;
        assert_eq!(told.delivered, Some(new), "never lowered, from {old}");
    });
}

#[test]
fn whoever_has_lost_the_lease_marks_nothing() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::AT_ONCE);
        desk.release("a").await;
        // Held up before its first step, for longer than its lease.
        let stopping = shim.stopping(Stop {
            step: 0,
            after: false,
        });
        let mut first = desk.worker("t", &stopping);
        tokio::select! {
            () = stopping.stuck.notified() => {}
            _ = first.round() => panic!("it went on"),
        }
        // Nobody else may work while it could be at it.
        let mut second = desk.worker("t", &shim);
        let next_ms = second.round().await.unwrap().unwrap();
        assert!(next_ms > now() && shim.shows().is_none());
        pass(LEASE_MS + 1);
        desk.settle(&mut second).await;
        assert_eq!(shim.shows(), Some(1));
        // The first one wakes up and would go on.
        let place = second.place.clone();
        let kept = desk.app.store.write(move |tx| {
            Box::pin(async move { deliveries::keep(tx, place.at(), 1, now() + LEASE_MS).await })
        });
        assert!(!kept.await.unwrap());
    });
}

#[test]
fn what_is_lost_or_damaged_at_a_target_is_delivered_again() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::AT_ONCE);
        let sequence = desk.release("a").await as u64;
        let mut worker = desk.worker("t", &shim);
        desk.settle(&mut worker).await;
        type Damage = fn(&mut std::collections::BTreeMap<String, Vec<u8>>);
        let damages: [Damage; 3] = [
            |values| values.clear(),
            |values| {
                let object = values.keys().find(|key| key.len() == 64).cloned();
                values.remove(&object.unwrap());
            },
            |values| {
                values.remove("manifest");
                values.remove("settled");
            },
        ];
        for damage in damages {
            shim.change(damage);
            pass(AUDIT_MS);
            desk.settle(&mut worker).await;
            assert_eq!(shim.shows(), Some(sequence));
            assert_eq!(shim.settled(), Some(sequence));
        }
    });
}

#[test]
fn failures_are_told_and_tried_again_later_each_time() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::AT_ONCE);
        shim.fail(Some("the store is on fire"));
        let sequence = desk.release("a").await;
        let mut worker = desk.worker("t", &shim);
        let mut longest = 0;
        for failures in 1..=12 {
            let next_ms = worker.round().await.unwrap().unwrap();
            let told = desk.progress("prod", "t").await;
            assert_eq!((told.state, told.failures), ("failing", failures));
            assert!(told.error.unwrap().contains("on fire"));
            longest = longest.max(next_ms - now());
            pass(next_ms - now());
        }
        assert!((1_000..=300_000).contains(&longest), "{longest}");
        shim.fail(None);
        pass(300_000);
        desk.settle(&mut worker).await;
        let told = desk.progress("prod", "t").await;
        assert_eq!(
            (told.state, told.failures, told.error),
            ("current", 0, None)
        );
        assert_eq!((told.delivered, told.lag_ms), (Some(sequence), 0));
    });
}
