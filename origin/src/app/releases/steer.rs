//! What people do with a release, and what each of it means for what visitors see.

use serde_json::{Value, json};
use skyful::manifest::Mode;

use super::decide::{Why, mode_name, needs_a_person};
use super::desk::{Desk, nothing, refused, shown};
use super::plan::{Audience, Plan};
use super::state::{Event, State, next};
use super::view::{Detailed, Live};
use crate::app::access::{Action, Actor};
use crate::app::{App, Error};
use crate::failpoint::{self, Point};
use crate::store::StoreError;
use crate::store::sqlite::releases::{self as rows, ReleaseRow};
use crate::store::sqlite::workspaces;

/// Bytes of what somebody gives as a reason.
pub const REASON_BYTES: usize = 1_000;

/// What a person wants of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Steered {
    /// Bound to what was looked at.
    Approve {
        digest: String,
    },
    Reject,
    Cancel,
    Pause,
    Resume,
    /// To the next step, whatever gates say.
    Skip,
    RollBack,
}

impl Steered {
    fn action(&self) -> Action {
        match self {
            Self::Approve { .. } | Self::Reject => Action::Approve,
            Self::RollBack => Action::RollBack,
            Self::Cancel | Self::Pause | Self::Resume | Self::Skip => Action::Release,
        }
    }
}

impl App {
    /// `expected` is the version of the release that was looked at; a rollback needs none.
    pub async fn steer(
        &self,
        actor: &Actor,
        place: (&str, &str),
        id: i64,
        wanted: Steered,
        (expected, why): (Option<i64>, String),
    ) -> Result<Detailed, Error> {
        actor.need(wanted.action(), place.0, Some(place.1))?;
        if why.len() > REASON_BYTES {
            return Err(
                Error::invalid(format!("a reason has at most {REASON_BYTES} bytes")).at("/why"),
            );
        }
        let detail = match why.is_empty() {
            true => json!({}),
            false => json!({"why": why}),
        };
        self.at_desk(Some((actor, wanted.action())), place, move |mut desk| {
            Box::pin(async move {
                let mut row = desk.release(id).await?;
                if expected.is_some_and(|version| version != row.version) {
                    return Err(Error::Moved {
                        detail: format!("release {id} is {} by now", row.state.name()),
                        hint: "look at it again, then decide".into(),
                    });
                }
                desk.steer(&mut row, wanted, detail).await
            })
        })
        .await?;
        self.release_of(actor, place, id).await
    }

    /// The emergency switch: what edges do with whatever is released.
    pub async fn switch_mode(
        &self,
        actor: &Actor,
        place: (&str, &str),
        mode: Mode,
    ) -> Result<Live, Error> {
        actor.need(Action::RollBack, place.0, Some(place.1))?;
        self.at_desk(Some((actor, Action::RollBack)), place, move |mut desk| {
            Box::pin(async move { desk.switch(mode).await })
        })
        .await?;
        self.live(actor, place).await
    }
}

