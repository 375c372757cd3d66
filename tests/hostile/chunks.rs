//! Rows, texts and numbers of chunks.

use skyful::limits;
use skyful::snapshot::records::{
    AUTOMATA, Attribute, BucketRange, Cap, Class, Condition, Counter, Entry, Experiment, Fragment,
    HEAP, Key, Locale, Meta, Module, Operator, Plan, Posting, Predicate, Schedule, Segment, Slot,
    SlotArrangement, Transition, Variant, Window, Within, Word, Zone,
};
use skyful::snapshot::table::{Ref, Span, Text};
use skyful::snapshot::{DecodeError, keys};

use skyful_tests::fuzz::surgery::Parts;

use super::{parts, refused, repeat};

#[test]
fn a_chunk_beyond_a_table_limit_is_refused_by_its_name() {
    assert!(parts().open().is_ok());
    refused("SLOTS", |p| repeat::<Slot>(p, limits::SLOTS + 1));
    refused("MODULES", |p| repeat::<Module>(p, limits::MODULES + 1));
    refused("ATTRIBUTES", |p| {
        repeat::<Attribute>(p, limits::ATTRIBUTES + 1);
    });
    refused("LOCALES", |p| repeat::<Locale>(p, limits::LOCALES + 1));
    refused("EXPERIMENTS", |p| {
        repeat::<Experiment>(p, limits::EXPERIMENTS + 1);
    });
    refused("SEGMENTS", |p| repeat::<Segment>(p, limits::SEGMENTS + 1));
    refused("ZONES", |p| repeat::<Zone>(p, limits::ZONES + 1));
}

#[test]
fn a_row_with_too_many_others_is_refused_by_the_limits_name() {
    refused("PLANS", |p| {
        repeat::<Plan>(p, limits::PLANS + 1);
        p.each(|m: &mut Meta| m.plans = Span::new(0, limits::PLANS as u32 + 1));
    });
    refused("PLANS", |p| {
        repeat::<Plan>(p, limits::PLANS + 1);
        p.each(|m: &mut Module| m.plans = Span::new(0, limits::PLANS as u32 + 1));
    });
    refused("ENUM_VALUES", |p| {
        repeat::<Word>(p, limits::ENUM_VALUES + 1);
        p.each(|a: &mut Attribute| a.values = Span::new(0, limits::ENUM_VALUES as u32 + 1));
    });
    refused("LIST_VALUES", |p| {
        repeat::<Word>(p, limits::LIST_VALUES + 1);
        p.each(|r: &mut Predicate| {
            if r.operator == Operator::In as u32 {
                (r.start, r.len) = (0, limits::LIST_VALUES as u32 + 1);
            }
        });
    });
    refused("CAPS_PER_PLAN", |p| {
        repeat::<Cap>(p, limits::CAPS_PER_PLAN + 1);
        p.each(|r: &mut Plan| r.caps = Span::new(0, limits::CAPS_PER_PLAN as u32 + 1));
    });
    refused("VARIANTS", |p| {
        repeat::<Variant>(p, limits::VARIANTS + 1);
        p.each(|x: &mut Experiment| x.variants = Span::new(0, limits::VARIANTS as u32 + 1));
    });
    refused("BUCKET_RANGES", |p| {
        repeat::<BucketRange>(p, limits::BUCKET_RANGES + 1);
        p.each(|x: &mut Experiment| x.ranges = Span::new(0, limits::BUCKET_RANGES as u32 + 1));
    });
    refused("SLOT_MODULES", |p| {
        repeat::<Entry>(p, limits::SLOT_MODULES + 1);
        p.each(|s: &mut SlotArrangement| s.entries = Span::new(0, limits::SLOT_MODULES as u32 + 1));
    });
    refused("WEEKLY_WINDOWS", |p| {
        let most = limits::WEEKLY_WINDOWS * 8 + 1;
        repeat::<Window>(p, most);
        p.each(|s: &mut Schedule| s.windows = Span::new(0, most as u32));
    });
    // Each is small enough; all of them aren't.
    refused("CHUNK_WINDOWS", |p| {
        repeat::<Window>(p, 500);
        p.each(|s: &mut Schedule| s.windows = Span::new(0, 500));
        repeat::<Schedule>(p, limits::CHUNK_WINDOWS / 500 + 1);
    });
    refused("TRANSITIONS", |p| {
        repeat::<Transition>(p, limits::TRANSITIONS + 1);
        p.each(|z: &mut Zone| z.transitions = Span::new(0, limits::TRANSITIONS as u32 + 1));
    });
    refused("REGEX_DFA_BYTES", |p| {
        p.sections[AUTOMATA].resize(limits::REGEX_DFA_BYTES + 1, 0);
        p.each(|r: &mut Predicate| {
            if r.operator == Operator::Matches as u32 {
                (r.start, r.len) = (0, limits::REGEX_DFA_BYTES as u32 + 1);
            }
        });
    });
}

