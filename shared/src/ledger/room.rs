//! What a book forgets: marks that nothing counts any more, and where a visitor carries it and it is full, the oldest.

use alloc::vec::Vec;

use super::{CapRule, HOLD_MS, HORIZON_MS, Ledger, Mark, Marks};

const MINUTE_MS: u64 = 60_000;
/// The span of a cap whose marks matter for ever.
pub const FOREVER: u8 = u8::MAX;

/// Marks that were confirmed matter for 2^span minutes, which is no less than `lasting_ms`. One byte a cap is what a token
/// can spare for it; a page that knows the cap is exact.
pub fn span(lasting_ms: i64) -> u8 {
    let minutes = lasting_ms.unsigned_abs().div_ceil(MINUTE_MS);
    match u32::try_from(minutes)
        .ok()
        .map(u32::checked_next_power_of_two)
    {
        Some(Some(power)) => power.trailing_zeros() as u8,
        _ => FOREVER,
    }
}

impl Marks {
    /// When a mark under this cap can't matter any more, if no event confirms it meanwhile.
    pub(super) fn end_ms(&self, mark: &Mark) -> i64 {
        let lasting_ms = match (mark.confirmed, self.span) {
            (false, _) => HORIZON_MS,
            (true, span @ 0..32) => (MINUTE_MS as i64) << span,
            (true, _) => i64::MAX,
        };
        mark.at_ms.saturating_add(lasting_ms)
    }
}

impl Ledger {
    /// When nothing in it matters any more. None: never.
    pub fn end_ms(&self) -> Option<i64> {
        let all = self.caps.iter();
        let ends = all.flat_map(|marks| marks.marks.iter().map(|mark| marks.end_ms(mark)));
        Some(ends.max().unwrap_or(i64::MIN)).filter(|end| *end != i64::MAX)
    }

    /// Until it fits into a token, forgets first what doesn't count, then what is oldest: each such mark lets through once
    /// more, where a full book would let through nothing new for ever. Never what counts under a cap of `rules`: the page
    /// that is decided would show it again at once.
    pub fn make_room(&mut self, rules: &[CapRule], now_ms: i64) {
        if self.fits() {
            return;
        }
        let own = |marks: &&Marks| rules.iter().any(|rule| rule.id == marks.cap);
        let own: Vec<u32> = self
            .caps
            .iter()
            .filter(own)
            .map(|marks| marks.cap)
            .collect();
        while !self.fits() {
            let Some((_, _, cap, element)) = self.oldest(&own, now_ms) else {
                return;
            };
            for marks in self.caps.iter_mut().filter(|marks| marks.cap == cap) {
                marks.marks.retain(|mark| mark.element != element);
            }
            self.caps.retain(|marks| !marks.marks.is_empty());
        }
    }

    /// The mark that leaves first. Looked for each time: this is rare, and sorting is more code than an edge can spare.
    fn oldest(&self, own: &[u32], now_ms: i64) -> Option<(bool, i64, u32, u32)> {
        let all = self.caps.iter().flat_map(|marks| {
            let own = own.binary_search(&marks.cap).is_ok();
            let cap = marks.cap;
            marks.marks.iter().filter_map(move |mark| {
                let counts = mark.confirmed || mark.lives(now_ms, HOLD_MS);
                (!(own && counts)).then_some((counts, mark.at_ms, cap, mark.element))
            })
        });
        all.min()
    }
}
