//! Who may approve a release: somebody who may approve in its environment, and neither put it together nor made a change that it
//! brings. Looked at in the transaction that approves.

use std::collections::BTreeSet;

use sqlx::sqlite::SqliteConnection;

use super::desk::Desk;
use super::state::State;
use crate::app::Error;
use crate::app::access::{Action, Role, allows};
use crate::store::sqlite::people::{self, members};
use crate::store::sqlite::releases::{self as rows, ReleaseRow};
use crate::store::sqlite::workspaces;

/// People that a refusal names.
const NAMED: usize = 10;

impl Desk<'_> {
    /// Whether whoever asks may approve it, or why not and who could.
    pub(super) async fn need_another(&mut self, row: &ReleaseRow) -> Result<(), Error> {
        let me = self.actor.user.clone();
        if !self.approvers().await?.contains(&me) {
            return Err(Error::Denied("approve a release"));
        }
        let editors = match self.editors_approve().await? {
            true => BTreeSet::new(),
            false => self.editors(row).await?,
        };
        let detail = match () {
            () if row.author == me => "you put this release together",
            () if editors.contains(&me) => "you made a change that this release brings",
            () => return Ok(()),
        };
        let mut others = self.approvers().await?;
        others.retain(|user| *user != row.author && !editors.contains(user));
        let hint = match others.is_empty() {
            false => format!("ask {}", named(self.tx, &others).await?),
            true => "nobody else may approve in this environment: an admin can invite an approver"
                .into(),
        };
        Err(Error::Forbidden {
            detail: format!("{detail}, so somebody else has to approve it"),
            hint,
        })
    }

    async fn editors_approve(&mut self) -> Result<bool, Error> {
        let (workspace, env) = self.place;
        let found = workspaces::environment(self.tx, workspace, env).await?;
        Ok(found.is_some_and(|environment| environment.editors_approve))
    }

    /// Whoever made a change since what the environment shows. Of an older snapshot: since the newest that everybody has seen
    /// here and that was not after it.
    async fn editors(&mut self, row: &ReleaseRow) -> Result<BTreeSet<String>, Error> {
        let full = rows::in_states(self.tx, self.place, &[State::Full]).await?;
        let shown = full.first().map(|full| full.revision);
        let since = match shown.filter(|shown| *shown <= row.revision) {
            Some(shown) => shown,
            None => rows::shown_until(self.tx, self.place, row.revision).await?,
        };
        let span = (since, row.revision);
        let found = rows::editors(self.tx, self.place.0, span).await?;
        Ok(found.into_iter().collect())
    }

    /// People who may approve here now.
    async fn approvers(&mut self) -> Result<BTreeSet<String>, Error> {
        let (workspace, env) = self.place;
        let held = members::of_env(self.tx, workspace, env).await?;
        let may = |role: &str| Role::named(role).is_some_and(|role| allows(role, Action::Approve));
        let held = held.into_iter().filter(|(_, role)| may(role));
        Ok(held.map(|(user, _)| user).collect())
    }
}

/// As people call them.
async fn named(tx: &mut SqliteConnection, users: &BTreeSet<String>) -> Result<String, Error> {
    let mut names = Vec::new();
    for id in users.iter().take(NAMED) {
        let user = people::by_id(tx, id).await?;
        names.push(user.map_or_else(|| id.clone(), |user| user.name));
    }
    if users.len() > NAMED {
        names.push("others".into());
    }
    Ok(names.join(" or "))
}
