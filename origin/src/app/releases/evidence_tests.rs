//! The figures that the statistic is chosen for, by simulation from seeds. `SKYFUL_GATES=200000` runs as many gates.

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

#[test]
fn noise_is_never_taken_for_worse_however_often_one_looks() {
    let mut dice = Dice(1);
    let mut past = 0;
    for gate in 0..gates(200) {
        let rate = [0.0, 0.0005, 0.01, 0.05, 0.5][gate % 5];
        let share = [0.01, 0.05, 0.1, 0.5][gate % 4];
        let (mut gray, mut stable) = (Rate { hits: 0, of: 0 }, Rate { hits: 0, of: 0 });
        for _ in 0..100 {
            for _ in 0..100 {
                let track = if dice.chance(share) {
                    &mut gray
                } else {
                    &mut stable
                };
                track.of += 1;
                track.hits += u64::from(dice.chance(rate));
            }
            // At no difference at all, where it is hardest not to be mistaken, and at the default limit.
            let mistaken = [0.0, 0.005].map(|limit| verdict(gray, stable, limit) == Verdict::Past);
            past += usize::from(mistaken.contains(&true));
        }
    }
    assert_eq!(past, 0);
}

/// Seconds until errors on gray are found, at 100 answers a second, looked at every five.
fn seconds(dice: &mut Dice, share: f64, clean: u64) -> Option<u64> {
    let (mut gray, mut stable) = (Rate { hits: 0, of: 0 }, Rate { hits: 0, of: 0 });
    for second in 1..=clean + 60 {
        let of = dice.hits(100, share);
        gray.of += of;
        stable.of += 100 - of;
        if second > clean {
            gray.hits += dice.hits(of, 0.05);
        }
        if second % 5 == 0 && verdict(gray, stable, 0.005) == Verdict::Past {
            return Some(second - clean);
        }
    }
    None
}

#[test]
fn five_percent_of_errors_are_found_within_half_a_minute() {
    for (share, clean) in [(0.1, 0), (0.1, 60), (0.25, 0), (0.5, 0), (0.5, 600)] {
        let mut dice = Dice(7);
        let tries = gates(200);
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
        // A track with ten answers a second has few errors to show in half a minute.
        let allowed = if share < 0.2 { tries / 10 } else { 0 };
        assert!(late <= allowed, "{share} {clean}: {late} of {tries}");
    }
}

#[test]
fn the_interval_holds_the_truth_and_narrows() {
    let mut dice = Dice(3);
    let mut width = 2.0;
    let (mut gray, mut stable) = (Rate { hits: 0, of: 0 }, Rate { hits: 0, of: 0 });
    let nothing = difference(gray, stable);
    assert_eq!((nothing.low, nothing.high), (-1.0, 1.0));
    for _ in 0..6 {
        for (track, rate) in [(&mut gray, 0.06), (&mut stable, 0.05)] {
            track.of += 5_000;
            track.hits += dice.hits(5_000, rate);
        }
        let found = difference(gray, stable);
        assert!(found.low < 0.01 && 0.01 < found.high, "{found:?}");
        assert!(found.low <= found.seen && found.seen <= found.high);
        assert!(found.high - found.low < width, "{found:?}");
        width = found.high - found.low;
    }
    assert!(width < 0.03, "{width}");
    assert_eq!(verdict(gray, stable, 0.05), Verdict::Clear);
    assert_eq!(verdict(gray, stable, 0.01), Verdict::Open);
    assert_eq!(verdict(gray, stable, -0.05), Verdict::Past);
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
