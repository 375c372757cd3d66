//! Events that count, and a store that can't count them.

use std::sync::atomic::{AtomicUsize, Ordering};

use pollster::block_on;
use serde_json::{Value, json};
use skyful_edge::memory::MemoryCaps;
use skyful_edge::{CapMode, CapStore, Response, StoreError};

use crate::world::World;

fn send<C: CapStore>(world: &World<C>, events: &[Value]) -> Response {
    let body = json!({"events": events}).to_string();
    block_on(world.sent("POST", "/v1/events", &body, None))
}

#[test]
fn a_click_that_could_not_be_counted_is_asked_for_again() {
    let world = World::new(
        CapMode::Exact,
        &[("hero", json!([{"stop_after": "click"}]))],
    );
    let answer = world.ask(json!({"page": "hero"}), None);
    let click = [answer.event("click", world.now_ms)];
    world.platform.caps.fail(true);
    let failed = send(&world, &click);
    assert_eq!(failed.status, 503);
    assert!(failed.header("retry-after").is_some());
    let problem: Value = serde_json::from_slice(&failed.body).unwrap();
    assert_eq!(problem["type"], "urn:skyful:problem:caps-not-counted");
    world.platform.caps.fail(false);
    assert!(world.ask(json!({"page": "hero"}), None).shows());
    assert_eq!(send(&world, &click).status, 202);
    assert!(!world.ask(json!({"page": "hero"}), None).shows());
}

#[test]
fn an_exposure_counts_without_its_event_and_is_asked_for_once() {
    let world = World::new(
        CapMode::Exact,
        &[("hero", json!([{"limit": 1, "per": "1d"}]))],
    );
    let answer = world.ask(json!({"page": "hero"}), None);
    world.platform.caps.fail(true);
    let seen = send(&world, &[answer.event("exposure", world.now_ms)]);
    assert_eq!(seen.status, 202, "the open grant counts as well");
    world.platform.caps.fail(false);
    assert!(!world.ask(json!({"page": "hero"}), None).shows());
}

/// Knows how many wait at once.
#[derive(Default)]
struct Watched {
    caps: MemoryCaps,
    waiting: AtomicUsize,
    most: AtomicUsize,
}

impl CapStore for Watched {
    async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(waiting, Ordering::Relaxed);
        let mut turns = 0;
        std::future::poll_fn(|context| {
            turns += 1;
            if turns > 3 {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.caps.run(subject, command).await
    }
}

#[test]
fn visitors_of_one_batch_are_counted_at_once() {
    let caps = json!([{"stop_after": "click"}]);
    let world = World::over(Watched::default(), CapMode::Exact, &[("hero", caps)]);
    let clicks = (0..8).map(|n| {
        let unit = format!("u-{n}");
        let answer = world.ask(json!({"page": "hero", "unit": unit}), None);
        let mut click = answer.event("click", world.now_ms);
        click["unit"] = json!(unit);
        click
    });
    let clicks: Vec<Value> = clicks.collect();
    assert_eq!(send(&world, &clicks).status, 202);
    assert_eq!(world.platform.caps.most.load(Ordering::Relaxed), 8);
    for n in 0..8 {
        let body = json!({"page": "hero", "unit": format!("u-{n}")});
        assert!(!world.ask(body, None).shows(), "u-{n}");
    }
}
