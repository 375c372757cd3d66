//! Caps counted in a real Redis, as visitors meet them: over sockets. A visitor never gets more than the cap says, whatever
//! becomes of Redis meanwhile. Without a Redis these tests say that they are skipped; where `CI` is set they fail.

use std::time::{Duration, Instant};

use skyful::compile::{self, Snapshot};
use skyful::model::{Cap, Constraints, Content, Count, ModulePlan, StopEvent, Subject, Window};
use skyful_native::EventOptions;

use crate::fixture::workspace;
use crate::redis::Server;
use crate::support::{Folders, Running, SOON, start};

const SECRET: &str = "7777777777777777777777777777777777777777777777777777777777777777";
const RACERS: usize = 64;

/// The hero of `home` has one plan, which so many answers a day may show.
fn capped(limit: u32) -> Snapshot {
    with(Cap::Limit {
        limit,
        window: Window::Sliding { secs: 86_400 },
        count: Count::Served,
        by: Subject::Unit,
    })
}

fn with(cap: Cap) -> Snapshot {
    let mut workspace = workspace("one");
    let promo = ModulePlan {
        key: "promo".into(),
        constraints: Constraints {
            caps: vec![cap],
            ..Constraints::default()
        },
        content: Some(Content {
            fragments: ["en", "zh"].map(|_| r#"{"title":"promo"}"#.into()).into(),
        }),
    };
    workspace.modules.get_mut("hero").expect("a hero").plans = vec![promo];
    compile::compile(&workspace, &mut |_, _| {}).expect("a snapshot")
}

fn edge(redis: &Server, folders: &Folders) -> Running {
    let mut options = redis.options(folders);
    options.secret = SECRET.into();
    options.caps = Some("exact".into());
    options.events = Some(EventOptions::new(folders.root.path().join("events")));
    start(options)
}

/// Whether the answer shows the capped plan. It is an answer in any case, and says so by its grant.
fn shows(edge: &Running, unit: &str) -> bool {
    let answer = edge.get(&format!("/v1/pages/home?unit={unit}&attr.ip=192.0.2.1"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let shown = answer.body.contains(r#""plan":"promo""#);
    let granted = answer.head.contains("skyful-grant");
    assert_eq!(shown, granted, "{answer:?}");
    shown
}

/// One visitor at all edges at once: how many of so many answers showed it.
fn at_once(edges: &[Running], unit: &str, meanwhile: impl FnOnce()) -> usize {
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..RACERS)
            .map(|at| scope.spawn(move || shows(&edges[at % edges.len()], unit)))
            .collect();
        meanwhile();
        let shown = asking.into_iter().map(|one| one.join().expect("an answer"));
        shown.filter(|shown| *shown).count()
    })
}

fn two(redis: &Server, folders: &[Folders; 2]) -> Vec<Running> {
    let edges: Vec<Running> = folders.iter().map(|folders| edge(redis, folders)).collect();
    for edge in &edges {
        edge.home_becomes("promo", SOON);
    }
    edges
}

/// Redis is back: somebody is granted again.
fn until_counted(edge: &Running, unit: &str) {
    let since = Instant::now();
    while !shows(edge, unit) {
        assert!(since.elapsed() < Duration::from_secs(10), "nothing granted");
    }
}

#[test]
fn sixty_four_requests_at_once_get_what_the_cap_allows_and_no_more() {
    let Some(redis) = Server::start() else { return };
    redis.put(1, &capped(2));
    let folders = [Folders::new(), Folders::new()];
    let edges = two(&redis, &folders);
    for round in 0..8 {
        let unit = format!("few-{round}");
        assert_eq!(at_once(&edges, &unit, || ()), 2, "{unit}");
        assert!(!shows(&edges[0], &unit));
    }
}

/// Every one of them has room, and nobody is sent away because others write at the same time.
#[test]
fn as_many_as_have_room_are_granted_at_once() {
    let Some(redis) = Server::start() else { return };
    redis.put(1, &capped(RACERS as u32));
    let folders = [Folders::new(), Folders::new()];
    let edges = two(&redis, &folders);
    assert_eq!(at_once(&edges, "many", || ()), RACERS);
    assert!(!shows(&edges[1], "many"), "that was all of it");
}

#[test]
fn a_redis_that_is_killed_grants_nothing_and_forgets_nothing() {
    let Some(mut redis) = Server::durable() else {
        return;
    };
    const LIMIT: usize = 40;
    redis.put(1, &capped(LIMIT as u32));
    let folders = [Folders::new(), Folders::new()];
    let edges = two(&redis, &folders);
    assert!(shows(&edges[0], "u-9"));
    let shown = 1 + at_once(&edges, "u-9", || redis.end());
    assert!(shown <= LIMIT, "{shown}");
    assert!(!shows(&edges[0], "u-9"), "nobody can count now");
    assert!(!shows(&edges[1], "fresh"));
    let status = edges[1].get("/v1/status").body;
    assert!(!status.contains("\"cap_errors\":0,"), "{status}");
    redis.again();
    for edge in &edges {
        until_counted(edge, "others");
    }
    let rest = at_once(&edges, "u-9", || ());
    assert!(shown + rest <= LIMIT, "{shown} and then {rest}");
    assert!(!shows(&edges[0], "u-9"), "that was all of it");
    assert!(shows(&edges[1], "fresh"));
}

#[test]
fn a_redis_that_hangs_costs_a_moment_and_grants_nothing() {
    let Some(redis) = Server::start() else { return };
    const LIMIT: usize = 40;
    redis.put(1, &capped(LIMIT as u32));
    let folders = [Folders::new(), Folders::new()];
    let edges = two(&redis, &folders);
    assert!(shows(&edges[0], "u-9"));
    redis.signal("-STOP");
    let asked = Instant::now();
    assert!(!shows(&edges[0], "fresh"), "nobody can count now");
    assert!(asked.elapsed() < Duration::from_secs(4), "{asked:?}");
    let shown = 1 + at_once(&edges, "u-9", || redis.signal("-CONT"));
    for edge in &edges {
        until_counted(edge, "others");
    }
    let rest = at_once(&edges, "u-9", || ());
    assert!(shown + rest <= LIMIT, "{shown} and then {rest}");
    assert!(!shows(&edges[0], "u-9"), "that was all of it");
}

/// At another edge than the one that granted it.
#[test]
fn a_click_that_is_reported_stops_at_every_edge() {
    let Some(redis) = Server::start() else { return };
    let stop = Cap::StopAfter {
        event: StopEvent::Click,
        by: Subject::Unit,
    };
    redis.put(1, &with(stop));
    let folders = [Folders::new(), Folders::new()];
    let edges = two(&redis, &folders);
    let first = edges[0].get("/v1/pages/home?unit=u-9&attr.ip=192.0.2.1");
    let field = |text: &str, before: &str, end: char| {
        let (_, rest) = text.split_once(before).expect("it is there");
        rest.split(end).next().expect("a value").trim().to_owned()
    };
    let receipt = field(&first.body, "\"receipt\":\"", '"');
    let grant = field(&first.whole, "skyful-grant: ", '\r');
    assert!(shows(&edges[1], "u-9"));
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let at = skyful::value::datetime::format(since.expect("after 1970").as_millis() as i64);
    let report = |unit: &str, kind: &str| {
        let event = format!(
            r#"{{"id":"{kind}-{unit}","type":"{kind}","unit":"{unit}","page":"home","module":"hero","receipt":"{receipt}","grant":"{grant}","at":"{at}"}}"#
        );
        let answer = edges[1].post_to("/v1/events", &event);
        assert_eq!(answer.status, 202, "{answer:?}");
        assert!(answer.body.contains("\"accepted\":1"), "{answer:?}");
    };
    report("u-9", "exposure");
    assert!(shows(&edges[0], "u-9"), "only seen");
    report("u-9", "click");
    assert!(edges.iter().all(|edge| !shows(edge, "u-9")));
    // Somebody else's grant fills nobody's cap.
    report("u-8", "click");
    assert!(shows(&edges[0], "u-8"));
}
