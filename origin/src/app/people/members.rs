//! Who is in a workspace, and as what. There is always somebody who looks after it.

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnection;

use super::{PAGE, env_of, look_after, need_env, need_workspace, role};
use crate::app::access::{Action, Actor, Role};
use crate::app::audit::{self, Entry};
use crate::app::drafts::{Expect, Listed};
use crate::app::{App, Error};
use crate::store::sqlite::people::members::{self as rows, MemberRow};
use crate::store::sqlite::people::{self as users, tokens};
use crate::store::sqlite::workspaces;

/// Of one workspace.
pub const MEMBERS: i64 = 1_000;
/// Of one member: one for each environment, and one for all.
pub const ROLES: usize = 33;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Member {
    pub user: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// Shut out by root.
    pub disabled: bool,
    pub roles: Vec<MemberRole>,
    pub version: i64,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct MemberRole {
    pub role: String,
    /// None: all of them.
    pub env: Option<String>,
}

/// A role, and the environment that it is to be held in.
pub type Wanted = (String, Option<String>);

/// Rows in the order of users.
fn people(found: Vec<MemberRow>) -> Vec<Member> {
    let mut people: Vec<Member> = Vec::new();
    for row in found {
        let held = MemberRole {
            env: env_of(&row.env),
            role: row.role,
        };
        match people.last_mut() {
            Some(last) if last.user == row.user => last.roles.push(held),
            _ => people.push(Member {
                user: row.user,
                email: row.email,
                name: row.name,
                disabled: row.disabled_ms.is_some(),
                roles: vec![held],
                version: row.version,
            }),
        }
    }
    people
}

async fn get(tx: &mut SqliteConnection, workspace: &str, user: &str) -> Result<Member, Error> {
    let found = people(rows::get(tx, workspace, user).await?);
    let found = found.into_iter().next();
    found.ok_or_else(|| Error::NotFound(format!("no member `{user}`")))
}

impl App {
    pub async fn members(
        &self,
        actor: &Actor,
        workspace: &str,
        cursor: Option<&str>,
    ) -> Result<Listed<Member>, Error> {
        self.may_look(actor, workspace)?;
        let mut tx = self.store.read().await?;
        need_workspace(&mut tx, workspace).await?;
        let after = cursor.unwrap_or_default();
        let found = rows::list(&mut tx, workspace, after, PAGE + 1).await?;
        let (items, next) = super::page(people(found), |member| member.user.clone());
        Ok(Listed { items, next })
    }

    pub async fn member(
        &self,
        actor: &Actor,
        workspace: &str,
        user: &str,
    ) -> Result<Member, Error> {
        self.may_look(actor, workspace)?;
        let mut tx = self.store.read().await?;
        need_workspace(&mut tx, workspace).await?;
        get(&mut tx, workspace, user).await
    }

    fn may_look(&self, actor: &Actor, workspace: &str) -> Result<(), Error> {
        if actor.root {
            return Ok(());
        }
        actor.need(Action::Read, workspace, None)
    }

    /// Replaces the roles of a member. Whoever isn't one is invited; only root takes in somebody without asking them.
    pub async fn set_member(
        &self,
        actor: &Actor,
        workspace: &str,
        user: &str,
        expect: Expect,
        wanted: Vec<Wanted>,
    ) -> Result<Member, Error> {
        actor.need_people(workspace)?;
        let roles = parsed(wanted)?;
        let (actor, now_ms) = (actor.clone(), self.now_ms());
        let (workspace, user) = (workspace.to_owned(), user.to_owned());
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = look_after(tx, &actor, &workspace, now_ms).await?;
                    let here = people(rows::get(tx, &workspace, &user).await?);
                    newcomer(tx, &actor, &workspace, &user, here.first(), expect).await?;
                    for (env, _) in &roles {
                        need_env(tx, &workspace, env).await?;
                    }
                    rows::remove(tx, &workspace, &user).await?;
                    give(tx, &workspace, &user, &roles, now_ms).await?;
                    staffed(tx, &workspace).await?;
                    let done = get(tx, &workspace, &user).await?;
                    let entry = entry(
                        &workspace,
                        &user,
                        "member.put",
                        json!({"roles": done.roles}),
                    );
                    audit::record(tx, &actor, now_ms, entry).await?;
                    Ok(done)
                })
            })
            .await;
        self.rights_changed();
        done
    }

    pub async fn remove_member(
        &self,
        actor: &Actor,
        workspace: &str,
        user: &str,
        version: i64,
    ) -> Result<(), Error> {
        actor.need_people(workspace)?;
        let (actor, now_ms) = (actor.clone(), self.now_ms());
        let (workspace, user) = (workspace.to_owned(), user.to_owned());
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = look_after(tx, &actor, &workspace, now_ms).await?;
                    let here = get(tx, &workspace, &user).await?;
                    same(&here, version)?;
                    rows::remove(tx, &workspace, &user).await?;
                    staffed(tx, &workspace).await?;
                    // They would let in again if the person came back.
                    tokens::revoke_of_user(tx, &user, Some(&workspace), now_ms).await?;
                    let entry = entry(&workspace, &user, "member.remove", json!({}));
                    Ok(audit::record(tx, &actor, now_ms, entry).await?)
                })
            })
            .await;
        self.rights_changed();
        done
    }
}

