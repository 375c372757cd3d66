//! Reports of instances that don't live to report again: each says what nobody says a second time, so each counts once,
//! by the name that it was given. Names are remembered only while the time of a report lets it be taken.

use alloc::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

use super::{Counts, Report, Row};
use crate::limits;
use crate::resolve::write::Track;

/// How long names are kept apart at least: a report is taken from so long before its time until so long after it.
const KEPT_MS: i64 = limits::HEALTH_ONCE_MS.saturating_mul(2);

/// What all of them came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Once {
    pub stable: Counts,
    pub gray: Counts,
    /// Of the newest.
    pub at_ms: Option<i64>,
    /// Names, as hashes, that came since `since_ms` and in the time before that.
    new: BTreeSet<u64>,
    old: BTreeSet<u64>,
    since_ms: i64,
}

impl Once {
    /// Tells whether that is news. Where more come than can be told apart the rest is left out, whatever it says.
    pub fn take<'a>(
        &mut self,
        report: &Report,
        rows: impl Iterator<Item = (Track, &'a Row)>,
        now_ms: i64,
    ) -> bool {
        if report.is_late(now_ms) {
            return false;
        }
        if now_ms.saturating_sub(self.since_ms) >= KEPT_MS {
            self.old = core::mem::take(&mut self.new);
            self.since_ms = now_ms;
        }
        let name = xxh3_64(report.instance.as_bytes());
        let is_new = !self.old.contains(&name) && !self.new.contains(&name);
        if !is_new || self.new.len() >= limits::HEALTH_ONCE {
            return false;
        }
        self.new.insert(name);
        self.at_ms = self.at_ms.max(Some(report.at_ms));
        for (track, row) in rows {
            match track {
                Track::Stable => self.stable = self.stable.plus(row.counts),
                Track::Gray => self.gray = self.gray.plus(row.counts),
            }
        }
        true
    }
}
