//! From the object's storage into KV. One writer at a time, and it always writes the newest value: KV never
//! gets an older one after a newer one. What fails is tried again by an alarm, and a minute after a write KV is
//! looked at once more, because a write that was given up may still arrive.

use skyful_edge::{Ruling, StoreError};

use super::values::Job;
use super::{Desk, Publisher};
use crate::now_ms;

/// A writer that takes longer was abandoned by its platform.
const FLIGHT_MS: i64 = 30_000;

impl Publisher {
    /// Does what is due, and sets the alarm for what is not yet.
    pub(super) async fn spread(&self, desk: &Desk) {
        let began = now_ms();
        let flying = |since: i64| (0..FLIGHT_MS).contains(&began.saturating_sub(since));
        let busy = self.flight.get().is_some_and(flying);
        if !busy {
            self.flight.set(Some(began));
        }
        // In both cases: should the one who writes never come back, this alarm does.
        self.wake_in(FLIGHT_MS).await;
        if busy {
            return;
        }
        let done = desk.write_what_is_due().await;
        if self.flight.get() == Some(began) {
            self.flight.set(None);
        }
        // Without an answer from the storage the alarm from above stands.
        if let (Ok(()), Ok(next)) = (done, desk.values.next_due_ms()) {
            match next {
                Some(due_ms) => self.wake_in(due_ms.saturating_sub(now_ms())).await,
                None => self.sleep().await,
            }
        }
    }

    async fn sleep(&self) {
        // If it rings for nothing, nothing is due.
        let _ = self.state.storage().delete_alarm().await;
    }
}

impl Desk {
    /// Ends: each job is later, or never, due when it was done.
    async fn write_what_is_due(&self) -> Result<(), StoreError> {
        while let Some(job) = self.values.due(now_ms())? {
            if job.write {
                self.write(&job).await?;
            } else {
                self.audit(&job).await?;
            }
        }
        Ok(())
    }

    async fn write(&self, job: &Job) -> Result<(), StoreError> {
        let Some(value) = self.values.get(&job.key)? else {
            return self.values.settled(job);
        };
        self.values.writing(job, now_ms())?;
        match self.kv.put(&job.key, &value).await {
            Ok(()) => self.values.written(job, now_ms()),
            Err(_) => self.values.failed(job, now_ms()),
        }
    }

    /// KV may have what we wrote, something older, or something newer that came another way.
    async fn audit(&self, job: &Job) -> Result<(), StoreError> {
        let found = match self.kv.get(&job.key).await {
            Ok(found) => found,
            Err(_) => return self.values.failed(job, now_ms()),
        };
        if found == self.values.get(&job.key)? {
            return self.values.settled(job);
        }
        if let Some(found) = found
            && let Ok((_, Ruling::Write)) = self.edge.supersede(self, &job.key, &found).await
        {
            return Ok(());
        }
        self.values.lost(job)
    }
}
