//! Commands on a stored book, as a Durable Object or a compare-and-set applies them.

use skyful::ledger::{CapRule, Granted, span};
use skyful::snapshot::records::{Counted, Subject};
use skyful_edge::caps::{Command, Reply, apply};

const NOW: i64 = 1_795_305_600_000;
/// All was reserved.
const NONE: [u32; 0] = [];

fn rule(limit: u32) -> CapRule {
    CapRule {
        id: 1,
        counted: Counted::Exposure,
        by: Subject::Unit,
        since_ms: NOW - 3_600_000,
        limit,
        cooldown_ms: 0,
        keep: limit,
        span: span(3_600_000),
    }
}

fn granted(marks: &[(u32, u32)]) -> Granted {
    Granted {
        marks: marks.to_vec(),
    }
}

/// Applies and keeps, as a store does.
fn run(stored: &mut Option<Vec<u8>>, command: &Command) -> Reply {
    let applied = apply(stored.as_deref(), &command.to_bytes()).expect("applied");
    if let Some(bytes) = applied.stored {
        *stored = Some(bytes);
    }
    Reply::from_bytes(&applied.reply).expect("a reply")
}

fn reserve(rules: &[CapRule], grants: &[Granted]) -> Command {
    Command {
        now_ms: NOW,
        rules: rules.to_vec(),
        reserve: grants.to_vec(),
        ..Command::default()
    }
}

#[test]
fn all_of_an_answer_is_reserved_or_nothing() {
    let mut stored = None;
    let rules = [rule(2), CapRule { id: 2, ..rule(1) }];
    let both = [granted(&[(0, 10)]), granted(&[(0, 11), (1, 12)])];
    assert_eq!(run(&mut stored, &reserve(&rules, &both)).refused, NONE);
    let held = stored.clone();
    let more = [granted(&[(1, 20)])];
    assert_eq!(run(&mut stored, &reserve(&rules, &more)).refused, [1]);
    assert_eq!(stored, held, "refused, nothing is written");
}

#[test]
fn the_same_marks_again_take_no_more_room() {
    let mut stored = None;
    let command = reserve(&[rule(1)], &[granted(&[(0, 10)])]);
    for _ in 0..3 {
        assert_eq!(run(&mut stored, &command).refused, NONE);
    }
    let reply = run(&mut stored, &reserve(&[rule(1)], &[granted(&[(0, 11)])]));
    assert_eq!((reply.tallies[0].count, reply.refused), (1, vec![0]));
}

#[test]
fn released_room_is_free_but_what_was_seen_is_not() {
    let mut stored = None;
    let rules = [rule(1)];
    run(&mut stored, &reserve(&rules, &[granted(&[(0, 10)])]));
    let release = |element| Command {
        release: vec![element],
        ..reserve(&rules, &[granted(&[(0, element + 1)])])
    };
    assert_eq!(run(&mut stored, &release(10)).refused, NONE);
    let confirm = Command {
        confirm: vec![(11, NOW)],
        ..reserve(&rules, &[])
    };
    run(&mut stored, &confirm);
    assert_eq!(run(&mut stored, &release(11)).refused, [0]);
}

#[test]
fn damage_is_an_error_and_never_a_new_beginning() {
    let command = reserve(&[rule(1)], &[granted(&[(0, 10)])]).to_bytes();
    assert!(apply(Some(&[9, 9]), &command).is_err());
    for end in 0..command.len() {
        assert!(apply(None, &command[..end]).is_err(), "{end}");
    }
}
