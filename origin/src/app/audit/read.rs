//! The log as people read it.

use serde::Serialize;
use serde_json::Value;
use skyful::value::datetime;

use crate::app::access::{Action, Actor};
use crate::app::drafts::Listed;
use crate::app::{App, Error};
use crate::store::sqlite::audit::{self as rows, AuditRow, Filter};

const PAGE: usize = 100;
const ACTION_BYTES: usize = 64;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Logged {
    pub seq: i64,
    pub at: String,
    /// `user:…` or `token:…`
    pub actor: String,
    pub workspace: Option<String>,
    pub env: Option<String>,
    /// For example `release.approve`.
    pub action: String,
    /// What it was done to.
    pub object: String,
    pub detail: Value,
    /// Over this entry and the one before.
    pub hash: String,
}

impl Logged {
    fn of(row: AuditRow) -> Self {
        Self {
            seq: row.seq,
            at: datetime::format(row.at_ms),
            actor: row.actor,
            workspace: row.workspace,
            env: row.env,
            action: row.action,
            object: row.object,
            detail: serde_json::from_str(&row.detail).unwrap_or(Value::Null),
            hash: super::verify::hex(&row.hash),
        }
    }
}

impl App {
    /// Newest first, older than `before`: what was done in one workspace, or everywhere, which is for root.
    pub async fn audit_log(
        &self,
        actor: &Actor,
        filter: Filter,
        before: Option<i64>,
    ) -> Result<Listed<Logged>, Error> {
        match &filter.workspace {
            Some(workspace) => actor.need(Action::Read, workspace, None)?,
            None if actor.root => {}
            None => return Err(Error::Denied("read what was done everywhere")),
        }
        if filter
            .action
            .as_ref()
            .is_some_and(|action| action.len() > ACTION_BYTES)
        {
            return Err(Error::invalid("no action is so long").at("action"));
        }
        let mut tx = self.store.read().await?;
        let before = before.unwrap_or(i64::MAX);
        let mut found = rows::list(&mut tx, &filter, before, PAGE as i64 + 1).await?;
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let next = found.last().filter(|_| more).map(|row| row.seq.to_string());
        // What was done in an environment is for those who have a role there.
        let may = |row: &AuditRow| match (&row.workspace, &row.env) {
            (Some(workspace), Some(env)) => {
                actor.root || actor.may(Action::Read, workspace, Some(env))
            }
            _ => true,
        };
        let found = found.into_iter().filter(may);
        let items = found.map(Logged::of).collect();
        Ok(Listed { items, next })
    }
}
