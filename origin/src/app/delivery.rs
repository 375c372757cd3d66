//! What is signed gets to where edges read it. The newest manifest of an environment is what each of its targets has to get;
//! how far it got stands in the database, so that whoever ends at any point is followed by somebody who goes on.

pub mod collect;
mod objects;
mod round;
pub mod settings;
pub mod targets;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use skyful::value::datetime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::access::{Action, Actor};
use super::{App, Error};
use crate::deliver::reach::Reach;
use crate::store::StoreError;
use crate::store::sqlite::deliveries::{self as rows, DeliveryRow};
use crate::store::sqlite::{manifests, targets as target_rows};
use worker::{Place, Worker};

/// How often new and deleted targets are looked for, beside when somebody says that something changed.
const LOOK: Duration = Duration::from_secs(15);
/// How often keys that wait for edges, and snapshots that nobody needs, are looked at.
const TIDY: Duration = Duration::from_secs(60);
/// For a worker to give its lease back.
const END: Duration = Duration::from_secs(5);

const DAY_MS: i64 = 86_400_000;

/// What a process says about delivery.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folders in which targets of the kind `directory` may be. Without one there are none.
    pub directories: Vec<PathBuf>,
    /// Where targets of the other kinds may be.
    pub reach: Reach,
    /// How long objects are kept after the last manifest that named them.
    pub retention_ms: i64,
    /// The last snapshots whose objects are kept however old they are.
    pub releases: i64,
    /// How long what nothing names any more stays before it is deleted.
    pub condemned_ms: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            directories: Vec::new(),
            reach: Reach::default(),
            retention_ms: 30 * DAY_MS,
            releases: 20,
            condemned_ms: DAY_MS,
        }
    }
}

/// How far the targets of an environment are.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Delivery {
    /// The newest manifest, which every target has to get. None: nothing is released yet.
    pub wanted: Option<i64>,
    pub wanted_since: Option<String>,
    pub targets: Vec<Progress>,
}

/// How far one target is.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Progress {
    pub target: String,
    pub kind: String,
    pub enabled: bool,
    /// `current`: it has what is wanted; `behind`: not yet; `failing`: the last attempt failed; `off`: switched off; `idle`:
    /// nothing is released yet.
    pub state: &'static str,
    /// The newest that was stored there and read back.
    pub delivered: Option<i64>,
    pub delivered_at: Option<String>,
    /// The newest that every edge can load, and was told so.
    pub settled: Option<i64>,
    pub settled_at: Option<String>,
    /// How long what is wanted has been missing there.
    pub lag_ms: i64,
    /// Failures since the last success.
    pub failures: i64,
    pub error: Option<String>,
    pub error_at: Option<String>,
    pub next_attempt_at: Option<String>,
}

impl App {
    pub async fn delivery(
        &self,
        actor: &Actor,
        workspace: &str,
        env: &str,
    ) -> Result<Delivery, Error> {
        actor.need(Action::Read, workspace, Some(env))?;
        let mut tx = self.store.read().await?;
        super::workspaces::existing(&mut tx, workspace, env).await?;
        let newest = manifests::newest(&mut tx, workspace, env).await?;
        let wanted = newest.as_ref().map(|row| (row.sequence, row.issued_ms));
        let mut targets = Vec::new();
        for target in target_rows::of_env(&mut tx, workspace, env).await? {
            let row = rows::get(&mut tx, (workspace, env, &target.key)).await?;
            targets.push(progress(&target, row, wanted, self.now_ms()));
        }
        Ok(Delivery {
            wanted: wanted.map(|(sequence, _)| sequence),
            wanted_since: wanted.map(|(_, issued_ms)| datetime::format(issued_ms)),
            targets,
        })
    }

    /// Leases are for workers of one process. A process that has the database's lock is followed by none that lives: what is
    /// leased when it begins is leased to nobody. A request of theirs may still be under way; what becomes of it is the
    /// targets' rule about older manifests, and of deletions the state that stands in the database, no lease.
    pub async fn end_leases(&self) -> Result<(), StoreError> {
        let ended = self
            .store
            .write(|tx| Box::pin(async move { rows::end_all(tx).await }));
        ended.await
    }

