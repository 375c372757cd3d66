//! A way back in for whoever forgot their password: root makes a code and hands it over, as with an invitation. It is good once,
//! for a day.

use serde_json::json;
use skyful::value::datetime;

use super::code::{self, Purpose};
use super::sessions::{self, Admitted};
use super::users::{missing, need_root};
use super::{Client, DAY_MS, known, password};
use crate::app::access::Actor;
use crate::app::audit::{self, Entry};
use crate::app::{App, Error};
use crate::store::sqlite::people::{self as rows, UserRow, resets, sessions as kept};

#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Reset {
    /// Shown this once, to be handed over.
    pub code: String,
    pub expires_at: String,
}

impl App {
    /// The password stays until the code is used. A code that was made before is worth nothing from now on.
    pub async fn make_reset(&self, actor: &Actor, user: &str) -> Result<Reset, Error> {
        need_root(actor)?;
        let code = code::random()?;
        let hash = code::hash(Purpose::Reset, &code);
        let (actor, user, now_ms) = (actor.clone(), user.to_owned(), self.now_ms());
        let until_ms = now_ms + DAY_MS;
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = known::now(tx, &actor, now_ms).await?;
                    need_root(&actor)?;
                    if rows::by_id(tx, &user).await?.is_none() {
                        return Err(missing(&user));
                    }
                    resets::put(tx, &user, &hash, until_ms).await?;
                    Ok(audit::record(tx, &actor, now_ms, entry("user.reset", &user)).await?)
                })
            })
            .await?;
        Ok(Reset {
            code,
            expires_at: datetime::format(until_ms),
        })
    }

    /// Gives somebody a new password, ends what they were signed in with, and signs them in.
    pub async fn use_reset(
        &self,
        code: &str,
        new: String,
        client: &Client,
    ) -> Result<Admitted, Error> {
        self.guess(None, client)?;
        let hash = code::hash(Purpose::Reset, code.trim());
        let now_ms = self.now_ms();
        let user = {
            let mut tx = self.store.read().await?;
            owner(&mut tx, &hash, now_ms).await?
        };
        self.people.throttle.right(None, &client.address);
        password::check(&new, &user.email)?;
        let hashed = self.people.passwords.hash(new).await?;
        let client = client.clone();
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let user = owner(tx, &hash, now_ms).await?;
                    resets::remove(tx, &user.id).await?;
                    if !rows::set_password(tx, &user.id, &user.password, &hashed).await? {
                        return Err(ended());
                    }
                    kept::end_all(tx, &user.id).await?;
                    let actor = Actor::of_user(&user, Vec::new());
                    audit::record(tx, &actor, now_ms, entry("user.password", &user.id)).await?;
                    sessions::admit(tx, &user, &client, now_ms).await
                })
            })
            .await;
        self.rights_changed();
        done
    }
}

async fn owner(
    tx: &mut sqlx::sqlite::SqliteConnection,
    hash: &[u8],
    now_ms: i64,
) -> Result<UserRow, Error> {
    let id = resets::owner(tx, hash, now_ms).await?.ok_or_else(ended)?;
    let user = rows::by_id(tx, &id).await?;
    user.filter(|user| user.disabled_ms.is_none())
        .ok_or_else(ended)
}

fn ended() -> Error {
    Error::NotFound("no such code, or it has ended: ask for a new one".into())
}

fn entry<'a>(action: &'a str, user: &'a str) -> Entry<'a> {
    Entry {
        workspace: None,
        env: None,
        action,
        object: user,
        detail: json!({}),
    }
}
