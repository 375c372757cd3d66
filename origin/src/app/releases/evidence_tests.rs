//! The figures that the statistic is chosen for, by simulation from seeds. `SKYFUL_GATES=200000` runs as many gates.

use skyful::health::Counts;

use super::super::decide::Reports;
use super::super::windows::Watch;
use super::*;

/// SplitMix64 (Steele, Lea and Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn chance(&mut self, part: f64) -> bool {
        ((self.next() >> 11) as f64) < part * (1_u64 << 53) as f64
    }

    /// How many of `of` happen.
    pub fn hits(&mut self, of: u64, part: f64) -> u64 {
        (0..of).map(|_| u64::from(self.chance(part))).sum()
    }
}

pub fn gates(committed: usize) -> usize {
    let asked = std::env::var("SKYFUL_GATES").ok();
    asked
        .and_then(|text| text.parse().ok())
        .unwrap_or(committed)
}

/// A step in which nothing or something is wrong, looked at every five seconds for as long as it takes.
struct Step {
    watch: Watch,
    reports: Reports,
}

impl Step {
    fn new() -> Self {
        let none = Counts::default();
        Self {
            watch: Watch::default(),
            reports: Reports {
                stable: none,
                gray: none,
                exposures: (0, 0),
                instances: 1,
                heard_ms: 0,
            },
        }
    }

    /// Whether anything is certain after five more seconds.
    fn five_seconds(
        &mut self,
        dice: &mut Dice,
        requests: u64,
        share: f64,
        rates: (f64, f64),
        limit: f64,
    ) -> bool {
        let gray = dice.hits(requests, share);
        for (counts, requests, rate) in [
            (&mut self.reports.gray, gray, rates.0),
            (&mut self.reports.stable, requests - gray, rates.1),
        ] {
            counts.requests += requests;
            counts.errors += dice.hits(requests, rate);
        }
        self.reports.heard_ms += 5_000;
        let rate = |counts: Counts| Rate {
            hits: counts.errors,
            of: counts.requests,
        };
        let windows = self.watch.look(1, &self.reports);
        windows.iter().any(|window| {
            let (gray, stable) = (rate(window.gray), rate(window.stable));
            verdict(gray, stable, limit, window.alpha) == Verdict::Past
        })
    }
}

#[test]
fn noise_is_never_taken_for_worse_however_often_one_looks() {
    let mut dice = Dice(1);
    let mut mistaken = [0, 0];
    for gate in 0..gates(200) {
        let rate = [0.0, 0.0005, 0.01, 0.05, 0.5][gate % 5];
        let share = [0.01, 0.05, 0.1, 0.5][gate % 4];
        // At no difference at all, where it is hardest not to be mistaken, and at the default limit.
        for (limit, mistaken) in [0.0, 0.005].into_iter().zip(&mut mistaken) {
            let mut step = Step::new();
            let looks =
                (0..20).map(|_| step.five_seconds(&mut dice, 500, share, (rate, rate), limit));
            *mistaken += usize::from(looks.filter(|past| *past).count() > 0);
        }
    }
    eprintln!(
        "mistaken at a limit of 0 and of 0.5 points: {mistaken:?} of {}",
        gates(200)
    );
    assert!(
        mistaken[0] <= gates(200) / 1_000 && mistaken[1] == 0,
        "{mistaken:?}"
    );
}

/// Seconds until errors on gray are found, at 100 answers a second.
fn seconds(dice: &mut Dice, share: f64, clean: u64) -> Option<u64> {
    let mut step = Step::new();
    for five in 1..=(clean + 60) / 5 {
        let rate = if five * 5 > clean { 0.05 } else { 0.0 };
        if step.five_seconds(dice, 500, share, (rate, 0.0), 0.005) {
            return Some(five * 5 - clean);
        }
    }
    None
}

#[test]
fn five_percent_of_errors_are_found_within_half_a_minute() {
    for (share, clean) in [
        (0.1, 0),
        (0.1, 60),
        (0.25, 0),
        (0.25, 65),
        (0.5, 0),
        (0.5, 600),
    ] {
        let mut dice = Dice(7);
        let tries = gates(100);
        let found: Vec<_> = (0..tries)
            .map(|_| seconds(&mut dice, share, clean))
            .collect();
        let late = found.iter().filter(|s| s.is_none_or(|s| s > 30)).count();
        let mut sorted: Vec<u64> = found.iter().map(|s| s.unwrap_or(61)).collect();
        sorted.sort_unstable();
        eprintln!(
            "share {share}, after {clean} clean s: median {} s, 99 % {} s, late {late}/{tries}",
            sorted[tries / 2],
            sorted[tries * 99 / 100]
        );
        // A track with ten answers a second shows one error in two seconds: it takes as long as it takes.
        let allowed = if share < 0.2 { tries / 2 } else { tries / 100 };
        assert!(late <= allowed, "{share} {clean}: {late} of {tries}");
    }
}

#[test]
fn the_interval_holds_the_truth_and_narrows() {
    let mut dice = Dice(3);
    let mut width = 2.0;
    let (mut gray, mut stable) = (Rate { hits: 0, of: 0 }, Rate { hits: 0, of: 0 });
    let nothing = difference(gray, stable, ALPHA);
    assert_eq!((nothing.low, nothing.high), (-1.0, 1.0));
    for _ in 0..6 {
        for (track, rate) in [(&mut gray, 0.06), (&mut stable, 0.05)] {
            track.of += 5_000;
            track.hits += dice.hits(5_000, rate);
        }
        let found = difference(gray, stable, ALPHA);
        assert!(found.low < 0.01 && 0.01 < found.high, "{found:?}");
        assert!(found.low <= found.seen && found.seen <= found.high);
        assert!(found.high - found.low < width, "{found:?}");
        width = found.high - found.low;
    }
    assert!(width < 0.03, "{width}");
    assert_eq!(verdict(gray, stable, 0.05, ALPHA), Verdict::Clear);
    assert_eq!(verdict(gray, stable, 0.01, ALPHA), Verdict::Open);
    assert_eq!(verdict(gray, stable, -0.05, ALPHA), Verdict::Past);
}

#[test]
fn shares_that_cannot_be_chance_do_not_fit() {
    assert!(fits(1_000, 9_000, 0.1, false));
    assert!(fits(1_150, 8_850, 0.1, false));
    assert!(!fits(0, 10_000, 0.1, false));
    assert!(!fits(3_000, 7_000, 0.1, false));
    // Staff come on top of the share.
    assert!(fits(3_000, 7_000, 0.1, true));
    assert!(!fits(0, 10_000, 0.1, true));
    assert!(fits(0, 0, 0.1, false) && fits(10, 10_000, 0.0, false));
}

#[test]
fn a_drop_of_exposures_is_found_and_noise_is_not() {
    let rate = |hits, of| Rate { hits, of };
    // Twenty modules a page on both tracks, however uneven by chance.
    for (gray, stable) in [(2_000, 18_000), (1_400, 18_600), (0, 0), (900, 0)] {
        let found = fewer(rate(gray, 100), rate(stable, 900), 0.5, ALPHA);
        assert_ne!(found, Verdict::Past, "{gray} {stable}");
    }
    assert_eq!(
        fewer(rate(0, 1_000), rate(1_000, 1_000), 0.5, ALPHA),
        Verdict::Past
    );
    assert_eq!(
        fewer(rate(1_000, 1_000), rate(1_000, 1_000), 0.5, ALPHA),
        Verdict::Clear
    );
    // Before there is anything to compare.
    assert_eq!(fewer(rate(0, 0), rate(10, 10), 0.5, ALPHA), Verdict::Open);
}
