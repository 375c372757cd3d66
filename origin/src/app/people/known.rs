//! Who asks: a session or a token becomes somebody, with what they may do at this moment. Read at each request, so that
//! whoever is shut out is out at once.

use sqlx::sqlite::SqliteConnection;

use super::code::{self, Purpose};
use super::sessions::IDLE_MS;
use crate::app::access::{Action, Actor, Grant, Role, allows};
use crate::app::{App, Error};
use crate::store::sqlite::people::sessions::SessionRow;
use crate::store::sqlite::people::tokens::TokenRow;
use crate::store::sqlite::people::{self as rows, sessions, tokens};
use crate::store::sqlite::workspaces;

/// When a session was last seen is written no more often.
const SEEN_MS: i64 = 60_000;
const USED_MS: i64 = 600_000;

/// What came with a request.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    Session(&'a str),
    Token(&'a str),
}

/// What is to be written down about it.
enum Trace {
    Seen(Vec<u8>),
    Used(String),
}

impl App {
    /// None: it lets nobody in, or not any more.
    pub async fn known(&self, shown: Shown<'_>) -> Result<Option<Actor>, Error> {
        let now_ms = self.now_ms();
        let found = match shown {
            Shown::Session(code) => self.by_session(code, now_ms).await?,
            Shown::Token(code) => self.by_token(code, now_ms).await?,
        };
        let Some((actor, trace)) = found else {
            return Ok(None);
        };
        if let Some(trace) = trace {
            self.leave(trace, now_ms).await;
        }
        Ok(Some(actor))
    }

    /// The same person or program as they are now, for answers that last longer than a moment. None: they wouldn't be let in
    /// any more.
    pub async fn still(&self, actor: &Actor) -> Result<Option<Actor>, Error> {
        let now_ms = self.now_ms();
        let mut tx = self.store.read().await?;
        match now(&mut tx, actor, now_ms).await {
            Ok(actor) => Ok(Some(actor)),
            Err(Error::Unauthenticated) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn by_session(
        &self,
        code: &str,
        now_ms: i64,
    ) -> Result<Option<(Actor, Option<Trace>)>, Error> {
        let mut tx = self.store.read().await?;
        let hash = code::hash(Purpose::Session, code);
        let found = sessions::by_hash(&mut tx, &hash).await?;
        let Some(session) = found.filter(|row| alive(row, now_ms)) else {
            return Ok(None);
        };
        let Some(mut actor) = person(&mut tx, &session.user).await? else {
            return Ok(None);
        };
        actor.session = Some(session.id);
        let stale = now_ms - session.seen_ms >= SEEN_MS;
        Ok(Some((actor, stale.then_some(Trace::Seen(hash)))))
    }

    async fn by_token(
        &self,
        code: &str,
        now_ms: i64,
    ) -> Result<Option<(Actor, Option<Trace>)>, Error> {
        let mut tx = self.store.read().await?;
        let hash = code::hash(Purpose::Token, code);
        let Some(token) = tokens::by_hash(&mut tx, &hash).await? else {
            return Ok(None);
        };
        let Some(actor) = program(&mut tx, &token, now_ms).await? else {
            return Ok(None);
        };
        let stale = token.used_ms.is_none_or(|used| now_ms - used >= USED_MS);
        Ok(Some((actor, stale.then_some(Trace::Used(token.id)))))
    }

    /// Nobody is kept out because this could not be written.
    async fn leave(&self, trace: Trace, now_ms: i64) {
        let done: Result<(), Error> = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    match trace {
                        Trace::Seen(hash) => sessions::seen(tx, &hash, now_ms).await?,
                        Trace::Used(id) => tokens::used(tx, &id, now_ms).await?,
                    }
                    Ok(())
                })
            })
            .await;
        if let Err(error) = done {
            tracing::warn!(?error, "when somebody was last seen is not written");
        }
    }
}

/// Whoever asks, with what they may do at this moment: what they could do when they were let in may be another by the time
/// that a transaction has its turn.
pub async fn now(tx: &mut SqliteConnection, actor: &Actor, now_ms: i64) -> Result<Actor, Error> {
    if let Some(id) = &actor.session {
        let session = sessions::by_id(tx, id).await?;
        if !session.is_some_and(|row| alive(&row, now_ms)) {
            return Err(Error::Unauthenticated);
        }
    }
    let found = match actor.name.strip_prefix("token:") {
        Some(id) => match tokens::by_id(tx, id).await? {
            Some(token) => program(tx, &token, now_ms).await?,
            None => None,
        },
        None => person(tx, &actor.user).await?,
    };
    let mut found = found.ok_or(Error::Unauthenticated)?;
    found.session.clone_from(&actor.session);
    Ok(found)
}

