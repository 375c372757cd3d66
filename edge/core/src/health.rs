//! What a gray release is judged by: how many answers of each release and track went well, counted since this instance
//! began. Counts only grow, so that a report that comes twice, late or out of order changes nothing once the highest of
//! each is taken. Has no clock and sends nothing.

use std::ops::Not;

use serde::Serialize;
use skyful::bucket::{SaltHash, UnitHash};
use skyful::resolve::Reason;
use skyful::resolve::write::{Release, Track};
use skyful::secret::{Sealed, Sealer};

use crate::Edge;

/// Releases that are counted at once. Reports about older ones come to nothing anyway.
pub const SEQUENCES: usize = skyful::limits::HEALTH_ROWS / 2;
/// Where reports go, below a collector's address.
pub const PATH: &str = "/v1/health";
/// The header that says which secret sealed the report, and its seal.
pub const SEAL: &str = "skyful-seal";
/// Between two reports of one instance that lives on between requests.
pub const REPORT_EVERY_MS: i64 = 5_000;

/// Who counts. The same in no two instances, nor before and after a restart.
#[derive(Clone, Debug)]
struct Instance {
    name: String,
    began_ms: i64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    instance: Option<Instance>,
    tracks: Vec<Counts>,
    reported_ms: Option<i64>,
    /// What was told once and is not told again.
    told: Vec<Counts>,
}

/// Of one release on one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Of the manifest that counted, whatever stood in for it.
    pub sequence: u64,
    pub track: &'static str,
    pub requests: u64,
    /// Pages with the reason `ERROR`.
    pub errors: u64,
    /// Pages for which no plan won.
    pub defaults: u64,
    /// Answered by another release or track than the visitor was on.
    pub fallbacks: u64,
}

/// As it goes to a collector: the body, and the value of the header [`SEAL`].
#[derive(Clone, Debug)]
pub struct Report {
    pub body: Vec<u8>,
    pub seal: String,
}

#[derive(Serialize)]
struct Wire<'a> {
    workspace: &'a str,
    env: &'a str,
    instance: &'a str,
    boot_ms: i64,
    at_ms: i64,
    #[serde(skip_serializing_if = "Not::not")]
    once: bool,
    tracks: &'a [Counts],
}

impl Counts {
    fn minus(self, told: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(told.requests),
            errors: self.errors.saturating_sub(told.errors),
            defaults: self.defaults.saturating_sub(told.defaults),
            fallbacks: self.fallbacks.saturating_sub(told.fallbacks),
            ..self
        }
    }
}

impl Health {
    /// The first call of an instance names it.
    pub fn begin(&mut self, now_ms: i64, random: [u8; 16]) {
        self.instance.get_or_insert_with(|| Instance {
            name: name(random),
            began_ms: now_ms,
        });
    }

    /// What was counted since this was last asked.
    fn news(&mut self) -> Vec<Counts> {
        let since = |counts: &Counts| {
            let same =
                |told: &&Counts| (told.sequence, told.track) == (counts.sequence, counts.track);
            let told = self.told.iter().find(same);
            told.map_or(*counts, |told| counts.minus(told))
        };
        let news = self.tracks.iter().map(since);
        let news = news.filter(|counts| counts.requests > 0).collect();
        self.told.clone_from(&self.tracks);
        news
    }

    /// One page was answered. `assigned` is what the visitor is on, `found` what answered.
    pub fn count(&mut self, assigned: &Release, found: &Release, reason: Reason) {
        let Some(counts) = self.of(assigned.sequence, assigned.track) else {
            return;
        };
        counts.requests += 1;
        match reason {
            Reason::Error => counts.errors += 1,
            Reason::Default => counts.defaults += 1,
            Reason::Static | Reason::TargetingMatch | Reason::Split => {}
        }
        if (found.sequence, found.track) != (assigned.sequence, assigned.track) {
            counts.fallbacks += 1;
        }
    }

    /// None: it is older than what is counted. Counting it anew would begin at zero, and counts only grow.
    fn of(&mut self, sequence: u64, track: Track) -> Option<&mut Counts> {
        let track = track.name();
        let same = |counts: &Counts| (counts.sequence, counts.track) == (sequence, track);
        if !self.tracks.iter().any(same) {
            let mut known: Vec<u64> = self.tracks.iter().map(|counts| counts.sequence).collect();
            known.dedup();
            let oldest = known.first().copied().filter(|_| known.len() >= SEQUENCES);
            if !known.contains(&sequence)
                && let Some(oldest) = oldest
            {
                if sequence < oldest {
                    return None;
                }
                self.tracks.retain(|counts| counts.sequence != oldest);
            }
            let counts = Counts {
                sequence,
                track,
                requests: 0,
                errors: 0,
                defaults: 0,
                fallbacks: 0,
            };
            let order = |counts: &Counts| (counts.sequence, counts.track == Track::Gray.name());
            let at = self.tracks.partition_point(|c| order(c) < order(&counts));
            self.tracks.insert(at, counts);
        }
        self.tracks.iter_mut().find(|counts| same(counts))
    }

