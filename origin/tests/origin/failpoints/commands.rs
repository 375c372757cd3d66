//! What dies without an origin that serves, or before it does.

use std::time::Instant;

use serde_json::json;

use crate::failpoint::{KILL_AT, Point};
use crate::process::Process;
use crate::stage::{Recovery, World};
use crate::story::PROD;
use crate::support::Desk;
use crate::visitor::Visitor;

const ERA: u64 = 1 << 40;
const BACKUP: [&str; 5] = ["backup", "--data", "data", "-o", "backup.sqlite"];
const RESTORE: [&str; 5] = ["restore", "backup.sqlite", "--data", "data", "--replace"];

fn names(way: &[Point]) -> String {
    let names: Vec<_> = way.iter().map(|point| point.name()).collect();
    names.join(",")
}

/// A command that dies on its way.
#[track_caller]
fn dies(desk: &Desk, args: &[&str], way: &[Point]) {
    let mut command = desk.command(args);
    let ended = command.env(KILL_AT, names(way)).output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), None, "{told}");
    let point = way.last().expect("a way").name();
    let last = told.lines().last().unwrap_or_default();
    assert_eq!(last, format!("killed at {point}"));
}

/// The first start of all: the second one begins as if there had been none.
pub fn begins(way: &[Point]) -> Recovery {
    let desk = Desk::new();
    let mut origin = Process::new(&["serve", "--data", "data", "--log-format", "json"]);
    origin.set(KILL_AT, &names(way));
    assert!(!origin.launch(&desk));
    assert_eq!(
        origin.ended(std::time::Duration::from_secs(30)).code(),
        None
    );
    origin.without(KILL_AT);
    let since = Instant::now();
    origin.start(&desk);
    let ready = ureq::get(&format!("http://{}/readyz", origin.address));
    assert_eq!(ready.call().expect("an answer").status().as_u16(), 200);
    let log = std::fs::read_to_string(desk.path("serve.log")).expect("a log");
    assert!(
        log.contains("\"code\":"),
        "whoever comes is the first user: {log}"
    );
    Recovery {
        ready: since.elapsed(),
        ..Recovery::default()
    }
}

/// Half of a backup has no name that anybody would restore.
pub fn backs_up(mut world: World, way: &[Point]) -> Recovery {
    let took = world.recovers();
    dies(&world.desk, &BACKUP, way);
    assert!(!world.desk.path("backup.sqlite").exists());
    world.desk.run(&BACKUP).ends_with_code(0);
    let left = std::fs::read_dir(world.desk.dir.path()).expect("a folder");
    let unfinished = left
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.contains("unfinished"));
    assert_eq!(unfinished.count(), 0);
    world.origin.kill();
    world.desk.run(&RESTORE).ends_with_code(0);
    world.recovers();
    world.sound();
    took
}

/// What was there is there, or the backup is, in a higher era; and nobody who starts the origin has to know.
pub fn restores(mut world: World, way: &[Point], done: bool) -> Recovery {
    let visitor = Visitor::come(&world.edge);
    world.start();
    world.desk.run(&BACKUP).ends_with_code(0);
    world.releases("second").is(201);
    world.finished(Instant::now());
    // Its last changes stand in the log only.
    world.origin.kill();
    dies(&world.desk, &RESTORE, way);
    let took = world.recovers();
    let sequence = world.live()["sequence"].as_u64().expect("a number");
    let second = world.ada.get(&format!("{PROD}/releases/2")).status;
    let expected = if done { (ERA + 1, 404) } else { (2, 200) };
    assert_eq!((sequence, second), expected);
    // An era that was written down and not begun is one that somebody has to go past.
    let begun = std::fs::read_to_string(world.desk.path("data/eras.json"));
    if begun.is_ok_and(|eras| !done && eras.contains("wallet/prod")) {
        let doctor = world.desk.run(&["doctor", "--data", "data"]);
        let found = doctor.ends_with_code(1).out;
        assert!(
            found.contains("is in era 0, and 1 was begun here"),
            "{found}"
        );
        world
            .ada
            .post(&format!("{PROD}/raise-era"), &json!({}))
            .is(200);
        world
            .ada
            .post(
                "/api/v1/workspaces/wallet/environments/dev/raise-era",
                &json!({}),
            )
            .is(200);
        world.finished(Instant::now());
    }
    world.sound();
    let before = world.live()["sequence"].as_u64().expect("a number");
    // And again, to its end.
    world.origin.kill();
    world.desk.run(&RESTORE).ends_with_code(0);
    world.recovers();
    let sequence = world.live()["sequence"].as_u64().expect("a number");
    assert!(sequence >> 40 > before >> 40, "{before} {sequence}");
    world.sound();
    assert!(visitor.leave() > 0);
    took
}