    /// Delivers to all targets until it is told to end, or nobody is left to tell.
    pub async fn deliver(self, mut ended: watch::Receiver<bool>) {
        let mut changed = self.manifests.subscribe();
        let mut workers: HashMap<Place, (JoinHandle<()>, watch::Sender<bool>)> = HashMap::new();
        let tidying = tokio::spawn(tidy(self.clone(), ended.clone()));
        loop {
            match self.places().await {
                Ok(places) => {
                    // One that ended by itself, because its target was off for a moment, begins anew.
                    workers
                        .retain(|place, (task, _)| places.contains(place) && !task.is_finished());
                    for place in places {
                        workers.entry(place).or_insert_with_key(|place| {
                            let (stop, stopped) = watch::channel(false);
                            let worker = Worker::new(self.clone(), place.clone());
                            (tokio::spawn(worker.run(stopped)), stop)
                        });
                    }
                }
                Err(error) => tracing::error!(%error, "targets can't be read"),
            }
            tokio::select! {
                _ = ended.wait_for(|ended| *ended) => break,
                _ = changed.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        let (tasks, stops): (Vec<_>, Vec<_>) = workers.into_values().unzip();
        drop(stops);
        let deadline = tokio::time::Instant::now() + END;
        for task in tasks {
            let abort = task.abort_handle();
            if tokio::time::timeout_at(deadline, task).await.is_err() {
                // Whoever comes next goes on once the lease has run out.
                abort.abort();
            }
        }
        tidying.abort();
    }

    async fn places(&self) -> Result<Vec<Place>, StoreError> {
        let mut tx = self.store.read().await?;
        let all = target_rows::all(&mut tx).await?;
        let enabled = all.into_iter().filter(|row| row.enabled);
        Ok(enabled.map(|row| Place::of(&row)).collect())
    }
}

async fn tidy(app: App, mut ended: watch::Receiver<bool>) {
    loop {
        // First of all what an earlier process left.
        if let Err(error) = app.finish_rotations().await {
            tracing::error!(?error, "a rotation of keys can't go on");
        }
        if let Err(error) = app.collect_snapshots().await {
            tracing::error!(?error, "snapshots can't be collected");
        }
        if let Err(error) = app.collect_manifests().await {
            tracing::error!(?error, "manifests can't be collected");
        }
        if let Err(error) = app.collect_id_lists().await {
            tracing::error!(?error, "lists of ids can't be collected");
        }
        tokio::select! {
            _ = ended.wait_for(|ended| *ended) => return,
            () = tokio::time::sleep(TIDY) => {}
        }
    }
}

fn progress(
    target: &target_rows::TargetRow,
    row: DeliveryRow,
    wanted: Option<(i64, i64)>,
    now_ms: i64,
) -> Progress {
    let behind = wanted.filter(|(sequence, _)| row.delivered.is_none_or(|has| has < *sequence));
    let state = match (target.enabled, wanted, behind) {
        (false, ..) => "off",
        (true, None, _) => "idle",
        (true, ..) if row.error.is_some() => "failing",
        (true, _, Some(_)) => "behind",
        (true, _, None) => "current",
    };
    let waits = behind.is_some() && target.enabled && row.next_ms > now_ms;
    Progress {
        target: target.key.clone(),
        kind: target.kind.clone(),
        enabled: target.enabled,
        state,
        delivered: row.delivered,
        delivered_at: row.delivered_ms.map(datetime::format),
        settled: row.settled,
        settled_at: row.settled_ms.map(datetime::format),
        lag_ms: behind.map_or(0, |(_, issued_ms)| (now_ms - issued_ms).max(0)),
        failures: row.attempts,
        error: row.error,
        error_at: row.error_ms.map(datetime::format),
        next_attempt_at: waits.then(|| datetime::format(row.next_ms)),
    }
}
