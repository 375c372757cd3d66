//! Signing in and out. A session is a random code in a cookie; it ends when it isn't used for a while, after a week in any
//! case, and with the password.

use serde::Serialize;
use serde_json::json;
use skyful::value::datetime;
use sqlx::sqlite::SqliteConnection;

use super::code::{self, Purpose};
use super::{Client, DAY_MS, email, known, password};
use crate::app::access::{Actor, Grant};
use crate::app::audit::{self, Entry};
use crate::app::{App, Error};
use crate::store::sqlite::people::sessions::{self as sessions, SessionRow};
use crate::store::sqlite::people::{self as rows, UserRow};
use crate::store::sqlite::workspaces;

pub const IDLE_MS: i64 = DAY_MS / 2;
pub const LONGEST_MS: i64 = 7 * DAY_MS;
/// Of one user; the longest unused makes room.
const SESSIONS: i64 = 20;
const AGENT_BYTES: usize = 200;

/// Who asks, and what they may do where.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Me {
    /// The person, also behind a token.
    pub id: String,
    pub email: String,
    pub name: String,
    /// May make workspaces and look after all people.
    pub root: bool,
    /// The token that asks, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    pub roles: Vec<Held>,
}

/// A role in a workspace. Without an environment it is held in all of them.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Held {
    pub workspace: String,
    pub env: Option<String>,
    pub role: &'static str,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Session {
    pub id: String,
    /// The one that asks.
    pub current: bool,
    pub address: String,
    pub agent: String,
    pub created_at: String,
    pub seen_at: String,
}

/// Somebody who was let in.
pub struct Admitted {
    /// For a cookie, and told nowhere else.
    pub code: String,
    pub max_age_secs: i64,
    pub me: Me,
}

impl Me {
    pub(super) fn of(user: &UserRow, actor: &Actor) -> Self {
        let held = |grant: &Grant| Held {
            workspace: grant.workspace.clone(),
            env: grant.env.clone(),
            role: grant.role.name(),
        };
        Self {
            id: user.id.clone(),
            email: user.email.clone(),
            name: user.name.clone(),
            root: actor.root,
            token: actor.name.strip_prefix("token:").map(str::to_owned),
            roles: actor.grants.iter().map(held).collect(),
        }
    }
}

impl App {
    pub async fn me(&self, actor: &Actor) -> Result<Me, Error> {
        let mut tx = self.store.read().await?;
        let user = rows::by_id(&mut tx, &actor.user).await?;
        let user = user.ok_or(Error::Unauthenticated)?;
        Ok(Me::of(&user, actor))
    }

