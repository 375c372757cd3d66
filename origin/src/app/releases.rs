//! Releases: how a snapshot gets to everybody, or back. What a release can be stands in [`state`], what becomes of it by itself
//! in [`decide`]; whatever changes what visitors see goes through one row of the database, in [`desk`].

mod authors;
mod changes;
mod create;
pub mod decide;
mod desk;
mod evidence;
pub mod plan;
mod runner;
mod staff;
pub mod state;
mod steer;
pub mod view;
mod windows;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sqlx::sqlite::SqliteConnection;

use super::access::{Action, Actor};
use super::drafts::Listed;
use super::{App, Error};
use crate::store::sqlite::releases::{self as rows, ReleaseRow};
use crate::store::sqlite::snapshots;
use view::{Detailed, Happened, Live, Release};
use windows::Watch;

/// Of what is under way, by workspace and environment.
pub type Watches = Arc<Mutex<BTreeMap<(String, String), Watch>>>;

pub use changes::Changes;
pub use create::{NOTE_BYTES, ONCE_KEY_BYTES, ONCE_MS, Once, Wanted};
pub use decide::{MODES, mode_name, mode_named};
pub use staff::Staff;
pub use steer::{REASON_BYTES, Steered};

/// Releases of one answer.
const PAGE: usize = 50;
/// What is told of one release at once, the newest; it has a step a few times and is halted a few times.
const EVENTS: i64 = 1_000;

impl App {
    /// The newest first.
    pub async fn releases(
        &self,
        actor: &Actor,
        (workspace, env): (&str, &str),
        cursor: Option<i64>,
    ) -> Result<Listed<Release>, Error> {
        actor.need(Action::Read, workspace, Some(env))?;
        let mut tx = self.store.read().await?;
        super::workspaces::existing(&mut tx, workspace, env).await?;
        let below = cursor.unwrap_or(i64::MAX);
        let mut found = rows::list(&mut tx, (workspace, env), below, PAGE as i64 + 1).await?;
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let next = found.last().filter(|_| more).map(|row| row.id.to_string());
        let mut items = Vec::new();
        for row in found {
            items.push(self.seen(&mut tx, &row).await?);
        }
        Ok(Listed { items, next })
    }

    /// One, with all that happened to it.
    pub async fn release_of(
        &self,
        actor: &Actor,
        place: (&str, &str),
        id: i64,
    ) -> Result<Detailed, Error> {
        actor.need(Action::Read, place.0, Some(place.1))?;
        let mut tx = self.store.read().await?;
        let row = existing(&mut tx, place, id).await?;
        let timeline = rows::events(&mut tx, place, id, 0, EVENTS).await?;
        Ok(Detailed {
            release: self.seen(&mut tx, &row).await?,
            timeline: timeline.iter().map(Happened::of).collect(),
        })
    }

    /// One as it is, and what happened to it after a place in its history.
    pub async fn release_since(
        &self,
        place: (&str, &str),
        id: i64,
        after: i64,
    ) -> Result<(Release, Vec<Happened>), Error> {
        let mut tx = self.store.read().await?;
        let row = existing(&mut tx, place, id).await?;
        let events = rows::events(&mut tx, place, id, after, EVENTS).await?;
        let release = self.seen(&mut tx, &row).await?;
        Ok((release, events.iter().map(Happened::of).collect()))
    }

    /// What the environment shows.
    pub async fn live(&self, actor: &Actor, place: (&str, &str)) -> Result<Live, Error> {
        actor.need(Action::Read, place.0, Some(place.1))?;
        let mut tx = self.store.read().await?;
        super::workspaces::existing(&mut tx, place.0, place.1).await?;
        let head = snapshots::head(&mut tx, place.0, place.1).await?;
        let full = rows::in_states(&mut tx, place, &[state::State::Full]).await?;
        let full = full.first().map(|row| row.id);
        head.map(|head| Live::of(&head, full))
            .ok_or_else(|| Error::NotFound(format!("nothing is released in `{}` yet", place.1)))
    }

    /// A row with what edges say of it at the moment.
    async fn seen(&self, tx: &mut SqliteConnection, row: &ReleaseRow) -> Result<Release, Error> {
        let staff = staff::units(tx, (&row.workspace, &row.env)).await?;
        let reports = self.reports(tx, row).await?;
        let (row, now_ms) = (row.clone(), self.now_ms());
        let work = move || Release::of(&row, reports, !staff.is_empty(), now_ms);
        // Evidence is what takes long.
        match reports {
            None => Ok(work()),
            Some(_) => self.heavy.run(work).await,
        }
    }

    /// What edges report of a release's own sequence.
    async fn reports(
        &self,
        tx: &mut SqliteConnection,
        row: &ReleaseRow,
    ) -> Result<Option<decide::Reports>, Error> {
        let place = (&*row.workspace, &*row.env);
        let Some(sequence) = row.sequence.filter(|_| row.state.under_way()) else {
            return Ok(None);
        };
        let heard = self.health.of(place.0, place.1, sequence.cast_unsigned());
        let Some(heard) = heard else {
            return Ok(None);
        };
        Ok(Some(decide::Reports {
            stable: heard.totals.stable,
            gray: heard.totals.gray,
            exposures: rows::exposures(tx, place, sequence).await?,
            instances: heard.totals.instances,
            heard_ms: heard.heard_ms,
        }))
    }

    /// Counts up with every change of a release, and of what somebody may see.
    pub fn listen(&self) -> tokio::sync::watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// To be called when somebody may do something else than before, or nothing any more: whoever listens is asked again.
    pub(super) fn rights_changed(&self) {
        self.changed
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whoever listens looks again.
    fn releases_changed(&self, (workspace, env): (&str, &str)) {
        self.rights_changed();
        self.manifests_changed(workspace, env);
    }
}

async fn existing(
    tx: &mut SqliteConnection,
    place: (&str, &str),
    id: i64,
) -> Result<ReleaseRow, Error> {
    super::workspaces::existing(tx, place.0, place.1).await?;
    let row = rows::get(tx, place, id).await?;
    row.ok_or_else(|| Error::NotFound(format!("no release {id} in `{}`", place.1)))
}

#[cfg(test)]
mod tests;
