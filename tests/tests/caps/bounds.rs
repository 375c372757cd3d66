//! How far a cap can be overshot where nobody stands between reading and writing, and that it can be that far.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use skyful::limits;
use skyful_edge::{CapMode, CapStore, StoreError, caps};

use crate::world::{Answer, MINUTE, World};

/// A client that sends what it holds, and everything it saw, until nothing is left to send.
#[derive(Clone, Default)]
struct Client {
    tokens: Vec<String>,
    seen: Vec<(Value, i64)>,
    /// What it held before each of its requests.
    old: Vec<Vec<String>>,
}

impl Client {
    /// So many requests at once with the same tokens; what each showed is seen at once.
    fn asks(&mut self, world: &World, at_once: usize) -> Vec<Answer> {
        let token = self.tokens.join(", ");
        let seen: Vec<&Value> = self.seen.iter().map(|(event, _)| event).collect();
        let body = json!({"page": "hero", "seen": seen});
        let answers: Vec<Answer> = (0..at_once)
            .map(|_| world.ask(body.clone(), Some(&token)))
            .collect();
        self.seen.clear();
        let given = answers.iter().filter_map(|answer| answer.caps.clone());
        let held = std::mem::replace(&mut self.tokens, given.collect());
        self.old.extend(Some(held).filter(|held| !held.is_empty()));
        answers
    }

    /// Tokens of an earlier time, as from a restored backup.
    fn older(&self, dice: &mut SmallRng) -> Option<Vec<String>> {
        let held = |at: usize| self.old.get(at).cloned();
        held(dice.random_range(0..self.old.len().max(1)))
    }
}

/// What may happen to a ledger between two visits.
#[derive(Default)]
struct Mishaps {
    lost: usize,
    replayed: usize,
    beside: usize,
}

impl Mishaps {
    fn befall(&mut self, client: &mut Client, dice: &mut SmallRng) {
        match dice.random_range(0..120) {
            0..3 => {
                *client = Client::default();
                self.lost += 1;
            }
            3..6 => {
                if let Some(older) = client.older(dice) {
                    client.tokens = older;
                    self.replayed += 1;
                }
            }
            // An older one beside what is held takes nothing back, so no bound knows of it.
            6..12 => {
                if let Some(older) = client.older(dice) {
                    client.tokens.extend(older);
                    client.tokens.truncate(limits::LEDGER_TOKENS);
                    self.beside += 1;
                }
            }
            _ => {}
        }
    }
}

#[test]
fn ledgers_overshoot_by_what_is_in_flight_and_no_further() {
    let rounds = std::env::var("SKYFUL_CAP_ROUNDS").map_or(300, |rounds| rounds.parse().unwrap());
    let (mut most, mut replayed, mut beside) = (0, 0, 0);
    for seed in 0..rounds {
        let mut dice = SmallRng::seed_from_u64(seed);
        let limit = dice.random_range(1..6_usize);
        let (devices, in_flight) = (dice.random_range(1..4_usize), dice.random_range(1..4_usize));
        let mut world = World::new(
            CapMode::Ledger,
            &[("hero", json!([{"limit": limit, "per": "1d"}]))],
        );
        let mut clients = vec![Client::default(); devices];
        let (mut shown, mut late) = (0, 0);
        let mut mishaps = Mishaps::default();
        for _ in 0..60 {
            // All within one window.
            world.wait(dice.random_range(0..15 * MINUTE));
            let which = dice.random_range(0..devices);
            let client = &mut clients[which];
            mishaps.befall(client, &mut dice);
            // What waited too long is reported after its hold: as if it never were.
            let hold = world.now_ms - 9 * MINUTE;
            late += client.seen.iter().filter(|(_, at)| *at < hold).count();
            client.seen.retain(|(_, at)| *at >= hold);
            let at_once = dice.random_range(1..=in_flight);
            for answer in client
                .asks(&world, at_once)
                .iter()
                .filter(|answer| answer.shows())
            {
                shown += 1;
                if dice.random_ratio(1, 20) {
                    late += 1;
                } else {
                    client
                        .seen
                        .push((answer.event("exposure", world.now_ms), world.now_ms));
                }
            }
        }
        let ledgers = devices + mishaps.lost + mishaps.replayed;
        let bound = ledgers * (limit + in_flight - 1) + late;
        replayed += mishaps.replayed;
        beside += mishaps.beside;
        assert!(
            shown <= bound,
            "seed {seed}: {shown} of {limit}, at most {bound}"
        );
        most = most.max(shown.saturating_sub(limit));
    }
    assert!(most > 0, "something has to be overshot");
    assert!(replayed > 0 && beside > 0, "older ledgers have to come");
}

/// One visitor who keeps the token of the first visit and sends it whenever nothing is shown any more. It knows of one
/// grant, so each time is worth all others.
#[test]
fn a_replayed_ledger_grants_again_what_it_lacks() {
    let (limit, replays) = (3, 4);
    let counted = json!([{"limit": limit, "per": "1d", "count": "served"}]);
    let world = World::new(CapMode::Ledger, &[("hero", counted)]);
    let mut client = Client::default();
    let mut shown = 0;
    for replay in 0..=replays {
        if replay > 0 {
            client.tokens.clone_from(&client.old[0]);
        }
        for _ in 0..2 * limit {
            let answers = client.asks(&world, 1);
            shown += answers.iter().filter(|answer| answer.shows()).count();
        }
    }
    assert_eq!(shown, limit + replays * (limit - 1));
}

#[test]
fn and_that_far_they_go() {
    let (limit, in_flight) = (3, 4);
    let world = World::new(
        CapMode::Ledger,
        &[("hero", json!([{"limit": limit, "per": "1d"}]))],
    );
    let mut client = Client::default();
    let mut shown = 0;
    for at_once in [1, 1, in_flight, in_flight] {
        for answer in client
            .asks(&world, at_once)
            .iter()
            .filter(|answer| answer.shows())
        {
            shown += 1;
            client
                .seen
                .push((answer.event("exposure", world.now_ms), world.now_ms));
        }
    }
    assert_eq!(shown, limit + in_flight - 1);
}

/// A store whose readers see what was written in the period before, and of whose writers in one period the last one wins.
#[derive(Default)]
struct Lagging {
    read: Mutex<BTreeMap<String, Vec<u8>>>,
    written: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Lagging {
    fn settle(&self) {
        self.read
            .lock()
            .unwrap()
            .clone_from(&self.written.lock().unwrap());
    }
}

impl CapStore for Lagging {
    async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        let read = self.read.lock().unwrap().get(subject).cloned();
        let applied = caps::apply(read.as_deref(), command)?;
        if let Some(book) = applied.stored {
            self.written
                .lock()
                .unwrap()
                .insert(subject.to_owned(), book);
        }
        Ok(applied.reply)
    }
}

#[test]
fn a_lagging_store_overshoots_by_a_factor_and_no_further() {
    for (limit, within_a_lag) in [(1, 1), (1, 5), (3, 4), (5, 2)] {
        let counted = json!([{"limit": limit, "per": "1d", "count": "served"}]);
        let world = World::over(
            Lagging::default(),
            CapMode::Approximate,
            &[("hero", counted)],
        );
        let mut shown = 0;
        for _ in 0..20 {
            for _ in 0..within_a_lag {
                shown += u32::from(world.ask(json!({"page": "hero"}), None).shows());
            }
            world.platform.caps.settle();
        }
        assert_eq!(
            shown,
            limit * within_a_lag,
            "L·G is the bound, and it is reached"
        );
    }
}
