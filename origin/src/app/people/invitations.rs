//! Invitations: an admin names an e-mail address and a role, and hands the code over. No mail is sent. The code is good once,
//! for that address, as long as whoever invited may still do so.

use serde::Serialize;
use serde_json::{Value, json};
use skyful::value::datetime;
use sqlx::sqlite::SqliteConnection;

use super::code::{self, Purpose};
use super::members::{MEMBERS, give, staffed};
use super::sessions::{self, Admitted, Me};
use super::{
    Client, DAY_MS, NewUser, PAGE, email, env_of, insert, look_after, name, need_env,
    need_workspace, page, password, role,
};
use crate::app::access::{Actor, Role};
use crate::app::audit::{self, Entry};
use crate::app::drafts::Listed;
use crate::app::{App, Error};
use crate::store::sqlite::people::invitations::{self as rows, InvitationRow};
use crate::store::sqlite::people::{self as users, UserRow, members};
use crate::store::sqlite::workspaces;

/// Of one workspace, that can still be accepted.
const OPEN: i64 = 200;
const GOOD_MS: i64 = 7 * DAY_MS;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Invitation {
    pub id: String,
    pub email: String,
    pub role: String,
    /// None: all of them.
    pub env: Option<String>,
    pub invited_by: String,
    /// open, accepted, revoked or expired
    pub state: &'static str,
    pub created_at: String,
    pub expires_at: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct NewInvitation {
    /// Shown this once, to be handed over.
    pub code: String,
    pub invitation: Invitation,
}

/// Who becomes part of a workspace.
pub enum Joining {
    /// Somebody new.
    New { name: String, password: String },
    /// Somebody who is signed in.
    Known(Actor),
}

pub enum Joined {
    New(Admitted),
    Known(Me),
}

impl Invitation {
    fn of(row: InvitationRow, now_ms: i64) -> Self {
        let state = match (row.ended_ms, &row.accepted_by) {
            (Some(_), Some(_)) => "accepted",
            (Some(_), None) => "revoked",
            (None, _) if now_ms >= row.until_ms => "expired",
            (None, _) => "open",
        };
        Self {
            env: env_of(&row.env),
            id: row.id,
            email: row.email,
            role: row.role,
            invited_by: row.invited_by,
            state,
            created_at: datetime::format(row.created_ms),
            expires_at: datetime::format(row.until_ms),
        }
    }
}

impl App {
    pub async fn invite(
        &self,
        actor: &Actor,
        workspace: &str,
        address: &str,
        held: &str,
        env: Option<String>,
    ) -> Result<NewInvitation, Error> {
        actor.need_people(workspace)?;
        let code = code::random()?;
        let now_ms = self.now_ms();
        let row = InvitationRow {
            id: code::id("i")?,
            hash: code::hash(Purpose::Invitation, &code),
            workspace: workspace.to_owned(),
            env: env.unwrap_or_default(),
            role: role(held)?.name().to_owned(),
            email: email(address)?,
            invited_by: actor.user.clone(),
            created_ms: now_ms,
            until_ms: now_ms + GOOD_MS,
            ended_ms: None,
            accepted_by: None,
        };
        let actor = actor.clone();
        let invitation = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = look_after(tx, &actor, &row.workspace, now_ms).await?;
                    need_env(tx, &row.workspace, &row.env).await?;
                    if rows::open(tx, &row.workspace, now_ms).await? >= OPEN {
                        let detail = format!("{OPEN} invitations are open");
                        return Err(Error::conflict(detail, "revoke those that nobody accepts"));
                    }
                    rows::insert(tx, &row).await?;
                    // No address: what is in the log stays there for good.
                    let entry = entry(&row, "invitation.make", json!({"role": row.role}));
                    audit::record(tx, &actor, now_ms, entry).await?;
                    Ok::<_, Error>(Invitation::of(row, now_ms))
                })
            })
            .await?;
        Ok(NewInvitation { code, invitation })
    }

    pub async fn invitations(
        &self,
        actor: &Actor,
        workspace: &str,
        cursor: Option<&str>,
    ) -> Result<Listed<Invitation>, Error> {
        actor.need_people(workspace)?;
        let now_ms = self.now_ms();
        let mut tx = self.store.read().await?;
        need_workspace(&mut tx, workspace).await?;
        let after = cursor.unwrap_or_default();
        let found = rows::list(&mut tx, workspace, after, PAGE + 1).await?;
        let (items, next) = page(found, |row| row.id.clone());
        let items = items.into_iter().map(|row| Invitation::of(row, now_ms));
        Ok(Listed {
            items: items.collect(),
            next,
        })
    }

    /// Again does nothing.
    pub async fn revoke_invitation(
        &self,
        actor: &Actor,
        workspace: &str,
        id: &str,
    ) -> Result<(), Error> {
        actor.need_people(workspace)?;
        let (actor, now_ms) = (actor.clone(), self.now_ms());
        let (workspace, id) = (workspace.to_owned(), id.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = look_after(tx, &actor, &workspace, now_ms).await?;
                    let Some(row) = rows::get(tx, &workspace, &id).await? else {
                        return Err(Error::NotFound(format!("no invitation `{id}`")));
                    };
                    if row.ended_ms.is_some() {
                        return Ok(());
                    }
                    rows::end(tx, &id, None, now_ms).await?;
                    let entry = entry(&row, "invitation.revoke", json!({}));
                    Ok(audit::record(tx, &actor, now_ms, entry).await?)
                })
            })
            .await
    }

    pub async fn accept(
        &self,
        code: &str,
        joining: Joining,
        client: &Client,
    ) -> Result<Joined, Error> {
        self.guess(None, client)?;
        let hash = code::hash(Purpose::Invitation, code.trim());
        let now_ms = self.now_ms();
        let row = {
            let mut tx = self.store.read().await?;
            open(&mut tx, &hash, now_ms).await?
        };
        self.people.throttle.right(None, &client.address);
        let client = client.clone();
        match joining {
            Joining::Known(actor) => {
                actor.person()?;
                let joined = self.store.write(move |tx| {
                    Box::pin(async move { join(tx, &hash, &actor, now_ms).await })
                });
                Ok(Joined::Known(joined.await?))
            }
            Joining::New {
                name: said,
                password,
            } => {
                let new = self.newcomer(&row, &said, password).await?;
                let joined = self.store.write(move |tx| {
                    Box::pin(async move {
                        if users::by_email(tx, &new.email).await?.is_some() {
                            return Err(known_already());
                        }
                        let user = insert(tx, new, now_ms).await?;
                        let actor = Actor::of_user(&user, Vec::new());
                        join(tx, &hash, &actor, now_ms).await?;
                        sessions::admit(tx, &user, &client, now_ms).await
                    })
                });
                Ok(Joined::New(joined.await?))
            }
        }
    }

    async fn newcomer(
        &self,
        row: &InvitationRow,
        said: &str,
        secret: String,
    ) -> Result<NewUser, Error> {
        {
            let mut tx = self.store.read().await?;
            if users::by_email(&mut tx, &row.email).await?.is_some() {
                return Err(known_already());
            }
        }
        let name = name(said)?;
        password::check(&secret, &row.email)?;
        Ok(NewUser {
            email: row.email.clone(),
            name,
            password: self.people.passwords.hash(secret).await?,
            root: false,
        })
    }
}

