//! All users of the installation, for root: who there is, who may make workspaces, and who is shut out.

use serde::Serialize;
use serde_json::json;
use skyful::value::datetime;
use sqlx::sqlite::SqliteConnection;

use super::{PAGE, known, name, page};
use crate::app::access::Actor;
use crate::app::audit::{self, Entry};
use crate::app::drafts::Listed;
use crate::app::{App, Error};
use crate::store::sqlite::people::{self as rows, UserRow, members, resets, sessions, tokens};

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct User {
    pub id: String,
    pub email: String,
    pub name: String,
    /// May make workspaces and look after all people.
    pub root: bool,
    pub disabled: bool,
    pub version: i64,
    pub created_at: String,
}

/// What somebody is to be.
pub struct Wanted {
    pub name: String,
    pub root: bool,
    pub disabled: bool,
}

impl User {
    fn of(row: UserRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            name: row.name,
            root: row.root,
            disabled: row.disabled_ms.is_some(),
            version: row.version,
            created_at: datetime::format(row.created_ms),
        }
    }
}

impl App {
    pub async fn users(&self, actor: &Actor, cursor: Option<&str>) -> Result<Listed<User>, Error> {
        need_root(actor)?;
        let mut tx = self.store.read().await?;
        let found = rows::list(&mut tx, cursor.unwrap_or_default(), PAGE + 1).await?;
        let (items, next) = page(found, |row| row.id.clone());
        let items = items.into_iter().map(User::of).collect();
        Ok(Listed { items, next })
    }

    pub async fn user(&self, actor: &Actor, id: &str) -> Result<User, Error> {
        need_root(actor)?;
        let mut tx = self.store.read().await?;
        let row = rows::by_id(&mut tx, id).await?;
        row.map(User::of).ok_or_else(|| missing(id))
    }

    /// Whoever is shut out is out at once, with all sessions and tokens.
    pub async fn set_user(
        &self,
        actor: &Actor,
        id: &str,
        version: i64,
        wanted: Wanted,
    ) -> Result<User, Error> {
        need_root(actor)?;
        let name = name(&wanted.name)?;
        let (actor, id, now_ms) = (actor.clone(), id.to_owned(), self.now_ms());
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = known::now(tx, &actor, now_ms).await?;
                    need_root(&actor)?;
                    let row = rows::by_id(tx, &id).await?;
                    let mut row = row.ok_or_else(|| missing(&id))?;
                    if row.version != version {
                        return Err(Error::changed(&format!("`{id}`")));
                    }
                    row.name = name;
                    row.root = wanted.root;
                    row.disabled_ms = match (wanted.disabled, row.disabled_ms) {
                        (true, since) => since.or(Some(now_ms)),
                        (false, _) => None,
                    };
                    row.version += 1;
                    rows::update(tx, &row).await?;
                    if wanted.disabled {
                        shut_out(tx, &id, now_ms).await?;
                    }
                    if rows::roots(tx).await? == 0 {
                        let detail = "nobody would be left to look after this server";
                        return Err(Error::conflict(detail, "make somebody else root first"));
                    }
                    let entry = Entry {
                        workspace: None,
                        env: None,
                        action: "user.put",
                        object: &id,
                        detail: json!({"root": wanted.root, "disabled": wanted.disabled}),
                    };
                    audit::record(tx, &actor, now_ms, entry).await?;
                    Ok(User::of(row))
                })
            })
            .await;
        self.rights_changed();
        done
    }
}

async fn shut_out(tx: &mut SqliteConnection, id: &str, now_ms: i64) -> Result<(), Error> {
    let orphans = members::orphans(tx, id).await?;
    if !orphans.is_empty() {
        return Err(Error::Breaks {
            detail:
                "workspaces would be left with nobody to look after them: make somebody else an \
                     admin of each first"
                    .into(),
            what: orphans,
        });
    }
    sessions::end_all(tx, id).await?;
    resets::remove(tx, id).await?;
    tokens::revoke_of_user(tx, id, None, now_ms).await?;
    Ok(())
}

pub(super) fn need_root(actor: &Actor) -> Result<(), Error> {
    if actor.root {
        return actor.person();
    }
    Err(Error::Denied("look after all people"))
}

pub(super) fn missing(id: &str) -> Error {
    Error::NotFound(format!("no user `{id}`"))
}
