//! One worker for each target: takes the lease, does a round, says how it ended, and sleeps until there is a reason to look
//! again. A dead or slow target delays nobody else.

use std::time::Duration;

use tokio::sync::watch;

use super::round::{Outcome, Round};
use crate::app::{App, Error};
use crate::deliver::upload::Seen;
use crate::failpoint::{self, Point};
use crate::failure::Failure;
use crate::store::sqlite::deliveries::{self as rows, At, DeliveryRow, Ended};
use crate::store::sqlite::targets::TargetRow;
use crate::store::sqlite::{manifests, targets};

/// How long a worker is believed to be at it without a sign of life.
pub const LEASE_MS: i64 = 6_000;
const BEAT: Duration = Duration::from_millis(1_500);
/// What is stored is looked at this often, whatever was delivered.
pub const AUDIT_MS: i64 = 60_000;
/// Objects that nothing names are looked for this often.
pub const COLLECT_MS: i64 = 600_000;
const FIRST_BACKOFF_MS: i64 = 1_000;
const LONGEST_BACKOFF_MS: i64 = 300_000;
/// Whoever wants to be left alone for longer is asked again all the same.
const LONGEST_WAIT_MS: i64 = 3_600_000;
/// Of an error that is shown.
const SAID_CHARS: usize = 1_000;
/// At least that long asleep, whatever the clock says.
const NAP: Duration = Duration::from_millis(20);

/// A target of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub workspace: String,
    pub env: String,
    pub target: String,
}

impl Place {
    pub fn of(row: &TargetRow) -> Self {
        Self {
            workspace: row.workspace.clone(),
            env: row.env.clone(),
            target: row.key.clone(),
        }
    }

    pub fn at(&self) -> At<'_> {
        (&self.workspace, &self.env, &self.target)
    }
}

pub struct Worker {
    pub app: App,
    pub place: Place,
    /// What need not be found out again; lost with the worker.
    pub memory: Memory,
}

/// Of the work on one manifest.
#[derive(Default)]
pub struct Memory {
    pub sequence: Option<i64>,
    pub seen: Seen,
    /// When objects were first missing after they were uploaded.
    pub missing_since_ms: Option<i64>,
    /// What was put last, when, and whether it was ever read back.
    pub put: Option<(i64, i64, bool)>,
    pub target: Option<(
        super::objects::Version,
        std::sync::Arc<dyn crate::deliver::Target>,
    )>,
}

/// Why there is something to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    pub deliver: bool,
    pub settle: bool,
    pub audit: bool,
    pub collect: bool,
}

impl Worker {
    pub fn new(app: App, place: Place) -> Self {
        Self {
            app,
            place,
            memory: Memory::default(),
        }
    }

