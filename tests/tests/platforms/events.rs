//! Events are answered alike on every platform, and what was acknowledged arrives at the collector.

use serde_json::{Value, json};

use crate::collector::Collector;
use crate::core_edge::CoreEdge;
use crate::platform::{Ask, Client, ENV, Platform, Settings, WORKSPACE, all};
use crate::publisher::Publisher;
use crate::requests::workspace;

const SECRET: &str = "7777777777777777777777777777777777777777777777777777777777777777";

struct World {
    platforms: Vec<Box<dyn Platform>>,
    core: CoreEdge,
    client: Client,
    receipt: String,
}

fn world(collector: &Collector) -> World {
    let mut publisher = Publisher::new();
    let settings = settings(&publisher, &collector.url);
    let platforms = all(&settings);
    let core = CoreEdge::new(&settings);
    let client = Client::new();
    publisher.publish(&workspace("one"), &platforms, &core, &client);
    let page = core.send(&Ask::get("/v1/pages/home?unit=u-1")).json();
    World {
        platforms,
        core,
        client,
        receipt: page["receipt"].as_str().expect("a receipt").into(),
    }
}

pub fn settings(publisher: &Publisher, collector: &str) -> Settings {
    Settings {
        cors: vec!["https://shop.example".into()],
        secret: SECRET.into(),
        collector: Some(collector.to_owned()),
        ..Settings::preview(&publisher.trust())
    }
}

fn at() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    skyful::value::datetime::format(since.expect("after 1970").as_millis() as i64)
}

pub fn event(id: &str, receipt: &str) -> Value {
    json!({
        "id": id, "type": "click", "unit": "u-1", "page": "home", "module": "hero",
        "receipt": receipt, "at": at(),
    })
}

#[test]
fn events_are_answered_alike_everywhere() {
    let collector = Collector::start();
    let world = world(&collector);
    let with = |change: Value| {
        let mut event = event("e-1", &world.receipt);
        for (name, value) in change.as_object().expect("fields") {
            event[name] = value.clone();
        }
        event
    };
    let one = with(json!({}));
    let many: Vec<Value> = (0..101)
        .map(|n| with(json!({"id": n.to_string()})))
        .collect();
    let bodies = [
        one.to_string(),
        json!([one, one]).to_string(),
        json!({"events": [one], "sent_at": at()}).to_string(),
        "[]".into(),
        json!([with(json!({"unit": ""})), one, 7]).to_string(),
        with(json!({"receipt": "AAAA"})).to_string(),
        with(json!({"page": "other"})).to_string(),
        with(json!({"at": "2020-01-01T00:00:00Z"})).to_string(),
        with(json!({"value": "7"})).to_string(),
        with(json!({"later": {"a": 1}})).to_string(),
        json!(many).to_string(),
        String::new(),
        "{".into(),
        r#"[{"id":"\ud800"}]"#.into(),
        " ".repeat(65_537),
    ];
    let mut asks: Vec<Ask> = bodies.map(Ask::events).into();
    let preflight = Ask {
        method: "OPTIONS",
        ..Ask::events("")
    };
    asks.extend([
        Ask::events(one.to_string()).header("content-type", "text/plain;charset=UTF-8"),
        Ask::events(one.to_string()).header("origin", "https://shop.example"),
        Ask::get("/v1/events"),
        preflight
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST"),
    ]);
    for ask in asks {
        let wanted = world.core.send(&ask).comparable();
        assert!(wanted.status < 500, "{}", wanted.json());
        for platform in &world.platforms {
            let found = world.client.send(&**platform, &ask).comparable();
            let start = String::from_utf8_lossy(&ask.body[..ask.body.len().min(80)]).into_owned();
            assert_eq!(
                found,
                wanted,
                "{} {start} on {}",
                ask.method,
                platform.name()
            );
        }
    }
}

/// Only where the page is in memory. An instance on Spin may have lost it, one on Fastly never has it: there it is left to
/// the collector.
#[test]
fn a_module_that_the_release_lacks_is_refused_where_the_page_is_known() {
    let collector = Collector::start();
    let world = world(&collector);
    let mut stranger = event("e-1", &world.receipt);
    stranger["module"] = "stranger".into();
    let refused = json!({"accepted": 0, "rejected": [{"id": "e-1", "why": "unknown_module"}]});
    let taken = json!({"accepted": 1, "rejected": []});
    for platform in &world.platforms {
        let page = Ask::get("/v1/pages/home?unit=u-1");
        assert_eq!(world.client.send(&**platform, &page).status, 200);
        let answer = world
            .client
            .send(&**platform, &Ask::events(stranger.to_string()));
        let said = answer.json();
        let forgetful = ["fastly", "spin"].contains(&platform.name()) && said == taken;
        assert!(said == refused || forgetful, "{}: {said}", platform.name());
    }
}