    /// Sorted: older releases first, stable before gray.
    pub fn tracks(&self) -> &[Counts] {
        &self.tracks
    }

    /// Name and begin of this instance.
    pub fn instance(&self) -> Option<(&str, i64)> {
        let instance = self.instance.as_ref()?;
        Some((&instance.name, instance.began_ms))
    }
}

/// The chance of a call is also a visitor's, so it's hashed.
fn name(random: [u8; 16]) -> String {
    let chance = format!("{:032x}", u128::from_be_bytes(random));
    let name = UnitHash::of(&chance).mix(SaltHash::of("instance"));
    format!("{name:016x}")
}

impl Edge {
    /// What to report to a collector behind an answer, where an instance may not live to report later: what it counted
    /// since it was last asked, and only while there are two tracks to compare. Of so many reports one is given, by
    /// chance: a sample says of each track what all say, only less surely. `random` is fresh for each call.
    pub fn report_once(&self, now_ms: i64, random: [u8; 16], one_in: u32) -> Option<Report> {
        let sealer = self.config().secrets.sealer()?;
        let mut state = self.state();
        let held = state.held.as_ref()?;
        let compared = held.manifest.has_gray();
        let news = state.health.news();
        let [a, b, c, d, ..] = random;
        let drawn = u32::from_le_bytes([a, b, c, d]).checked_rem(one_in) == Some(0);
        if news.is_empty() || !compared || !drawn {
            return None;
        }
        let wire = Wire {
            workspace: &self.config.workspace,
            env: &self.config.env,
            instance: &name(random),
            boot_ms: now_ms,
            at_ms: now_ms,
            once: true,
            tracks: &news,
        };
        Some(wire.sealed(&sealer))
    }

    /// What to report to a collector now: nothing while the last report is fresh, without a secret to seal it, or before
    /// the first request. Counts as reported from then on, so that of several requests at once only one sends it.
    pub fn report(&self, now_ms: i64) -> Option<Report> {
        let sealer = self.config().secrets.sealer()?;
        let mut state = self.state();
        let health = &mut state.health;
        let (instance, boot_ms) = health.instance()?;
        let fresh = |at: i64| (0..REPORT_EVERY_MS).contains(&now_ms.saturating_sub(at));
        if health.tracks.is_empty() || health.reported_ms.is_some_and(fresh) {
            return None;
        }
        let wire = Wire {
            workspace: &self.config.workspace,
            env: &self.config.env,
            instance,
            boot_ms,
            at_ms: now_ms,
            once: false,
            tracks: &health.tracks,
        };
        let report = wire.sealed(&sealer);
        health.reported_ms = Some(now_ms);
        Some(report)
    }
}

impl Wire<'_> {
    fn sealed(&self, sealer: &Sealer<'_>) -> Report {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let seal = sealer.sign(Sealed::Health, &body);
        Report { body, seal }
    }
}

#[cfg(test)]
mod tests {
    use skyful::snapshot::Digest;

    use super::*;

    fn release(sequence: u64, track: Track) -> Release {
        Release {
            sequence,
            snapshot: Digest([1; 32]),
            track,
        }
    }

    fn counted(answers: &[(u64, Track, u64, Track, Reason)]) -> Vec<(u64, &'static str, [u64; 4])> {
        let mut health = Health::default();
        for (sequence, track, by, by_track, reason) in answers {
            let (assigned, found) = (release(*sequence, *track), release(*by, *by_track));
            health.count(&assigned, &found, *reason);
        }
        let row = |c: &Counts| [c.requests, c.errors, c.defaults, c.fallbacks];
        let rows = health.tracks().iter();
        rows.map(|c| (c.sequence, c.track, row(c))).collect()
    }

    #[test]
    fn an_answer_counts_for_the_release_and_track_that_its_visitor_is_on() {
        use Track::{Gray, Stable};
        let found = counted(&[
            (7, Gray, 7, Gray, Reason::Split),
            (7, Gray, 7, Stable, Reason::Default),
            (7, Stable, 7, Stable, Reason::Static),
            (7, Stable, 6, Stable, Reason::TargetingMatch),
            (7, Gray, 7, Gray, Reason::Error),
        ]);
        let wanted = [(7, "stable", [2, 0, 0, 1]), (7, "gray", [3, 1, 1, 1])];
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_newest_few_releases_are_counted_and_no_count_begins_again() {
        let stable = |n| (n, Track::Stable, n, Track::Stable, Reason::Static);
        let order: Vec<_> = [3, 1, 2, 9, 1, 4, 3, 5, 6, 7, 3, 4].map(stable).into();
        let found = counted(&order);
        // 9 came early; 1, 2, 3 went when more came; 4 went for 7, and nothing of it counts again.
        let wanted = [5, 6, 7, 9].map(|n| (n, "stable", [1, 0, 0, 0]));
        assert_eq!(found, wanted);
    }
}
