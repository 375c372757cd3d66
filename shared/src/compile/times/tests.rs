//! What a chunk knows about the next change, held against a walk over all its schedules.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::limits;
use crate::resolve::schedule::{next_change, next_change_of};
use crate::snapshot::records::{Locale, Meta};
use crate::snapshot::table::Span;
use crate::snapshot::{Chunk, Kind};

const HOUR: i64 = 3_600_000;
/// 2026-10-01T00:00:00Z: winter time begins where there is one within the weeks that are drawn.
const START: i64 = 1_790_812_800_000;

fn chunk(schedules: &[model::Schedule]) -> Chunk {
    let mut builder = Builder::default();
    let mut zones = Zones::default();
    for one in schedules {
        schedule(&mut builder, &mut zones, one);
    }
    changes(&mut builder);
    let tag = builder.text("en");
    builder.push(Locale { tag });
    let page = builder.text("p");
    builder.push(Meta {
        page,
        plans: Span::EMPTY,
        dense: Span::EMPTY,
        default_arrangement: 0,
        locale_mask: 1,
        id_key_0: 0,
        id_key_1: 0,
        id_key_2: 0,
        id_key_3: 0,
        uses_ids: 0,
    });
    let bytes = builder.finish("w", "p");
    let digest = Kind::Page.digest(&bytes);
    Chunk::open(bytes, digest, "w", "p").unwrap()
}

fn slowly(chunk: &Chunk, now_ms: i64) -> Option<i64> {
    let horizon = now_ms + limits::VALID_UNTIL_MS;
    let all = chunk.table::<Schedule>().iter();
    all.filter_map(|s| next_change_of(chunk, &s, now_ms, horizon))
        .min()
}

/// On few hours, so that schedules meet; some beyond the horizon.
fn instant() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        1 => Just(None),
        6 => (0..60_i64).prop_map(|hours| Some(START + hours * 12 * HOUR)),
        1 => (398..403_i64).prop_map(|days| Some(START + days * 24 * HOUR)),
    ]
}

fn window() -> impl Strategy<Value = WeeklyWindow> {
    (any::<[bool; 7]>(), 0..24_u32, 1..=24_u32).prop_map(|(days, from, until)| WeeklyWindow {
        days,
        from_min: from * 60,
        until_min: until * 60,
    })
}

fn any_schedule() -> impl Strategy<Value = model::Schedule> {
    let zones = prop::sample::select(vec!["UTC", "Europe/Berlin", "Asia/Kathmandu"]);
    let weekly = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(window(), 1..3)];
    (instant(), instant(), zones, weekly).prop_map(|(from_ms, until_ms, zone, weekly)| {
        model::Schedule {
            from_ms,
            until_ms,
            zone: zone.into(),
            weekly,
        }
    })
}

proptest! {
    #[test]
    fn the_next_change_is_that_of_a_walk_over_all_schedules(
        schedules in prop::collection::vec(any_schedule(), 0..12),
        nows in prop::collection::vec((0..800_i64, -1..=1_i64), 1..8),
    ) {
        let chunk = chunk(&schedules);
        for (hours, beside) in nows {
            let now_ms = START + hours * HOUR + beside;
            prop_assert_eq!(next_change(&chunk, now_ms), slowly(&chunk, now_ms));
        }
    }
}

#[test]
fn a_boundary_counts_at_its_very_instant_and_up_to_the_horizon() {
    let far = START + limits::VALID_UNTIL_MS;
    let schedule = model::Schedule {
        from_ms: Some(START),
        until_ms: Some(far),
        zone: "UTC".into(),
        weekly: Vec::new(),
    };
    let chunk = chunk(&[schedule]);
    for (now_ms, next) in [
        (START - 1, Some(START)),
        (START, Some(far)),
        (START - limits::VALID_UNTIL_MS, Some(START)),
        (START - limits::VALID_UNTIL_MS - 1, None),
        (far, None),
        (i64::MIN, None),
        (i64::MAX, None),
    ] {
        assert_eq!(next_change(&chunk, now_ms), next, "{now_ms}");
    }
}
