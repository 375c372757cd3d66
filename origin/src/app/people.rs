//! People: who they are, what lets them in, and what they may do where. Passwords are hashed slowly; sessions, tokens and
//! codes are long and random, so that a quick hash is enough. None of them can be read back.

pub mod code;
pub mod invitations;
pub mod known;
pub mod members;
pub mod password;
pub mod resets;
pub mod sessions;
pub mod setup;
pub mod throttle;
pub mod tokens;
pub mod users;

use std::sync::OnceLock;

use sqlx::sqlite::SqliteConnection;

use super::access::{Action, Actor, Role};
use super::{App, Error};
use crate::store::sqlite::expired::{self, Before};
use crate::store::sqlite::people::UserRow;
use crate::store::sqlite::{people as rows, workspaces};

/// Of one installation.
const USERS: i64 = 10_000;
const EMAIL_BYTES: usize = 254;
pub const NAME_BYTES: usize = 200;
/// Items of one answer.
const PAGE: i64 = 100;
pub const DAY_MS: i64 = 86_400_000;
/// How long invitations and tokens that have ended are still listed.
const KEPT_MS: i64 = 90 * DAY_MS;

/// What is kept in memory about people: what they tried, and how many passwords are looked at.
#[derive(Default)]
pub struct People {
    pub(super) passwords: password::Passwords,
    pub(super) throttle: throttle::Throttle,
    /// Of the first run.
    pub(super) setup: OnceLock<String>,
}

/// Where a request comes from, for the list of one's sessions and against guessing.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub address: String,
    pub agent: String,
}

/// What is to be a new user.
pub(super) struct NewUser {
    email: String,
    name: String,
    /// Hashed.
    password: String,
    root: bool,
}

impl Actor {
    /// Only people make tokens and look after people.
    pub fn person(&self) -> Result<(), Error> {
        if self.name.starts_with("user:") {
            return Ok(());
        }
        Err(Error::NeedsPerson)
    }

    /// Somebody who looks after the people of a workspace: an admin of all of it, or root.
    fn need_people(&self, workspace: &str) -> Result<(), Error> {
        if !self.root {
            self.need(Action::Administer, workspace, None)?;
        }
        self.person()
    }

    pub fn of_user(row: &UserRow, grants: Vec<super::access::Grant>) -> Self {
        Self {
            name: format!("user:{}", row.id),
            user: row.id.clone(),
            grants,
            root: row.root,
            session: None,
        }
    }
}

/// As it is compared: people don't agree on capitals.
fn email(text: &str) -> Result<String, Error> {
    let email = text.trim().to_lowercase();
    let parts: Vec<&str> = email.split('@').collect();
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let fits = matches!(parts[..], [local, domain] if !local.is_empty() && !domain.is_empty());
    if fits && email.len() <= EMAIL_BYTES && !email.contains(odd) {
        return Ok(email);
    }
    let wrong = Error::invalid("this is no e-mail address").at("/email");
    Err(wrong.hint("for example ada@example.com"))
}

fn name(text: &str) -> Result<String, Error> {
    let name = text.trim();
    if name.is_empty() || name.len() > NAME_BYTES || name.contains(char::is_control) {
        let wrong = Error::invalid(format!(
            "a name has 1 to {NAME_BYTES} bytes, without control characters"
        ));
        return Err(wrong.at("/name"));
    }
    Ok(name.to_owned())
}

fn role(text: &str) -> Result<Role, Error> {
    Role::named(text).ok_or_else(|| {
        let names: Vec<_> = Role::ALL.iter().map(|role| role.name()).collect();
        let wrong = Error::invalid(format!("`{text}` is no role")).at("/role");
        wrong.hint(format!("one of {}", names.join(", ")))
    })
}

/// An environment that a role is to be held in.
async fn need_env(tx: &mut SqliteConnection, workspace: &str, env: &str) -> Result<(), Error> {
    if env.is_empty() || workspaces::environment(tx, workspace, env).await?.is_some() {
        return Ok(());
    }
    let wrong = Error::invalid(format!("no environment `{env}`")).at("/env");
    Err(wrong.hint("leave it out for all of them"))
}

/// Somebody who looks after the people of a workspace now, in the transaction that changes something about them.
async fn look_after(
    tx: &mut SqliteConnection,
    actor: &Actor,
    workspace: &str,
    now_ms: i64,
) -> Result<Actor, Error> {
    let actor = known::now(tx, actor, now_ms).await?;
    actor.need_people(workspace)?;
    need_workspace(tx, workspace).await?;
    Ok(actor)
}

async fn need_workspace(tx: &mut SqliteConnection, workspace: &str) -> Result<(), Error> {
    if workspaces::get(tx, workspace).await?.is_some() {
        return Ok(());
    }
    Err(Error::NotFound(format!("no workspace `{workspace}`")))
}

/// Nobody has this e-mail yet.
async fn insert(tx: &mut SqliteConnection, new: NewUser, now_ms: i64) -> Result<UserRow, Error> {
    if rows::count(tx).await? >= USERS {
        let detail = format!("there are at most {USERS} users");
        return Err(Error::conflict(detail, "ask whoever runs this server"));
    }
    let row = UserRow {
        id: code::id("u")?,
        email: new.email,
        name: new.name,
        password: new.password,
        root: new.root,
        disabled_ms: None,
        version: 1,
        created_ms: now_ms,
    };
    rows::insert(tx, &row).await?;
    Ok(row)
}

/// Cuts a list that was read with one more than a page, and says where the next begins.
fn page<T>(mut items: Vec<T>, id: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    if items.len() as i64 <= PAGE {
        return (items, None);
    }
    items.truncate(PAGE as usize);
    let next = items.last().map(id);
    (items, next)
}

fn env_of(env: &str) -> Option<String> {
    Some(env.to_owned()).filter(|env| !env.is_empty())
}

impl App {
    /// Forgets sessions, codes, invitations, tokens and answers that have ended, and are past the time for which people may want
    /// to see how. Gives how many.
    pub async fn forget_ended(&self) -> Result<u64, Error> {
        let now_ms = self.now_ms();
        let before = Before {
            now_ms,
            idle_ms: now_ms - sessions::IDLE_MS,
            kept_ms: now_ms - KEPT_MS,
            answers_ms: now_ms - super::releases::ONCE_MS,
        };
        let done = self
            .store
            .write(move |tx| Box::pin(async move { expired::remove(tx, before).await }));
        Ok(done.await?)
    }

    /// A guess of somebody: counted before it is looked at, so that many at once are no way around.
    fn guess(&self, account: Option<&str>, client: &Client) -> Result<(), Error> {
        let now_ms = self.now_ms();
        self.people.throttle.guess(account, &client.address, now_ms)
    }
}
