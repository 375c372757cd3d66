//! Sixteen who release at once, over HTTP, with the origin killed in the middle: each release that was answered is in the history,
//! once, and no sequence is missing or comes twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Answer, Person};
use crate::database;
use crate::stage::World;
use crate::story::WALLET;
use crate::visitor::Visitor;

const PUBLISHERS: usize = 16;
/// Beside `prod`, to which every second one releases.
const ENVS: usize = 4;
const LONG: Duration = Duration::from_secs(60);

/// Goes on asking with the same key until there is an answer: whether the first one was taken isn't known.
fn asked(person: &Person, env: &str, key: &str, body: &Value) -> Answer {
    let path = format!("{WALLET}/environments/{env}/releases");
    let (once, body) = ([("idempotency-key", key)], body.to_string());
    let since = Instant::now();
    loop {
        if let Some(answer) = person.try_ask("POST", &path, &once, body.as_bytes()) {
            return answer;
        }
        assert!(since.elapsed() < LONG, "{key} has no answer");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn looked(person: &Person, env: &str) -> Answer {
    let path = format!("{WALLET}/environments/{env}/live");
    let since = Instant::now();
    loop {
        if let Some(answer) = person.try_ask("GET", &path, &[], b"") {
            return answer;
        }
        assert!(since.elapsed() < LONG, "{env} can't be looked at");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Releases one of two snapshots, whichever isn't shown, over what it saw; gives what was answered, by note.
fn publishes(
    (person, env): (&Person, &str),
    name: usize,
    snapshots: [&Value; 2],
    (many, done): (usize, &AtomicUsize),
) -> Vec<(String, i64)> {
    let mut made = Vec::new();
    let since = Instant::now();
    for attempt in 0.. {
        assert!(
            since.elapsed() < LONG,
            "{name} got {} of {many}",
            made.len()
        );
        let live = looked(person, env);
        let shown = (live.status == 200).then_some(&live.body["stable"]);
        let other = snapshots
            .into_iter()
            .find(|snapshot| shown != Some(snapshot));
        let key = format!("{name}-{attempt}");
        let body = json!({
            "snapshot": other,
            "expected_head": live.body["sequence"].as_i64().unwrap_or(0),
            "note": key,
        });
        let answer = asked(person, env, &key, &body);
        match answer.status {
            201 => made.push((key, answer.body["id"].as_i64().expect("an id"))),
            // Somebody else was quicker.
            409 | 412 => continue,
            _ => panic!("{}: {:#}", answer.status, answer.body),
        }
        done.fetch_add(1, Ordering::Relaxed);
        if made.len() == many {
            break;
        }
    }
    made
}

#[test]
fn sixteen_who_publish_at_once_lose_nothing_also_if_it_is_killed() {
    let many = std::env::var("SKYFUL_PUBLISHES").map_or(3, |n| n.parse().expect("a number"));
    let mut world = World::new();
    let visitor = Visitor::come(&world.edge);
    let first = world.live()["stable"].clone();
    let second = world.releases("second").is(201).body["snapshot"].clone();
    let envs: Vec<String> = (0..PUBLISHERS)
        .map(|name| match name % 2 {
            0 => "prod".to_owned(),
            _ => format!("e{}", name / 2 % ENVS),
        })
        .collect();
    for env in envs.iter().filter(|env| *env != "prod") {
        let path = format!("{WALLET}/environments/{env}");
        if world.ada.get(&path).status == 404 {
            let settings = json!({"name": env, "protected": false});
            world.ada.make(&path, &settings).is(200);
        }
    }
    let done = AtomicUsize::new(0);
    let (ada, snapshots) = (world.ada.clone(), [&first, &second]);
    let made: Vec<Vec<(String, i64)>> = std::thread::scope(|scope| {
        let publishers: Vec<_> = (envs.iter().enumerate())
            .map(|(name, env)| {
                let (ada, done) = (ada.clone(), &done);
                scope.spawn(move || publishes((&ada, env), name, snapshots, (many, done)))
            })
            .collect();
        let since = Instant::now();
        while done.load(Ordering::Relaxed) < PUBLISHERS * many / 2 {
            assert!(since.elapsed() < LONG, "they don't get on");
            std::thread::sleep(Duration::from_millis(1));
        }
        world.origin.kill();
        world.start();
        let made = publishers.into_iter().map(ScopedJoinHandle::join);
        made.collect::<Result<_, _>>().expect("nobody fails")
    });

    let mut of_env: BTreeMap<&str, BTreeMap<i64, String>> = BTreeMap::new();
    for (env, made) in envs.iter().zip(made) {
        assert_eq!(made.len(), many);
        let of_env = of_env.entry(env).or_default();
        for (note, id) in made {
            assert_eq!(
                of_env.insert(id, note),
                None,
                "{env} has release {id} twice"
            );
        }
    }
    let mut all = 0;
    for (env, mut answered) in of_env {
        if env == "prod" {
            answered.extend([(1, "first".to_owned()), (2, "second".to_owned())]);
        }
        let found = database::releases(&world.desk, env);
        let found: BTreeMap<i64, String> =
            found.into_iter().map(|(id, note, _)| (id, note)).collect();
        assert_eq!(found, answered, "what was answered is what there is: {env}");
        // Each took one sequence; that none is missing is looked at below.
        let signed = format!("SELECT count(*) FROM manifests WHERE env = '{env}'");
        assert_eq!(database::number(&world.desk, &signed), found.len() as i64);
        all += found.len();
    }
    world.finished(Instant::now());
    world.sound();
    let pages = visitor.leave();
    println!("{all} releases, all that were answered and no other; {pages} pages meanwhile");
}
