//! The steps of a delivery, each safe to repeat; whoever comes after a crash begins again with the first:
//! objects that a read shows missing, read back; the manifest with its fallback; read back; and once it has settled, a copy of
//! it for when the manifest is lost.

use std::sync::Arc;

use skyful::manifest::{Manifest, Value};
use skyful::snapshot::Digest;
use tokio::sync::watch;

use super::objects::{Chunks, told};
use super::worker::{Due, Memory, Place};
use crate::app::App;
use crate::deliver::rule::Own;
use crate::deliver::{Ruling, Slot, Target, not_kept, upload};
use crate::failpoint::{self, Point};
use crate::failure::Failure;
use crate::store::sqlite::deliveries as rows;
use crate::store::sqlite::manifests::{self, ManifestRow};
use crate::store::sqlite::target_objects::{self, Times};
use crate::store::sqlite::targets::TargetRow;

/// Between two looks whether something has become visible, and between two writes of one key.
const LOOK_MS: i64 = 1_000;
/// After which a request to delete has been answered or never will be: its deadline and ten minutes. Counted from right before
/// that request, which is sent once.
pub const QUARANTINE_MS: i64 = 30_000 + 600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is where it should be.
    Done,
    /// Something isn't visible yet, or must not be touched yet.
    Later(i64),
}

pub struct Round {
    pub app: App,
    pub place: Place,
    pub lease: i64,
    pub due: Due,
}

/// What a target is to have.
struct Wanted {
    current: ManifestRow,
    fallback: Option<ManifestRow>,
    objects: Vec<Digest>,
    opened: Manifest,
}

impl Round {
    pub async fn work(&self, row: TargetRow, memory: &mut Memory) -> Result<Outcome, Failure> {
        // Before it is looked what is wanted: nothing that is signed from here on is missed.
        let mut signed = self.app.manifests.subscribe();
        let opened = self.app.open_target(&row, memory.target.as_ref()).await?;
        let target = Arc::clone(&opened.1);
        memory.target = Some(opened);
        let own = self.app.own(&self.place).await?;
        let wanted = self.wanted(&own, &*target).await?;
        if memory.sequence != Some(wanted.current.sequence) {
            memory.sequence = Some(wanted.current.sequence);
            memory.missing_since_ms = None;
            memory.seen.doubt();
        }
        if self.due.audit {
            memory.seen.doubt();
        }
        // Uploads and deletions take minutes where a target is slow. What was sent is safe to send again, so a kill switch or
        // a way back waits for none of them.
        let sequence = wanted.current.sequence;
        let waits = tokio::select! {
            waits = self.upload(&target, &wanted, memory) => waits?,
            () = self.newer(&mut signed, sequence) => return Ok(Outcome::Later(0)),
        };
        if let Some(wait_ms) = waits {
            return Ok(Outcome::Later(wait_ms));
        }
        failpoint::reach(Point::DeliveryUploaded);
        if let Some(wait_ms) = self.put(&*target, &own, &wanted, memory).await? {
            return Ok(Outcome::Later(wait_ms));
        }
        self.settle(&*target, &own).await?;
        if self.due.collect {
            tokio::select! {
                done = self.collect(&*target, sequence) => done?,
                () = self.newer(&mut signed, sequence) => return Ok(Outcome::Later(0)),
            }
        }
        Ok(Outcome::Done)
    }

    /// Ends when something newer than this is signed.
    async fn newer(&self, signed: &mut watch::Receiver<u64>, sequence: i64) {
        let (workspace, env, _) = self.place.at();
        while signed.changed().await.is_ok() {
            let newest = async {
                let mut tx = self.app.store.read().await?;
                manifests::newest_sequence(&mut tx, workspace, env).await
            };
            match newest.await {
                Ok(Some(newest)) if newest > sequence => return,
                Ok(_) => {}
                // Whatever it was, the next round sees it.
                Err(error) => tracing::error!(%error, "the newest manifest can't be read"),
            }
        }
        // Nobody is left who signs.
        std::future::pending::<()>().await;
    }

    async fn wanted(&self, own: &Own, target: &dyn Target) -> Result<Wanted, Failure> {
        let (workspace, env, _) = self.place.at();
        let mut tx = self.app.store.read().await.map_err(told)?;
        let newest = manifests::newest(&mut tx, workspace, env)
            .await
            .map_err(told)?;
        let current = newest.ok_or_else(|| Failure::usage("nothing is released yet"))?;
        let stored = rows::stored(&mut tx, self.place.at()).await.map_err(told)?;
        let before_ms = self.app.now_ms() - target.traits().settle_ms;
        let settled = stored
            .iter()
            .find(|(sequence, stored_ms)| *sequence < current.sequence && *stored_ms <= before_ms);
        let mut fallback = None;
        if let Some((sequence, _)) = settled {
            let row = manifests::get(&mut tx, workspace, env, *sequence).await;
            fallback = row.map_err(told)?;
        }
        // Under a key that edges don't trust any more it would only be refused.
        let trusted = |row: &ManifestRow| own.open(Slot::Settled, &row.envelope).is_some();
        let fallback = fallback.filter(trusted);
        let sequences = [Some(&current), fallback.as_ref()];
        let sequences: Vec<i64> = sequences
            .into_iter()
            .flatten()
            .map(|row| row.sequence)
            .collect();
        let place = (workspace, env);
        let names = target_objects::of_manifests(&mut tx, place, &sequences).await;
        let names = names.map_err(told)?;
        let opened = own.open(Slot::Settled, &current.envelope).ok_or_else(|| {
            let failure =
                Failure::usage("the newest manifest is not signed with a key that edges trust");
            failure.hint("release again, which signs with the active key")
        })?;
        Ok(Wanted {
            objects: names
                .iter()
                .filter_map(|name| Digest::from_hex(name))
                .collect(),
            current,
            fallback,
            opened,
        })
    }

