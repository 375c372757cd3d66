//! What a request that panics does to others: nothing. Needs builds that panic on command (`--inject`), as `scripts/e2e`
//! makes them.
//!
//! `SKYFUL_PANIC_COUNT=1000000` asks so often instead of some thousand times, and panics once in a thousand. Spin and Fastly,
//! which make an instance for each request, are asked 40,000 and 10,000 times then.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::caps;
use crate::collector::Collector;
use crate::core_edge::CoreEdge;
use crate::events;
use crate::load::{at_once, is};
use crate::native::Native;
use crate::platform::{Ask, Client, Platform, Settings, asked};
use crate::process::Process;
use crate::publisher::Publisher;
use crate::requests::{pages, workspace};
use crate::wire::{Answer, Connection};

const HEADER: &str = "skyful-inject-panic";
/// Before the first await; while what all requests share is locked; behind the first read, when others are in flight.
const PLACES: [&str; 3] = ["first", "read", "locked"];
const AT_ONCE: usize = 64;
/// Requests that one instance on Spin answers at once.
const SPIN_AT_ONCE: usize = 16;

/// How many are asked, and one of how many panics.
fn size(platform: &str) -> (usize, usize) {
    let told = std::env::var("SKYFUL_PANIC_COUNT").ok();
    let told = told.map(|count| count.parse::<usize>().expect("a number"));
    // An instance for each request costs: of a million, Spin and Fastly get so small a part.
    let (part_of_told, usual) = match platform {
        "fastly" => (100, (500, 50)),
        "spin" => (25, (1_000, 50)),
        // V8 optimizes the entry after 17,000 calls, and must not make it another program.
        "cloudflare" => (1, (25_000, 100)),
        _ => (1, (5_000, 50)),
    };
    told.map_or(usual, |count| (count / part_of_told, 1_000))
}

/// Native panics are told on stderr, a hundred lines of them.
fn quiet() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>() != Some(&"told to") {
                usual(info);
            }
        }));
    });
}

/// Every platform, with an instance for each request where the deployer may choose.
fn platforms(settings: &Settings) -> Vec<Box<dyn Platform>> {
    quiet();
    let mut platforms: Vec<Box<dyn Platform>> = vec![Box::new(Native::start(settings))];
    for line in asked() {
        platforms.push(Box::new(started(&line, settings, 1)));
    }
    platforms
}

fn started(line: &str, settings: &Settings, reuse: usize) -> Process {
    let mut settings = settings.json();
    if line.starts_with("spin=") {
        settings["reuse"] = reuse.into();
    }
    Process::start(line, &settings)
}

fn panicking(ask: &Ask, place: &str) -> Vec<u8> {
    ask.clone().header(HEADER, place).wire()
}

/// On the connection of the others only where the panic is caught; elsewhere nobody says that it goes on.
fn panicked(name: &str, url: &str, connection: &mut Connection, ask: &Ask, place: &str) -> Answer {
    if name == "native" {
        return connection.ask(&panicking(ask, place));
    }
    let answer = Connection::open(url).ask(&panicking(ask, place));
    // Meanwhile the server may have closed what was idle.
    *connection = Connection::open(url);
    answer
}

/// How each platform answers whoever panicked.
fn told(platform: &str, answer: &Answer) -> Result<(), String> {
    let problem = String::from_utf8_lossy(&answer.body);
    let ours = !matches!(platform, "spin" | "fastly");
    let right = !ours || problem.contains("urn:skyful:problem:internal");
    let named = !ours || answer.header("x-request-id").is_some();
    if answer.status == 500 && right && named {
        return Ok(());
    }
    Err(format!("panicked: {} {problem}", answer.status))
}

