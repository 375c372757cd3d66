//! The one writer. Changes of many callers become one transaction, so that they share the wait for the disk: each stands in
//! a savepoint of its own, and nobody is answered before what they changed is on disk.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::super::StoreError;
use super::audit::Sealer;
use super::failed;
use crate::failpoint::{self, Point};

pub type Doing<'t, T> = Pin<Box<dyn Future<Output = T> + Send + 't>>;

/// Changes that wait for their turn; more callers wait themselves.
const WAITING: usize = 1_024;
/// Changes of one transaction.
const TOGETHER: usize = 128;

/// Run in a savepoint. What it hands back tells its caller how it ended, once the transaction did.
type Job = Box<dyn for<'t> FnOnce(&'t mut SqliteConnection) -> Doing<'t, Ran> + Send>;

struct Ran {
    keep: bool,
    tell: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

#[derive(Clone)]
pub struct Writer {
    jobs: mpsc::Sender<Job>,
    pub written: Arc<Written>,
}

/// Since the database was opened.
#[derive(Default)]
pub struct Written {
    /// That were kept.
    pub changes: AtomicU64,
    /// That they shared.
    pub transactions: AtomicU64,
}

impl Writer {
    /// Ends when the last of its senders is gone.
    pub fn start(pool: SqlitePool, sealer: Arc<Sealer>) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let written = Arc::<Written>::default();
        tokio::spawn(write(pool, waiting, sealer, Arc::clone(&written)));
        Self { jobs, written }
    }

    /// All of `work` or nothing. An error of its own takes it back; `E` is made of what the database says, if that fails.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut SqliteConnection) -> Doing<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |tx| {
            Box::pin(async move {
                // A bug in one change must not end the writer, and with it all others.
                let done = AssertUnwindSafe(work(tx)).catch_unwind().await;
                let done =
                    done.unwrap_or_else(|_| Err(StoreError("the change panicked".into()).into()));
                Ran {
                    keep: done.is_ok(),
                    tell: Box::new(move |ended| {
                        // Whoever asked may be gone: it is done all the same.
                        _ = tell.send(ended.map_err(E::from).and(done));
                    }),
                }
            })
        });
        let gone = || StoreError("the database is closed".into());
        self.jobs.send(job).await.map_err(|_| E::from(gone()))?;
        told.await.unwrap_or_else(|_| Err(gone().into()))
    }
}

async fn write(
    pool: SqlitePool,
    mut waiting: mpsc::Receiver<Job>,
    sealer: Arc<Sealer>,
    written: Arc<Written>,
) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, TOGETHER).await > 0 {
        let mut ran = Vec::new();
        let ended = transaction(&pool, &sealer, &mut batch, &mut ran).await;
        // Jobs that weren't reached: dropping them tells their callers.
        batch.clear();
        if ended.is_ok() {
            let kept = ran.iter().filter(|ran| ran.keep).count();
            written.changes.fetch_add(kept as u64, Ordering::Relaxed);
            written.transactions.fetch_add(1, Ordering::Relaxed);
        }
        for ran in ran {
            let ended = ended.as_ref().copied();
            (ran.tell)(ended.map_err(|StoreError(error)| StoreError(error.clone())));
        }
    }
}

async fn transaction(
    pool: &SqlitePool,
    sealer: &Sealer,
    batch: &mut Vec<Job>,
    ran: &mut Vec<Ran>,
) -> Result<(), StoreError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let before = sealer.before(&mut tx).await?;
    for job in batch.drain(..) {
        let savepoint = sqlx::query("SAVEPOINT change").execute(&mut *tx);
        savepoint.await.map_err(failed)?;
        let done = job(&mut tx).await;
        let end = if done.keep {
            "RELEASE change"
        } else {
            "ROLLBACK TO change; RELEASE change"
        };
        ran.push(done);
        let ended = sqlx::raw_sql(end).execute(&mut *tx);
        ended.await.map_err(failed)?;
    }
    failpoint::reach(Point::WriterChanged);
    sealer.after(&mut tx, before).await?;
    failpoint::reach(Point::WriterSealed);
    tx.commit().await.map_err(failed)?;
    failpoint::reach(Point::WriterCommitted);
    Ok(())
}
