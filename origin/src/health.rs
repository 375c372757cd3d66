//! Reports of how releases do, as edges send them, kept in memory: each says all that its instance ever counted, so that
//! after a restart everything of instances that live is there again within seconds. Nothing is decided here.

pub mod http;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use skyful::health::{BadReport, Release, Report, Totals};
use skyful::secret::Secrets;

/// Releases of one environment that are kept; edges count as many.
const RELEASES: usize = 4;
/// Environments that one collector keeps.
const ENVIRONMENTS: usize = 1_000;

#[derive(Clone)]
pub struct Health {
    /// Of edges, as given. None: no report is believed.
    secret: Option<String>,
    /// Unix milliseconds.
    clock: fn() -> i64,
    known: Arc<Mutex<Known>>,
}

/// By workspace and environment, then sequence.
type Known = BTreeMap<(String, String), BTreeMap<u64, Kept>>;

#[derive(Default)]
struct Kept {
    release: Release,
    heard_ms: i64,
}

/// What is known of one sequence.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub totals: Totals,
    /// When the newest report arrived, by our own clock: those of edges may be wrong, and a report may come again.
    pub heard_ms: i64,
}

impl Default for Health {
    fn default() -> Self {
        Self::new(None)
    }
}

/// Why a report is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NoSecret,
    Bad(BadReport),
    /// There are as many environments as are kept.
    Full,
    /// It says what nobody says again, and its time is not now.
    Late,
}

/// Whose seal is asked for. Believed only once that fits.
#[derive(Deserialize)]
struct Names {
    workspace: String,
    env: String,
}

impl Health {
    pub fn new(secret: Option<String>) -> Self {
        Self {
            secret,
            clock: crate::document::now_ms,
            known: Arc::default(),
        }
    }

    #[cfg(test)]
    pub fn with_clock(mut self, clock: fn() -> i64) -> Self {
        self.clock = clock;
        self
    }

    pub fn take(&self, body: &[u8], seal: &str) -> Result<(), Refusal> {
        let secret = self.secret.as_deref().ok_or(Refusal::NoSecret)?;
        let bad = |_| Refusal::Bad(BadReport::Unreadable);
        let Names { workspace, env } = serde_json::from_slice(body).map_err(bad)?;
        let secrets = Secrets::parse(secret, &workspace, &env).map_err(|_| Refusal::NoSecret)?;
        let report = Report::open(body, seal, &secrets).map_err(Refusal::Bad)?;
        let now_ms = (self.clock)();
        if report.is_late(now_ms) {
            return Err(Refusal::Late);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (workspace, env);
        if !known.contains_key(&name) && known.len() >= ENVIRONMENTS {
            return Err(Refusal::Full);
        }
        let releases = known.entry(name).or_default();
        for row in &report.tracks {
            let kept = releases.entry(row.sequence).or_default();
            if kept.release.take(&report, row.sequence, now_ms) {
                kept.heard_ms = now_ms;
            }
        }
        while releases.len() > RELEASES {
            releases.pop_first();
        }
        Ok(())
    }

    /// Newest first.
    pub fn releases(&self, workspace: &str, env: &str) -> Vec<(u64, Totals)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let releases = known.get(&(workspace.to_owned(), env.to_owned()));
        let releases = releases.into_iter().flatten().rev();
        releases
            .map(|(sequence, kept)| (*sequence, kept.release.totals()))
            .collect()
    }

    /// Of one sequence. None: nobody has reported on it.
    pub fn of(&self, workspace: &str, env: &str, sequence: u64) -> Option<Heard> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let releases = known.get(&(workspace.to_owned(), env.to_owned()))?;
        let kept = releases.get(&sequence)?;
        Some(Heard {
            totals: kept.release.totals(),
            heard_ms: kept.heard_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use skyful::secret::Sealed;

    use super::*;

    const SECRET: &str = "4444444444444444444444444444444444444444444444444444444444444444";

    fn send(health: &Health, env: &str, sequence: u64, requests: u64) -> Result<(), Refusal> {
        let body = format!(
            r#"{{"workspace":"shop","env":"{env}","instance":"a","boot_ms":1,"at_ms":{requests},"tracks":[
            {{"sequence":{sequence},"track":"gray","requests":{requests},"errors":0,"defaults":0,"fallbacks":0}}]}}"#
        );
        // Always sealed for `prod`.
        let secrets = Secrets::parse(SECRET, "shop", "prod").expect("a secret");
        let sealer = secrets.sealer().expect("one");
        health.take(
            body.as_bytes(),
            &sealer.sign(Sealed::Health, body.as_bytes()),
        )
    }

    #[test]
    fn what_is_sealed_for_its_environment_counts_by_its_highest() {
        let health = Health::new(Some(SECRET.into()));
        for requests in [3, 9, 5, 9] {
            assert_eq!(send(&health, "prod", 7, requests), Ok(()));
        }
        let forged = Err(Refusal::Bad(BadReport::Seal));
        assert_eq!(send(&health, "dev", 7, 100), forged);
        let found = health.releases("shop", "prod");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0, found[0].1.gray.requests), (7, 9));
        assert_eq!((found[0].1.at_ms, found[0].1.instances), (Some(9), 1));
        assert!(health.releases("shop", "dev").is_empty());
        assert_eq!(
            send(&Health::default(), "prod", 7, 1),
            Err(Refusal::NoSecret)
        );
    }

    #[test]
    fn the_newest_few_releases_are_kept() {
        let health = Health::new(Some(SECRET.into()));
        for sequence in [5, 9, 1, 7, 6, 8, 2] {
            assert_eq!(send(&health, "prod", sequence, 1), Ok(()));
        }
        let kept: Vec<u64> = health
            .releases("shop", "prod")
            .iter()
            .map(|r| r.0)
            .collect();
        assert_eq!(kept, [9, 8, 7, 6]);
    }
}
