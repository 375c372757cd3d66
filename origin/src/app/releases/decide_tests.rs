//! Histories of releases in virtual time, from seeds: visitors, edges that report or don't, errors, people. What must never
//! happen is looked for at every decision. `SKYFUL_HISTORIES=20000` runs as many.

use skyful::model::WeeklyWindow;
use skyful::model::pipeline::{PipelineStep, StepAudience};

use super::super::evidence::tests::Dice;
use super::super::state::{Event, next};
use super::super::windows::Watch;
use super::*;

const SECOND: i64 = 1_000;
/// Between two reports, and two looks.
const REPORT_MS: i64 = 5_000;

fn histories(committed: u64) -> u64 {
    let asked = std::env::var("SKYFUL_HISTORIES").ok();
    asked
        .and_then(|text| text.parse().ok())
        .unwrap_or(committed)
}

fn step(audience: StepAudience, hold_secs: u64) -> PipelineStep {
    PipelineStep {
        audience,
        hold_secs,
        start_min: None,
    }
}

fn plan() -> Plan {
    Plan::of(Pipeline {
        steps: vec![
            step(StepAudience::Staff, 20),
            step(StepAudience::ShareBps(2_500), 60),
            step(StepAudience::ShareBps(5_000), 60),
            step(StepAudience::ShareBps(10_000), 0),
        ],
        ..Pipeline::at_once()
    })
}

/// What is wrong in a history. Instants are seconds from its beginning.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    /// Errors of gray, parts of 1, from then on.
    errors: Option<(i64, f64)>,
    /// No report arrives, from then until then.
    silent: Option<(i64, i64)>,
    /// Gray is served to this part of those who should get it.
    lost: Option<f64>,
    /// Part of gray's exposures that are seen, from then on.
    unseen: Option<(i64, f64)>,
    /// Requests a second.
    traffic: u64,
}

/// A release, and the world around it.
struct World {
    plan: Plan,
    dice: Dice,
    faults: Faults,
    now_ms: i64,
    state: State,
    step: usize,
    since_ms: i64,
    halted: Option<(Why, i64)>,
    alarmed: bool,
    /// What edges counted of the present sequence, and what of it was reported.
    counted: Reports,
    heard: Option<Reports>,
    watch: Watch,
    halts: Vec<Why>,
    ended_secs: Option<i64>,
}

const NONE: Counts = Counts {
    requests: 0,
    errors: 0,
    defaults: 0,
    fallbacks: 0,
};

const NOTHING: Reports = Reports {
    stable: NONE,
    gray: NONE,
    exposures: (0, 0),
    instances: 3,
    heard_ms: 0,
};

impl World {
    fn new(seed: u64, faults: Faults) -> Self {
        Self {
            plan: plan(),
            dice: Dice(seed),
            faults,
            now_ms: 0,
            state: State::Gray,
            step: 0,
            since_ms: 0,
            halted: None,
            alarmed: false,
            counted: NOTHING,
            heard: None,
            watch: Watch::default(),
            halts: Vec::new(),
            ended_secs: None,
        }
    }

    fn run(mut self, secs: i64) -> Self {
        while self.now_ms < secs * SECOND && self.ended_secs.is_none() {
            self.now_ms += REPORT_MS;
            self.visits();
            self.reports();
            self.look();
        }
        self
    }

    fn visits(&mut self) {
        let now = self.now_ms / SECOND;
        let all = self.faults.traffic * (REPORT_MS / SECOND) as u64;
        let share = limit(self.plan.share_bps(self.step)) * self.faults.lost.unwrap_or(1.0);
        let gray = self.dice.hits(all, share);
        let errors = self.faults.errors.filter(|(from, _)| now > *from);
        let errors = errors.map_or(0.002, |(_, rate)| rate);
        let mut count = |counts: &mut Counts, requests, errors| {
            counts.requests += requests;
            counts.errors += self.dice.hits(requests, errors);
            counts.defaults += self.dice.hits(requests, 0.3);
        };
        count(&mut self.counted.gray, gray, errors);
        count(&mut self.counted.stable, all - gray, 0.002);
        let seen = self.faults.unseen.filter(|(from, _)| now > *from);
        let seen = seen.map_or(1.0, |(_, part)| part);
        // Three modules a page, of which each is seen by two of three.
        self.counted.exposures.0 += self.dice.hits(3 * gray, 0.6 * seen);
        self.counted.exposures.1 += self.dice.hits(3 * (all - gray), 0.6);
    }

