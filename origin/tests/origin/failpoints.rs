//! The origin dies at every failpoint that there is, each time before the same prepared folder, and is started again: what was
//! under way is done or undone, never by halves, visitors notice nothing, and what was left is finished.

#[path = "failpoints/commands.rs"]
mod commands;
#[path = "failpoints/plays.rs"]
mod plays;
#[path = "failpoints/scenes.rs"]
mod scenes;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::failpoint::{KILL_AT, Point};
use crate::stage::{Recovery, World};
use crate::support::Desk;
use crate::visitor::Visitor;
use plays::{Left, Play};

/// Most of the time processes wait: for the disk, and for each other.
const AT_ONCE: usize = 4;

/// A play, and the way to the point where it ends.
struct Case {
    way: Vec<Point>,
    play: Play,
}

#[test]
fn killed_at_any_failpoint_it_has_the_old_or_the_new_and_finishes_what_was_left() {
    let stage = World::new().still();
    let only = std::env::var("SKYFUL_FAILPOINT").ok();
    let wanted = |point: &&Point| only.as_ref().is_none_or(|name| name == point.name());
    let cases: VecDeque<Case> = Point::ALL
        .iter()
        .filter(wanted)
        .flat_map(|point| plays::of(*point))
        .map(|(way, play)| Case { way, play })
        .collect();
    let all = cases.len();
    let (cases, took) = (Mutex::new(cases), Mutex::new(Vec::new()));
    let next = || {
        let mut cases = cases.lock().unwrap_or_else(PoisonError::into_inner);
        cases.pop_front()
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(Case { way, play }) = next() {
                    let names: Vec<_> = way.iter().map(|point| point.name()).collect();
                    // What fails says by its name which one it is; the others are looked at all the same.
                    let played = std::thread::Builder::new()
                        .name(names.join(","))
                        .spawn_scoped(scope, || play_out(&stage, way, play))
                        .expect("a thread");
                    let played = played.join();
                    let mut took = took.lock().unwrap_or_else(PoisonError::into_inner);
                    took.extend(played.ok());
                }
            });
        }
    });
    let took = took.into_inner().expect("nobody fails with it");
    assert_eq!(took.len(), all, "all of them end well");
    let slowest = took
        .into_iter()
        .fold(Recovery::default(), Recovery::slowest);
    let Recovery { ready, delivered } = slowest;
    println!(
        "{all} ways to die; ready after {ready:.2?} at most, all delivered after {delivered:.2?} at most"
    );
}

fn play_out(stage: &World, way: Vec<Point>, play: Play) -> Recovery {
    let way = &way[..];
    match play {
        Play::New => commands::begins(way),
        Play::Backup => commands::backs_up(stage.copied(), way),
        Play::Restore { done } => commands::restores(stage.copied(), way, done),
        Play::Served {
            before,
            act,
            done,
            left,
        } => {
            let mut world = stage.copied();
            let visitor = Visitor::come(&world.edge);
            before(&mut world);
            if world.launch_to_die(way) {
                act(&world);
            }
            world.died(way);
            let took = world.recovers();
            match left {
                Left::Old => {
                    assert!(!done(&world), "{way:?}: it came to be");
                    // Nothing is in the way of whoever asks again.
                    act(&world);
                    assert!(done(&world), "{way:?}: it can't be done any more");
                }
                Left::New => assert!(done(&world), "{way:?}: it is gone"),
                Left::ToDo(finishes) => finishes(&mut world),
            }
            world.finished(std::time::Instant::now());
            world.sound();
            assert!(visitor.leave() > 0);
            took
        }
    }
}

#[test]
fn a_name_that_is_no_failpoint_is_refused() {
    let desk = Desk::new();
    let mut serve = desk.command(&["serve", "--data", "data", "--listen", "127.0.0.1:0"]);
    let ended = serve.env(KILL_AT, "nowhere").output().expect("it ends");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(told.contains("there is no failpoint `nowhere`"), "{told}");
}