    /// Lets somebody in who knows the password. What they had in their cookie before ends with it.
    pub async fn sign_in(
        &self,
        address: &str,
        secret: String,
        client: &Client,
        before: Option<&str>,
    ) -> Result<Admitted, Error> {
        // An address that can't be one is slowed down like the others.
        let account = email(address).unwrap_or_default();
        self.guess(Some(&account), client)?;
        let found = {
            let mut tx = self.store.read().await?;
            rows::by_email(&mut tx, &account).await?
        };
        let user = found.filter(|user| user.disabled_ms.is_none());
        let kept = user.as_ref().map(|user| user.password.clone());
        let fits = self.people.passwords.fits(secret, kept).await?;
        let Some(user) = user.filter(|_| fits) else {
            tracing::warn!(address = client.address, "somebody failed to sign in");
            return Err(Error::WrongSignIn);
        };
        self.people.throttle.right(Some(&account), &client.address);
        let (client, now_ms) = (client.clone(), self.now_ms());
        let before = before.map(|code| code::hash(Purpose::Session, code));
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let now = rows::by_id(tx, &user.id).await?;
                    let same =
                        |now: &UserRow| now.password == user.password && now.disabled_ms.is_none();
                    let user = now.filter(same).ok_or(Error::WrongSignIn)?;
                    if let Some(hash) = before
                        && let Some(old) = sessions::by_hash(tx, &hash).await?
                    {
                        sessions::end(tx, &old.user, &old.id).await?;
                    }
                    admit(tx, &user, &client, now_ms).await
                })
            })
            .await
    }

    /// Whoever came by a token has nothing to sign out of.
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), Error> {
        let session = actor.session.as_deref().unwrap_or_default();
        self.end_session(actor, session).await
    }

    /// One's own, the last used first.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<Session>, Error> {
        actor.person()?;
        let now_ms = self.now_ms();
        let mut tx = self.store.read().await?;
        let found = sessions::of_user(&mut tx, &actor.user).await?;
        let shown = |row: SessionRow| Session {
            current: Some(&row.id) == actor.session.as_ref(),
            id: row.id,
            address: row.address,
            agent: row.agent,
            created_at: datetime::format(row.created_ms),
            seen_at: datetime::format(row.seen_ms),
        };
        let alive = found.into_iter().filter(|row| known::alive(row, now_ms));
        Ok(alive.map(shown).collect())
    }

    /// One of one's own.
    pub async fn end_session(&self, actor: &Actor, session: &str) -> Result<(), Error> {
        actor.person()?;
        let (actor, session, now_ms) = (actor.clone(), session.to_owned(), self.now_ms());
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    known::now(tx, &actor, now_ms).await?;
                    if !sessions::end(tx, &actor.user, &session).await? {
                        return Err(Error::NotFound(format!("no session `{session}`")));
                    }
                    let entry = entry("session.end", &session);
                    Ok(audit::record(tx, &actor, now_ms, entry).await?)
                })
            })
            .await;
        self.rights_changed();
        done
    }

    /// Ends all sessions of the person and begins a new one.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: String,
        new: String,
        client: &Client,
    ) -> Result<Admitted, Error> {
        actor.person()?;
        let user = {
            let mut tx = self.store.read().await?;
            rows::by_id(&mut tx, &actor.user).await?
        };
        let user = user.ok_or(Error::Unauthenticated)?;
        password::check(&new, &user.email).map_err(|wrong| wrong.at("/new"))?;
        self.guess(Some(&user.email), client)?;
        let kept = Some(user.password.clone());
        if !self.people.passwords.fits(current, kept).await? {
            let wrong = Error::invalid("this is not your password");
            return Err(wrong.at("/current"));
        }
        self.people
            .throttle
            .right(Some(&user.email), &client.address);
        let hashed = self.people.passwords.hash(new).await?;
        let (actor, client, now_ms) = (actor.clone(), client.clone(), self.now_ms());
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    known::now(tx, &actor, now_ms).await?;
                    if !rows::set_password(tx, &user.id, &user.password, &hashed).await? {
                        return Err(Error::WrongSignIn);
                    }
                    sessions::end_all(tx, &user.id).await?;
                    audit::record(tx, &actor, now_ms, entry("user.password", &user.id)).await?;
                    admit(tx, &user, &client, now_ms).await
                })
            })
            .await;
        self.rights_changed();
        done
    }
}

/// Begins a session.
pub(super) async fn admit(
    tx: &mut SqliteConnection,
    user: &UserRow,
    client: &Client,
    now_ms: i64,
) -> Result<Admitted, Error> {
    let code = code::random()?;
    let mut agent = client.agent.clone();
    agent.truncate(agent.floor_char_boundary(AGENT_BYTES));
    let row = SessionRow {
        hash: code::hash(Purpose::Session, &code),
        id: code::id("s")?,
        user: user.id.clone(),
        created_ms: now_ms,
        seen_ms: now_ms,
        until_ms: now_ms + LONGEST_MS,
        address: client.address.clone(),
        agent,
    };
    sessions::forget(tx, now_ms, now_ms - IDLE_MS).await?;
    sessions::insert(tx, &row, SESSIONS).await?;
    let grants = workspaces::grants(tx, &user.id).await?;
    let actor = Actor::of_user(user, grants);
    audit::record(tx, &actor, now_ms, entry("session.begin", &row.id)).await?;
    Ok(Admitted {
        code,
        max_age_secs: LONGEST_MS / 1_000,
        me: Me::of(user, &actor),
    })
}

fn entry<'a>(action: &'a str, object: &'a str) -> Entry<'a> {
    Entry {
        workspace: None,
        env: None,
        action,
        object,
        detail: json!({}),
    }
}
