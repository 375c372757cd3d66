//! Whether gray does worse than stable, judged at any moment and as often as one likes. Knows counts, and neither time nor
//! releases.
//!
//! For one track, the mixture of the likelihood over all rates, divided by the likelihood of the true rate, is a martingale
//! that begins at 1, so it ever exceeds 1/α with a chance of at most α (Ville 1939; Robbins, "Statistical methods related to the
//! law of the iterated logarithm", Ann. Math. Statist. 41, 1970; Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform,
//! nonparametric, nonasymptotic confidence sequences", Ann. Statist. 49, 2021). The tracks are independent, so the product over
//! both is one too, and the pairs of rates at which it stays below 1/α are a region that holds the true pair at all times with
//! a chance of 1 − α, if answers fail or not by themselves. What differences occur in that region is the interval that people see, and gray is worse than a limit
//! once no smaller difference is left in it. Exact for any number of answers: nothing is approximated by a normal distribution.

use serde::Serialize;

/// The chance to find a difference beyond a limit where there is none, over the whole life of a step. That is where gray does
/// worse by exactly the limit; noise alone is much further away.
pub const ALPHA: f64 = 1e-3;
/// Priors of the mixture, half of each: rare faults, and rates of any size.
const PRIORS: [(f64, f64); 2] = [(0.5, 50.0), (0.5, 0.5)];
/// Halvings: more than the digits of a double.
const STEPS: usize = 60;

/// How often something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub hits: u64,
    pub of: u64,
}

/// Gray minus stable, as parts of 1: what was seen, and what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub seen: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Surely not worse than the limit.
    Clear,
    /// More answers are needed to be sure.
    Open,
    /// Surely worse.
    Past,
}

impl Rate {
    /// None: there is nothing yet to have a rate.
    pub fn seen(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits.min(self.of) as f64 / self.of as f64)
    }
}

/// The interval of gray minus stable, at all times right with a chance of 1 − `alpha`.
pub fn difference(gray: Rate, stable: Rate, alpha: f64) -> Difference {
    let (one, zero) = (Evidence::of(gray), Evidence::of(stable));
    let seen = gray.seen().unwrap_or(0.0) - stable.seen().unwrap_or(0.0);
    let bound = (1.0 / alpha).ln();
    let inside = |difference: f64| !excluded(&one, &zero, difference, bound);
    // The region is convex and holds what was seen, so its ends are found by halving.
    let end = |mut outside: f64| {
        if inside(outside) {
            return outside;
        }
        let mut within = seen;
        for _ in 0..STEPS {
            let middle = f64::midpoint(within, outside);
            if inside(middle) {
                within = middle;
            } else {
                outside = middle;
            }
        }
        within
    };
    Difference {
        seen,
        low: end(-1.0),
        high: end(1.0),
    }
}

/// Against a limit of the difference.
pub fn verdict(gray: Rate, stable: Rate, limit: f64, alpha: f64) -> Verdict {
    let (one, zero) = (Evidence::of(gray), Evidence::of(stable));
    let seen = gray.seen().unwrap_or(0.0) - stable.seen().unwrap_or(0.0);
    // One look at the limit itself says on which side of it the interval lies.
    if !excluded(&one, &zero, limit, (1.0 / alpha).ln()) {
        Verdict::Open
    } else if seen > limit {
        Verdict::Past
    } else {
        Verdict::Clear
    }
}

/// Whether gray has fewer hits an answer than a part of stable's, where one answer may have many. Of all hits, each is one of
/// gray's with a chance that follows from the answers of both; hits of one page come together, so they weigh a tenth, which
/// makes this an approximation.
pub fn fewer(gray: Rate, stable: Rate, kept: f64, alpha: f64) -> Verdict {
    const WEIGHT: f64 = 0.1;
    let (ours, theirs) = (gray.of as f64 * kept, stable.of as f64);
    if ours <= 0.0 || theirs <= 0.0 {
        return Verdict::Open;
    }
    let chance = ours / (ours + theirs);
    let (hits, misses) = (gray.hits as f64 * WEIGHT, stable.hits as f64 * WEIGHT);
    let against = Evidence::counted(hits, misses).against(chance);
    if against < (1.0 / alpha).ln() {
        Verdict::Open
    } else if hits < chance * (hits + misses) {
        Verdict::Past
    } else {
        Verdict::Clear
    }
}

/// Whether the tracks share the answers as they should: Pearson's chi-square with one degree of freedom. One visitor asks often,
/// and their answers are on one track, which makes shares of answers vary more than those of visitors: counts weigh a tenth.
pub fn fits(gray: u64, stable: u64, share: f64, allowed_more: bool) -> bool {
    const WEIGHT: f64 = 0.1;
    /// Exceeded with a chance of 0.0001.
    const CRITICAL: f64 = 15.137;
    let all = (gray + stable) as f64 * WEIGHT;
    let (expected, found) = (all * share, gray as f64 * WEIGHT);
    if expected <= 0.0 || expected >= all || (allowed_more && found > expected) {
        return true;
    }
    let off = found - expected;
    off * off / expected + off * off / (all - expected) < CRITICAL
}

/// What counts say about each rate: the logarithm of how much likelier the mixture is.
struct Evidence {
    hits: f64,
    misses: f64,
    mixture: f64,
}

impl Evidence {
    fn of(rate: Rate) -> Self {
        let hits = rate.hits.min(rate.of) as f64;
        Self::counted(hits, rate.of as f64 - hits)
    }

    fn counted(hits: f64, misses: f64) -> Self {
        let parts = PRIORS.map(|(a, b)| ln_beta(a + hits, b + misses) - ln_beta(a, b));
        let most = parts.into_iter().fold(f64::MIN, f64::max);
        let sum: f64 = parts.into_iter().map(|part| (part - most).exp()).sum();
        Self {
            hits,
            misses,
            mixture: most + (sum / PRIORS.len() as f64).ln(),
        }
    }

    fn against(&self, rate: f64) -> f64 {
        let part = |count: f64, chance: f64| match count > 0.0 {
            true => count * chance.max(0.0).ln(),
            false => 0.0,
        };
        self.mixture - part(self.hits, rate) - part(self.misses, 1.0 - rate)
    }
}

/// Whether no pair of rates with this difference is left in the region.
fn excluded(gray: &Evidence, stable: &Evidence, difference: f64, bound: f64) -> bool {
    // Most are not, and a pair near the likeliest one says so at once.
    let all = gray.hits + gray.misses + stable.hits + stable.misses;
    let ours = difference * (gray.hits + gray.misses);
    let (low, high) = ((-difference).max(0.0), (1.0 - difference).min(1.0));
    let near = ((gray.hits + stable.hits - ours) / all.max(1.0)).clamp(low, high.max(low));
    gray.against(near + difference) + stable.against(near) >= bound
        && least(gray, stable, difference) >= bound
}

/// The least evidence against any pair of rates with this difference. Convex along the line of them, so thirds are cut off.
fn least(gray: &Evidence, stable: &Evidence, difference: f64) -> f64 {
    let at = |rate: f64| gray.against(rate + difference) + stable.against(rate);
    let (mut low, mut high) = ((-difference).max(0.0), (1.0 - difference).min(1.0));
    for _ in 0..2 * STEPS {
        let third = (high - low) / 3.0;
        let (left, right) = (low + third, high - third);
        if at(left) <= at(right) {
            high = right;
        } else {
            low = left;
        }
    }
    at(f64::midpoint(low, high)).min(at(low)).min(at(high))
}

fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
pub mod tests;
