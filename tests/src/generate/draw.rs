//! Draws from a seed. SplitMix64: ten lines, the same on every machine and for ever, so that a seed in
//! a failure message stays good.

pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `end` − 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.any() % end
    }

    /// Both ends included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// Up to `most` different elements, in the order of the list.
    pub fn some<T: Clone>(&mut self, list: &[T], most: usize) -> Vec<T> {
        let mut found = Vec::new();
        let wanted = self.below(most.min(list.len()) as u64 + 1);
        for (index, item) in list.iter().enumerate() {
            let left = (list.len() - index) as u64;
            if self.below(left) < wanted - found.len() as u64 {
                found.push(item.clone());
            }
        }
        found
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for index in (1..list.len()).rev() {
            list.swap(index, self.below(index as u64 + 1) as usize);
        }
    }
}
