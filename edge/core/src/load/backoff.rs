//! Waiting longer after each failure: 2 s doubling to 30 s, with jitter, so that edges that failed
//! together don't return together.

const FIRST_MS: i64 = 2_000;
const LAST_MS: i64 = 30_000;

#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    wait_ms: i64,
    until_ms: i64,
}

impl Backoff {
    /// Whether another attempt is allowed. An instant far ahead means that the clock was set back.
    pub fn open(&self, now_ms: i64) -> bool {
        self.wait_ms == 0
            || now_ms >= self.until_ms
            || self.until_ms.saturating_sub(now_ms) > LAST_MS
    }

    pub fn fail(&mut self, now_ms: i64, random: u64) {
        self.wait_ms = self.wait_ms.saturating_mul(2).clamp(FIRST_MS, LAST_MS);
        let spread = self.wait_ms.unsigned_abs() / 4;
        let less = i64::try_from(random % spread.max(1)).unwrap_or(0);
        self.until_ms = now_ms.saturating_add(self.wait_ms.saturating_sub(less));
    }

    /// Lets nothing through for a while, without counting a failure.
    pub fn pause(&mut self, now_ms: i64, pause_ms: i64) {
        *self = Self {
            wait_ms: 1,
            until_ms: now_ms.saturating_add(pause_ms),
        };
    }

    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_half_a_minute_and_jitter_only_shortens() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for random in [0, 0, u64::MAX, 0, 0, 0] {
            assert!(backoff.open(0));
            backoff.fail(0, random);
            waits.push(backoff.until_ms);
            backoff.until_ms = 0;
        }
        assert_eq!(waits[..2], [2_000, 4_000]);
        assert!((6_000..8_000).contains(&waits[2]), "{waits:?}");
        assert_eq!(waits[3..], [16_000, 30_000, 30_000]);
    }

    #[test]
    fn a_clock_set_back_does_not_shut_it_for_long() {
        let mut backoff = Backoff::default();
        backoff.fail(86_400_000, 0);
        assert!(!backoff.open(86_400_001));
        assert!(backoff.open(0));
    }
}