/// Whoever changes something, in the transaction that does it, if they may do it still. Somebody with the files of an origin
/// in their hands is nobody's user, and stays who they are.
pub async fn still_may(
    tx: &mut SqliteConnection,
    actor: &Actor,
    (action, workspace, env): (Action, &str, Option<&str>),
    now_ms: i64,
) -> Result<Actor, Error> {
    let actor = match actor.user.is_empty() {
        true => actor.clone(),
        false => now(tx, actor, now_ms).await?,
    };
    actor.need(action, workspace, env)?;
    Ok(actor)
}

pub(super) fn alive(session: &SessionRow, now_ms: i64) -> bool {
    now_ms < session.until_ms && now_ms - session.seen_ms < IDLE_MS
}

async fn person(tx: &mut SqliteConnection, id: &str) -> Result<Option<Actor>, Error> {
    let user = rows::by_id(tx, id).await?;
    let Some(user) = user.filter(|user| user.disabled_ms.is_none()) else {
        return Ok(None);
    };
    let grants = workspaces::grants(tx, &user.id).await?;
    Ok(Some(Actor::of_user(&user, grants)))
}

async fn program(
    tx: &mut SqliteConnection,
    token: &TokenRow,
    now_ms: i64,
) -> Result<Option<Actor>, Error> {
    if token.revoked_ms.is_some() || now_ms >= token.until_ms {
        return Ok(None);
    }
    let (Some(owner), Some(role)) = (person(tx, &token.user).await?, Role::named(&token.role))
    else {
        return Ok(None);
    };
    let env = super::env_of(&token.env);
    Ok(Some(Actor {
        name: format!("token:{}", token.id),
        user: owner.user,
        grants: within(&owner.grants, &token.workspace, env.as_deref(), role),
        root: false,
        session: None,
    }))
}

/// Whether these roles let do all that one would, there. A role in one environment says nothing about all of them.
pub fn covers(held: &[Grant], workspace: &str, env: Option<&str>, role: Role) -> bool {
    Action::ALL.into_iter().all(|action| {
        !allows(role, action)
            || held.iter().any(|grant| {
                grant.workspace == workspace
                    && (grant.env.is_none() || grant.env.as_deref() == env)
                    && allows(grant.role, action)
            })
    })
}

/// What is left of a token's role when its user may do less than that: all roles that are in both.
fn within(held: &[Grant], workspace: &str, env: Option<&str>, role: Role) -> Vec<Grant> {
    let inside = |other: Role| {
        Action::ALL
            .into_iter()
            .all(|action| !allows(other, action) || allows(role, action))
    };
    let roles = Role::ALL.into_iter();
    let roles = roles.filter(|other| inside(*other) && covers(held, workspace, env, *other));
    let grant = |role| Grant {
        workspace: workspace.to_owned(),
        env: env.map(str::to_owned),
        role,
    };
    roles.map(grant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(env: Option<&str>, role: Role) -> Grant {
        Grant {
            workspace: "shop".into(),
            env: env.map(str::to_owned),
            role,
        }
    }

    #[test]
    fn a_role_is_covered_only_where_it_is_held() {
        let dev = [held(Some("dev"), Role::Admin)];
        assert!(covers(&dev, "shop", Some("dev"), Role::Operator));
        for (workspace, env) in [
            ("shop", None),
            ("shop", Some("prod")),
            ("other", Some("dev")),
        ] {
            assert!(
                !covers(&dev, workspace, env, Role::Viewer),
                "{workspace} {env:?}"
            );
        }
        let both = [held(None, Role::Operator), held(None, Role::Approver)];
        assert!(covers(&both, "shop", Some("prod"), Role::Approver));
        assert!(!covers(&both, "shop", Some("prod"), Role::Designer));
    }

    #[test]
    fn a_token_does_no_more_than_its_user_may_now() {
        for role in Role::ALL {
            for now in Role::ALL {
                let grants = within(&[held(None, now)], "shop", None, role);
                for action in Action::ALL {
                    let may = grants.iter().any(|grant| allows(grant.role, action));
                    let both = allows(role, action) && allows(now, action);
                    assert!(!may || both, "{role:?} of {now:?}: {action:?}");
                }
                if role == now {
                    assert!(grants.iter().any(|grant| grant.role == role));
                }
            }
        }
        assert!(within(&[], "shop", None, Role::Admin).is_empty());
    }
}
