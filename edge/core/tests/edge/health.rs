//! What an edge counts of each release and track, shows and reports.

use serde_json::{Value as Json, json};
use skyful::health::Report;
use skyful::secret::{Sealed, Secrets};

use crate::fixture::{ENV, WORKSPACE, chunk_key, release, snapshot};
use crate::world::{World, config};

const SECRET: &str = "4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b";

fn sealed() -> World {
    let mut config = config();
    config.secrets = Secrets::parse(SECRET, WORKSPACE, ENV).unwrap();
    World::with(config)
}

fn row(sequence: u64, track: &str, [requests, errors, defaults, fallbacks]: [u64; 4]) -> Json {
    json!({"sequence": sequence, "track": track, "requests": requests, "errors": errors,
        "defaults": defaults, "fallbacks": fallbacks})
}

#[test]
fn the_status_counts_each_track_by_what_its_visitors_got() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::empty();
    world.upload(&one);
    world.upload(&two);
    world.put_manifest(&release(1, &one).gray(&two, 5_000).sign(1), &[]);
    let mut gray = 0;
    for n in 0..200 {
        let answer = world.get(&format!("/v1/pages/home?unit=u-{n}&attr.age=67"));
        gray += u64::from(answer.json["release"]["track"] == "gray");
    }
    assert!((60..140).contains(&gray), "{gray}");
    let status = world.status();
    let wanted = json!([
        row(1, "stable", [200 - gray, 0, 0, 0]),
        row(1, "gray", [gray, 0, 0, 0])
    ]);
    assert_eq!(status["tracks"], wanted);
    assert_eq!(status["boot"], "2027-01-15T08:00:00Z");
    assert_eq!(status["instance"].as_str().map(str::len), Some(16));
    // Another process is another instance.
    world.restart();
    world.wait(1);
    assert_ne!(world.status()["instance"], status["instance"]);
}

#[test]
fn what_stands_in_counts_for_the_track_that_lacks_something() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::empty();
    world.upload(&one);
    world.upload(&two);
    world.store.remove(&chunk_key(&two, "home"));
    world.put_manifest(&release(1, &one).gray(&two, 10_000).sign(1), &[]);
    world.home();
    assert_eq!(
        world.status()["tracks"],
        json!([row(1, "gray", [1, 0, 1, 1])])
    );
    world.store.remove(&chunk_key(&one, "home"));
    world.store.forget();
    world.restart();
    world.home();
    let wanted = json!([row(1, "gray", [1, 1, 0, 0])]);
    assert_eq!(
        world.status()["tracks"],
        wanted,
        "an empty page is of the track that lacks it"
    );
}

#[test]
fn a_report_is_sealed_cumulative_and_not_given_twice_at_once() {
    let mut world = sealed();
    world.publish(3, &snapshot("one"));
    assert!(world.edge.report(world.now_ms).is_none(), "nothing to say");
    world.home();
    let first = world.edge.report(world.now_ms).expect("a report");
    assert!(world.edge.report(world.now_ms + 4_999).is_none());
    world.home();
    world.wait(5_000);
    let second = world.edge.report(world.now_ms).expect("another");
    let secrets = Secrets::parse(SECRET, WORKSPACE, ENV).unwrap();
    assert!(secrets.signed(Sealed::Health, &first.body, &first.seal));
    assert!(!secrets.signed(Sealed::Health, &second.body, &first.seal));
    let body: Json = serde_json::from_slice(&second.body).unwrap();
    let status = world.status();
    let wanted = json!({"workspace": WORKSPACE, "env": ENV, "instance": status["instance"],
        "boot_ms": 1_800_000_000_000_i64, "at_ms": world.now_ms,
        "tracks": [row(3, "stable", [2, 0, 2, 0])]});
    assert_eq!(body, wanted);
    let read = Report::open(&second.body, &second.seal, &secrets).expect("understood");
    assert_eq!(read.tracks[0].counts.requests, 2);
}

#[test]
fn an_instance_that_may_end_tells_each_answer_once_while_tracks_are_compared() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = sealed();
    world.upload(&one);
    world.upload(&two);
    world.put_manifest(&release(1, &one).gray(&two, 10_000).sign(1), &[]);
    let told = |world: &World, chance: u8, one_in: u32| {
        let report = world.edge.report_once(world.now_ms, [chance; 16], one_in)?;
        let secrets = Secrets::parse(SECRET, WORKSPACE, ENV).unwrap();
        Some(Report::open(&report.body, &report.seal, &secrets).expect("understood"))
    };
    assert_eq!(told(&world, 1, 1), None, "nothing to say");
    world.home();
    let first = told(&world, 1, 1).expect("of one answer");
    assert_eq!(told(&world, 2, 1), None, "it was told");
    world.home();
    world.home();
    let second = told(&world, 3, 1).expect("of two answers");
    let rows = |report: &Report| -> Vec<(String, u64, u64)> {
        let rows = report.tracks.iter();
        rows.map(|row| (row.track.clone(), row.counts.requests, row.counts.defaults))
            .collect()
    };
    assert_eq!(rows(&first), [("gray".to_owned(), 1, 1)]);
    assert_eq!(rows(&second), [("gray".to_owned(), 2, 2)]);
    assert!(first.once && second.once);
    assert_ne!(first.instance, second.instance);
    // The status goes on counting.
    assert_eq!(
        world.status()["tracks"],
        json!([row(1, "gray", [3, 0, 3, 0])])
    );
    // A sample: what is not drawn is left out, and never told later. 0 is none at all.
    let mut drawn = 0;
    for chance in 0..=255 {
        world.home();
        assert_eq!(told(&world, chance, 0), None);
        world.home();
        drawn += told(&world, chance, 4).map_or(0, |report| report.tracks[0].counts.requests);
    }
    assert!((32..128).contains(&drawn), "{drawn}");
    // Nothing is compared any more, so there is nothing to tell.
    world.publish(2, &two);
    world.restart();
    world.home();
    assert_eq!(told(&world, 5, 1), None);
}

#[test]
fn without_a_secret_nothing_is_reported() {
    let mut world = World::published(1, &snapshot("one"));
    world.home();
    assert!(world.edge.report(world.now_ms).is_none());
}

#[test]
fn each_page_of_a_bulk_answer_counts() {
    let mut world = World::published(1, &snapshot("one"));
    world.send(
        "POST",
        "/ofrep/v1/evaluate/flags",
        br#"{"context":{"targetingKey":"u-1"}}"#,
    );
    assert_eq!(world.status()["tracks"][0]["requests"], 2);
    assert_eq!(world.status()["counters"]["requests"], 1);
}
