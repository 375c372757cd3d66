use alloc::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SECRET: &str = "4444444444444444444444444444444444444444444444444444444444444444";

fn secrets(env: &str) -> Secrets {
    Secrets::parse(SECRET, "wallet", env).expect("a secret")
}

fn open(body: &str, env: &str) -> Result<Report, BadReport> {
    let sealer = secrets("prod");
    let seal = sealer
        .sealer()
        .expect("one")
        .sign(Sealed::Health, body.as_bytes());
    Report::open(body.as_bytes(), &seal, &secrets(env))
}

fn body(track: &str, rows: usize) -> String {
    let row = format!(
        r#"{{"sequence":7,"track":"{track}","requests":9,"errors":1,"defaults":2,"fallbacks":3}}"#
    );
    let rows = alloc::vec![row; rows].join(",");
    format!(
        r#"{{"workspace":"wallet","env":"prod","instance":"a","boot_ms":1,"at_ms":2,"tracks":[{rows}]}}"#
    )
}

#[test]
fn a_report_counts_only_under_its_seal() {
    let report = open(&body("gray", 1), "prod").expect("genuine");
    assert_eq!(report.tracks[0].counts.fallbacks, 3);
    assert_eq!(open(&body("gray", 1), "dev"), Err(BadReport::Seal));
    assert_eq!(open(&body("green", 1), "prod"), Err(BadReport::Meaning));
    assert_eq!(
        open(&body("gray", limits::HEALTH_ROWS + 1), "prod"),
        Err(BadReport::Meaning)
    );
    assert_eq!(open("{}", "prod"), Err(BadReport::Unreadable));
    assert_eq!(
        open(&" ".repeat(limits::HEALTH_BYTES + 1), "prod"),
        Err(BadReport::TooLarge)
    );
}

/// What one instance says over its life: counts that only grow, of two releases.
fn life(instance: u8) -> impl Strategy<Value = Vec<Report>> {
    let step = (0..5_u64, 0..3_u64, 0..2_u64, 0..3_u64);
    proptest::collection::vec((step, any::<bool>(), 7..9_u64), 1..8).prop_map(move |steps| {
        let mut rows: BTreeMap<(u64, bool), Counts> = BTreeMap::new();
        let mut said = Vec::new();
        for (at_ms, ((requests, errors, defaults, fallbacks), gray, sequence)) in (1..).zip(steps) {
            let counts = rows.entry((sequence, gray)).or_default();
            *counts = counts.plus(Counts {
                requests: requests + errors + defaults,
                errors,
                defaults,
                fallbacks,
            });
            let row = |((sequence, gray), counts): (&(u64, bool), &Counts)| Row {
                sequence: *sequence,
                track: if *gray { "gray" } else { "stable" }.into(),
                counts: *counts,
            };
            said.push(Report {
                workspace: "wallet".into(),
                env: "prod".into(),
                // Two lives of each instance.
                instance: format!("i{}", instance / 2),
                boot_ms: i64::from(instance % 2),
                at_ms,
                once: false,
                tracks: rows.iter().map(row).collect(),
            });
        }
        said
    })
}

fn totals(reports: &[Report]) -> Totals {
    let mut release = Release::default();
    reports
        .iter()
        .for_each(|report| _ = release.take(report, 7, 0));
    release.totals()
}

fn lives() -> impl Strategy<Value = Vec<Vec<Report>>> {
    (life(0), life(1), life(2), life(5)).prop_map(|(a, b, c, d)| alloc::vec![a, b, c, d])
}

proptest! {
    #[test]
    fn order_and_repetition_change_nothing(
        lives in lives(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..200),
    ) {
        let all: Vec<Report> = lives.concat();
        // Whatever comes, and how often: in the end each was there at least once, in some order.
        let mut muddled: Vec<Report> = order.iter().map(|at| at.get(&all).clone()).collect();
        muddled.extend(all.iter().rev().cloned());
        muddled.extend(all.iter().cloned());
        prop_assert_eq!(totals(&muddled), totals(&all));
    }

    #[test]
    fn the_sum_is_that_of_what_each_life_said_last(lives in lives()) {
        let mut wanted = Totals::default();
        for row in lives.iter().filter_map(|said| said.last()).flat_map(|last| &last.tracks) {
            let of_track = if row.track == "gray" { &mut wanted.gray } else { &mut wanted.stable };
            if row.sequence == 7 {
                *of_track = of_track.plus(row.counts);
            }
        }
        let found = totals(&lives.concat());
        prop_assert_eq!((found.stable, found.gray), (wanted.stable, wanted.gray));
    }

    #[test]
    fn a_lost_report_is_made_good_by_the_next(lives in lives(), lost in any::<prop::sample::Index>()) {
        let mut some: Vec<Report> = Vec::new();
        for said in &lives {
            let last = said.len() - 1;
            let lost = lost.index(said.len());
            some.extend(said.iter().enumerate().filter(|(at, _)| *at == last || *at != lost).map(|(_, r)| r.clone()));
        }
        prop_assert_eq!(totals(&some), totals(&lives.concat()));
    }
}

#[test]
fn instances_are_bounded_and_known_ones_go_on() {
    let mut release = Release::default();
    let mut report = open(&body("gray", 1), "prod").expect("genuine");
    for n in 0..limits::HEALTH_INSTANCES + 10 {
        report.instance = format!("i{n}");
        release.take(&report, 7, 0);
    }
    assert_eq!(release.totals().instances, limits::HEALTH_INSTANCES);
    report.instance = "i0".into();
    report.tracks[0].counts.requests = 10;
    release.take(&report, 7, 0);
    assert_eq!(
        release.totals().gray.requests,
        9 * limits::HEALTH_INSTANCES as u64 + 1
    );
    release.take(&report, 8, 0);
    assert_eq!(release.totals().instances, limits::HEALTH_INSTANCES);
}