    /// Steps 1 and 2.
    async fn upload(
        &self,
        target: &Arc<dyn Target>,
        wanted: &Wanted,
        memory: &mut Memory,
    ) -> Result<Option<i64>, Failure> {
        if let Some(wait_ms) = self.claim(&wanted.objects).await? {
            return Ok(Some(wait_ms));
        }
        if self.due.audit
            && !self.due.deliver
            && let Some(listed) = target.list().await?
        {
            let gone = wanted
                .objects
                .iter()
                .filter(|digest| !listed.contains(digest));
            // A list may lag, so each of them is asked for before it is written again.
            if gone.count() == 0 {
                return Ok(None);
            }
        }
        let source = Chunks {
            app: self.app.clone(),
            workspace: self.place.workspace.clone(),
        };
        let objects = &wanted.objects;
        let missing = upload::look(target, objects, &source, &mut memory.seen, &|_, _| ()).await?;
        let Some(digest) = missing.first() else {
            memory.missing_since_ms = None;
            return Ok(None);
        };
        let now_ms = self.app.now_ms();
        let since_ms = *memory.missing_since_ms.get_or_insert(now_ms);
        let lag_ms = i64::try_from(target.traits().lag.as_millis()).unwrap_or(i64::MAX);
        if now_ms - since_ms >= lag_ms {
            memory.missing_since_ms = None;
            return Err(not_kept(&digest.to_string(), &target.place()));
        }
        Ok(Some(LOOK_MS))
    }

    /// Writes down what will be there, so that it is found again whatever happens. Waits where a request to delete one of
    /// them may be under way.
    async fn claim(&self, objects: &[Digest]) -> Result<Option<i64>, Failure> {
        let names: Vec<String> = objects.iter().map(Digest::hex).collect();
        let place = self.place.clone();
        let now_ms = self.app.now_ms();
        let times = Times {
            now_ms,
            answered_before_ms: now_ms - QUARANTINE_MS,
        };
        let deleting = self.app.store.write(move |tx| {
            Box::pin(async move { target_objects::claim(tx, place.at(), &names, times).await })
        });
        let since_ms = deleting.await.map_err(told)?;
        failpoint::reach(Point::DeliveryClaimed);
        Ok(since_ms.map(|since_ms| (since_ms + QUARANTINE_MS - now_ms).max(LOOK_MS)))
    }

    /// Steps 3 and 4.
    async fn put(
        &self,
        target: &dyn Target,
        own: &Own,
        wanted: &Wanted,
        memory: &mut Memory,
    ) -> Result<Option<i64>, Failure> {
        let (now_ms, sequence) = (self.app.now_ms(), wanted.current.sequence);
        let value = Value {
            current: &wanted.current.envelope,
            fallback: wanted.fallback.as_ref().map_or(&[], |row| &row.envelope),
        };
        let value = value.join();
        let lag_ms = i64::try_from(target.traits().lag.as_millis()).unwrap_or(i64::MAX);
        // Written, and not visible yet: another write would only make it later.
        let written = memory.put.filter(|(of, since_ms, was_seen)| {
            *of == sequence && !was_seen && now_ms - since_ms < lag_ms
        });
        if written.is_none() {
            // One write a second and key is what hosted stores take.
            let since = memory.put.map(|(_, since_ms, _)| now_ms - since_ms);
            if let Some(since) = since.filter(|since| lag_ms > 0 && *since < LOOK_MS) {
                return Ok(Some(LOOK_MS - since));
            }
            let rule = |stored: Option<&[u8]>| own.ruling(Slot::Manifest, &wanted.opened, stored);
            match target.replace(Slot::Manifest, &value, &rule).await? {
                Ruling::Write => memory.put = Some((sequence, now_ms, false)),
                Ruling::Same => {}
                Ruling::Older(stored) => return self.overtaken(stored, target).await,
                Ruling::Conflict(stored) => return Err(conflict(stored, &target.place())),
            }
        }
        failpoint::reach(Point::DeliveryPut);
        let stored = target.get(Slot::Manifest).await?;
        // Edges that lag can be as late as after this.
        let read_ms = self.app.now_ms();
        let seen = stored
            .as_deref()
            .and_then(|stored| own.open(Slot::Manifest, stored));
        match seen.map(|manifest| manifest.sequence()) {
            Some(seen) if i64::try_from(seen).is_ok_and(|seen| seen == sequence) => {}
            Some(seen) if i64::try_from(seen).is_ok_and(|seen| seen > sequence) => {
                return self.overtaken(seen, target).await;
            }
            _ if lag_ms == 0 => return Err(not_kept("the manifest", &target.place())),
            _ => return Ok(Some(LOOK_MS)),
        }
        if let Some(put) = &mut memory.put {
            put.2 = true;
        }
        failpoint::reach(Point::DeliveryReadBack);
        let fallback = stored.as_deref().and_then(|stored| own.fallback(stored));
        let fallback = fallback.and_then(|sequence| i64::try_from(sequence).ok());
        self.fenced(move |tx, place| {
            Box::pin(async move {
                rows::delivered(tx, place.at(), sequence, fallback, read_ms).await?;
                failpoint::reach(Point::DeliveryDelivered);
                Ok(())
            })
        })
        .await?;
        Ok(None)
    }

