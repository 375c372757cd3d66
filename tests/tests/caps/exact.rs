//! An edge that counts itself: many requests at once, answers that never come, restarts.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use skyful_edge::memory::MemoryCaps;
use skyful_edge::{CapMode, CapStore, StoreError};

use crate::world::{DAY, MINUTE, World};

#[test]
fn an_open_grant_counts_until_its_window_ends() {
    let mut world = World::new(
        CapMode::Exact,
        &[("hero", json!([{"limit": 1, "per": "2h"}]))],
    );
    assert!(world.ask(json!({"page": "hero"}), None).shows());
    world.wait(119 * MINUTE);
    assert!(!world.ask(json!({"page": "hero"}), None).shows());
    world.wait(2 * MINUTE);
    assert!(world.ask(json!({"page": "hero"}), None).shows());
}

#[test]
fn a_click_that_is_reported_stops() {
    let mut world = World::new(
        CapMode::Exact,
        &[("hero", json!([{"stop_after": "click"}]))],
    );
    let first = world.ask(json!({"page": "hero"}), None);
    assert!(world.ask(json!({"page": "hero"}), None).shows());
    let mut other = first.event("click", world.now_ms);
    other["grant"] = json!("AAAAAAAAAAAAAAAA");
    assert!(
        world
            .ask(json!({"page": "hero", "seen": [other]}), None)
            .shows(),
        "never granted"
    );
    world.wait(DAY);
    let click = first.event("click", world.now_ms);
    assert!(
        !world
            .ask(json!({"page": "hero", "seen": [click]}), None)
            .shows()
    );
    assert!(!world.ask(json!({"page": "hero"}), None).shows());
}

#[test]
fn a_store_that_gives_no_answer_grants_nothing() {
    let world = World::new(
        CapMode::Exact,
        &[("hero", json!([{"limit": 5, "per": "1d"}]))],
    );
    world.platform.caps.fail(true);
    let answer = world.ask(json!({"page": "hero"}), None);
    assert!(!answer.shows() && answer.grant.is_none());
    assert_eq!(answer.json["modules"][0]["reason"], "DEFAULT");
    world.platform.caps.fail(false);
    assert!(world.ask(json!({"page": "hero"}), None).shows());
}

#[test]
fn what_the_device_has_no_room_for_takes_none_of_the_unit() {
    let caps = json!([{"limit": 2, "per": "1d"}, {"limit": 1, "per": "1d", "by": "device"}]);
    let world = World::new(CapMode::Exact, &[("hero", caps)]);
    let ask = |device: &str| {
        world
            .ask(json!({"page": "hero", "device": device}), None)
            .shows()
    };
    assert!(ask("d-1"));
    for _ in 0..5 {
        assert!(!ask("d-1"), "the device has none");
    }
    assert!(ask("d-2"), "the unit had one left");
    assert!(!ask("d-3"));
}

/// Where every command takes a while before and after it is applied, and some answers are lost.
struct Slow {
    caps: MemoryCaps,
    dice: Mutex<SmallRng>,
    losses: f64,
    lost: AtomicU64,
}

impl CapStore for Slow {
    async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (before, after, fate) = {
            let mut dice = self.dice.lock().unwrap();
            (
                dice.random_range(0..4),
                dice.random_range(0..4),
                dice.random::<f64>(),
            )
        };
        wait(before).await;
        if fate < self.losses / 2.0 {
            return Err(StoreError("never arrived".into()));
        }
        let reply = self.caps.run(subject, command).await;
        wait(after).await;
        if fate < self.losses {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError("the answer was lost".into()));
        }
        reply
    }
}

/// So many turns of the others.
async fn wait(mut turns: u32) {
    std::future::poll_fn(move |_| match turns {
        0 => Poll::Ready(()),
        _ => {
            turns -= 1;
            Poll::Pending
        }
    })
    .await;
}

/// Runs all of them, whoever's turn the dice say.
fn race<T>(dice: &mut SmallRng, futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<Pin<Box<_>>> = futures.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    while !running.is_empty() {
        let turn = dice.random_range(0..running.len());
        if let Poll::Ready(value) = pin!(&mut running[turn]).poll(&mut context) {
            done.push(value);
            drop(running.swap_remove(turn));
        }
    }
    done
}

#[test]
fn sixty_four_at_once_are_never_granted_more_than_the_limit() {
    let rounds = std::env::var("SKYFUL_CAP_ROUNDS").map_or(300, |rounds| rounds.parse().unwrap());
    let (mut attempts, mut lost) = (0_u64, 0);
    for seed in 0..rounds {
        let mut dice = SmallRng::seed_from_u64(seed);
        let limit = dice.random_range(1..8_u32);
        let losses = if seed % 3 == 0 { 0.0 } else { 0.2 };
        let caps = Slow {
            caps: MemoryCaps::default(),
            dice: Mutex::new(SmallRng::seed_from_u64(seed + 1)),
            losses,
            lost: AtomicU64::new(0),
        };
        let counted = json!([{"limit": limit, "per": "1d", "count": "served"}]);
        let modules = [("one", counted.clone()), ("two", counted)];
        let world = World::over(caps, CapMode::Exact, &modules);
        let page = |n: u32| ["one", "two", "both"][n as usize % 3];
        let requests = (0..64)
            .map(|n| world.asked(json!({"page": page(n)}), None))
            .collect();
        let answers = race(&mut dice, requests);
        attempts += 64;
        lost += world.platform.caps.lost.load(Ordering::Relaxed);
        for module in ["one: promo", "two: promo"] {
            let granted = answers
                .iter()
                .flat_map(crate::world::Answer::plans)
                .filter(|p| p == module)
                .count();
            assert!(
                granted <= limit as usize,
                "seed {seed}: {granted} of {limit} for {module}"
            );
            if losses == 0.0 {
                assert_eq!(
                    granted, limit as usize,
                    "seed {seed}: none is withheld either"
                );
            }
        }
    }
    println!("{attempts} attempts, {lost} lost answers, no grant beyond a limit");
    assert!(lost > 0, "something has to go wrong");
}
