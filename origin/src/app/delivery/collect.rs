//! What nothing names any more is deleted, at targets and here. In two phases that stand in the database, so that a request to
//! delete never meets a copy that was uploaded after it: what is being deleted isn't uploaded before the request was answered,
//! or can't be any more.

use skyful::snapshot::Digest;

use super::objects::told;
use super::round::{QUARANTINE_MS, Round};
use crate::app::{App, Error};
use crate::deliver::Target;
use crate::failpoint::{self, Point};
use crate::failure::Failure;
use crate::store::StoreError;
use crate::store::sqlite::target_objects::{self as rows, Times};
use crate::store::sqlite::{deliveries, manifests, unused};

/// Objects that are looked at in one go.
const AT_ONCE: i64 = 1_000;

impl Round {
    /// One step of everything at this target. It has what is wanted, and whoever does this holds its lease.
    ///
    /// `sequence` is what it has. Once something newer is signed, nothing more is deleted: that may name what nothing named.
    pub(super) async fn collect(&self, target: &dyn Target, sequence: i64) -> Result<(), Failure> {
        let now_ms = self.app.now_ms();
        let (place, options) = (self.place.clone(), self.app.delivery.clone());
        let lease = self.lease;
        let deletes = target.traits().deletes;
        // Roots and states in one transaction: a release between them would be forgotten.
        let due = self.app.store.write(move |tx| {
            Box::pin(async move {
                let until_ms = now_ms + super::worker::LEASE_MS;
                if !deletes || !deliveries::keep(tx, place.at(), lease, until_ms).await? {
                    return Ok::<_, StoreError>(Vec::new());
                }
                let since_ms = now_ms - options.retention_ms;
                let roots = rows::roots(tx, place.at(), since_ms, options.releases).await?;
                let times = Times {
                    now_ms,
                    answered_before_ms: now_ms - QUARANTINE_MS,
                };
                let before_ms = now_ms - options.condemned_ms;
                let due = rows::condemn(tx, place.at(), &roots, before_ms, times, AT_ONCE).await?;
                failpoint::reach(Point::CollectCondemned);
                Ok(due)
            })
        });
        let due = due.await.map_err(told)?;
        for names in due.chunks(target.traits().deletes_at_once.max(1)) {
            if !self.delete(target, sequence, names).await? {
                return Ok(());
            }
        }
        if !due.is_empty() {
            tracing::info!(place = ?self.place, objects = due.len(), "objects were deleted");
        }
        self.fenced(move |tx, place| {
            Box::pin(async move { rows::collected(tx, place.at(), now_ms).await })
        })
        .await
    }

    /// One request. When it leaves is written down right before it, since an upload of the same object waits from then on.
    /// False: something newer was signed since the roots were looked at.
    async fn delete(
        &self,
        target: &dyn Target,
        sequence: i64,
        names: &[String],
    ) -> Result<bool, Failure> {
        let now_ms = self.app.now_ms();
        let (place, lease) = (self.place.clone(), self.lease);
        let digests: Vec<Digest> = names
            .iter()
            .filter_map(|name| Digest::from_hex(name))
            .collect();
        let given = names.to_vec();
        let leaves = self.app.store.write(move |tx| {
            Box::pin(async move {
                let until_ms = now_ms + super::worker::LEASE_MS;
                let (workspace, env, _) = place.at();
                // Only a newer manifest makes roots more.
                let newest = manifests::newest_sequence(tx, workspace, env).await?;
                if newest != Some(sequence)
                    || !deliveries::keep(tx, place.at(), lease, until_ms).await?
                {
                    return Ok::<_, StoreError>(false);
                }
                rows::deleting(tx, place.at(), &given, now_ms).await?;
                failpoint::reach(Point::CollectDeleting);
                Ok(true)
            })
        });
        if !leaves.await.map_err(told)? {
            return Ok(false);
        }
        target.delete(&digests).await?;
        failpoint::reach(Point::CollectDeleted);
        let gone = names.to_vec();
        self.fenced(move |tx, place| {
            Box::pin(async move { rows::absent(tx, place.at(), &gone, now_ms).await })
        })
        .await?;
        Ok(true)
    }
}

impl App {
    /// One step for our own snapshots: those that no release shows and nothing names.
    pub async fn collect_snapshots(&self) -> Result<(u64, u64), Error> {
        let now_ms = self.now_ms();
        let options = self.delivery.clone();
        let done = self.store.write(move |tx| {
            Box::pin(async move {
                let since_ms = now_ms - options.retention_ms;
                let before_ms = now_ms - options.condemned_ms;
                let gone = unused::collect(tx, now_ms, since_ms, before_ms, options.releases);
                let gone: (u64, u64) = gone.await?;
                if gone.0 > 0 {
                    failpoint::reach(Point::SnapshotsCollected);
                }
                Ok::<_, StoreError>(gone)
            })
        });
        Ok(done.await?)
    }

    /// The texts of manifests that nothing may ask for. That they were issued is never forgotten.
    pub async fn collect_manifests(&self) -> Result<u64, Error> {
        let since_ms = self.now_ms() - self.delivery.retention_ms;
        let done = self.store.write(move |tx| {
            Box::pin(async move {
                let emptied = unused::empty_manifests(tx, since_ms).await?;
                if emptied > 0 {
                    failpoint::reach(Point::ManifestsCollected);
                }
                Ok::<_, StoreError>(emptied)
            })
        });
        Ok(done.await?)
    }
}