    /// Something newer is stored. Most often it was released meanwhile, and the next round is about that.
    async fn overtaken(&self, stored: u64, target: &dyn Target) -> Result<Option<i64>, Failure> {
        let (workspace, env, _) = self.place.at();
        let mut tx = self.app.store.read().await.map_err(told)?;
        let newest = manifests::newest(&mut tx, workspace, env)
            .await
            .map_err(told)?;
        let newest = newest.map_or(0, |row| row.sequence);
        if i64::try_from(stored).is_ok_and(|stored| stored <= newest) {
            return Ok(Some(0));
        }
        let place = target.place();
        let failure = Failure::usage(format!(
            "{place} holds sequence {stored}, which this origin never issued"
        ));
        Err(failure.hint(
            "after a restore raise the era; otherwise somebody else publishes there with its key",
        ))
    }

    /// Step 5.
    async fn settle(&self, target: &dyn Target, own: &Own) -> Result<(), Failure> {
        let (workspace, env, _) = self.place.at();
        let now_ms = self.app.now_ms();
        let before_ms = now_ms - target.traits().settle_ms;
        let mut tx = self.app.store.read().await.map_err(told)?;
        let row = rows::get(&mut tx, self.place.at()).await.map_err(told)?;
        let stored = rows::stored(&mut tx, self.place.at()).await.map_err(told)?;
        let settled = stored.iter().find(|(_, stored_ms)| *stored_ms <= before_ms);
        let Some((sequence, _)) = settled.copied() else {
            return Ok(());
        };
        let known = row.settled.is_some_and(|known| known >= sequence);
        if known && !self.due.audit {
            return Ok(());
        }
        let envelope = manifests::get(&mut tx, workspace, env, sequence).await;
        drop(tx);
        let envelope = envelope.map_err(told)?.map(|row| row.envelope);
        let opened = envelope.map(|bytes| (own.open(Slot::Settled, &bytes), bytes));
        let Some((Some(opened), envelope)) = opened else {
            // Of a key that edges don't trust any more: they would refuse it, and nothing falls back on it.
            let forget = self.fenced(move |tx, place| {
                Box::pin(async move { rows::forget(tx, place.at(), sequence).await })
            });
            return forget.await;
        };
        let rule = |stored: Option<&[u8]>| own.ruling(Slot::Settled, &opened, stored);
        if let Ruling::Conflict(stored) = target.replace(Slot::Settled, &envelope, &rule).await? {
            return Err(conflict(stored, &target.place()));
        }
        if known {
            return Ok(());
        }
        failpoint::reach(Point::DeliverySettled);
        self.fenced(move |tx, place| {
            Box::pin(async move { rows::settled(tx, place.at(), sequence, now_ms).await })
        })
        .await
    }

    /// A change that only whoever holds the lease may make.
    pub(super) async fn fenced(
        &self,
        change: impl for<'t> FnOnce(
            &'t mut sqlx::sqlite::SqliteConnection,
            &'t Place,
        ) -> crate::store::sqlite::Doing<
            't,
            Result<(), crate::store::StoreError>,
        > + Send
        + 'static,
    ) -> Result<(), Failure> {
        let (place, lease) = (self.place.clone(), self.lease);
        let until_ms = self.app.now_ms() + super::worker::LEASE_MS;
        let done = self.app.store.write(move |tx| {
            Box::pin(async move {
                if !rows::keep(tx, place.at(), lease, until_ms).await? {
                    return Ok::<_, crate::store::StoreError>(false);
                }
                change(tx, &place).await?;
                Ok(true)
            })
        });
        match done.await.map_err(told)? {
            true => Ok(()),
            false => Err(Failure::usage("another worker has taken this target over")),
        }
    }
}

fn conflict(sequence: u64, place: &str) -> Failure {
    let failure = Failure::usage(format!(
        "{place} holds another manifest with sequence {sequence}, signed with the same key"
    ));
    failure.hint("after a restore raise the era; nothing was written over")
}
