//! Many events, each delivered three times in random order, while edge and collector are killed and start again: each is
//! counted once, and none that was acknowledged is lost.
//!
//! `SKYFUL_EVENT_COUNT=1000000 cargo test --package skyful-origin --test events delivery -- --nocapture` for the full number.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chain::{Chain, event, now};

const CLIENTS: usize = 8;
const BATCH: usize = 100;
/// One in ten is never sent again once it was acknowledged: a repeat must not hide that it was lost.
const ONCE: usize = 10;
const DELIVERIES: usize = 3;

/// Numbers below a bound, the same for a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        // SplitMix64, by Steele, Lea and Flood.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % bound as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Every delivery in the order in which it is tried, in batches.
fn deliveries(count: usize, dice: &mut Dice) -> Vec<Vec<usize>> {
    let times = |n: usize| {
        if n.is_multiple_of(ONCE) {
            1
        } else {
            DELIVERIES
        }
    };
    let mut all: Vec<usize> = (0..count)
        .flat_map(|n| std::iter::repeat_n(n, times(n)))
        .collect();
    dice.shuffle(&mut all);
    all.chunks(BATCH).map(<[usize]>::to_vec).collect()
}

/// Sends until it is acknowledged, and says how often that took.
fn deliver(chain: &Chain, batch: &[usize], receipt: &str, at: &str) -> usize {
    let events: Vec<Value> = batch
        .iter()
        .map(|n| event(&format!("e-{n}"), receipt, at))
        .collect();
    let distinct = batch.iter().collect::<HashSet<_>>().len();
    let body = json!({"events": events, "sent_at": at});
    for attempt in 1.. {
        match chain.post(chain.edge_address(), &body) {
            Some((202, said)) => {
                assert_eq!(said, json!({"accepted": distinct, "rejected": []}));
                return attempt;
            }
            Some((503, _)) | None => std::thread::sleep(Duration::from_millis(20)),
            Some((status, said)) => panic!("{status} {said}"),
        }
    }
    unreachable!()
}

#[test]
fn each_event_is_counted_once_however_often_it_is_delivered() {
    let count: usize =
        std::env::var("SKYFUL_EVENT_COUNT").map_or(20_000, |text| text.parse().expect("a number"));
    let chain = Chain::new();
    chain.start_collector();
    let (receipt, at) = (chain.receipt(), now());
    let mut dice = Dice(20_261_123);
    let batches = deliveries(count, &mut dice);
    let (next, attempts, done) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let kills = Mutex::new((0, 0));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    attempts.fetch_add(deliver(&chain, batch, &receipt, &at), Ordering::Relaxed);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // About every fortieth part of the way, one of the two is killed in the middle of its work.
        let mut at = batches.len() / 40;
        while done.load(Ordering::Relaxed) < batches.len() {
            if done.load(Ordering::Relaxed) < at {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            at += 1 + dice.below(batches.len() / 20);
            let mut kills = kills.lock().expect("counts");
            if dice.below(2) == 0 {
                chain.kill_edge();
                chain.start_edge();
                kills.0 += 1;
            } else {
                chain.kill_collector();
                chain.start_collector();
                kills.1 += 1;
            }
        }
    });
    let acknowledged = started.elapsed();
    // And once more with nothing to send: what is on disk is forwarded by whoever comes next.
    chain.kill_edge();
    chain.kill_collector();
    chain.start_edge();
    chain.start_collector();
    chain.until_counted(count as u64, Duration::from_secs(60 + count as u64 / 500));
    let counted = started.elapsed();
    let (edge, collector) = *kills.lock().expect("counts");
    println!(
        "{count} events in {} deliveries, {} requests for {} batches; killed: edge {}, collector {}; acknowledged after {:.1} s, all counted after {:.1} s",
        batches.iter().map(Vec::len).sum::<usize>(),
        attempts.load(Ordering::Relaxed),
        batches.len(),
        edge + 1,
        collector + 1,
        acknowledged.as_secs_f64(),
        counted.as_secs_f64(),
    );
    assert!(edge > 0 && collector > 0, "nobody was killed");
    drained(&chain, count as u64);
}

/// After the log has been read to its end, the count is still the same.
fn drained(chain: &Chain, count: u64) {
    let receipt = chain.receipt();
    let last = event("the last one", &receipt, &now());
    assert_eq!(
        chain.post(chain.edge_address(), &last).map(|said| said.0),
        Some(202)
    );
    chain.until_counted(count + 1, Duration::from_secs(120));
    let letters = std::fs::read_to_string(chain.log().join("dead-letters.jsonl")).expect("a file");
    assert_eq!(letters, "");
}