/// Whether the change is meant for what is there.
async fn newcomer(
    tx: &mut SqliteConnection,
    actor: &Actor,
    workspace: &str,
    user: &str,
    here: Option<&Member>,
    expect: Expect,
) -> Result<(), Error> {
    match (here, expect) {
        (Some(member), Expect::Version(version)) => same(member, version),
        (Some(_), Expect::Absent) => Err(changed(user)),
        (None, Expect::Absent) if actor.root => {
            if users::by_id(tx, user).await?.is_none() {
                return Err(Error::NotFound(format!("no user `{user}`")));
            }
            if rows::count(tx, workspace).await? >= MEMBERS {
                let detail = format!("a workspace has at most {MEMBERS} members");
                return Err(Error::conflict(detail, "remove some"));
            }
            Ok(())
        }
        (None, _) => Err(Error::NotFound(format!("no member `{user}`"))),
    }
}

fn same(member: &Member, version: i64) -> Result<(), Error> {
    if member.version == version {
        return Ok(());
    }
    Err(changed(&member.user))
}

fn changed(user: &str) -> Error {
    Error::changed(&format!("`{user}`"))
}

fn parsed(wanted: Vec<Wanted>) -> Result<Vec<(String, Role)>, Error> {
    if wanted.is_empty() || wanted.len() > ROLES {
        let wrong = Error::invalid(format!("a member has 1 to {ROLES} roles")).at("/roles");
        return Err(wrong.hint("remove the member instead"));
    }
    let mut roles: Vec<(String, Role)> = Vec::new();
    for (n, (held, env)) in wanted.into_iter().enumerate() {
        let role = role(&held).map_err(|wrong| wrong.at(format!("/roles/{n}/role")))?;
        let env = env.unwrap_or_default();
        if roles.iter().any(|(other, _)| *other == env) {
            let wrong = Error::invalid("there is one role for each environment");
            return Err(wrong.at(format!("/roles/{n}/env")));
        }
        roles.push((env, role));
    }
    Ok(roles)
}

/// Gives roles, in place of those that were held there, under a version that was never there before.
pub(super) async fn give(
    tx: &mut SqliteConnection,
    workspace: &str,
    user: &str,
    roles: &[(String, Role)],
    now_ms: i64,
) -> Result<(), Error> {
    for (env, role) in roles {
        let env = env_of(env);
        workspaces::add_member(tx, workspace, user, env.as_deref(), *role, now_ms).await?;
    }
    // Numbers of the audit log never come back, and each of these changes has one of its own.
    let (seq, _) = crate::store::sqlite::audit::end(tx)
        .await?
        .unwrap_or_default();
    Ok(rows::set_version(tx, workspace, user, seq + 2).await?)
}

/// Takes the change back if it leaves nobody.
pub(super) async fn staffed(tx: &mut SqliteConnection, workspace: &str) -> Result<(), Error> {
    if rows::admins(tx, workspace).await? > 0 {
        return Ok(());
    }
    let detail = "nobody would be left to look after the workspace";
    Err(Error::conflict(
        detail,
        "make somebody else an admin of all environments first",
    ))
}

fn entry<'a>(workspace: &'a str, user: &'a str, action: &'a str, detail: Value) -> Entry<'a> {
    Entry {
        workspace: Some(workspace),
        env: None,
        action,
        object: user,
        detail,
    }
}