    /// Until it is told to stop; whoever drops it, loses at most a lease.
    pub async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut changed = self.app.manifests.subscribe();
        loop {
            changed.mark_unchanged();
            let next_ms = match self.round().await {
                Ok(Some(next_ms)) => next_ms,
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(?error, place = ?self.place, "delivery can't go on");
                    self.app.now_ms() + FIRST_BACKOFF_MS
                }
            };
            let wait = next_ms.saturating_sub(self.app.now_ms()).max(0);
            let wait = Duration::from_millis(wait.unsigned_abs()).max(NAP);
            tokio::select! {
                _ = stopped.changed() => return,
                _ = changed.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Does what is due, and says when to look again. `None`: there is no such target any more.
    pub async fn round(&mut self) -> Result<Option<i64>, Error> {
        let now_ms = self.app.now_ms();
        let mut tx = self.app.store.read().await?;
        let at = self.place.at();
        let Some(target) = targets::get(&mut tx, at).await?.filter(|row| row.enabled) else {
            return Ok(None);
        };
        let newest = manifests::newest(&mut tx, at.0, at.1).await?;
        let row = rows::get(&mut tx, at).await?;
        let stored = rows::stored(&mut tx, at).await?;
        drop(tx);
        let Some(newest) = newest.map(|row| row.sequence) else {
            return Ok(Some(now_ms + AUDIT_MS));
        };
        let settle_ms = self
            .memory
            .target
            .as_ref()
            .map(|(_, target)| target.traits().settle_ms);
        let settles = settle_ms.map(|settle_ms| next_to_settle(&row, &stored, settle_ms));
        // Of a target that wasn't opened yet the settle time isn't known. A look finds it out, where anything waits for it.
        let unknown = settle_ms.is_none() && next_to_settle(&row, &stored, 0).is_some();
        let due = Due {
            deliver: row.delivered.is_none_or(|has| has < newest),
            settle: unknown || settles.flatten().is_some_and(|due_ms| due_ms <= now_ms),
            audit: row.audited_ms + AUDIT_MS <= now_ms,
            collect: row.collected_ms + COLLECT_MS <= now_ms,
        };
        let news = due.deliver && self.memory.sequence != Some(newest);
        if row.next_ms > now_ms && !news {
            return Ok(Some(row.next_ms));
        }
        if due == Due::default() {
            let next = [row.audited_ms + AUDIT_MS, row.collected_ms + COLLECT_MS];
            let next = next.into_iter().chain(settles.flatten());
            return Ok(next.min());
        }
        let Some(lease) = self.take().await? else {
            return Ok(Some(now_ms + LEASE_MS / 2));
        };
        failpoint::reach(Point::DeliveryLeased);
        self.leased(lease, target, row, due).await.map(Some)
    }

    async fn take(&self) -> Result<Option<i64>, Error> {
        let (place, now_ms) = (self.place.clone(), self.app.now_ms());
        let taken = self.app.store.write(move |tx| {
            Box::pin(async move {
                // It may be gone meanwhile, and then there is nothing to hold on to.
                match targets::get(tx, place.at()).await? {
                    Some(_) => rows::take(tx, place.at(), now_ms, now_ms + LEASE_MS).await,
                    None => Ok(None),
                }
            })
        });
        taken.await.map_err(Error::Store)
    }

    /// The work, while the lease is kept alive beside it. Whoever loses the lease stops at once.
    async fn leased(
        &mut self,
        lease: i64,
        target: TargetRow,
        row: DeliveryRow,
        due: Due,
    ) -> Result<i64, Error> {
        let beating = beat(self.app.clone(), self.place.clone(), lease);
        let round = Round {
            app: self.app.clone(),
            place: self.place.clone(),
            lease,
            due,
        };
        let outcome = tokio::select! {
            outcome = round.work(target, &mut self.memory) => outcome,
            () = beating => return Ok(self.app.now_ms() + LEASE_MS),
        };
        let now_ms = self.app.now_ms();
        let mut ended = Ended {
            now_ms,
            ..Ended::default()
        };
        match outcome {
            Ok(Outcome::Done) => ended.audited = true,
            Ok(Outcome::Later(wait_ms)) => {
                ended.next_ms = now_ms.saturating_add(wait_ms);
                ended.waits = true;
            }
            Err(failure) => {
                let wait_ms = backoff_ms(row.attempts, &failure);
                ended.next_ms = now_ms.saturating_add(wait_ms);
                tracing::warn!(place = ?self.place, %failure, wait_ms, "a delivery failed");
                ended.error = Some(said(&failure));
                // Also what was written is written again.
                self.memory.seen = Seen::default();
            }
        }
        let next_ms = ended.next_ms;
        let place = self.place.clone();
        let write = self.app.store.write(move |tx| {
            Box::pin(async move {
                rows::end(tx, place.at(), lease, &ended).await?;
                failpoint::reach(Point::DeliveryEnded);
                Ok(())
            })
        });
        write.await.map_err(Error::Store)?;
        Ok(next_ms)
    }
}

/// When the newest that isn't settled will have stood for long enough.
fn next_to_settle(row: &DeliveryRow, stored: &[(i64, i64)], settle_ms: i64) -> Option<i64> {
    let open = stored
        .iter()
        .filter(|(sequence, _)| row.settled.is_none_or(|settled| settled < *sequence));
    open.map(|(_, stored_ms)| stored_ms + settle_ms).min()
}

/// Ends when the lease is lost.
async fn beat(app: App, place: Place, lease: i64) {
    loop {
        tokio::time::sleep(BEAT).await;
        let (place, until_ms) = (place.clone(), app.now_ms() + LEASE_MS);
        let kept = app.store.write(move |tx| {
            Box::pin(async move { rows::keep(tx, place.at(), lease, until_ms).await })
        });
        match kept.await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::error!(%error, "a lease can't be kept");
                return;
            }
        }
    }
}

/// Full jitter: many that failed together don't come back together.
pub(super) fn backoff_ms(attempts: i64, failure: &Failure) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(0);
    let most = (FIRST_BACKOFF_MS << doublings).min(LONGEST_BACKOFF_MS);
    let mut random = [0; 8];
    // Without randomness everybody waits the longest: no worse than no jitter.
    let random = match getrandom::fill(&mut random) {
        Ok(()) => u64::from_le_bytes(random),
        Err(_) => u64::MAX,
    };
    let part = (u128::from(random) * most.unsigned_abs() as u128) >> 64;
    let asked = failure.after.map_or(0, |after| after.as_millis());
    let wait_ms = i64::try_from(part.max(asked)).unwrap_or(LONGEST_WAIT_MS);
    wait_ms.min(LONGEST_WAIT_MS)
}

/// Whoever answers for a target may be long-winded.
fn said(failure: &Failure) -> String {
    let text = match &failure.hint {
        Some(hint) => format!("{failure} ({hint})"),
        None => failure.to_string(),
    };
    text.chars().take(SAID_CHARS).collect()
}
