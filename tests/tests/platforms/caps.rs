//! Caps on every platform: by ledgers alike everywhere, and by the store that each one has.

use serde_json::{Value, json};
use skyful::compile::Snapshot;
use skyful_tests::product;

use crate::collector::Collector;
use crate::core_edge::CoreEdge;
use crate::events::event;
use crate::platform::{Answer, Ask, Client, Platform, Settings, all, asked};
use crate::process::Process;
use crate::publisher::Publisher;

const SECRET: &str = "7777777777777777777777777777777777777777777777777777777777777777";
pub const LIMIT: usize = 2;

/// A module on which two answers a day may show the capped plan; `served` counts answers, `seen` exposures, `clicked` ends
/// with a click.
pub fn capped() -> Snapshot {
    let with = |cap: Value| {
        json!({
            "type": "card", "default": {"content": {}},
            "plans": [{"key": "promo", "content": {}, "caps": [cap]}],
        })
    };
    let module = |count: &str| with(json!({"limit": LIMIT, "per": "1d", "count": count}));
    let page =
        |module: &str| json!({"slots": [{"key": "s"}], "default": {"modules": {"s": [module]}}});
    let document = json!({
        "skyful": 1, "workspace": "vectors",
        "locales": {"default": "en", "supported": ["en"]},
        "module_types": {"card": {"schema": {"type": "object"}}},
        "modules": {
            "served": module("served"), "seen": module("exposure"),
            "clicked": with(json!({"stop_after": "click"})),
        },
        "pages": {"served": page("served"), "seen": page("seen"), "clicked": page("clicked")},
    });
    product::snapshot(&document, &Default::default()).expect("a workspace")
}

pub fn settings(publisher: &Publisher, caps: Option<&'static str>) -> Settings {
    Settings {
        secret: SECRET.into(),
        caps,
        ..Settings::preview(&publisher.trust())
    }
}

/// One visitor's requests, each with what the answer before gave.
struct Visitor<'a> {
    send: &'a dyn Fn(&Ask) -> Answer,
    unit: &'static str,
    token: Option<String>,
}

impl Visitor<'_> {
    fn visits(&mut self, page: &str, seen: &[Value]) -> Answer {
        let body = json!({"page": page, "unit": self.unit, "seen": seen});
        let mut ask = Ask::resolve(body.to_string());
        if let Some(token) = &self.token {
            ask = ask.header("skyful-caps", token);
        }
        let answer = (self.send)(&ask);
        assert_eq!(answer.status, 200, "{}", answer.json());
        self.token = answer
            .header("skyful-caps")
            .map(str::to_owned)
            .or(self.token.take());
        answer
    }

    /// Reports that the only module of this answer was clicked, or seen.
    fn reports(&mut self, kind: &str, answer: &Answer) {
        let page = answer.json();
        let mut event = event(&format!("{kind}-{}", page["page"]), "");
        event["type"] = kind.into();
        event["unit"] = self.unit.into();
        event["page"] = page["page"].clone();
        event["module"] = page["modules"][0]["module"].clone();
        event["receipt"] = page["receipt"].clone();
        event["grant"] = answer.header("skyful-grant").into();
        let mut ask = Ask::events(event.to_string());
        if let Some(token) = &self.token {
            ask = ask.header("skyful-caps", token);
        }
        let told = (self.send)(&ask);
        let taken = json!({"accepted": 1, "rejected": []});
        assert_eq!((told.status, told.json()), (202, taken));
        let token = told.header("skyful-caps").map(str::to_owned);
        assert_eq!(token.is_some(), self.token.is_some());
        self.token = token;
    }

    /// A grant, its event, and what the next answer makes of it.
    fn clicks(&mut self, name: &str) {
        let first = self.visits("clicked", &[]);
        assert!(
            shows(&first) && shows(&self.visits("clicked", &[])),
            "{name}"
        );
        self.reports("exposure", &first);
        assert!(shows(&self.visits("clicked", &[])), "{name}: only seen");
        self.reports("click", &first);
        for _ in 0..2 {
            assert!(!shows(&self.visits("clicked", &[])), "{name}");
        }
    }

    /// What is shown at visit after visit.
    fn story(&mut self) -> Vec<String> {
        let mut plans = Vec::new();
        for page in ["served", "seen", "served", "seen", "served", "seen"] {
            let answer = self.visits(page, &[]);
            let shown = shows(&answer);
            assert_eq!(answer.header("skyful-grant").is_some(), shown, "{page}");
            plans.push(format!("{page} {shown}"));
        }
        plans
    }
}

fn shows(answer: &Answer) -> bool {
    answer.json()["modules"][0]["plan"] == "promo"
}