#[test]
fn a_panic_harms_nobody_else() {
    let mut publisher = Publisher::new();
    let mut settings = Settings::preview(&publisher.trust());
    if std::env::var("SKYFUL_PANIC_COUNT").is_ok() {
        // Miniflare's KV would take most of the time otherwise.
        settings.recheck_ms = 100;
    }
    let (platforms, core) = (platforms(&settings), CoreEdge::new(&settings));
    publisher.publish(&workspace("one"), &platforms, &core, &Client::new());
    let cases: Vec<_> = pages()
        .into_iter()
        .map(|ask| (ask.wire(), core.send(&ask), ask))
        .collect();
    for platform in &platforms {
        let (name, url) = (platform.name(), platform.url());
        let (count, every) = size(name);
        let began = Instant::now();
        let wrong = at_once(&url, AT_ONCE, count, |number, connection| {
            let (request, wanted, ask) = &cases[number % cases.len()];
            if number % every == every / 2 {
                let place = PLACES[number / every % PLACES.len()];
                return told(name, &panicked(name, &url, connection, ask, place));
            }
            is(&connection.ask(request), wanted.status, &wanted.body)
        });
        let took = began.elapsed().as_secs_f64();
        let panics = (count + every / 2) / every;
        println!(
            "panics: {name}: {panics} in {count}, {} wrong, {took:.1} s",
            wrong.count
        );
        assert_eq!(wrong.count, 0, "{name}: {:#?}", wrong.first);
    }
}

/// As a stack that is too deep does, which no panic hook hears of. Workers can tell whose it was.
#[test]
fn a_trap_without_a_word_harms_nobody_else() {
    let Some(line) = asked()
        .into_iter()
        .find(|line| line.starts_with("cloudflare="))
    else {
        return;
    };
    let mut publisher = Publisher::new();
    let settings = Settings::preview(&publisher.trust());
    let core = CoreEdge::new(&settings);
    let platforms: Vec<Box<dyn Platform>> = vec![Box::new(started(&line, &settings, 1))];
    publisher.publish(&workspace("one"), &platforms, &core, &Client::new());
    let ask = Ask::get("/v1/pages/home?unit=u-1");
    let (request, wanted, url) = (ask.wire(), core.send(&ask), platforms[0].url());
    let wrong = at_once(&url, AT_ONCE, 1_000, |number, connection| {
        if number % 50 == 25 {
            let answer = panicked("cloudflare", &url, connection, &ask, "trap");
            return told("cloudflare", &answer);
        }
        is(&connection.ask(&request), wanted.status, &wanted.body)
    });
    assert_eq!(wrong.count, 0, "{:#?}", wrong.first);
}

/// Where instances are shared, as is the default on Spin, a panic takes along what shares its instance, and no more: here
/// nobody stands before instances who could ask again.
#[test]
fn on_spin_a_panic_ends_its_own_instance_at_most() {
    let Some(line) = asked().into_iter().find(|line| line.starts_with("spin=")) else {
        return;
    };
    let mut publisher = Publisher::new();
    let settings = Settings::preview(&publisher.trust());
    let core = CoreEdge::new(&settings);
    let platforms: Vec<Box<dyn Platform>> = vec![Box::new(started(&line, &settings, 128))];
    publisher.publish(&workspace("one"), &platforms, &core, &Client::new());
    let ask = Ask::get("/v1/pages/home?unit=u-1");
    let (request, wanted) = (ask.wire(), core.send(&ask));
    let (count, every, url) = (2_000, 50, platforms[0].url());
    let wrong = at_once(&url, AT_ONCE, count, |number, connection| {
        if number % every == every / 2 {
            let place = PLACES[number / every % PLACES.len()];
            let answer = panicked("spin", &url, connection, &ask, place);
            return told("spin", &answer);
        }
        is(&connection.ask(&request), wanted.status, &wanted.body)
    });
    let panics = count / every;
    println!(
        "panics: spin, instances shared: {panics} took {} along",
        wrong.count
    );
    let most = panics * (SPIN_AT_ONCE - 1);
    assert!(wrong.count <= most, "more than {most}: {:#?}", wrong.first);
}

