//! Seeded draws: the same workload on every machine, without a library whose next version draws otherwise.

/// SplitMix64.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// From 0 to `end`, without `end`.
    pub fn below(&mut self, end: u32) -> u32 {
        (((self.next() >> 32) * u64::from(end)) >> 32) as u32
    }

    /// Both ends included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How often each of so many values is drawn.
pub struct Values {
    /// Cumulative, up to 1; None: all alike.
    shares: Option<Vec<f64>>,
    count: u32,
}

impl Values {
    pub fn uniform(count: u32) -> Self {
        Self {
            shares: None,
            count,
        }
    }

    /// The n-th value 1/n times as often as the first.
    pub fn zipf(count: u32) -> Self {
        let weights = (1..=count).map(|rank| 1.0 / f64::from(rank));
        let total: f64 = weights.clone().sum();
        let shares = weights.scan(0.0, |sum, weight| {
            *sum += weight / total;
            Some(*sum)
        });
        Self {
            shares: Some(shares.collect()),
            count,
        }
    }

    pub fn draw(&self, draw: &mut Draw) -> u32 {
        let Some(shares) = &self.shares else {
            return draw.below(self.count);
        };
        let wanted = draw.unit();
        let found = shares.partition_point(|share| *share <= wanted) as u32;
        found.min(self.count - 1)
    }
}