/// One that can be accepted now.
async fn open(tx: &mut SqliteConnection, hash: &[u8], now_ms: i64) -> Result<InvitationRow, Error> {
    let found = rows::by_hash(tx, hash).await?;
    let open = |row: &InvitationRow| row.ended_ms.is_none() && now_ms < row.until_ms;
    let ended = || Error::NotFound("no such invitation, or it has ended: ask for a new one".into());
    let row = found.filter(open).ok_or_else(ended)?;
    let inviter = users::by_id(tx, &row.invited_by).await?;
    let may = match inviter.filter(|user| user.disabled_ms.is_none()) {
        Some(inviter) => {
            let grants = workspaces::grants(tx, &inviter.id).await?;
            let inviter = Actor::of_user(&inviter, grants);
            inviter.need_people(&row.workspace).is_ok()
        }
        None => false,
    };
    if may { Ok(row) } else { Err(ended()) }
}

async fn join(
    tx: &mut SqliteConnection,
    hash: &[u8],
    actor: &Actor,
    now_ms: i64,
) -> Result<Me, Error> {
    let row = open(tx, hash, now_ms).await?;
    let user: Option<UserRow> = users::by_id(tx, &actor.user).await?;
    let user = user.ok_or(Error::Unauthenticated)?;
    if user.email != row.email {
        let detail = "this invitation is for another e-mail address";
        return Err(Error::conflict(
            detail,
            "sign in with that one, or ask for a new one",
        ));
    }
    let Some(role) = Role::named(&row.role) else {
        return Err(Error::NotFound("no such role any more".into()));
    };
    let here = members::get(tx, &row.workspace, &user.id).await?;
    if here.is_empty() && members::count(tx, &row.workspace).await? >= MEMBERS {
        let detail = format!("a workspace has at most {MEMBERS} members");
        return Err(Error::conflict(detail, "an admin can remove some"));
    }
    give(
        tx,
        &row.workspace,
        &user.id,
        &[(row.env.clone(), role)],
        now_ms,
    )
    .await?;
    staffed(tx, &row.workspace).await?;
    rows::end(tx, &row.id, Some(&user.id), now_ms).await?;
    let entry = entry(
        &row,
        "invitation.accept",
        json!({"role": row.role, "user": user.id}),
    );
    audit::record(tx, actor, now_ms, entry).await?;
    let grants = workspaces::grants(tx, &user.id).await?;
    Ok(Me::of(&user, &Actor::of_user(&user, grants)))
}

fn known_already() -> Error {
    Error::conflict(
        "somebody has an account with this e-mail address",
        "sign in, and accept the invitation then",
    )
}

fn entry<'a>(row: &'a InvitationRow, action: &'a str, detail: Value) -> Entry<'a> {
    Entry {
        workspace: Some(&row.workspace),
        env: Some(row.env.as_str()).filter(|env| !env.is_empty()),
        action,
        object: &row.id,
        detail,
    }
}