impl Desk<'_> {
    async fn steer(
        &mut self,
        row: &mut ReleaseRow,
        wanted: Steered,
        detail: Value,
    ) -> Result<(), Error> {
        match wanted {
            Steered::Approve { digest } => self.approve(row, &digest, detail).await,
            Steered::Reject => {
                self.happened(row, Some(Event::Reject), "reject", detail)
                    .await
            }
            Steered::Cancel => {
                self.happened(row, Some(Event::Cancel), "cancel", detail)
                    .await
            }
            Steered::Pause => {
                self.happened(row, Some(Event::Pause), "pause", detail)
                    .await
            }
            Steered::Resume => self.resume(row, detail).await,
            Steered::Skip => self.step(row, "skip", detail).await,
            Steered::RollBack => self.roll_back(row, detail).await,
        }
    }

    /// What set the shares apart stays in what was counted, so where that held it up the step begins anew under another
    /// sequence, of which edges have counted nothing yet.
    async fn resume(&mut self, row: &mut ReleaseRow, detail: Value) -> Result<(), Error> {
        next(row.state, Event::Resume).map_err(|why| refused(row, why))?;
        let head = self.head().await?;
        let own = head.filter(|head| head.release == Some(row.id));
        if let Some(head) = own.filter(|_| why(row).is_some_and(|why| needs_a_person(&why))) {
            row.sequence = Some(self.publish(head, Some(row.id)).await?);
            row.step_ms = Some(self.now_ms);
        }
        self.happened(row, Some(Event::Resume), "resume", detail)
            .await
    }

    /// Everything that the approval depends on is looked at in its transaction.
    async fn approve(
        &mut self,
        row: &mut ReleaseRow,
        digest: &str,
        detail: Value,
    ) -> Result<(), Error> {
        if digest.strip_prefix("b3-").unwrap_or(digest) != row.snapshot {
            return Err(Error::Moved {
                detail: format!(
                    "release {} is of {}, not of what you looked at",
                    row.id,
                    shown(&row.snapshot)
                ),
                hint: "look at its changes, and approve with its `snapshot`".into(),
            });
        }
        self.need_another(row).await?;
        row.approver = Some(self.actor.user.clone());
        row.approved_ms = Some(self.now_ms);
        self.happened(row, Some(Event::Approve), "approve", detail)
            .await?;
        failpoint::reach(Point::ReleaseApproved);
        self.begin_by_itself(row).await
    }

    /// Begins a release that may begin, unless another one is in its way.
    pub async fn begin_if_due(&mut self, row: &mut ReleaseRow) -> Result<(), Error> {
        if row.state != State::Approved {
            return Ok(());
        }
        let staff = !self.staff().await?.is_empty();
        if !plan(row)?.is_due(row.start_ms, staff, self.now_ms) {
            return Ok(());
        }
        let head = self.head().await?;
        let under_way = head.and_then(|head| head.release);
        if under_way.is_some() && !row.supersede {
            return Ok(());
        }
        self.begin(row).await
    }

    async fn begin(&mut self, row: &mut ReleaseRow) -> Result<(), Error> {
        let environment = workspaces::environment(self.tx, self.place.0, self.place.1).await?;
        if environment.is_some_and(|environment| environment.protected) && row.approver.is_none() {
            return self
                .happened(row, Some(Event::Protect), "protect", json!({}))
                .await;
        }
        let head = self.head().await?;
        if head.as_ref().map(|head| &head.stable) != row.base.as_ref() {
            return Err(Error::Moved {
                detail: format!(
                    "something else was released since release {} was put together",
                    row.id
                ),
                hint: "release again: it would take back what was released since".into(),
            });
        }
        // Others may have brought and taken back the same since.
        let full = rows::in_states(self.tx, self.place, &[State::Full]).await?;
        row.base_release = full.first().map(|row| row.id);
        if let Some(other) = head.as_ref().and_then(|head| head.release) {
            let mut other = self.release(other).await?;
            let detail = json!({"by": row.id});
            self.happened(&mut other, Some(Event::Supersede), "supersede", detail)
                .await?;
        }
        let staff = !self.staff().await?.is_empty();
        let first = plan(row)?.first(staff);
        // Beside nothing, or beside itself, there is nothing to compare with.
        let alone = head.is_none_or(|head| head.stable == row.snapshot);
        match first.filter(|_| !alone) {
            Some(step) => {
                self.go_to(row, step, (Event::Begin, "begin"), json!({}))
                    .await
            }
            None => self.finish(row, json!({})).await,
        }
    }

    /// To the next step, or to everybody after the last one.
    pub async fn step(
        &mut self,
        row: &mut ReleaseRow,
        kind: &str,
        detail: Value,
    ) -> Result<(), Error> {
        next(row.state, Event::Advance).map_err(|why| refused(row, why))?;
        let staff = !self.staff().await?.is_empty();
        let now = row
            .step
            .and_then(|step| usize::try_from(step).ok())
            .unwrap_or(0);
        match plan(row)?.after(now, staff) {
            Some(step) => self.go_to(row, step, (Event::Advance, kind), detail).await,
            None => self.finish(row, detail).await,
        }
    }

    async fn go_to(
        &mut self,
        row: &mut ReleaseRow,
        step: usize,
        (event, kind): (Event, &str),
        detail: Value,
    ) -> Result<(), Error> {
        let plan = plan(row)?;
        row.step = i64::try_from(step).ok();
        row.step_ms = Some(self.now_ms);
        if plan.audience(step) == Audience::Everybody {
            return self.finish(row, detail).await;
        }
        let Some(mut head) = self.head().await? else {
            return Err(refused(row, "nothing is released beside it"));
        };
        let staff = match plan.staff(step) {
            true => self.staff().await?,
            false => Vec::new(),
        };
        head.gray = Some(row.snapshot.clone());
        head.share_bps = plan.share_bps(step).into();
        head.salt = row.salt;
        head.allow = json!(staff).to_string();
        head.release = Some(row.id);
        row.sequence = Some(self.publish(head, Some(row.id)).await?);
        failpoint::reach(Point::ReleaseStepped);
        self.happened(row, Some(event), kind, detail).await
    }

    /// To everybody.
    async fn finish(&mut self, row: &mut ReleaseRow, detail: Value) -> Result<(), Error> {
        for mut before in rows::in_states(self.tx, self.place, &[State::Full]).await? {
            let detail = json!({"by": row.id});
            self.happened(&mut before, Some(Event::Supersede), "supersede", detail)
                .await?;
        }
        let head = self.head().await?;
        let mut head = head.unwrap_or_else(|| nothing(&row.snapshot));
        head.stable.clone_from(&row.snapshot);
        row.sequence = Some(self.show_stable(head, row.id).await?);
        failpoint::reach(Point::ReleaseFinished);
        self.happened(row, Some(Event::Finish), "full", detail)
            .await
    }

    /// Carries no expectation of what is shown: whatever it is, it stops now.
    pub async fn roll_back(&mut self, row: &mut ReleaseRow, detail: Value) -> Result<(), Error> {
        if row.state.pending() {
            return self
                .happened(row, Some(Event::RollBack), "cancel", detail)
                .await;
        }
        next(row.state, Event::RollBack).map_err(|why| refused(row, why))?;
        let Some(mut head) = self.head().await? else {
            return Err(refused(row, "nothing is released"));
        };
        let was_full = row.state == State::Full;
        if was_full {
            let Some(base) = &row.base else {
                let detail = format!(
                    "release {} is the first, so there is nothing to go back to",
                    row.id
                );
                let hint = "switch the mode to `defaults` or `off`, or release something else";
                return Err(Error::conflict(detail, hint));
            };
            head.stable.clone_from(base);
            // What is under way was put together to follow this one.
            if let Some(other) = head.release {
                let mut other = self.release(other).await?;
                let with = json!({"with": row.id});
                self.happened(&mut other, Some(Event::RollBack), "rollback", with)
                    .await?;
            }
        }
        let sequence = self.show_stable(head, row.id).await?;
        row.sequence = Some(sequence);
        failpoint::reach(Point::ReleaseRolledBack);
        self.happened(row, Some(Event::RollBack), "rollback", detail)
            .await?;
        if let Some(before) = row.base_release.filter(|_| was_full) {
            let mut before = self.release(before).await?;
            if before.state == State::Superseded {
                before.sequence = Some(sequence);
                let detail = json!({"instead_of": row.id});
                self.happened(&mut before, Some(Event::Reinstate), "reinstate", detail)
                    .await?;
            }
        }
        Ok(())
    }

    async fn show_stable(
        &mut self,
        mut head: crate::store::sqlite::snapshots::HeadRow,
        by: i64,
    ) -> Result<i64, Error> {
        (head.gray, head.release) = (None, None);
        (head.share_bps, head.salt) = (0, 0);
        head.allow = "[]".into();
        self.publish(head, Some(by)).await
    }

    async fn switch(&mut self, mode: Mode) -> Result<(), Error> {
        let Some(mut head) = self.head().await? else {
            let detail = format!("nothing is released in `{}` yet", self.place.1);
            return Err(Error::conflict(detail, "release something first"));
        };
        if head.mode == mode_name(mode) {
            return Ok(());
        }
        head.mode = mode_name(mode).into();
        let under_way = head.release;
        let sequence = self.publish(head, under_way).await?;
        failpoint::reach(Point::ModeSwitched);
        let detail = json!({"mode": mode_name(mode), "sequence": sequence});
        self.audited("environment.mode", self.place.1, detail.clone())
            .await?;
        if let Some(id) = under_way {
            let mut row = self.release(id).await?;
            row.sequence = Some(sequence);
            self.happened(&mut row, None, "mode", detail).await?;
        }
        Ok(())
    }
}

/// Why it is halted, if it is.
pub fn why(row: &ReleaseRow) -> Option<Why> {
    serde_json::from_str(row.halted.as_deref()?).ok()
}

pub fn plan(row: &ReleaseRow) -> Result<Plan, Error> {
    let read = serde_json::from_str(&row.plan);
    read.map_err(|error| StoreError(format!("the plan of release {}: {error}", row.id)).into())
}
