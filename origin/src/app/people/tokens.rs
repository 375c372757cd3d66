//! Tokens for programs: made by people for themselves, in one workspace, never with more than they have.

use serde::Serialize;
use serde_json::json;
use skyful::value::datetime;

use super::code::{self, Purpose};
use super::known::{self, covers};
use super::{DAY_MS, PAGE, env_of, name, need_env, page, role};
use crate::app::access::{Action, Actor};
use crate::app::audit::{self, Entry};
use crate::app::drafts::Listed;
use crate::app::{App, Error};
use crate::store::sqlite::people::tokens::{self as rows, TokenRow};

/// Of one user in one workspace, that let in.
const TOKENS: i64 = 50;
pub const DAYS: usize = 365;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Token {
    pub id: String,
    pub name: String,
    /// Who made it, and is the author of what is done with it.
    pub user: String,
    pub role: String,
    /// None: all of them.
    pub env: Option<String>,
    pub created_at: String,
    pub expires_at: String,
    /// To within ten minutes.
    pub used_at: Option<String>,
    pub revoked_at: Option<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct NewToken {
    /// Shown this once.
    pub secret: String,
    pub token: Token,
}

/// What is asked for.
pub struct Wanted {
    pub name: String,
    pub role: String,
    pub env: Option<String>,
    pub days: i64,
}

impl Token {
    fn of(row: TokenRow) -> Self {
        Self {
            env: env_of(&row.env),
            id: row.id,
            name: row.name,
            user: row.user,
            role: row.role,
            created_at: datetime::format(row.created_ms),
            expires_at: datetime::format(row.until_ms),
            used_at: row.used_ms.map(datetime::format),
            revoked_at: row.revoked_ms.map(datetime::format),
        }
    }
}

impl App {
    pub async fn make_token(
        &self,
        actor: &Actor,
        workspace: &str,
        wanted: Wanted,
    ) -> Result<NewToken, Error> {
        actor.need(Action::Read, workspace, None)?;
        actor.person()?;
        let name = name(&wanted.name)?;
        let role = role(&wanted.role)?;
        if !(1..=DAYS as i64).contains(&wanted.days) {
            let wrong = Error::invalid(format!("a token is good for 1 to {DAYS} days"));
            return Err(wrong.at("/expires_in_days"));
        }
        let env = wanted.env.unwrap_or_default();
        let secret = format!("{}{}", code::TOKEN, code::random()?);
        let now_ms = self.now_ms();
        let row = TokenRow {
            id: code::id("t")?,
            hash: code::hash(Purpose::Token, &secret).to_vec(),
            user: actor.user.clone(),
            workspace: workspace.to_owned(),
            env,
            role: role.name().to_owned(),
            name,
            created_ms: now_ms,
            until_ms: now_ms + wanted.days * DAY_MS,
            used_ms: None,
            revoked_ms: None,
        };
        let actor = actor.clone();
        let token = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = known::now(tx, &actor, now_ms).await?;
                    actor.need(Action::Read, &row.workspace, None)?;
                    need_env(tx, &row.workspace, &row.env).await?;
                    let held = &actor.grants;
                    if !covers(held, &row.workspace, env_of(&row.env).as_deref(), role) {
                        return Err(Error::Denied("make a token that may more than you do"));
                    }
                    if rows::count(tx, &row.workspace, &row.user, now_ms).await? >= TOKENS {
                        let detail = format!("you have {TOKENS} tokens here");
                        return Err(Error::conflict(detail, "revoke one that isn't used"));
                    }
                    rows::insert(tx, &row).await?;
                    let detail = json!({"name": row.name, "role": row.role, "days": wanted.days});
                    let entry = entry(&row, "token.make", detail);
                    audit::record(tx, &actor, now_ms, entry).await?;
                    Ok::<_, Error>(Token::of(row))
                })
            })
            .await?;
        Ok(NewToken { secret, token })
    }

    /// Admins see all of a workspace, others their own.
    pub async fn tokens(
        &self,
        actor: &Actor,
        workspace: &str,
        cursor: Option<&str>,
    ) -> Result<Listed<Token>, Error> {
        actor.need(Action::Read, workspace, None)?;
        actor.person()?;
        let all = actor.may(Action::Administer, workspace, None);
        let own = (!all).then_some(actor.user.as_str());
        let mut tx = self.store.read().await?;
        let after = cursor.unwrap_or_default();
        let found = rows::list(&mut tx, workspace, own, after, PAGE + 1).await?;
        let (items, next) = page(found, |row| row.id.clone());
        let items = items.into_iter().map(Token::of).collect();
        Ok(Listed { items, next })
    }

    /// One's own, or any for an admin. Again does nothing.
    pub async fn revoke_token(
        &self,
        actor: &Actor,
        workspace: &str,
        id: &str,
    ) -> Result<(), Error> {
        actor.need(Action::Read, workspace, None)?;
        actor.person()?;
        let (actor, now_ms) = (actor.clone(), self.now_ms());
        let (workspace, id) = (workspace.to_owned(), id.to_owned());
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = known::now(tx, &actor, now_ms).await?;
                    actor.need(Action::Read, &workspace, None)?;
                    let Some(row) = rows::get(tx, &workspace, &id).await? else {
                        return Err(Error::NotFound(format!("no token `{id}`")));
                    };
                    let own = row.user == actor.user;
                    if !own && !actor.may(Action::Administer, &workspace, None) {
                        return Err(Error::Denied("revoke tokens of others"));
                    }
                    if row.revoked_ms.is_some() {
                        return Ok(());
                    }
                    rows::revoke(tx, &id, now_ms).await?;
                    let entry = entry(&row, "token.revoke", json!({"user": row.user}));
                    Ok(audit::record(tx, &actor, now_ms, entry).await?)
                })
            })
            .await;
        self.rights_changed();
        done
    }
}

fn entry<'a>(row: &'a TokenRow, action: &'a str, detail: serde_json::Value) -> Entry<'a> {
    Entry {
        workspace: Some(&row.workspace),
        env: Some(row.env.as_str()).filter(|env| !env.is_empty()),
        action,
        object: &row.id,
        detail,
    }
}
