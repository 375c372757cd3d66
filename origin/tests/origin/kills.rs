//! Killed at any instant, the origin has what it said it has, and nothing by halves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Origin, Person};

const MODULES: &str = "/api/v1/workspaces/wallet/modules";
const EDITORS: usize = 4;

/// Of saves that one editor made: the last that was answered, and the last that was sent.
#[derive(Clone, Copy, Default)]
struct Saves {
    answered: u64,
    sent: u64,
}

fn body(save: u64) -> Vec<u8> {
    json!({"type": "banner", "description": save.to_string()})
        .to_string()
        .into_bytes()
}

/// Saves until there is no answer any more.
fn edit(person: &Person, editor: usize, mut saves: Saves, stop: &AtomicBool) -> Saves {
    let path = format!("{MODULES}/m{editor}");
    let Some(mut etag) = person
        .try_ask("GET", &path, &[], b"")
        .map(|answer| answer.etag)
    else {
        return saves;
    };
    while !stop.load(Ordering::Relaxed) {
        saves.sent += 1;
        let headers = [("if-match", etag.as_str())];
        let Some(answer) = person.try_ask("PUT", &path, &headers, &body(saves.sent)) else {
            break;
        };
        etag = answer.is(200).etag;
        saves.answered = saves.sent;
    }
    saves
}

#[test]
fn killed_at_any_instant_it_has_what_it_said_it_has() {
    let kills = std::env::var("SKYFUL_ORIGIN_KILLS").map_or(5, |n| n.parse().expect("a number"));
    let (mut origin, ada) = Origin::with_first_user();
    let mut saves = [Saves::default(); EDITORS];
    for editor in 0..EDITORS {
        let path = format!("{MODULES}/m{editor}");
        ada.ask("PUT", &path, &[("if-none-match", "*")], &body(0))
            .is(200);
    }
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut slowest = Duration::ZERO;
    let mut torn = 0;
    for _ in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let instant = Duration::from_micros(random % 150_000);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let editors: Vec<_> = (0..EDITORS)
                .map(|editor| {
                    let (ada, stop, before) = (&ada, &stop, saves[editor]);
                    scope.spawn(move || edit(ada, editor, before, stop))
                })
                .collect();
            // The kill is what is tested, and when it comes is left to chance.
            std::thread::sleep(instant);
            origin.process.kill();
            stop.store(true, Ordering::Relaxed);
            for (editor, thread) in editors.into_iter().enumerate() {
                saves[editor] = thread.join().expect("no editor fails");
            }
        });
        let since = Instant::now();
        origin.process.start(&origin.desk);
        ada.get("/readyz").is(200);
        slowest = slowest.max(since.elapsed());
        for (editor, saves) in saves.iter_mut().enumerate() {
            let found = ada.get(&format!("{MODULES}/m{editor}")).is(200).body;
            let found: u64 = found["value"]["description"]
                .as_str()
                .and_then(|text| text.parse().ok())
                .expect("a save");
            assert!((saves.answered..=saves.sent).contains(&found), "{found}");
            torn += u64::from(found != saves.answered);
            *saves = Saves {
                answered: found,
                sent: found,
            };
        }
    }
    let all: u64 = saves.iter().map(|saves| saves.answered).sum();
    println!(
        "{kills} kills, {all} saves, {torn} of them kept though their answer was lost; up again after {slowest:.2?} at most"
    );
    whole(&ada);
}

/// Every revision has its changes, and their audit.
fn whole(ada: &Person) {
    let workspace = ada.get("/api/v1/workspaces/wallet").is(200).body;
    let mut next = workspace["revision"].as_i64().expect("a number") + 1;
    let mut expected = next - 1;
    loop {
        let page = ada
            .get(&format!("/api/v1/workspaces/wallet/history?cursor={next}"))
            .is(200)
            .body;
        for change in page["items"].as_array().expect("a list") {
            assert_eq!(change["revision"].as_i64(), Some(expected), "{change}");
            expected -= 1;
        }
        match page["next"].as_str().map(str::parse) {
            Some(Ok(older)) => next = older,
            _ => break,
        }
    }
    assert_eq!(expected, 0, "every revision is there");
    let audit: Value = ada.get("/api/v1/workspaces/wallet/audit").is(200).body;
    assert!(
        audit["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty())
    );
}