/// One connection, and what the one that panicked had in its hands: the lock, a look at the manifest that others wait out.
#[test]
fn a_native_edge_goes_on_where_it_panicked() {
    let mut publisher = Publisher::new();
    let settings = Settings::preview(&publisher.trust());
    let platforms: Vec<Box<dyn Platform>> = vec![Box::new(Native::start(&settings))];
    quiet();
    let core = CoreEdge::new(&settings);
    let client = Client::new();
    let mut connection = Connection::open(&platforms[0].url());
    let ask = Ask::get("/v1/pages/home?unit=u-1");
    for title in ["one", "two", "three"] {
        publisher.publish(&workspace(title), &platforms, &core, &client);
        for place in PLACES {
            let panicked = connection.ask(&panicking(&ask, place));
            assert_eq!(told("native", &panicked), Ok(()), "{place}");
            // It sees the release that was published meanwhile, so whoever panicked does not count as still looking.
            let wanted = core.send(&ask);
            let found = connection.ask(&ask.wire());
            assert_eq!(is(&found, 200, &wanted.body), Ok(()), "{title}, {place}");
        }
    }
}

#[test]
fn exact_caps_stay_exact_while_others_panic() {
    let Some(line) = asked()
        .into_iter()
        .find(|line| line.starts_with("cloudflare="))
    else {
        return;
    };
    let mut publisher = Publisher::new();
    let settings = caps::settings(&publisher, Some("exact"));
    let platforms: Vec<Box<dyn Platform>> = vec![Box::new(started(&line, &settings, 1))];
    let core = CoreEdge::new(&Settings {
        caps: None,
        ..settings
    });
    publisher.publish(&caps::capped(), &platforms, &core, &Client::new());
    let url = platforms[0].url();
    let (rounds, visits) = (60, 16);
    let granted: Vec<AtomicUsize> = (0..rounds).map(|_| AtomicUsize::new(0)).collect();
    let wrong = at_once(&url, AT_ONCE, rounds * visits, |number, connection| {
        let round = number / visits;
        let ask = Ask::resolve(json!({"page": "served", "unit": format!("u-{round}")}).to_string());
        if number % visits == visits / 4 {
            let answer = panicked("cloudflare", &url, connection, &ask, PLACES[round % 3]);
            return told("cloudflare", &answer);
        }
        let answer = connection.ask(&ask.wire());
        if answer.status != 200 {
            return is(&answer, 200, b"a page");
        }
        let page: Value = serde_json::from_slice(&answer.body).expect("JSON");
        if page["modules"][0]["plan"] == "promo" {
            granted[round].fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    });
    assert_eq!(wrong.count, 0, "{:#?}", wrong.first);
    let granted: Vec<usize> = granted.into_iter().map(AtomicUsize::into_inner).collect();
    assert!(
        granted.iter().all(|granted| *granted <= caps::LIMIT),
        "{granted:?}"
    );
    let total: usize = granted.iter().sum();
    println!(
        "panics: caps: {total} of {} grants, none beyond",
        rounds * caps::LIMIT
    );
    // A visit that is made again counts twice, so some rounds give less, but never all of them.
    assert!(total > rounds * caps::LIMIT / 2, "{granted:?}");
}

/// On Workers the queue's consumer lives in the same instance as those who panic.
#[test]
fn what_was_acknowledged_arrives_while_others_panic() {
    let collector = Collector::start();
    let mut publisher = Publisher::new();
    let settings = events::settings(&publisher, &collector.url);
    let (platforms, core) = (platforms(&settings), CoreEdge::new(&settings));
    publisher.publish(&workspace("one"), &platforms, &core, &Client::new());
    let page = core.send(&Ask::get("/v1/pages/home?unit=u-1")).json();
    let receipt = page["receipt"].as_str().expect("a receipt");
    for platform in &platforms {
        let (name, url) = (platform.name(), platform.url());
        let count = 200;
        let wrong = at_once(&url, 16, count, |number, connection| {
            let event = events::event(&format!("{name}-{number}"), receipt);
            let ask = Ask::events(event.to_string());
            if number % 10 == 5 {
                let place = PLACES[number / 10 % PLACES.len()];
                return told(name, &panicked(name, &url, connection, &ask, place));
            }
            let answer = connection.ask(&ask.wire());
            is(&answer, 202, br#"{"accepted":1,"rejected":[]}"#)
        });
        assert_eq!(wrong.count, 0, "{name}: {:#?}", wrong.first);
        for number in (0..count).filter(|number| number % 10 != 5) {
            collector.event(&format!("{name}-{number}"));
        }
    }
}
