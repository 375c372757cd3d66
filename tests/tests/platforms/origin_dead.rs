//! Nothing but the edge is left: who published is gone, nobody publishes any more, and the collector of events is away.
//! Visitors don't notice. The same for the native edge as a process of its own, with the real publisher and collector killed
//! beside it, stands in `origin/tests/events/dead.rs`.
//!
//! `SKYFUL_DEAD_COUNT=1000000` for the full number; platforms with an instance for each request take a share of it.

use std::net::TcpListener;
use std::time::Instant;

use crate::core_edge::CoreEdge;
use crate::events;
use crate::load::{at_once, is};
use crate::platform::{Ask, Client, all};
use crate::publisher::Publisher;
use crate::requests::{pages, workspace};
use crate::wire::Connection;

const AT_ONCE: usize = 16;
/// One request in so many is an event.
const EVENTS: usize = 20;
/// One in so many meets an edge without memory.
const RESTARTS: usize = 4;

fn count(platform: &str) -> usize {
    let told = std::env::var("SKYFUL_DEAD_COUNT").ok();
    let told = told.map(|count| count.parse::<usize>().expect("a number"));
    let share = match platform {
        "native" => 1,
        "cloudflare" => 10,
        "spin" => 50,
        _ => 200,
    };
    told.map_or(1_000, |count| count / share)
}

/// Where nobody listens any more.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

#[test]
fn visitors_get_their_pages_while_the_origin_is_dead() {
    let mut publisher = Publisher::new();
    let mut settings = events::settings(&publisher, &nobody());
    settings.recheck_ms = 1_000;
    let (mut platforms, core) = (all(&settings), CoreEdge::new(&settings));
    publisher.publish(&workspace("one"), &platforms, &core, &Client::new());
    drop(publisher);
    let page = core.send(&Ask::get("/v1/pages/home?unit=u-1")).json();
    let receipt = page["receipt"].as_str().expect("a receipt");
    let cases: Vec<_> = pages()
        .iter()
        .map(|ask| (ask.wire(), core.send(ask)))
        .collect();
    for platform in &mut platforms {
        let (name, began) = (platform.name().to_owned(), Instant::now());
        let (count, mut wrong) = (count(&name), 0);
        for part in 0..RESTARTS {
            // Cold, with what the store and the own copy have.
            platform.restart();
            let ask = |number: usize, connection: &mut Connection| {
                if number % EVENTS == EVENTS / 2 {
                    let event = events::event(&format!("{name}-{part}-{number}"), receipt);
                    let answer = connection.ask(&Ask::events(event.to_string()).wire());
                    return match answer.status {
                        202 => Ok(()),
                        status => Err(format!("an event: {status}")),
                    };
                }
                let (request, wanted) = &cases[number % cases.len()];
                is(&connection.ask(request), wanted.status, &wanted.body)
            };
            let found = at_once(&platform.url(), AT_ONCE, count / RESTARTS, ask);
            wrong += found.count;
            assert_eq!(found.count, 0, "{name}: {:#?}", found.first);
        }
        let took = began.elapsed().as_secs_f64();
        println!("origin dead: {name}: {count} requests, {wrong} wrong, {took:.1} s");
    }
}
