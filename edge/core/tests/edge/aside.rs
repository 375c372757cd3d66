//! Events where nothing runs between requests: what a request sends, keeps and delivers.

use std::collections::BTreeMap;
use std::sync::Mutex;

use pollster::block_on;
use skyful_edge::StoreError;
use skyful_edge::forward::FORGED_MS;
use skyful_edge::forward::aside::{self, Desk};

const PLACE: &str = "wallet/prod";
const START: i64 = 1_800_000_000_000;
const LOOK_MS: i64 = 5_000;
const FORGED: &str = r#"{"refused":[{"line":0,"why":"forged_receipt"}]}"#;
const LATE: &str = r#"{"refused":[{"line":0,"why":"too_late"}]}"#;

/// A collector, a store and a clock.
#[derive(Default)]
struct World(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    now_ms: i64,
    serial: u8,
    due_ms: i64,
    store: BTreeMap<String, Vec<u8>>,
    broken: bool,
    /// What the collector answers to a batch that holds this text. Everything else it takes.
    answers: Vec<(&'static str, u16, &'static str)>,
    posted: Vec<String>,
    told: Vec<String>,
}

impl World {
    fn new() -> Self {
        let world = Self::default();
        world.with(|inner| inner.now_ms = START);
        world
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().expect("no panic"))
    }

    fn answers(&self, answers: &[(&'static str, u16, &'static str)]) {
        self.with(|inner| inner.answers = answers.to_vec());
    }

    fn send(&self, id: &str) -> Result<(), StoreError> {
        block_on(aside::send(self, PLACE, line(id).as_bytes()))
    }

    /// Ids of the batches that the collector was sent since it was asked last.
    fn posted(&self) -> Vec<String> {
        self.with(|inner| std::mem::take(&mut inner.posted))
    }

    fn stored(&self, prefix: &str) -> Vec<String> {
        self.with(|inner| {
            let keys = inner.store.keys().filter(|key| key.starts_with(prefix));
            keys.cloned().collect()
        })
    }

    fn wait(&self, ms: i64) {
        self.with(|inner| inner.now_ms += ms);
    }
}

fn line(id: &str) -> String {
    format!("{{\"id\":\"{id}\"}}\n")
}

impl Desk for World {
    const LOOK_MS: i64 = LOOK_MS;

    fn now_ms(&self) -> i64 {
        self.with(|inner| inner.now_ms)
    }

    fn random(&self) -> [u8; 16] {
        self.with(|inner| {
            inner.serial = inner.serial.wrapping_add(37);
            [inner.serial; 16]
        })
    }

    fn tell(&self, what: &str) {
        self.with(|inner| inner.told.push(what.into()));
    }

    async fn post(&self, batch: &[u8]) -> Option<(u16, Vec<u8>)> {
        let text = String::from_utf8_lossy(batch);
        self.with(|inner| {
            let ids = text.trim().split("\"id\":\"").skip(1);
            let ids: Vec<&str> = ids.filter_map(|rest| rest.split('"').next()).collect();
            inner.posted.push(ids.join("+"));
            let found = inner.answers.iter().find(|(what, ..)| text.contains(what));
            match found {
                Some((_, 0, _)) => None,
                Some((_, status, said)) => Some((*status, said.as_bytes().to_vec())),
                None => Some((200, b"{}".to_vec())),
            }
        })
    }

    async fn keys(&self, prefix: &str, _: &str, most: usize) -> Result<Vec<String>, StoreError> {
        let mut keys = self.stored(prefix);
        keys.truncate(most);
        Ok(keys)
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.with(|inner| inner.store.get(key).cloned()))
    }

    async fn write(&self, key: &str, batch: &[u8]) -> Result<(), StoreError> {
        self.with(|inner| {
            if inner.broken {
                return Err(StoreError("down".into()));
            }
            let before = inner.store.insert(key.into(), batch.to_vec());
            assert_eq!(before, None, "{key} was there");
            Ok(())
        })
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.with(|inner| inner.store.remove(key));
        Ok(())
    }

    fn due_ms(&self) -> i64 {
        self.with(|inner| inner.due_ms)
    }

    fn look_at(&self, due_ms: i64) {
        self.with(|inner| inner.due_ms = due_ms);
    }
}

#[test]
fn what_waits_is_delivered_four_at_a_time_once_the_collector_is_back() {
    let world = World::new();
    world.answers(&[("", 0, "")]);
    for n in 0..6 {
        world.send(&format!("away-{n}")).expect("kept");
        world.wait(1);
    }
    assert_eq!(world.stored("e1/wallet/prod/").len(), 6);
    world.posted();
    world.answers(&[]);
    world.send("back").expect("taken");
    let away = |n: usize| format!("away-{n}");
    assert_eq!(world.posted()[1..], [away(0), away(1), away(2), away(3)]);
    world.send("again").expect("taken");
    assert_eq!(world.posted(), ["again".into(), away(4), away(5)]);
    assert!(world.stored("").is_empty());
}

