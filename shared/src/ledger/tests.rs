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
        span: span(60 * MINUTE),
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
fn what_no_page_knows_any_more_is_forgotten_after_its_longest_window() {
    let day = CapRule {
        span: span(25 * 60 * MINUTE),
        ..rule(3)
    };
    let mut book = Ledger::default();
    book.grant(&day, 1, NOW);
    assert!(book.confirm(1, NOW, NOW));
    let opened = Ledger::from_bytes(&book.to_bytes()).expect("a book");
    for (days, left) in [(1, true), (2, false)] {
        let mut book = opened.clone();
        book.prune(&[], NOW + days * 1_440 * MINUTE, HOLD_MS);
        assert_eq!(!book.is_empty(), left, "after {days}");
    }
    // What is known of one copy of it too is no less.
    let mut merged = opened.clone();
    merged.merge(&ledger(&[mark(1, 0, true)]));
    merged.prune(&[], NOW + 100_000 * MINUTE, HOLD_MS);
    assert!(!merged.is_empty());
}

#[test]
fn a_span_is_never_shorter_and_at_most_twice_as_long() {
    for ms in [1, MINUTE, MINUTE + 1, 3_600_000, 31 * 86_400_000, i64::MAX] {
        let book = Marks {
            cap: 1,
            span: span(ms),
            marks: Vec::new(),
        };
        let lasts = book.end_ms(&mark(1, 0, true)) - NOW;
        assert!(
            lasts >= ms.min(i64::MAX - NOW) && lasts / 2 <= ms.max(MINUTE),
            "{ms}: {lasts}"
        );
    }
    assert_eq!(span(i64::MAX), FOREVER);
}

#[test]
fn a_book_ends_with_the_last_that_matters() {
    assert_eq!(Ledger::default().end_ms(), Some(i64::MIN));
    assert_eq!(ledger(&[mark(1, 0, true)]).end_ms(), None, "for ever");
    let mut book = Ledger::default();
    book.grant(&rule(1), 1, NOW);
    assert_eq!(book.end_ms(), Some(NOW + HORIZON_MS), "an event may come");
    book.confirm(1, NOW, NOW);
    assert_eq!(book.end_ms(), Some(NOW + 64 * MINUTE));
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
fn what_was_written_before_spans_counts_for_ever() {
    let secrets = secrets();
    let sealer = secrets.sealer().expect("a secret");
    let issued = u32::try_from(NOW / MINUTE).expect("minutes").to_le_bytes();
    let mut token = vec![1, sealer.secret.id];
    token.extend_from_slice(&sealer.scope.to_le_bytes());
    token.extend_from_slice(&42_u64.to_le_bytes());
    token.extend_from_slice(&issued);
    token.extend_from_slice(&[7, 0, 0, 0, 1, 5, 0, 0, 0, 1, 0, 0]);
    let token = sealer.secret.seal(crate::secret::Sealed::Ledger, token);
    let mut stored = vec![1, 7, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0];
    stored.extend_from_slice(&(NOW * 2 + 1).to_le_bytes());
    let expected = ledger(&[mark(5, 0, true)]);
    assert_eq!(Ledger::open(&token, &secrets), Some((42, expected.clone())));
    assert_eq!(Ledger::from_bytes(&stored), Ok(expected));
}

/// As many caps as fit, one mark each, the first one the oldest.
fn full(from: u32) -> Ledger {
    let mut ledger = Ledger::default();
    for cap in from.. {
        let before = ledger.clone();
        ledger.mark(cap, mark(cap, 10_000 - i64::from(cap), true));
        if !ledger.fits() {
            return before;
        }
    }
    ledger
}

#[test]
fn two_full_tokens_together_are_the_newer_half() {
    let secrets = secrets();
    let sealer = secrets.sealer().expect("a secret");
    let reopened = |ledger: &Ledger| {
        let text = ledger.seal(sealer, 1, NOW);
        Ledger::open(&text, &secrets).expect("a token that opens").1
    };
    let (older, newer) = (reopened(&full(0)), reopened(&full(1_000)));
    let mut merged = older.clone();
    merged.merge(&newer);
    assert!(!merged.fits());
    assert_eq!(reopened(&merged), newer, "the oldest are forgotten");
    let mut other = newer.clone();
    other.merge(&older);
    assert_eq!(reopened(&other), newer, "whichever came first");
    // What this page counts stays, however old.
    let own = CapRule { id: 3, ..rule(1) };
    merged.make_room(&[own], NOW);
    assert!(merged.has(3, 3) && merged.fits());
}

#[test]
fn more_marks_under_one_cap_than_a_byte_counts_are_the_newest() {
    let secrets = secrets();
    let marks: Vec<Mark> = (0..300)
        .map(|n| mark(n, 1_000 - i64::from(n), true))
        .collect();
    let text = ledger(&marks).seal(secrets.sealer().expect("a secret"), 1, NOW);
    let (_, opened) = Ledger::open(&text, &secrets).expect("a token that opens");
    let kept = &opened.caps()[0].marks;
    assert!(
        kept.len() > 200
            && kept
                .iter()
                .all(|mark| mark.element >= 300 - kept.len() as u32)
    );
}

#[test]
fn what_counts_nothing_leaves_first() {
    let mut book = full(0);
    for element in 0..40 {
        book.mark(5_000, mark(element, 60, false));
    }
    let counted = full(0);
    book.make_room(&[], NOW);
    for marks in counted.caps() {
        assert!(book.has(marks.cap, marks.cap), "{}", marks.cap);
    }
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
        let bytes = ledger.sealed(sealer, 1, NOW).len() * 3 / 4;
        assert_eq!(ledger.fits(), bytes <= crate::limits::LEDGER_BYTES, "{cap}");
        if !ledger.fits() {
            break;
        }
    }
}
