//! Takes releases on by themselves: looks every second, decides by [`decide`], and does it in a transaction that first makes
//! sure that the release still is what was decided about.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Value, json};
use skyful::manifest::Mode;
use sqlx::sqlite::SqliteConnection;

use super::decide::{Decision, Reports, Seen, Why, decide, mode_named};
use super::desk::{Desk, Work};
use super::staff;
use super::state::{Event, State};
use super::steer::{plan, why};
use super::view::{Release, words};
use super::windows::Window;
use crate::app::{App, Error};
use crate::store::StoreError;
use crate::store::sqlite::releases::{self as rows, ReleaseRow};
use crate::store::sqlite::snapshots::{self, HeadRow};

/// Between two looks. Reports come every five seconds.
const LOOK: Duration = Duration::from_secs(1);

/// What is to be done with a release, and what was known.
struct Decided {
    row: ReleaseRow,
    decision: Decision,
    detail: Value,
}

/// What a look at one release finds.
enum Looked {
    Nothing,
    Decided(Box<Decided>),
    /// The same, under another sequence.
    Moved(Box<ReleaseRow>, i64),
}

impl App {
    /// Until `stop` is done. One at a time is enough for a database; a second one would find versions moved on.
    pub async fn run_releases(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(error) = self.look_at_releases().await {
                tracing::error!(?error, "releases could not be looked at");
            }
        }
        // Whoever listens leaves.
        self.changed.send_replace(u64::MAX);
    }

    /// One look at everything that is under way or due.
    pub async fn look_at_releases(&self) -> Result<(), Error> {
        let mut tx = self.store.read().await?;
        let found = rows::to_run(&mut tx).await?;
        self.forget_watches(&found);
        let (mut decided, mut followed) = (Vec::new(), Vec::new());
        for row in found {
            let (workspace, env, id) = (row.workspace.clone(), row.env.clone(), row.id);
            match self.look_at(&mut tx, row).await {
                Ok(Looked::Nothing) => {}
                Ok(Looked::Decided(one)) => decided.push(*one),
                Ok(Looked::Moved(row, sequence)) => followed.push((*row, sequence)),
                // One that can't be read must not keep the others.
                Err(error) => {
                    tracing::error!(
                        ?error,
                        workspace,
                        env,
                        id,
                        "a release could not be looked at"
                    );
                }
            }
        }
        drop(tx);
        for (row, sequence) in followed {
            let (workspace, env, id) = (row.workspace.clone(), row.env.clone(), row.id);
            if let Err(error) = self.follow(row, sequence).await {
                tracing::error!(?error, workspace, env, id, "a release was not followed");
            }
        }
        for one in decided {
            let (place, id) = ((one.row.workspace.clone(), one.row.env.clone()), one.row.id);
            if let Err(error) = self.carry_out(one).await {
                // Never tried again by itself with another expectation: the next look decides anew.
                let (workspace, env) = &place;
                tracing::error!(?error, workspace, env, id, "a release did not go on");
            }
        }
        Ok(())
    }

    async fn look_at(&self, tx: &mut SqliteConnection, row: ReleaseRow) -> Result<Looked, Error> {
        let place = (&*row.workspace, &*row.env);
        let head = snapshots::head(tx, place.0, place.1).await?;
        let staff = !staff::units(tx, place).await?.is_empty();
        if row.state == State::Approved {
            let in_its_way = head.is_some_and(|head| head.release.is_some()) && !row.supersede;
            if in_its_way || !plan(&row)?.is_due(row.start_ms, staff, self.now_ms()) {
                return Ok(Looked::Nothing);
            }
            return Ok(Looked::Decided(Box::new(Decided {
                row,
                decision: Decision::Advance,
                detail: json!({}),
            })));
        }
        let mode = head.as_ref().and_then(|head| mode_named(&head.mode));
        let shows = |head: &HeadRow| {
            head.release == Some(row.id) && head.gray.as_ref() == Some(&row.snapshot)
        };
        let shown = head.filter(shows);
        let moved = shown.is_none();
        if let Some(head) = shown.filter(|head| Some(head.sequence) != row.sequence) {
            return Ok(Looked::Moved(Box::new(row), head.sequence));
        }
        let reports = self.reports(tx, &row).await?;
        let known = (mode.unwrap_or(Mode::Run), moved, staff);
        let windows = self.windows(&row, reports.as_ref());
        let now_ms = self.now_ms();
        // Not among what others wait for: there is one look at a time, and it must not be told to come back.
        let deciding = move || decide_on(row, known, reports, &windows, now_ms);
        let decided = tokio::task::spawn_blocking(deciding).await;
        let decided = decided.map_err(|error| StoreError(error.to_string()))??;
        Ok(decided.map_or(Looked::Nothing, |one| Looked::Decided(Box::new(one))))
    }

    /// The same release under another sequence, for example signed with another key: edges count anew.
    async fn follow(&self, seen: ReleaseRow, sequence: i64) -> Result<(), Error> {
        self.unless_changed(seen, move |desk, row| {
            row.sequence = Some(sequence);
            Box::pin(desk.happened(row, None, "signed_again", json!({})))
        })
        .await
    }

    fn windows(&self, row: &ReleaseRow, reports: Option<&Reports>) -> Vec<Window> {
        let (Some(sequence), Some(reports)) = (row.sequence, reports) else {
            return Vec::new();
        };
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (row.workspace.clone(), row.env.clone());
        watches.entry(name).or_default().look(sequence, reports)
    }

    /// Of what isn't under way any more.
    fn forget_watches(&self, found: &[ReleaseRow]) {
        let places: HashSet<(&str, &str)> = found
            .iter()
            .map(|row| (&*row.workspace, &*row.env))
            .collect();
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|(workspace, env), _| places.contains(&(workspace, env)));
    }

    async fn carry_out(&self, one: Decided) -> Result<(), Error> {
        let (seen, decision, detail) = (one.row.clone(), one.decision, one.detail);
        let done = self
            .unless_changed(seen, |desk, row| {
                Box::pin(desk.carry_out(row, decision, detail))
            })
            .await;
        // Nothing of it was done. It can't be done at the next look either, so a person is told instead.
        let Err(Error::Conflict { detail, hint }) = done else {
            return done;
        };
        self.unless_changed(one.row, |desk, row| {
            Box::pin(desk.cannot_go_on(row, detail, hint))
        })
        .await
    }

    /// Does something with a release, unless somebody was there first.
    async fn unless_changed(
        &self,
        seen: ReleaseRow,
        work: impl for<'t> FnOnce(&'t mut Desk<'_>, &'t mut ReleaseRow) -> Work<'t, ()> + Send + 'static,
    ) -> Result<(), Error> {
        let (workspace, env) = (seen.workspace.clone(), seen.env.clone());
        self.at_desk(None, (&workspace, &env), move |mut desk| {
            Box::pin(async move {
                let mut row = desk.release(seen.id).await?;
                if row.version != seen.version {
                    return Ok(());
                }
                work(&mut desk, &mut row).await
            })
        })
        .await
    }
}