    fn reports(&mut self) {
        let now = self.now_ms / SECOND;
        let silent = self.faults.silent;
        if silent.is_some_and(|(from, until)| from <= now && now < until) {
            return;
        }
        self.heard = Some(Reports {
            heard_ms: self.now_ms,
            ..self.counted
        });
    }

    fn seen<'a>(&'a self, windows: &'a [Window]) -> Seen<'a> {
        Seen {
            now_ms: self.now_ms,
            state: self.state,
            halted: self.halted.as_ref().map(|(why, _)| why),
            halted_ms: self.halted.as_ref().map_or(0, |(_, at_ms)| *at_ms),
            alarmed: self.alarmed,
            plan: &self.plan,
            step: self.step,
            since_ms: self.since_ms,
            mode: Mode::Run,
            staff: true,
            reports: self.heard,
            windows,
        }
    }

    fn look(&mut self) {
        let windows = match &self.heard {
            Some(heard) => self.watch.look(self.step as i64 + 1, heard),
            None => Vec::new(),
        };
        let event = match decide(&self.seen(&windows)) {
            Decision::Wait(_) => return,
            Decision::Alarm => {
                assert!(!self.alarmed, "alarmed twice");
                self.alarmed = true;
                return;
            }
            Decision::Advance => {
                self.may_advance();
                self.step += 1;
                self.since_ms = self.now_ms;
                // Another sequence: edges begin to count anew.
                (self.counted, self.heard) = (NOTHING, None);
                match self.plan.audience(self.step) {
                    Audience::Everybody => Event::Finish,
                    _ => Event::Advance,
                }
            }
            Decision::Halt(why) => {
                self.halts.push(why.clone());
                self.halted = Some((why, self.now_ms));
                self.alarmed = false;
                Event::Halt
            }
            Decision::Recover => {
                self.halted = None;
                Event::Recover
            }
            Decision::RollBack(_) => Event::RollBack,
        };
        self.state = next(self.state, event).expect("what is decided can happen");
        if self.state.ended() {
            self.ended_secs = Some(self.now_ms / SECOND);
        }
    }

    /// What must be so whenever a step ends by itself.
    fn may_advance(&self) {
        assert_eq!(self.state, State::Gray);
        assert!(self.now_ms - self.since_ms >= self.plan.hold_ms(self.step));
        let heard = self.heard.expect("reports of its own sequence");
        assert!(self.now_ms - heard.heard_ms <= FRESH_MS);
        if let Audience::Share(share_bps) = self.plan.audience(self.step) {
            let least = heard.gray.requests.min(heard.stable.requests);
            assert!(least >= self.plan.pipeline.gates.min_requests);
            let share = limit(share_of(heard.gray.requests, heard.stable.requests));
            let off = (share - limit(share_bps)).abs();
            assert!(off < 0.2, "{share} instead of {share_bps}");
        }
    }
}

#[test]
fn a_release_without_faults_gets_to_everybody_and_is_never_taken_back() {
    for seed in 0..histories(60) {
        let faults = Faults {
            traffic: 100,
            ..Faults::default()
        };
        let world = World::new(seed, faults).run(600);
        assert_eq!(world.state, State::Full, "seed {seed}: {:?}", world.halts);
        let secs = world.ended_secs.expect("an end");
        assert!((140..=300).contains(&secs), "seed {seed}: {secs} s");
    }
}

#[test]
fn errors_take_it_back_within_half_a_minute_whenever_they_begin() {
    let mut took = Vec::new();
    for seed in 0..histories(100) {
        // Within a step that some see, also right at its beginning or end.
        let from = 30 + (seed as i64 % 20) * 5;
        let faults = Faults {
            traffic: 100,
            errors: Some((from, 0.05)),
            ..Faults::default()
        };
        let world = World::new(seed, faults).run(600);
        assert_eq!(world.state, State::RolledBack, "seed {seed}, from {from} s");
        took.push(world.ended_secs.expect("an end") - from);
    }
    took.sort_unstable();
    let (middle, last) = (took[took.len() / 2], took[took.len() - 1]);
    let late = took.iter().filter(|secs| **secs > 30).count();
    eprintln!(
        "rolled back after {middle} s (median), {last} s at most, late {late}/{}",
        took.len()
    );
    // A quarter of all sees it at first, so that chance has its part in the slowest ones.
    assert!(late * 20 <= took.len() && last <= 45, "{took:?}");
}