#[test]
fn visitors_carry_their_ledgers_from_one_platform_to_another() {
    let mut publisher = Publisher::new();
    let settings = settings(&publisher, None);
    let (platforms, core) = (all(&settings), CoreEdge::new(&settings));
    let client = Client::new();
    publisher.publish(&capped(), &platforms, &core, &client);
    let mut first = Visitor {
        send: &|ask| core.send(ask),
        unit: "u-1",
        token: None,
    };
    let expected = first.story();
    assert_eq!(
        expected
            .iter()
            .filter(|line| line.ends_with("true"))
            .count(),
        2 * LIMIT
    );
    for platform in &platforms {
        let send = |ask: &Ask| client.send(&**platform, ask);
        let mut visitor = Visitor {
            send: &send,
            unit: "u-1",
            token: None,
        };
        assert_eq!(visitor.story(), expected, "{}", platform.name());
        // What the core sealed counts here too.
        visitor.token.clone_from(&first.token);
        assert!(
            !shows(&visitor.visits("served", &[])),
            "{}",
            platform.name()
        );
    }
}

#[test]
fn an_event_confirms_what_visitors_carry() {
    let collector = Collector::start();
    let mut publisher = Publisher::new();
    let settings = Settings {
        collector: Some(collector.url.clone()),
        ..settings(&publisher, None)
    };
    let (platforms, core) = (all(&settings), CoreEdge::new(&settings));
    let client = Client::new();
    publisher.publish(&capped(), &platforms, &core, &client);
    for platform in &platforms {
        let mut visitor = Visitor {
            send: &|ask| client.send(&**platform, ask),
            unit: "u-1",
            token: None,
        };
        visitor.clicks(platform.name());
    }
}

#[test]
fn an_event_confirms_what_platforms_count() {
    for line in asked() {
        let name = line.split('=').next().expect("a name").to_owned();
        let modes: &[&str] = match &*name {
            "cloudflare" => &["exact", "approximate"],
            _ => &["approximate"],
        };
        for mode in modes {
            let collector = Collector::start();
            let mut publisher = Publisher::new();
            let settings = Settings {
                collector: Some(collector.url.clone()),
                ..settings(&publisher, Some(mode))
            };
            let platforms: Vec<Box<dyn Platform>> =
                vec![Box::new(Process::start(&line, &settings.json()))];
            let core = CoreEdge::new(&Settings {
                caps: None,
                ..settings
            });
            let client = Client::new();
            publisher.publish(&capped(), &platforms, &core, &client);
            let mut visitor = Visitor {
                send: &|ask| client.send(&*platforms[0], ask),
                unit: "u-1",
                token: None,
            };
            visitor.clicks(&format!("{name}, {mode}"));
        }
    }
}

/// How a platform counts by itself.
fn own_mode(name: &str) -> &'static str {
    match name {
        "cloudflare" => "exact",
        _ => "approximate",
    }
}

#[test]
fn platforms_count_in_what_they_have() {
    for line in asked() {
        let name = line.split('=').next().expect("a name").to_owned();
        let mut publisher = Publisher::new();
        let settings = settings(&publisher, Some(own_mode(&name)));
        let mut platforms: Vec<Box<dyn Platform>> =
            vec![Box::new(Process::start(&line, &settings.json()))];
        let core = CoreEdge::new(&Settings {
            caps: None,
            ..settings
        });
        let client = Client::new();
        publisher.publish(&capped(), &platforms, &core, &client);
        let story = |platforms: &[Box<dyn Platform>], unit| {
            let send = |ask: &Ask| client.send(&*platforms[0], ask);
            let mut visitor = Visitor {
                send: &send,
                unit,
                token: None,
            };
            visitor.story()
        };
        let lines = story(&platforms, "u-1");
        assert_eq!(
            lines.iter().filter(|line| line.ends_with("true")).count(),
            2 * LIMIT,
            "{name}"
        );
        // Known also to an instance that was just started.
        platforms[0].restart();
        let lines = story(&platforms, "u-1");
        assert!(
            lines.iter().all(|line| line.ends_with("false")),
            "{name}: {lines:?}"
        );
        if own_mode(&name) == "exact" {
            at_once(&*platforms[0], &client);
        }
    }
}

/// Sixty-four requests of one visitor.
fn at_once(platform: &dyn Platform, client: &Client) {
    let url = platform.url();
    let ask = Ask::resolve(json!({"page": "served", "unit": "u-2"}).to_string());
    let granted = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..64)
            .map(|_| scope.spawn(|| shows(&client.send_to(&url, &ask))))
            .collect();
        asking
            .into_iter()
            .map(|one| one.join().expect("an answer"))
            .filter(|shown| *shown)
            .count()
    });
    assert_eq!(granted, LIMIT, "{}", platform.name());
}
