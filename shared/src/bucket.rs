//! Which of 10,000 buckets a unit falls into. Stable for ever: the constants in `tests/spec` are
//! published, and a map hash (`ahash`, `foldhash`) must never be used here.

use xxhash_rust::xxh3::xxh3_64;

/// The bucket of a visitor without a unit: outside every share and range.
pub const OUTSIDE: u32 = 10_000;

/// A unit (or device) hashed once per request; mixing it with a salt is then a few integer steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitHash(u64);

impl UnitHash {
    pub fn of(unit: &str) -> Self {
        Self(xxh3_64(unit.as_bytes()))
    }

    /// Names the unit in what only the unit itself holds.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// 64 evenly spread bits for this unit under a salt.
    pub fn mix(self, salt: SaltHash) -> u64 {
        fmix64(self.0 ^ salt.0)
    }

    /// 0..=9999.
    pub fn bucket(self, salt: SaltHash) -> u32 {
        (((self.mix(salt) >> 32) * 10_000) >> 32) as u32
    }
}

/// A salt hashed at compile time; snapshots carry the number, not the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaltHash(pub u64);

impl SaltHash {
    pub fn of(salt: &str) -> Self {
        Self(xxh3_64(salt.as_bytes()))
    }
}

/// MurmurHash3's 64-bit finalizer (Austin Appleby, public domain).
fn fmix64(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}
