//! A gray release is the same for everybody everywhere: the same units at every share, on every platform, and none of them
//! once it is held.

use std::collections::BTreeSet;

use skyful::compile::Snapshot;
use skyful::manifest::Mode;

use crate::collector::{Collector, SECRET};
use crate::core_edge::CoreEdge;
use crate::platform::{Answer, Ask, Client, Platform, Settings, all, asked};
use crate::process::Process;
use crate::publisher::Publisher;
use crate::requests::workspace;

const UNITS: u32 = 120;
const TESTERS: &[&str] = &["u-tester"];

struct World {
    publisher: Publisher,
    platforms: Vec<Box<dyn Platform>>,
    core: CoreEdge,
    client: Client,
    stable: Snapshot,
    gray: Snapshot,
}

fn world() -> World {
    let publisher = Publisher::new();
    let settings = Settings::preview(&publisher.trust());
    World {
        platforms: all(&settings),
        core: CoreEdge::new(&settings),
        client: Client::new(),
        stable: workspace("stable"),
        gray: workspace("gray"),
        publisher,
    }
}

fn home(unit: &str) -> Ask {
    Ask::get(format!("/v1/pages/home?unit={unit}"))
}

fn track(answer: &Answer) -> String {
    let track = answer.json()["release"]["track"].clone();
    track.as_str().unwrap_or_default().to_owned()
}

impl World {
    fn release(&mut self, share_bps: Option<u32>, mode: Mode) {
        let gray = share_bps.map(|share_bps| (&self.gray, share_bps, TESTERS));
        let asks = self.publisher.release(&self.stable, gray, mode);
        self.publisher
            .send(&asks, &self.platforms, &self.core, &self.client);
    }

    /// Who is on the gray track, of those without a special place: the same everywhere, with the same bytes.
    fn on_gray(&self) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        for n in 0..UNITS {
            let ask = home(&format!("u-{n}"));
            let wanted = self.core.send(&ask);
            for platform in &self.platforms {
                let answer = self.client.send(&**platform, &ask);
                assert_eq!(
                    answer.comparable(),
                    wanted.comparable(),
                    "{}",
                    platform.name()
                );
            }
            if track(&wanted) == "gray" {
                found.insert(n);
            }
        }
        found
    }

    /// The track of whoever is named in the release.
    fn tester(&self, wanted: &str) {
        for platform in &self.platforms {
            let answer = self.client.send(&**platform, &home(TESTERS[0]));
            assert_eq!(track(&answer), wanted, "{}", platform.name());
        }
    }
}

#[test]
fn a_share_only_grows_by_others_and_holding_it_takes_all_of_them_back_at_once() {
    let mut world = world();
    let mut before = BTreeSet::new();
    for (share, likely) in [
        (0, 0..1),
        (1_000, 2..30),
        (4_000, 25..75),
        (10_000, UNITS..UNITS + 1),
    ] {
        world.release(Some(share), Mode::Run);
        let now = world.on_gray();
        assert!(
            before.is_subset(&now),
            "somebody went back at {share}: {before:?} {now:?}"
        );
        let count = u32::try_from(now.len()).expect("few");
        assert!(likely.contains(&count), "{count} of {UNITS} at {share}");
        world.tester("gray");
        before = now;
    }
    world.release(Some(4_000), Mode::Run);
    let running = world.on_gray();
    for mode in [Mode::Hold, Mode::Defaults] {
        world.release(Some(4_000), mode);
        assert!(world.on_gray().is_empty(), "{mode:?}");
        world.tester("stable");
    }
    world.release(Some(4_000), Mode::Run);
    assert_eq!(world.on_gray(), running, "on again as they were");
    world.release(None, Mode::Run);
    assert!(world.on_gray().is_empty());
}