#[test]
fn exposures_that_fail_to_come_take_it_back() {
    for seed in 0..histories(30) {
        let from = 30 + (seed as i64 % 20) * 5;
        let faults = Faults {
            traffic: 100,
            unseen: Some((from, 0.0)),
            ..Faults::default()
        };
        let world = World::new(seed, faults).run(600);
        assert_eq!(world.state, State::RolledBack, "seed {seed}, from {from} s");
        let secs = world.ended_secs.expect("an end") - from;
        assert!(secs <= 30, "seed {seed}, from {from} s: {secs} s");
    }
}

#[test]
fn silence_halts_and_what_is_heard_again_goes_on() {
    for seed in 0..histories(30) {
        let from = 10 + (seed as i64 % 10) * 10;
        let faults = Faults {
            traffic: 100,
            silent: Some((from, from + 200)),
            ..Faults::default()
        };
        let quiet = World::new(seed, faults).run(from + 195);
        assert_ne!(quiet.state, State::Full, "seed {seed}: {:?}", quiet.halts);
        let silent = |why: &Why| matches!(why, Why::NoReports | Why::OldReports { .. });
        assert!(
            quiet.halts.iter().any(silent),
            "seed {seed}: {:?}",
            quiet.halts
        );
        let world = World::new(seed, faults).run(1_200);
        assert_eq!(world.state, State::Full, "seed {seed}: {:?}", world.halts);
    }
}

#[test]
fn for_ever_without_reports_it_neither_passes_nor_goes_back_but_alarms() {
    let faults = Faults {
        traffic: 100,
        silent: Some((0, i64::MAX)),
        ..Faults::default()
    };
    let world = World::new(1, faults).run(4 * 3_600);
    assert_eq!((world.state, world.step), (State::Halted, 0));
    assert_eq!(world.halts, [Why::NoReports]);
    assert!(world.alarmed);
}

#[test]
fn a_track_that_nobody_sees_halts_until_a_person_looks() {
    for lost in [0.0, 0.5] {
        let faults = Faults {
            traffic: 200,
            lost: Some(lost),
            ..Faults::default()
        };
        let world = World::new(5, faults).run(3_600);
        assert_eq!((world.state, world.step), (State::Halted, 1), "{lost}");
        assert!(world.alarmed, "{lost}");
    }
}

#[test]
fn few_visitors_take_longer_and_still_pass() {
    let faults = Faults {
        traffic: 1,
        ..Faults::default()
    };
    let world = World::new(3, faults).run(7_200);
    assert_eq!(world.state, State::Full, "{:?}", world.halts);
    assert!(
        world
            .halts
            .iter()
            .all(|why| matches!(why, Why::TooFew { .. } | Why::Suspect { .. }))
    );
}

#[test]
fn people_and_quiet_hours_hold_it_and_evidence_does_not_wait_for_them() {
    let mut world = World::new(
        9,
        Faults {
            traffic: 100,
            ..Faults::default()
        },
    );
    // The night of 1 January 1970 in UTC.
    world.plan.pipeline.quiet_hours = vec![WeeklyWindow {
        days: [true; 7],
        from_min: 0,
        until_min: 60,
    }];
    let mut world = world.run(3_595);
    assert_eq!((world.state, world.step), (State::Gray, 0));
    let waits = decide(&world.seen(&[]));
    let until_ms = Some(3_600 * SECOND);
    assert_eq!(waits, Decision::Wait(Wait::Quiet { until_ms }));
    world = world.run(3_640);
    assert_eq!(world.step, 1);
    world.state = State::Paused;
    world = world.run(4_000);
    assert_eq!((world.state, world.step), (State::Paused, 1));
    world.faults.errors = Some((4_000, 0.05));
    world = world.run(4_400);
    assert_eq!(world.state, State::RolledBack);
}

#[test]
fn edges_that_are_switched_off_prove_nothing() {
    let world = World::new(
        2,
        Faults {
            traffic: 100,
            ..Faults::default()
        },
    )
    .run(15);
    let seen = Seen {
        mode: Mode::Off,
        now_ms: 100 * SECOND,
        ..world.seen(&[])
    };
    let why = Why::Mode { mode: "off".into() };
    assert_eq!(decide(&seen), Decision::Halt(why));
}