fn decide_on(
    row: ReleaseRow,
    (mode, moved, staff): (Mode, bool, bool),
    reports: Option<Reports>,
    windows: &[Window],
    now_ms: i64,
) -> Result<Option<Decided>, Error> {
    let halted = why(&row);
    let plan = plan(&row)?;
    let seen = Seen {
        now_ms,
        state: row.state,
        halted: halted.as_ref(),
        halted_ms: row.halted_ms.unwrap_or(0),
        alarmed: row.alarmed_ms.is_some(),
        plan: &plan,
        step: row
            .step
            .and_then(|step| usize::try_from(step).ok())
            .unwrap_or(0),
        since_ms: row.step_ms.unwrap_or(row.created_ms),
        mode,
        staff,
        reports,
        windows,
    };
    let decision = match decide(&seen) {
        Decision::Wait(_) => return Ok(None),
        Decision::Alarm => Decision::Alarm,
        // Nobody but a person touches what somebody else has changed.
        _ if moved && row.state != State::Gray => return Ok(None),
        _ if moved => Decision::Halt(Why::Moved),
        decision => decision,
    };
    // What it was made of, for whoever asks why.
    let health = Release::of(&row, reports, staff, now_ms).health;
    let detail = match decision {
        Decision::RollBack(_) => json!({"seen": health, "windows": windows}),
        _ => json!(health),
    };
    Ok(Some(Decided {
        row,
        decision,
        detail,
    }))
}

impl Desk<'_> {
    async fn carry_out(
        &mut self,
        row: &mut ReleaseRow,
        decision: Decision,
        health: Value,
    ) -> Result<(), Error> {
        let (id, env) = (row.id, self.place.1.to_owned());
        match decision {
            Decision::Wait(_) => Ok(()),
            Decision::Advance if row.state == State::Approved => self.begin_by_itself(row).await,
            Decision::Advance => self.step(row, "step", json!({"health": health})).await,
            Decision::Recover => {
                self.happened(
                    row,
                    Some(Event::Recover),
                    "recover",
                    json!({"health": health}),
                )
                .await
            }
            Decision::Halt(why) => self.halt(row, &why, health).await,
            Decision::Alarm => {
                tracing::error!(
                    id,
                    env,
                    why = row.halted,
                    "a release is halted and needs somebody"
                );
                row.alarmed_ms = Some(self.now_ms);
                self.happened(row, None, "alarm", json!({"health": health}))
                    .await
            }
            Decision::RollBack(metric) => {
                tracing::error!(
                    id,
                    env,
                    ?metric,
                    "a release does worse than it may and is rolled back"
                );
                self.roll_back(row, json!({"metric": metric, "health": health}))
                    .await
            }
        }
    }

    async fn halt(&mut self, row: &mut ReleaseRow, why: &Why, health: Value) -> Result<(), Error> {
        let (id, env) = (row.id, self.place.1);
        tracing::warn!(id, env, why = words(why), "a release is halted");
        let text = serde_json::to_string(why).map_err(|error| StoreError(error.to_string()))?;
        (row.halted, row.halted_ms) = (Some(text), Some(self.now_ms));
        let detail = json!({"why": why, "words": words(why), "health": health});
        self.happened(row, Some(Event::Halt), "halt", detail).await
    }

    /// One that can't begin is over; one that is under way stays where it is until a person decides.
    async fn cannot_go_on(
        &mut self,
        row: &mut ReleaseRow,
        detail: String,
        hint: String,
    ) -> Result<(), Error> {
        if row.state == State::Approved {
            let (id, env) = (row.id, self.place.1);
            tracing::warn!(id, env, why = detail, "a release can't begin");
            let detail = json!({"why": detail, "hint": hint});
            return self
                .happened(row, Some(Event::Cancel), "cancel", detail)
                .await;
        }
        let why = Why::Refused { detail, hint };
        self.halt(row, &why, json!(null)).await
    }

    /// What was released meanwhile must not be taken back unseen: then it is over before it began.
    pub async fn begin_by_itself(&mut self, row: &mut ReleaseRow) -> Result<(), Error> {
        let before = row.clone();
        match self.begin_if_due(row).await {
            Err(Error::Moved { detail, hint }) => {
                *row = before;
                let detail = json!({"why": detail, "hint": hint});
                self.happened(row, Some(Event::Cancel), "cancel", detail)
                    .await
            }
            other => other,
        }
    }
}
