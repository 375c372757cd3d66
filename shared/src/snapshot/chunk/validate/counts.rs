//! The limits of `limits.rs` over a chunk's tables. What compile writes is within them because check has the same; a
//! chunk that is beyond one was made by something else.

use super::NONE;
use crate::limits;
use crate::snapshot::records::{
    Attribute, Cap, Counter, Entry, Experiment, Fragment, Locale, Meta, Module, Operator, Plan,
    Predicate, Schedule, Segment, Slot, SlotArrangement, Word, Zone,
};
use crate::snapshot::table::{Record, Text};
use crate::snapshot::{Chunk, keys};

/// What the chunk is beyond, by the limit's name.
pub(super) fn beyond(chunk: &Chunk) -> Option<&'static str> {
    tables(chunk)
        .or_else(|| spans(chunk))
        .or_else(|| texts(chunk))
        .or_else(|| numbers(chunk))
}

/// The first name whose condition fails.
fn first(limits: &[(&'static str, bool)]) -> Option<&'static str> {
    limits
        .iter()
        .find(|(_, holds)| !holds)
        .map(|(name, _)| *name)
}

fn tables(chunk: &Chunk) -> Option<&'static str> {
    fn within<R: Record>(chunk: &Chunk, limit: usize) -> bool {
        chunk.table::<R>().len() <= limit
    }
    first(&[
        ("one page row", within::<Meta>(chunk, 1)),
        ("beyond LOCALES", within::<Locale>(chunk, limits::LOCALES)),
        (
            "beyond ATTRIBUTES",
            within::<Attribute>(chunk, limits::ATTRIBUTES),
        ),
        (
            "beyond EXPERIMENTS",
            within::<Experiment>(chunk, limits::EXPERIMENTS),
        ),
        (
            "beyond SEGMENTS",
            within::<Segment>(chunk, limits::SEGMENTS),
        ),
        ("beyond SLOTS", within::<Slot>(chunk, limits::SLOTS)),
        ("beyond MODULES", within::<Module>(chunk, limits::MODULES)),
        ("beyond ZONES", within::<Zone>(chunk, limits::ZONES)),
        (
            "beyond KEY_RUN",
            keys::longest_run(chunk) <= limits::KEY_RUN,
        ),
    ])
}

fn spans(chunk: &Chunk) -> Option<&'static str> {
    fn all<R: Record>(chunk: &Chunk, len: impl Fn(R) -> u32, limit: usize) -> bool {
        chunk
            .table::<R>()
            .iter()
            .all(|row| len(row) as usize <= limit)
    }
    let windows = chunk
        .table::<Schedule>()
        .iter()
        .fold(0_usize, |sum, s| sum.saturating_add(s.windows.len as usize));
    first(&[
        (
            "beyond PLANS",
            chunk.meta().plans.len as usize <= limits::PLANS,
        ),
        (
            "beyond PLANS",
            all(chunk, |m: Module| m.plans.len, limits::PLANS),
        ),
        (
            "beyond ENUM_VALUES",
            all(chunk, |a: Attribute| a.values.len, limits::ENUM_VALUES),
        ),
        (
            "beyond CAPS_PER_PLAN",
            all(chunk, |p: Plan| p.caps.len, limits::CAPS_PER_PLAN),
        ),
        (
            "beyond SLOT_MODULES",
            all(
                chunk,
                |s: SlotArrangement| s.entries.len,
                limits::SLOT_MODULES,
            ),
        ),
        (
            "beyond VARIANTS",
            all(chunk, |e: Experiment| e.variants.len, limits::VARIANTS),
        ),
        (
            "beyond BUCKET_RANGES",
            all(chunk, |e: Experiment| e.ranges.len, limits::BUCKET_RANGES),
        ),
        // A window that stands for every day becomes seven, and one more where it ends in the next week.
        (
            "beyond WEEKLY_WINDOWS",
            all(
                chunk,
                |s: Schedule| s.windows.len,
                limits::WEEKLY_WINDOWS * 8,
            ),
        ),
        ("beyond CHUNK_WINDOWS", windows <= limits::CHUNK_WINDOWS),
        (
            "beyond TRANSITIONS",
            all(chunk, |z: Zone| z.transitions.len, limits::TRANSITIONS),
        ),
        (
            "beyond LIST_VALUES",
            chunk
                .table::<Predicate>()
                .iter()
                .all(|p| matches(&p) || p.len as usize <= limits::LIST_VALUES),
        ),
        (
            "beyond REGEX_DFA_BYTES",
            chunk
                .table::<Predicate>()
                .iter()
                .all(|p| !matches(&p) || p.len as usize <= limits::REGEX_DFA_BYTES),
        ),
    ])
}

fn matches(predicate: &Predicate) -> bool {
    predicate.operator == Operator::Matches as u32
}

fn texts(chunk: &Chunk) -> Option<&'static str> {
    fn all<R: Record>(chunk: &Chunk, text: impl Fn(R) -> Text, limit: usize) -> bool {
        chunk
            .table::<R>()
            .iter()
            .all(|row| text(row).len as usize <= limit)
    }
    const KEY: usize = limits::KEY_BYTES;
    // `module/<module>/<plan>#<index>`.
    const COUNTER: usize = 2 * KEY + 16;
    first(&[
        ("beyond KEY_BYTES", chunk.meta().page.len as usize <= KEY),
        ("beyond KEY_BYTES", all(chunk, |p: Plan| p.key, KEY)),
        ("beyond KEY_BYTES", all(chunk, |m: Module| m.key, KEY)),
        ("beyond KEY_BYTES", all(chunk, |m: Module| m.kind, KEY)),
        ("beyond KEY_BYTES", all(chunk, |s: Slot| s.key, KEY)),
        (
            "beyond KEY_BYTES",
            all(chunk, |s: SlotArrangement| s.metric, KEY),
        ),
        ("beyond KEY_BYTES", all(chunk, |a: Attribute| a.name, KEY)),
        ("beyond KEY_BYTES", all(chunk, |a: Attribute| a.header, KEY)),
        ("beyond KEY_BYTES", all(chunk, |s: Segment| s.key, KEY)),
        ("beyond KEY_BYTES", all(chunk, |e: Experiment| e.key, KEY)),
        (
            "beyond KEY_BYTES",
            all(chunk, |v: crate::snapshot::records::Variant| v.key, KEY),
        ),
        ("beyond KEY_BYTES", all(chunk, |c: Counter| c.name, COUNTER)),
        (
            "beyond LOCALE_BYTES",
            all(chunk, |l: Locale| l.tag, limits::LOCALE_BYTES),
        ),
        (
            "beyond TEXT_BYTES",
            all(chunk, |w: Word| w.text, limits::TEXT_BYTES),
        ),
        (
            "beyond CONTENT_BYTES",
            all(chunk, |f: Fragment| f.json, limits::CONTENT_BYTES),
        ),
    ])
}

fn numbers(chunk: &Chunk) -> Option<&'static str> {
    const LONGEST_MS: u64 = limits::DURATION_SECS * 1_000;
    let cap = |c: Cap| c.limit == NONE || c.limit <= limits::CAP_LIMIT;
    let cooldown = |c: Cap| c.cooldown_ms.unsigned_abs() <= LONGEST_MS;
    first(&[
        (
            "beyond SLOT_MAX",
            chunk
                .table::<Slot>()
                .iter()
                .all(|s| s.max <= limits::SLOT_MAX),
        ),
        (
            "beyond WEIGHT",
            chunk
                .table::<Entry>()
                .iter()
                .all(|e| e.weight <= limits::WEIGHT),
        ),
        ("beyond CAP_LIMIT", chunk.table::<Cap>().iter().all(cap)),
        (
            "beyond DURATION_SECS",
            chunk.table::<Cap>().iter().all(cooldown),
        ),
        (
            "beyond DURATION_SECS",
            chunk
                .table::<Counter>()
                .iter()
                .all(|c| c.window_secs <= limits::DURATION_SECS),
        ),
    ])
}