#[test]
fn what_is_acknowledged_arrives_also_if_the_collector_was_away() {
    let collector = Collector::start();
    let mut world = world(&collector);
    let id = |what: &str, platform: &dyn Platform| format!("{what}-{}", platform.name());
    let send = |world: &World, what: &str| {
        for platform in &world.platforms {
            let event = event(&id(what, &**platform), &world.receipt);
            let answer = world
                .client
                .send(&**platform, &Ask::events(event.to_string()));
            assert_eq!(answer.status, 202, "{}: {}", platform.name(), answer.json());
        }
    };
    send(&world, "first");
    for platform in &world.platforms {
        let event = collector.event(&id("first", &**platform));
        assert_eq!(
            (&event["workspace"], &event["env"]),
            (&WORKSPACE.into(), &ENV.into())
        );
        assert_eq!(event["receipt"], world.receipt);
        assert!(event["received_at"].is_string(), "{event}");
    }
    collector.out_of_order(true);
    send(&world, "second");
    assert!(
        world
            .platforms
            .iter()
            .all(|p| !collector.has(&id("second", &**p)))
    );
    // What an edge remembers is not where they are. (Miniflare has its queues in memory, which Cloudflare has not.)
    for platform in &mut world.platforms {
        if platform.name() != "cloudflare" {
            platform.restart();
        }
    }
    collector.out_of_order(false);
    // Spin and Fastly deliver what they put aside when the next events come.
    send(&world, "third");
    for what in ["second", "third"] {
        for platform in &world.platforms {
            collector.event(&id(what, &**platform));
        }
    }
    assert!(collector.refused() > 0);
}

/// As while a secret is replaced, and the collector is the last to hear of it.
#[test]
fn what_the_collector_takes_for_forged_arrives_once_it_knows_the_secret() {
    let collector = Collector::start();
    let mut world = world(&collector);
    collector.refuse(&[("mine", "forged_receipt"), ("late", "too_late")]);
    for at in 0..world.platforms.len() {
        let platform = &mut world.platforms[at];
        let name = platform.name().to_owned();
        let [fine, mine, late] = ["fine", "mine", "late"].map(|what| format!("{what}-{name}"));
        let events = [&mine, &fine, &late].map(|id| event(id, &world.receipt));
        let ask = Ask::events(json!(events).to_string());
        assert_eq!(world.client.send(&**platform, &ask).status, 202, "{name}");
        collector.event(&fine);
        assert!(!collector.has(&mine));
    }
    collector.refuse(&[("late", "too_late")]);
    let since = std::time::Instant::now();
    for platform in &mut world.platforms {
        let name = platform.name().to_owned();
        for turn in 0.. {
            if collector.has(&format!("mine-{name}")) {
                break;
            }
            assert!(since.elapsed().as_secs() < 180, "{name}");
            // A data centre of Fastly's that forgot when it looked looks at once.
            if name == "fastly" {
                platform.restart();
            }
            std::thread::sleep(std::time::Duration::from_millis(250));
            let tick = event(&format!("tick-{turn}-{name}"), &world.receipt);
            let ask = Ask::events(tick.to_string());
            assert_eq!(world.client.send(&**platform, &ask).status, 202, "{name}");
        }
        assert!(!collector.has(&format!("late-{name}")));
    }
}

#[test]
fn without_a_place_to_keep_them_no_events_are_taken() {
    let mut publisher = Publisher::new();
    let settings = Settings {
        secret: SECRET.into(),
        ..Settings::preview(&publisher.trust())
    };
    let core = CoreEdge::new(&settings);
    let client = Client::new();
    let mut platforms = all(&settings);
    // The queue of Workers is there whoever takes from it: the tests of that platform leave it out.
    platforms.retain(|platform| platform.name() != "cloudflare");
    publisher.publish(&workspace("one"), &platforms, &core, &client);
    let page = core.send(&Ask::get("/v1/pages/home?unit=u-1")).json();
    let event = event("e-1", page["receipt"].as_str().expect("a receipt"));
    let ask = Ask::events(event.to_string());
    let wanted = core.send(&Ask::events("[]")).comparable();
    for platform in &platforms {
        let answer = client.send(&**platform, &ask);
        assert_eq!(answer.status, 503, "{}", platform.name());
        assert_eq!(answer.json()["type"], "urn:skyful:problem:events-not-kept");
        assert!(answer.header("retry-after").is_some());
        assert_eq!(
            client.send(&**platform, &Ask::events("[]")).comparable(),
            wanted
        );
    }
}

#[test]
fn without_a_secret_no_events_are_taken() {
    let settings = Settings::preview(&Publisher::new().trust());
    let (core, client) = (CoreEdge::new(&settings), Client::new());
    let ask = Ask::events("{}");
    let wanted = core.send(&ask).comparable();
    assert_eq!(wanted.status, 503);
    for platform in all(&settings) {
        let found = client.send(&*platform, &ask).comparable();
        assert_eq!(found, wanted, "{}", platform.name());
    }
}
