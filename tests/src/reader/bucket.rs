//! Buckets, from the formula alone.

use twox_hash::XxHash3_64;

/// The bucket of whoever has no unit: outside everything.
pub const OUTSIDE: u64 = 10_000;

/// The 64-bit value before it becomes a bucket.
pub fn hash(unit: &str, salt: &str) -> u64 {
    finalize(XxHash3_64::oneshot(unit.as_bytes()) ^ XxHash3_64::oneshot(salt.as_bytes()))
}

pub fn bucket(unit: Option<&str>, salt: &str) -> u64 {
    match unit {
        Some(unit) => of_hash(hash(unit, salt)),
        None => OUTSIDE,
    }
}

pub fn of_hash(hash: u64) -> u64 {
    ((hash >> 32) * 10_000) >> 32
}

/// MurmurHash3's 64-bit finalizer.
pub fn finalize(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_the_parts_hold() {
        // From the reference implementations: XXH3_64bits("", 0) and ("a", 0); fmix64 from MurmurHash3.
        assert_eq!(XxHash3_64::oneshot(b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(XxHash3_64::oneshot(b"a"), 0xe6c6_32b6_1e96_4e1f);
        assert_eq!(finalize(0), 0);
        assert_eq!(finalize(1), 0xb456_bcfc_34c2_cb2c);
    }

    #[test]
    fn a_bucket_is_below_ten_thousand() {
        assert_eq!(of_hash(0), 0);
        assert_eq!(of_hash(u64::MAX), 9_999);
        assert_eq!(bucket(None, "layer/a"), 10_000);
    }
}
