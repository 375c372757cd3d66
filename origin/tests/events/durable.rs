//! What was acknowledged is on disk before the acknowledgement, and stays there until it is counted.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;

use crate::chain::{Chain, event, now};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn an_edge_that_is_killed_before_it_could_forward_loses_nothing() {
    let chain = Chain::new();
    let receipt = chain.receipt();
    for batch in 0..10 {
        let events: Vec<_> = (0..100)
            .map(|n| event(&format!("e-{batch}-{n}"), &receipt, &now()))
            .collect();
        let (status, said) = chain
            .post(chain.edge_address(), &json!(events))
            .expect("an answer");
        assert_eq!((status, &said["accepted"]), (202, &100.into()), "{said}");
    }
    chain.kill_edge();
    // What a crash in the middle of a write leaves behind.
    let mut segments: Vec<_> = std::fs::read_dir(chain.log())
        .expect("a log")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "events"))
        .collect();
    segments.sort();
    let last = segments.last().expect("a segment");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(last)
        .expect("opened");
    file.write_all(b"00112233445566778 {\"id\":\"torn")
        .expect("written");
    chain.start_edge();
    chain.start_collector();
    chain.until_counted(1_000, SOON);
    // What comes after a torn end is counted as well.
    let (status, _) = chain
        .post(chain.edge_address(), &event("after", &receipt, &now()))
        .expect("an answer");
    assert_eq!(status, 202);
    chain.until_counted(1_001, SOON);
}

#[test]
fn an_edge_that_cannot_write_its_log_acknowledges_nothing() {
    let chain = Chain::new();
    let receipt = chain.receipt();
    chain.start_collector();
    // Gone: no segment can be begun.
    std::fs::remove_dir_all(chain.log()).expect("removed");
    let (status, said) = chain
        .post(chain.edge_address(), &event("a", &receipt, &now()))
        .expect("an answer");
    assert_eq!(
        (status, &said["type"]),
        (503, &"urn:skyful:problem:events-not-kept".into())
    );
    std::fs::create_dir(chain.log()).expect("made");
    let (status, _) = chain
        .post(chain.edge_address(), &event("a", &receipt, &now()))
        .expect("an answer");
    assert_eq!(status, 202);
    chain.until_counted(1, SOON);
}

/// Nothing is kept of an event but in the log, and nothing at all of one that is refused.
#[test]
fn random_ids_leave_memory_as_it_was() {
    let rounds: usize =
        std::env::var("SKYFUL_RANDOM_IDS").map_or(200, |text| text.parse().expect("a number"));
    let chain = Chain::new();
    let receipt = chain.receipt();
    let send = |rounds: std::ops::Range<usize>| {
        for round in rounds {
            let events: Vec<_> = (0..100)
                .map(|n| {
                    let mut event = event(&format!("{round}-{n}"), &receipt, &now());
                    event["module"] = format!("m{round}_{n}").into();
                    event
                })
                .collect();
            let (status, said) = chain
                .post(chain.edge_address(), &json!(events))
                .expect("an answer");
            assert_eq!((status, &said["accepted"]), (202, &0.into()), "{said}");
        }
    };
    send(0..rounds / 4);
    let warm = chain.edge_bytes();
    send(rounds / 4..rounds);
    let after = chain.edge_bytes();
    let grown = after.saturating_sub(warm);
    println!(
        "{} random ids: {warm} bytes resident, then {after}",
        rounds * 100
    );
    assert!(grown < 4 << 20, "{warm} bytes grew to {after}");
}
