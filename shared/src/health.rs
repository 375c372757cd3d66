//! What edges report of a release's tracks, and how reports add up. Each instance counts upwards for as long as it lives,
//! so the highest of each count is what counts: reports may come twice, late, or in any order. Instances that don't live
//! for long report only once ([`once`]). Who decides by it knows the time; here nobody does.

mod once;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use self::once::Once;
use crate::limits;
use crate::resolve::write::Track;
use crate::secret::{Sealed, Secrets};

/// As it is sent; [`Report::open`] says whether to believe it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Report {
    pub workspace: String,
    pub env: String,
    /// Who counts; `boot_ms` tells one life of it from another.
    pub instance: String,
    pub boot_ms: i64,
    /// When it was made, by the edge's clock.
    pub at_ms: i64,
    /// This instance says nothing more. What it counted since the last such report is in it, under another name each time.
    #[serde(default)]
    pub once: bool,
    pub tracks: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Row {
    pub sequence: u64,
    /// `stable` or `gray`.
    pub track: String,
    #[serde(flatten)]
    pub counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Counts {
    pub requests: u64,
    pub errors: u64,
    pub defaults: u64,
    pub fallbacks: u64,
}

/// Why a report is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReport {
    /// Not sealed by one of these secrets, or for another environment.
    Seal,
    TooLarge,
    Unreadable,
    /// A name that is too long, a track that doesn't exist, or too many rows.
    Meaning,
}

impl Report {
    /// The seal is asked first: nobody else's text is parsed.
    pub fn open(body: &[u8], seal: &str, secrets: &Secrets) -> Result<Self, BadReport> {
        if body.len() > limits::HEALTH_BYTES {
            return Err(BadReport::TooLarge);
        }
        if !secrets.signed(Sealed::Health, body, seal) {
            return Err(BadReport::Seal);
        }
        let report: Self = serde_json::from_slice(body).map_err(|_| BadReport::Unreadable)?;
        let known = |row: &Row| track_of(&row.track).is_some();
        let fits = report.instance.len() <= limits::NAME_BYTES
            && report.workspace.len() <= limits::NAME_BYTES
            && report.env.len() <= limits::NAME_BYTES
            && report.tracks.len() <= limits::HEALTH_ROWS
            && report.tracks.iter().all(known);
        if fits {
            Ok(report)
        } else {
            Err(BadReport::Meaning)
        }
    }
}

impl Report {
    /// Whether it comes too late, or too early, to be told from a repetition of itself. Those that say all again may
    /// come at any time.
    pub fn is_late(&self, now_ms: i64) -> bool {
        let off_ms = now_ms.saturating_sub(self.at_ms).saturating_abs();
        self.once && off_ms > limits::HEALTH_ONCE_MS
    }
}

fn track_of(name: &str) -> Option<Track> {
    [Track::Stable, Track::Gray]
        .into_iter()
        .find(|track| track.name() == name)
}

impl Counts {
    fn highest(self, other: Self) -> Self {
        self.with(other, u64::max)
    }

    fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn with(self, other: Self, one: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            requests: one(self.requests, other.requests),
            errors: one(self.errors, other.errors),
            defaults: one(self.defaults, other.defaults),
            fallbacks: one(self.fallbacks, other.fallbacks),
        }
    }
}

/// All that was reported of one release: the sequence is part of what is asked, so older ones may be forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// By instance and boot: the highest counts of stable and gray, and the newest report.
    sources: BTreeMap<(String, i64), Source>,
    /// What those came to that were silent for long when others needed their room.
    gone: Gone,
    once: Once,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Source {
    at_ms: i64,
    /// By the clock of whoever takes reports.
    heard_ms: i64,
    stable: Counts,
    gray: Counts,
}

/// One sum for many instances: short-lived ones come and go by the thousand, and a release may take days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gone {
    stable: Counts,
    gray: Counts,
    instances: usize,
    at_ms: Option<i64>,
    /// The latest boot among them. Whoever booted later isn't one of them; whoever booted earlier might be, and would be
    /// counted twice.
    booted_ms: Option<i64>,
}

/// What a release came to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub stable: Counts,
    pub gray: Counts,
    /// Those that report only once are one together.
    pub instances: usize,
    /// Of the newest report. None: there is none.
    pub at_ms: Option<i64>,
}

impl Release {
    /// Takes what a report says of this sequence, and tells whether that is news: the same report again, or an older one,
    /// is none. `now_ms` is the clock of whoever takes it, since those of edges may be wrong.
    pub fn take(&mut self, report: &Report, sequence: u64, now_ms: i64) -> bool {
        let rows = || report.tracks.iter().filter(|row| row.sequence == sequence);
        if rows().next().is_none() {
            return false;
        }
        if report.once {
            let rows = rows().filter_map(|row| Some((track_of(&row.track)?, row)));
            return self.once.take(report, rows, now_ms);
        }
        let name = (report.instance.clone(), report.boot_ms);
        let known = self.sources.get(&name).map(|source| source.at_ms);
        if known.is_none() && !self.has_room_for(report.boot_ms, now_ms) {
            return false;
        }
        let source = self.sources.entry(name).or_insert(Source {
            at_ms: report.at_ms,
            heard_ms: now_ms,
            ..Source::default()
        });
        if known.is_some_and(|at_ms| report.at_ms > at_ms) {
            source.heard_ms = now_ms;
        }
        source.at_ms = source.at_ms.max(report.at_ms);
        for row in rows() {
            match track_of(&row.track) {
                Some(Track::Stable) => source.stable = source.stable.highest(row.counts),
                Some(Track::Gray) => source.gray = source.gray.highest(row.counts),
                None => {}
            }
        }
        known.is_none_or(|at_ms| report.at_ms > at_ms)
    }

    /// Whether an instance that isn't known may be counted. Where all room is taken, those go that were silent for long.
    fn has_room_for(&mut self, boot_ms: i64, now_ms: i64) -> bool {
        if self.sources.len() >= limits::HEALTH_INSTANCES {
            let gone = &mut self.gone;
            self.sources.retain(|(_, booted_ms), source| {
                let lives = now_ms.saturating_sub(source.heard_ms) < limits::HEALTH_SILENT_MS;
                if !lives {
                    gone.stable = gone.stable.plus(source.stable);
                    gone.gray = gone.gray.plus(source.gray);
                    gone.instances = gone.instances.saturating_add(1);
                    gone.at_ms = gone.at_ms.max(Some(source.at_ms));
                    gone.booted_ms = gone.booted_ms.max(Some(*booted_ms));
                }
                lives
            });
        }
        let may_be_gone = self
            .gone
            .booted_ms
            .is_some_and(|booted_ms| boot_ms <= booted_ms);
        !may_be_gone && self.sources.len() < limits::HEALTH_INSTANCES
    }

    /// The sum over all instances, also those that are gone: what they served, they served.
    pub fn totals(&self) -> Totals {
        let known = self.sources.len().saturating_add(self.gone.instances);
        let mut totals = Totals {
            stable: self.gone.stable.plus(self.once.stable),
            gray: self.gone.gray.plus(self.once.gray),
            instances: known.saturating_add(usize::from(self.once.at_ms.is_some())),
            at_ms: self.gone.at_ms.max(self.once.at_ms),
        };
        for source in self.sources.values() {
            totals.stable = totals.stable.plus(source.stable);
            totals.gray = totals.gray.plus(source.gray);
            totals.at_ms = totals.at_ms.max(Some(source.at_ms));
        }
        totals
    }
}

#[cfg(test)]
mod tests;