#[test]
fn texts_and_numbers_of_a_chunk_have_the_limits_of_documents() {
    refused("KEY_BYTES", |p| {
        let key = p.text(&"k".repeat(limits::KEY_BYTES + 1));
        p.each(|r: &mut Plan| r.key = key);
    });
    refused("LOCALE_BYTES", |p| {
        let tag = p.text(&"x".repeat(limits::LOCALE_BYTES + 1));
        p.each(|r: &mut Locale| r.tag = tag);
    });
    refused("TEXT_BYTES", |p| {
        let text = p.text(&"x".repeat(limits::TEXT_BYTES + 1));
        p.each(|r: &mut Word| r.text = text);
    });
    refused("CONTENT_BYTES", |p| {
        let json = p.text(&format!("{{{}}}", " ".repeat(limits::CONTENT_BYTES - 1)));
        p.each(|r: &mut Fragment| r.json = json);
    });
    refused("SLOT_MAX", |p| {
        p.each(|r: &mut Slot| r.max = limits::SLOT_MAX + 1);
    });
    refused("WEIGHT", |p| {
        p.each(|r: &mut Entry| r.weight = limits::WEIGHT + 1);
    });
    refused("CAP_LIMIT", |p| {
        p.each(|r: &mut Cap| r.limit = limits::CAP_LIMIT + 1);
    });
    refused("DURATION_SECS", |p| {
        p.each(|r: &mut Cap| r.cooldown_ms = i64::MAX);
    });
    refused("DURATION_SECS", |p| {
        p.each(|r: &mut Counter| r.window_secs = u64::MAX);
    });
}

fn error(change: impl FnOnce(&mut Parts)) -> Option<DecodeError> {
    let mut parts = parts();
    change(&mut parts);
    parts.open().err()
}

/// Opening looks at each of these; it must not cost more than a chunk is large.
#[test]
fn runs_that_overlap_cost_nothing_to_refuse() {
    let overlapping = Some(DecodeError::Meaning("runs that overlap"));
    let plans = error(|p| {
        repeat::<Plan>(p, limits::PLANS);
        repeat::<Module>(p, 50_000);
        p.each(|m: &mut Module| m.plans = Span::new(0, limits::PLANS as u32));
    });
    assert_eq!(plans, overlapping);
    let postings = error(|p| {
        let posting = Posting {
            plan: Ref::new(0),
            first: Within::ANY,
            second: Within::ANY,
        };
        p.set(vec![posting; 100_000]);
        repeat::<Class>(p, 100_000);
        p.each(|c: &mut Class| c.posted = Span::new(0, 100_000));
    });
    assert_eq!(postings, overlapping);
    refused("TEXT_BYTES", |p| {
        p.sections[HEAP].resize(10_000_000, b' ');
        repeat::<Word>(p, 1_000_000);
        let text = Text {
            at: 0,
            len: 10_000_000,
        };
        p.each(|w: &mut Word| w.text = text);
    });
}

#[test]
fn a_text_that_begins_within_a_character_is_refused() {
    let cut = error(|p| {
        let mut text = p.text("\u{e9}\u{e9}");
        (text.at, text.len) = (text.at + 1, 2);
        p.each(|w: &mut Word| w.text = text);
    });
    let outside = Some(DecodeError::Meaning("a reference outside its table"));
    assert_eq!(cut, outside);
    let cut = error(|p| {
        let mut text = p.text("\u{e9}");
        text.len = 1;
        p.each(|w: &mut Word| w.text = text);
    });
    assert_eq!(cut, outside);
    assert_eq!(
        error(|p| p.each(|w: &mut Word| w.text.len = u32::MAX)),
        outside
    );
}

#[test]
fn an_offset_that_has_no_absolute_value_is_refused() {
    let schedule = Some(DecodeError::Meaning("schedule"));
    assert_eq!(
        error(|p| p.each(|z: &mut Zone| z.first_offset_secs = i64::MIN)),
        schedule
    );
    assert_eq!(
        error(|p| p.each(|t: &mut Transition| t.offset_secs = i64::MIN)),
        schedule
    );
}

/// They are asked like rules, so they may not cost more than the rules that they stand for.
#[test]
fn more_conditions_than_rules_are_refused() {
    let index = error(|p| {
        let condition = Condition {
            attribute: Ref::new(0),
            kind: 0,
            a: 0,
            b: 0,
        };
        p.set(vec![condition; limits::CONDITIONS_A_PLAN]);
        p.each(|plan: &mut Plan| {
            plan.conditions = Span::new(0, limits::CONDITIONS_A_PLAN as u32);
        });
    });
    assert_eq!(index, Some(DecodeError::Meaning("index")));
}

/// A visitor's words may all belong at the head of the queue.
#[test]
fn a_table_of_keys_that_is_searched_slot_by_slot_is_refused() {
    let keys = |taken: usize, first: usize| {
        move |p: &mut Parts| {
            let mut free = p.rows::<Key>()[0];
            free.space = keys::FREE;
            let mut slots = vec![free; 4 * limits::KEY_RUN];
            let last = slots.len() - 1;
            for slot in first..first + taken {
                slots[slot & last].space = 1;
            }
            p.set(slots);
        }
    };
    let most = limits::KEY_RUN;
    for first in [0, 7, 3 * most + 9] {
        refused("KEY_RUN", keys(most + 1, first));
        assert_eq!(error(keys(most, first)), None);
    }
}
