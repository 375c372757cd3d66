use super::*;
use crate::secret::Secrets;
use crate::snapshot::records::Subject;

const MINUTE: i64 = 60_000;
const NOW: i64 = 1_795_305_600_000;

fn rule(limit: u32) -> CapRule {
    CapRule {
        id: 7,
        counted: Counted::Exposure,
        by: Subject::Unit,
        since_ms: NOW - 60 * MINUTE,
        limit,
        cooldown_ms: 0,
        keep: limit,
    }
}

fn mark(element: u32, minutes_ago: i64, confirmed: bool) -> Mark {
    Mark {
        element,
        at_ms: NOW - minutes_ago * MINUTE,
        confirmed,
    }
}

fn ledger(marks: &[Mark]) -> Ledger {
    let mut ledger = Ledger::default();
    for one in marks {
        ledger.mark(7, *one);
    }
    ledger
}

fn secrets() -> Secrets {
    let secret = "55".repeat(32);
    Secrets::parse(&secret, "wallet", "prod").expect("a secret")
}

#[test]
fn counts_what_is_confirmed_in_the_window_and_what_is_young_enough() {
    let ledger = ledger(&[
        mark(1, 59, true),
        mark(2, 61, true),
        mark(3, 9, false),
        mark(4, 11, false),
    ]);
    let tally = ledger.tally(&rule(3), NOW, HOLD_MS);
    assert_eq!((tally.count, tally.last_ms), (2, Some(NOW - 9 * MINUTE)));
    assert_eq!(ledger.tally(&rule(3), NOW, HORIZON_MS).count, 3);
}

#[test]
fn merging_is_a_union_in_any_order() {
    let a = ledger(&[mark(1, 5, true), mark(2, 3, false)]);
    let b = ledger(&[mark(1, 4, false), mark(2, 8, true), mark(3, 1, false)]);
    let merged = |first: &Ledger, second: &Ledger| {
        let mut merged = first.clone();
        merged.merge(second);
        let mut marks = merged.caps()[0].marks.clone();
        marks.sort_by_key(|mark| mark.element);
        marks
    };
    let both = merged(&a, &b);
    assert_eq!(both, merged(&b, &a));
    assert_eq!(
        both,
        [mark(1, 5, true), mark(2, 8, true), mark(3, 1, false)]
    );
    assert_eq!(merged(&a, &a), a.caps()[0].marks);
}

#[test]
fn open_grants_push_out_no_exposure() {
    let mut ledger = ledger(&[mark(1, 50, true), mark(2, 40, true), mark(3, 30, true)]);
    for element in 10..20 {
        ledger.mark(7, mark(element, 1, false));
    }
    ledger.prune(&[rule(2)], NOW, HOLD_MS);
    let marks = &ledger.caps()[0].marks;
    let confirmed: Vec<u32> = marks
        .iter()
        .filter(|m| m.confirmed)
        .map(|m| m.element)
        .collect();
    assert_eq!(confirmed, [2, 3], "the newest two");
    assert_eq!(marks.iter().filter(|m| !m.confirmed).count(), 2);
}

#[test]
fn caps_of_other_pages_keep_what_they_have() {
    let mut ledger = ledger(&[
        mark(1, 100_000, true),
        mark(2, 20, false),
        mark(3, 11_000, false),
    ]);
    ledger.prune(&[], NOW, HOLD_MS);
    let left: Vec<u32> = ledger.caps()[0]
        .marks
        .iter()
        .map(|mark| mark.element)
        .collect();
    assert_eq!(
        left,
        [1, 2],
        "only what no event can confirm any more is gone"
    );
}

#[test]
fn an_event_can_neither_predate_its_grant_nor_come_from_the_future() {
    for (at, expected) in [(-90, -10), (-5, -5), (600, 0)] {
        let mut ledger = ledger(&[mark(1, 10, false)]);
        assert!(ledger.confirm(1, NOW + at * MINUTE, NOW));
        assert_eq!(ledger.caps()[0].marks[0].at_ms, NOW + expected * MINUTE);
        assert!(ledger.confirm(1, NOW, NOW), "known, and counted already");
        assert_eq!(ledger.caps()[0].marks[0].at_ms, NOW + expected * MINUTE);
        assert!(!ledger.confirm(2, NOW, NOW), "never granted");
    }
}

#[test]
fn a_grant_names_its_marks_apart() {
    let (one, two) = (Grant::mint([1; 16]), Grant::mint([2; 16]));
    assert_eq!(Grant::read(&one.0), Some(one.clone()));
    for wrong in ["", "AAAA", "AAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAA"] {
        assert_eq!(Grant::read(wrong), None, "{wrong}");
    }
    let names = [
        one.element(Counted::Exposure, "module/hero", 0),
        one.element(Counted::Exposure, "module/hero", 1),
        one.element(Counted::Click, "module/hero", 0),
        one.element(Counted::Exposure, "module/her", 0),
        two.element(Counted::Exposure, "module/hero", 0),
    ];
    for (at, name) in names.iter().enumerate() {
        assert!(!names[..at].contains(name));
    }
}

#[test]
fn tokens_come_back_to_the_minute_and_never_younger_windows() {
    let secrets = secrets();
    let sealer = secrets.sealer().expect("a secret");
    let mut ledger = ledger(&[mark(1, 0, false), mark(2, 525_600, true)]);
    ledger.mark(
        9,
        Mark {
            element: 3,
            at_ms: NOW - 30_000,
            confirmed: true,
        },
    );
    let text = ledger.seal(sealer, 42, NOW + 1);
    let (unit, opened) = Ledger::open(&text, &secrets).expect("genuine");
    assert_eq!(unit, 42);
    for (before, after) in ledger.caps().iter().zip(opened.caps()) {
        for (before, after) in before.marks.iter().zip(&after.marks) {
            assert_eq!(
                (before.element, before.confirmed),
                (after.element, after.confirmed)
            );
            let later = after.at_ms - before.at_ms;
            assert!((0..MINUTE).contains(&later), "{later}");
        }
    }
    let again = opened.seal(sealer, 42, NOW + 5 * MINUTE);
    assert_eq!(
        Ledger::open(&again, &secrets).map(|(_, ledger)| ledger),
        Some(opened)
    );
}

#[test]
fn a_stored_book_comes_back_as_it_was() {
    let mut ledger = ledger(&[mark(1, 0, false), mark(2, 7, true)]);
    ledger.mark(
        9,
        Mark {
            element: 3,
            at_ms: -5,
            confirmed: true,
        },
    );
    let bytes = ledger.to_bytes();
    assert_eq!(Ledger::from_bytes(&bytes), Ok(ledger));
    for end in 1..bytes.len() {
        let _ = Ledger::from_bytes(&bytes[..end]);
    }
    assert!(Ledger::from_bytes(&[]).is_err() && Ledger::from_bytes(&[9]).is_err());
}

#[test]
fn what_does_not_fit_is_known_before() {
    let mut ledger = Ledger::default();
    let secrets = secrets();
    let sealer = secrets.sealer().expect("a secret");
    for cap in 0.. {
        ledger.mark(cap, mark(cap, 1, true));
        let bytes = ledger.seal(sealer, 1, NOW).len() * 3 / 4;
        assert_eq!(ledger.fits(), bytes <= crate::limits::LEDGER_BYTES, "{cap}");
        if !ledger.fits() {
            break;
        }
    }
}