/// Half to all of the time between two looks, whether the last one found nothing or was told to come later.
#[test]
fn a_look_that_was_in_vain_is_not_repeated_at_once() {
    let world = World::new();
    let mut pauses = Vec::new();
    for n in 0..50 {
        world.answers(&[("", 503, "")]);
        world.send(&format!("away-{n}")).expect("kept");
        world.answers(&[("away", 503, "")]);
        world.send("fresh").expect("taken");
        pauses.push(world.with(|inner| inner.due_ms - inner.now_ms));
        world.posted();
        world.send("fresh").expect("taken");
        assert_eq!(world.posted(), ["fresh"], "nobody looks yet");
    }
    let span = LOOK_MS / 2..=LOOK_MS;
    assert!(
        pauses.iter().all(|pause| span.contains(pause)),
        "{pauses:?}"
    );
    pauses.sort_unstable();
    pauses.dedup();
    assert!(pauses.len() > 10, "{pauses:?}");
    // A clock that was put back stops nobody.
    world.wait(-100 * LOOK_MS);
    world.send("fresh").expect("taken");
    world.answers(&[]);
    world.wait(200 * LOOK_MS);
    world.posted();
    world.send("fresh").expect("taken");
    assert_eq!(world.posted().len(), 5);
}

#[test]
fn what_will_never_be_taken_is_kept_for_a_person() {
    let world = World::new();
    world.answers(&[("late", 200, LATE), ("poison", 400, "")]);
    world.send("late").expect("kept");
    let dead = world.stored("dead-e1/wallet/prod/");
    assert_eq!(dead.len(), 1);
    let letter = world.with(|inner| inner.store[&dead[0]].clone());
    assert_eq!(
        letter,
        b"{\"why\":\"too_late\",\"event\":{\"id\":\"late\"}}\n"
    );
    let told = world.with(|inner| inner.told.join("\n"));
    assert!(
        told.contains("event late") && told.contains(&dead[0]),
        "{told}"
    );
    // As a whole it is refused twice before it is given up.
    world.send("poison").expect("kept");
    assert_eq!(world.stored("e1/").len(), 1);
    world.send("fresh").expect("taken");
    assert_eq!(
        (world.stored("e1/").len(), world.stored("dead-").len()),
        (0, 2)
    );
    // Where it can't be kept it is not acknowledged.
    world.with(|inner| inner.broken = true);
    assert!(world.send("late").is_err());
}

#[test]
fn what_is_taken_for_forged_comes_again_and_holds_nothing_up() {
    let world = World::new();
    world.answers(&[("mine", 200, FORGED)]);
    for n in 0..5 {
        world.send(&format!("mine-{n}")).expect("kept");
    }
    world.answers(&[("mine", 200, FORGED), ("away", 0, "")]);
    world.send("away").expect("kept");
    world.answers(&[("mine", 200, FORGED)]);
    world.posted();
    // Five older ones wait for their time.
    world.send("fresh").expect("taken");
    assert_eq!(world.posted(), ["fresh", "away"]);
    // Some day the secret is right.
    for _ in 0..200 {
        world.wait(FORGED_MS / 300);
        world.send("fresh").expect("taken");
    }
    assert_eq!(
        (world.stored("e1/").len(), world.stored("dead-").len()),
        (5, 0)
    );
    let attempts = world.posted().iter().filter(|ids| *ids != "fresh").count();
    assert!((10..200).contains(&attempts), "{attempts}");
    world.answers(&[]);
    world.wait(FORGED_MS / 3);
    world.posted();
    for _ in 0..2 {
        world.send("fresh").expect("taken");
    }
    assert_eq!(world.posted().len(), 7);
    assert!(world.stored("").is_empty());
}

#[test]
fn what_is_taken_for_forged_for_three_days_is_kept_for_a_person() {
    let world = World::new();
    world.answers(&[("mine", 200, FORGED)]);
    world.send("mine").expect("kept");
    world.wait(FORGED_MS);
    world.send("fresh").expect("taken");
    assert_eq!(
        (world.stored("e1/").len(), world.stored("dead-").len()),
        (0, 1)
    );
}

/// Those of the version before have one time in their key.
#[test]
fn what_an_earlier_version_put_aside_is_delivered() {
    let world = World::new();
    let key = format!("e1/wallet/prod/{:013}-{:032x}", START - FORGED_MS, 7);
    block_on(world.write(&key, line("mine").as_bytes())).expect("written");
    world.answers(&[("mine", 200, FORGED)]);
    world.send("fresh").expect("taken");
    assert_eq!(
        (world.stored("e1/").len(), world.stored("dead-").len()),
        (0, 1)
    );
}
