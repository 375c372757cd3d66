//! The order of the modules that survived in one slot.

use serde_json::Value;

use super::bucket;
use super::{Reader, schedule};

/// A module that was decided, in the place where it was written.
pub struct Placed<'a> {
    pub module: &'a str,
    pub plan: Option<&'a Value>,
    pub answer: Value,
}

impl Reader<'_> {
    pub fn order<'a>(
        &self,
        page: &str,
        slot: &str,
        ordering: &Value,
        placed: Vec<Placed<'a>>,
    ) -> Vec<Placed<'a>> {
        let by = ordering["by"].as_str().unwrap_or("manual");
        let drawn = by == "weighted" || (by == "learned" && ordering.get("weights").is_some());
        match (by, &self.context.unit) {
            ("newest", _) => newest(placed),
            (_, Some(unit)) if drawn => weighted(unit, page, slot, ordering, placed),
            _ => placed,
        }
    }
}

/// Later starts first; those without a start last; ties as written.
fn newest(mut placed: Vec<Placed<'_>>) -> Vec<Placed<'_>> {
    let start = |placed: &Placed<'_>| {
        let schedule = placed.plan?.get("schedule")?;
        schedule::literal(schedule, schedule::zone_of(schedule), "from")
    };
    // `None` is less than any start, so the reverse order has it last; sorting is stable.
    placed.sort_by_key(|placed| std::cmp::Reverse(start(placed)));
    placed
}

/// Smaller `e / weight` first, compared without division; ties as written.
fn weighted<'a>(
    unit: &str,
    page: &str,
    slot: &str,
    ordering: &Value,
    placed: Vec<Placed<'a>>,
) -> Vec<Placed<'a>> {
    let mut drawn: Vec<(u64, u64, Placed<'a>)> = placed
        .into_iter()
        .map(|placed| {
            let salt = format!("ordering/{page}/{slot}/{}", placed.module);
            let weight = ordering["weights"][placed.module].as_u64().unwrap_or(1);
            (draw(bucket::hash(unit, &salt)), weight, placed)
        })
        .collect();
    drawn.sort_by(|(e1, weight1, _), (e2, weight2, _)| {
        let (left, right) = (
            u128::from(*e1) * u128::from(*weight2),
            u128::from(*e2) * u128::from(*weight1),
        );
        left.cmp(&right)
    });
    drawn.into_iter().map(|(_, _, placed)| placed).collect()
}

/// −log2 of a uniform draw in (0, 1], times 2^24.
pub fn draw(hash: u64) -> u64 {
    let x = hash.max(1);
    let z = u64::from(x.leading_zeros());
    let n = x << z;
    let i = (n >> 55) & 255;
    let r = (n >> 31) & 0xFF_FFFF;
    let (low, high) = (table(i), table(i + 1));
    ((z + 1) << 24) - (low + (((high - low) * r) >> 24))
}

/// `T[k] = floor(log2(1 + k/256) × 2^24)`. That a double is precise enough is tested below.
fn table(k: u64) -> u64 {
    ((1.0 + k as f64 / 256.0).log2() * 16_777_216.0).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;

    /// The table by squaring: the binary digits of log2(x) are the carries of x², x⁴, … over 2.
    fn exact_table(k: u64) -> u64 {
        // Cutting to 512 fraction bits errs by less than 2^-480 after 24 squarings, and no square comes
        // nearer to 2 than 2^-400, so no digit can be wrong.
        const BITS: u64 = 512;
        let margin = BigUint::from(1u8) << (BITS - 400);
        if k == 256 {
            return 1 << 24;
        }
        let mut x = BigUint::from(256 + k) << (BITS - 8);
        let two = BigUint::from(2u8) << BITS;
        let mut digits = 0;
        for _ in 0..24 {
            x = (&x * &x) >> BITS;
            digits <<= 1;
            if x >= two {
                assert!(&x - &two > margin);
                x >>= 1;
                digits |= 1;
            } else {
                assert!(&two - &x > margin);
            }
        }
        digits
    }

    #[test]
    fn the_table_is_exact_although_made_of_doubles() {
        for k in 0..=256 {
            assert_eq!(table(k), exact_table(k), "{k}");
        }
        assert_eq!((table(0), table(256)), (0, 1 << 24));
    }

    /// The squaring itself, against exact powers: 2^digits ≤ (1 + k/256)^(2^24) < 2^(digits + 1),
    /// seen through 2^10 instead of 2^24 so that the numbers stay small.
    #[test]
    fn squaring_agrees_with_exact_powers() {
        for k in 0..256u32 {
            let power = BigUint::from(256 + k).pow(1 << 10);
            let whole = power.bits() - 1 - 8 * (1 << 10);
            assert_eq!(exact_table(u64::from(k)) >> 14, whole, "{k}");
        }
    }

    #[test]
    fn a_draw_stays_within_its_range() {
        assert_eq!(draw(0), 64 << 24);
        assert_eq!(draw(1), 64 << 24);
        assert_eq!(draw(1 << 63), 1 << 24);
        assert!(draw(u64::MAX) <= 1);
    }
}