#[test]
fn who_is_silent_makes_room_and_stays_in_the_sum() {
    let mut release = Release::default();
    let mut report = open(&body("gray", 1), "prod").expect("genuine");
    let full = limits::HEALTH_INSTANCES as u64;
    for n in 0..full {
        report.instance = format!("i{n}");
        assert!(release.take(&report, 7, 0));
    }
    // One goes on; all others have said their last.
    report.instance = "i0".into();
    report.at_ms += 1;
    assert!(release.take(&report, 7, limits::HEALTH_SILENT_MS - 1));
    report.instance = "later".into();
    report.boot_ms = 2;
    assert!(!release.take(&report, 7, limits::HEALTH_SILENT_MS - 1));
    assert!(release.take(&report, 7, limits::HEALTH_SILENT_MS));
    let wanted = 9 * (full + 1);
    assert_eq!(release.totals().gray.requests, wanted);
    assert_eq!(release.totals().instances, limits::HEALTH_INSTANCES + 1);
    // Whoever went and comes back says again what the sum already has.
    (report.instance, report.boot_ms) = ("i1".into(), 1);
    assert!(!release.take(&report, 7, limits::HEALTH_SILENT_MS));
    report.instance = "i0".into();
    report.at_ms += 1;
    assert!(release.take(&report, 7, limits::HEALTH_SILENT_MS));
    assert_eq!(release.totals().gray.requests, wanted);
}

#[test]
fn a_report_is_news_only_once_and_only_where_it_says_something() {
    let mut release = Release::default();
    let mut report = open(&body("gray", 1), "prod").expect("genuine");
    assert!(release.take(&report, 7, 0));
    assert!(!release.take(&report, 7, 0), "it came again");
    assert!(!release.take(&report, 9, 0), "it says nothing of that one");
    report.at_ms += 1;
    assert!(release.take(&report, 7, 0));
    report.at_ms -= 1;
    assert!(!release.take(&report, 7, 0), "it was overtaken");
}

/// Of an instance that lives for one answer, on gray or stable.
fn single(name: u64, at_ms: i64, errors: u64) -> Report {
    let mut report = open(&body("gray", 1), "prod").expect("genuine");
    report.instance = format!("{name:016x}");
    (report.boot_ms, report.at_ms, report.once) = (at_ms, at_ms, true);
    report.tracks[0].counts = Counts {
        requests: 1,
        errors,
        ..Counts::default()
    };
    if name.is_multiple_of(3) {
        report.tracks[0].track = "stable".into();
    }
    report
}

proptest! {
    /// Against a twin that keeps everything: names never end there.
    #[test]
    fn what_is_said_once_counts_once_however_often_it_comes(
        said in proptest::collection::vec((0..40_u64, -40_i64..40), 1..120),
        pauses in proptest::collection::vec(0..50_i64, 120),
    ) {
        let mut release = Release::default();
        let mut twin: BTreeSet<u64> = BTreeSet::new();
        let mut now_s = 1_000;
        for ((name, off_s), pause_s) in said.iter().zip(pauses) {
            now_s += pause_s;
            // Each name has one time, as each instance has; what comes is the same each time.
            let at_s = 1_000 + i64::try_from(*name).expect("small") * 25;
            let arrives_s = now_s.max(at_s + off_s);
            now_s = arrives_s;
            let news = release.take(&single(*name, at_s * 1_000, name % 2), 7, arrives_s * 1_000);
            let timely = (arrives_s - at_s).abs() <= 30;
            prop_assert_eq!(news, timely && twin.insert(*name));
        }
        let totals = release.totals();
        let of = |stable: bool| twin.iter().filter(move |name| name.is_multiple_of(3) == stable);
        let count = |stable| of(stable).count() as u64;
        let errors = |stable| of(stable).map(|name| name % 2).sum::<u64>();
        prop_assert_eq!((totals.stable.requests, totals.gray.requests), (count(true), count(false)));
        prop_assert_eq!((totals.stable.errors, totals.gray.errors), (errors(true), errors(false)));
        prop_assert_eq!(totals.instances, usize::from(!twin.is_empty()));
    }
}

#[test]
fn those_who_report_once_are_bounded_and_stand_beside_those_who_live() {
    let mut release = Release::default();
    let mut living = open(&body("gray", 1), "prod").expect("genuine");
    assert!(release.take(&living, 7, 0));
    let full = limits::HEALTH_ONCE as u64;
    for name in 0..full {
        assert!(release.take(&single(name, 0, 0), 7, 0));
    }
    assert!(!release.take(&single(full, 0, 0), 7, 0), "no room");
    let sum = |release: &Release| {
        let totals = release.totals();
        (
            totals.stable.requests + totals.gray.requests,
            totals.instances,
        )
    };
    assert_eq!(sum(&release), (full + 9, 2));
    // Their room is free again when none of them could be taken any more, and who lives goes on as ever.
    let later = 2 * limits::HEALTH_ONCE_MS;
    assert!(release.take(&single(full, later, 0), 7, later));
    (living.at_ms, living.tracks[0].counts.requests) = (3, 10);
    assert!(release.take(&living, 7, later));
    assert_eq!(sum(&release), (full + 11, 2));
}