#[test]
fn the_kill_switch_works_at_once_and_alike() {
    let mut world = world();
    let senior = Ask::get("/v1/pages/home?unit=u-1&attr.age=67");
    let modules = |world: &World| -> Vec<(String, String)> {
        let wanted = world.core.send(&senior);
        for platform in &world.platforms {
            let found = world.client.send(&**platform, &senior);
            assert_eq!(
                found.comparable(),
                wanted.comparable(),
                "{}",
                platform.name()
            );
        }
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let body = wanted.json();
        let modules = body["modules"].as_array().expect("modules").iter();
        modules
            .map(|m| (text(&m["plan"]), text(&m["reason"])))
            .collect()
    };
    let one = |plan: &str, reason: &str| vec![(plan.to_owned(), reason.to_owned())];
    for (mode, wanted) in [
        (Mode::Run, one("senior", "TARGETING_MATCH")),
        (Mode::Hold, one("senior", "TARGETING_MATCH")),
        (Mode::Defaults, one("default", "DEFAULT")),
        (Mode::Off, Vec::new()),
        (Mode::Run, one("senior", "TARGETING_MATCH")),
    ] {
        world.release(None, mode);
        assert_eq!(modules(&world), wanted, "{mode:?}");
    }
}

/// The counters that a gray release is judged by, on platforms whose instances live on between requests.
#[test]
fn each_platform_counts_its_tracks() {
    let mut world = world();
    world.release(Some(4_000), Mode::Run);
    let gray = world.on_gray().len() as u64;
    for platform in &world.platforms {
        let status = world
            .client
            .send(&**platform, &Ask::get("/v1/status"))
            .json();
        let row = |track: &str| {
            let rows = status["tracks"].as_array().expect("tracks").iter();
            let found = rows.filter(|row| row["track"] == track);
            found
                .map(|row| row["requests"].as_u64().expect("a count"))
                .sum::<u64>()
        };
        let (stable, on_gray) = (row("stable"), row("gray"));
        assert!(
            status["instance"].is_string() && status["boot"].is_string(),
            "{status}"
        );
        if ["fastly", "spin"].contains(&platform.name()) {
            // Their instances end after one request or some, and their counters with them.
            assert!(
                on_gray <= gray && stable <= u64::from(UNITS) - gray,
                "{status}"
            );
        } else {
            assert_eq!(
                (stable, on_gray),
                (u64::from(UNITS) - gray, gray),
                "{status}"
            );
        }
    }
}

/// Where an instance may end with its answer, each answer is reported by itself, and all of them add up to what was served.
#[test]
fn platforms_without_lasting_instances_report_every_answer_once() {
    let (stable, gray) = (workspace("stable"), workspace("gray"));
    for (name, reuse) in [("fastly", None), ("spin", None), ("spin", Some(1))] {
        let lines = asked().into_iter();
        let mut lines = lines.filter(|line| line.starts_with(&format!("{name}=")));
        let Some(line) = lines.next() else {
            continue;
        };
        let collector = Collector::start();
        let mut publisher = Publisher::new();
        let mut settings = Settings::preview(&publisher.trust());
        settings.secret = SECRET.into();
        settings.collector = Some(collector.url.clone());
        let mut settings = settings.json();
        if let Some(reuse) = reuse {
            settings["reuse"] = reuse.into();
        }
        let platform = Process::start(&line, &settings);
        let client = Client::new();
        let asks = publisher.release(&stable, Some((&gray, 4_000, TESTERS)), Mode::Run);
        for ask in asks {
            let answer = client.send(&platform, &ask);
            assert!((200..203).contains(&answer.status), "{}", answer.json());
        }
        let mut sequence = None;
        let mut on_gray = 0;
        for n in 0..UNITS {
            let answer = client.send(&platform, &home(&format!("u-{n}")));
            on_gray += u64::from(track(&answer) == "gray");
            sequence = answer.json()["release"]["sequence"].as_u64();
        }
        let totals = collector.reported(sequence.expect("a release"), UNITS.into());
        let found = (totals.gray.requests, totals.stable.requests);
        assert_eq!(found, (on_gray, u64::from(UNITS) - on_gray), "{name}");
        assert_eq!((totals.gray.errors, totals.instances), (0, 1), "{name}");
    }
}
