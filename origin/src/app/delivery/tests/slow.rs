//! A target that takes its time, and what doesn't wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skyful::snapshot::Digest;
use tokio::sync::Notify;

use super::desk::{Desk, now, pass, run};
use super::shim::{Shim, Stop};
use crate::app::App;
use crate::app::delivery::round::QUARANTINE_MS;
use crate::app::delivery::worker::{COLLECT_MS, Worker, backoff_ms};
use crate::deliver::{Doing, Object, Rule, Ruling, Slot, Target, Traits};
use crate::failure::Failure;

const DAY_MS: i64 = 86_400_000;
/// Far more than anything here takes, if it isn't waited for.
const SOON: Duration = Duration::from_secs(60);

/// The shim, whose requests to delete take nearly as long as they may.
#[derive(Clone)]
struct Slow {
    shim: Shim,
    app: App,
    /// How long before each request the object was marked, and how many objects it was for.
    marked: Arc<Mutex<Vec<(i64, usize)>>>,
    hangs: Arc<AtomicBool>,
    stuck: Arc<Notify>,
}

impl Slow {
    fn new(desk: &Desk, traits: Traits) -> Self {
        Self {
            shim: Shim::new(traits),
            app: desk.app.clone(),
            marked: Arc::default(),
            hangs: Arc::default(),
            stuck: Arc::default(),
        }
    }

    fn worker(&self, desk: &Desk) -> Worker {
        let mut worker = desk.worker("t", &self.shim);
        let (version, _) = worker.memory.target.take().expect("the shim");
        worker.memory.target = Some((version, Arc::new(self.clone())));
        worker
    }
}

impl Target for Slow {
    fn get(&self, slot: Slot) -> Doing<'_, Option<Vec<u8>>> {
        self.shim.get(slot)
    }

    fn replace<'a>(&'a self, slot: Slot, value: &'a [u8], rule: Rule<'a>) -> Doing<'a, Ruling> {
        self.shim.replace(slot, value, rule)
    }

    fn has<'a>(&'a self, digest: &'a Digest) -> Doing<'a, bool> {
        self.shim.has(digest)
    }

    fn put<'a>(&'a self, objects: &'a [Object]) -> Doing<'a, ()> {
        self.shim.put(objects)
    }

    fn delete<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, ()> {
        Box::pin(async move {
            let mut tx = self.app.store.read().await.unwrap();
            let sql =
                "SELECT since_ms FROM target_objects WHERE digest = ?1 AND state = 'deleting'";
            let query = sqlx::query_scalar(sql).bind(digests[0].hex());
            let since_ms: i64 = query.fetch_one(&mut *tx).await.unwrap();
            drop(tx);
            let marked = (now() - since_ms, digests.len());
            self.marked.lock().unwrap().push(marked);
            if self.hangs.load(Ordering::Relaxed) {
                self.stuck.notify_one();
                std::future::pending::<()>().await;
            }
            pass(QUARANTINE_MS - 1);
            self.shim.delete(digests).await
        })
    }

    fn probe(&self) -> Doing<'_, ()> {
        self.shim.probe()
    }

    fn traits(&self) -> Traits {
        self.shim.traits()
    }

    fn place(&self) -> String {
        self.shim.place()
    }
}

/// Until two objects are to be deleted by whoever looks next.
async fn condemned(desk: &Desk, worker: &mut Worker) {
    desk.release("old").await;
    desk.settle(worker).await;
    for n in 0..21 {
        desk.release(&format!("more {n}")).await;
        desk.settle(worker).await;
    }
    pass(31 * DAY_MS);
    desk.settle(worker).await;
    pass(DAY_MS + COLLECT_MS);
}

#[test]
fn a_request_to_delete_is_for_what_was_marked_right_before_it() {
    run(async |desk| {
        desk.shimmed("t").await;
        let traits = Traits {
            deletes_at_once: 1,
            ..Traits::AT_ONCE
        };
        let slow = Slow::new(&desk, traits);
        let mut worker = slow.worker(&desk);
        condemned(&desk, &mut worker).await;
        desk.settle(&mut worker).await;
        assert_eq!(*slow.marked.lock().unwrap(), [(0, 1), (0, 1)]);
        assert_eq!(slow.shim.store.lock().unwrap().deleted.len(), 2);
    });
}

#[test]
fn what_is_newer_waits_for_no_upload() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::AT_ONCE);
        desk.release("a").await;
        let first = Stop {
            step: 0,
            after: false,
        };
        let stopping = shim.stopping(first);
        let mut worker = desk.worker("t", &stopping);
        let signed = async {
            stopping.stuck.notified().await;
            desk.release("switched off").await
        };
        let both = async { tokio::join!(worker.round(), signed) };
        let (round, newer) = tokio::time::timeout(SOON, both).await.expect("no wait");
        assert!(round.unwrap().expect("a target") <= now());
        desk.settle(&mut worker).await;
        assert_eq!(shim.shows(), Some(newer as u64));
        assert_eq!(desk.progress("prod", "t").await.failures, 0);
    });
}

#[test]
fn what_is_newer_waits_for_no_collection_and_nothing_more_is_deleted() {
    run(async |desk| {
        desk.shimmed("t").await;
        let traits = Traits {
            deletes_at_once: 1,
            ..Traits::AT_ONCE
        };
        let slow = Slow::new(&desk, traits);
        let mut worker = slow.worker(&desk);
        condemned(&desk, &mut worker).await;
        slow.hangs.store(true, Ordering::Relaxed);
        let signed = async {
            slow.stuck.notified().await;
            desk.release("switched off").await
        };
        let both = async { tokio::join!(worker.round(), signed) };
        let (round, newer) = tokio::time::timeout(SOON, both).await.expect("no wait");
        assert!(round.unwrap().expect("a target") <= now());
        slow.hangs.store(false, Ordering::Relaxed);
        assert_eq!(slow.marked.lock().unwrap().len(), 1);
        worker.round().await.unwrap();
        assert_eq!(slow.shim.shows(), Some(newer as u64));
    });
}

#[test]
fn a_wait_is_no_failure() {
    run(async |desk| {
        desk.shimmed("t").await;
        let shim = Shim::new(Traits::HOSTED);
        let mut worker = desk.worker("t", &shim);
        desk.release("a").await;
        shim.fail(Some("down"));
        for _ in 0..2 {
            let next_ms = worker.round().await.unwrap().unwrap();
            pass((next_ms - now()).max(1));
        }
        shim.fail(None);
        // It isn't visible yet.
        for _ in 0..10 {
            let next_ms = worker.round().await.unwrap().unwrap();
            pass((next_ms - now()).max(1));
        }
        let told = desk.progress("prod", "t").await;
        assert_eq!((told.failures, told.delivered), (2, None));
        assert!(told.error.is_some_and(|error| error.contains("down")));
    });
}

#[test]
fn whoever_wants_to_be_left_alone_for_ever_is_asked_again_in_an_hour() {
    let mut failure = Failure::usage("busy");
    failure.after = Some(Duration::from_secs(u64::MAX));
    assert_eq!(backoff_ms(0, &failure), 3_600_000);
    failure.after = Some(Duration::from_secs(120));
    assert_eq!(backoff_ms(0, &failure), 120_000);
}
