//! Publisher and collector are killed, and visitors don't notice: not those whose edge goes on, and not those of an edge
//! that is killed as well and starts again without anybody.
//!
//! `SKYFUL_DEAD_COUNT=1000000 cargo test --package skyful-origin --test events dead -- --nocapture` for the full number.

use std::time::Instant;

use crate::chain::{Chain, event, now};
use crate::load::{at_once, is};
use crate::wire::{Connection, request};

const AT_ONCE: usize = 16;
/// One request in so many is an event.
const EVENTS: usize = 20;
/// How often the edge starts again.
const PARTS: usize = 4;

fn pages() -> Vec<Vec<u8>> {
    let context = r#"{"context":{"targetingKey":"u-3","locale":"en"}}"#;
    let resolve = |unit: &str| format!(r#"{{"page":"home","unit":"{unit}","locale":"en"}}"#);
    vec![
        request("GET", "/v1/pages/home?unit=u-1&locale=en", ""),
        request("POST", "/v1/resolve", &resolve("u-2")),
        request("POST", "/ofrep/v1/evaluate/flags/home.hero", context),
        request("GET", "/v1/pages/home?unit=u-4", ""),
        request("POST", "/ofrep/v1/evaluate/flags", context),
        request("POST", "/v1/resolve", &resolve("u-5")),
    ]
}

#[test]
fn visitors_get_their_pages_while_the_origin_is_dead() {
    let count = std::env::var("SKYFUL_DEAD_COUNT");
    let count: usize = count.map_or(4_000, |count| count.parse().expect("a number"));
    let chain = Chain::new();
    chain.start_collector();
    chain.publish_and_be_killed();
    let (receipt, url) = (chain.receipt(), format!("http://{}", chain.edge_address()));
    let mut connection = Connection::open(&url);
    let wanted = |request: Vec<u8>| {
        let answer = connection.ask(&request);
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        (request, answer.body)
    };
    let cases: Vec<_> = pages().into_iter().map(wanted).collect();
    chain.kill_collector();

    let began = Instant::now();
    for part in 0..PARTS {
        if part > 0 {
            chain.kill_edge();
            chain.start_edge();
        }
        let wrong = at_once(&url, AT_ONCE, count / PARTS, |number, connection| {
            if number % EVENTS == EVENTS / 2 {
                let event = event(&format!("e-{part}-{number}"), &receipt, &now());
                let answer = connection.ask(&request("POST", "/v1/events", &event.to_string()));
                return is(&answer, 202, br#"{"accepted":1,"rejected":[]}"#);
            }
            let (request, body) = &cases[number % cases.len()];
            is(&connection.ask(request), 200, body)
        });
        assert_eq!(wrong.count, 0, "{:#?}", wrong.first);
    }
    let took = began.elapsed().as_secs_f64();
    println!("origin dead: {count} requests of a native edge, 0 wrong, {took:.1} s");
}
