//! Bytes as a series of small decisions. When they run out every decision is 0, so that a short input is a simple one.

pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn byte(&mut self) -> u8 {
        let Some((head, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *head
    }

    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    pub fn long(&mut self) -> u64 {
        u64::from(self.word()) << 32 | u64::from(self.word())
    }

    /// 0 to `end` − 1, or 0 if there is nothing to choose.
    pub fn below(&mut self, end: usize) -> usize {
        let drawn = if end <= 256 {
            usize::from(self.byte())
        } else {
            self.word() as usize
        };
        drawn.checked_rem(end).unwrap_or(0)
    }

    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        head
    }
}
