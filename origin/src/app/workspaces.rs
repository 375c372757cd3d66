//! Workspaces and their environments.

mod deleting;

use serde::Serialize;
use serde_json::json;
use skyful::limits;
use skyful::value::datetime;
use sqlx::sqlite::SqliteConnection;

use super::access::{Action, Actor, Role};
use super::audit::{self, Entry};
use super::drafts::Expect;
use super::keys::{self, Eras};
use super::people::known;
use super::{App, Error};
use crate::store::sqlite::former;
use crate::store::sqlite::workspaces::{self as rows, EnvironmentRow, WorkspaceRow};

/// Of one workspace; each is compiled and released by itself.
const ENVIRONMENTS: usize = 32;
pub const TITLE_BYTES: usize = 200;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Workspace {
    pub key: String,
    pub name: String,
    /// How often its draft was changed.
    pub revision: i64,
    pub version: i64,
    pub created_at: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Environment {
    pub key: String,
    pub name: String,
    /// Somebody else approves a release than who put it together or made a change that is in it.
    pub protected: bool,
    /// Whoever made a change may approve it all the same, unless they put the release together.
    pub editors_approve: bool,
    /// Of releases that name none.
    pub pipeline: Option<String>,
    pub version: i64,
}

/// What an environment is to be.
#[derive(Clone, Debug)]
pub struct EnvironmentSettings {
    pub name: String,
    pub protected: bool,
    pub editors_approve: bool,
    pub pipeline: Option<String>,
}

impl Workspace {
    fn of(row: WorkspaceRow) -> Self {
        Self {
            key: row.key,
            name: row.name,
            revision: row.revision,
            version: row.version,
            created_at: datetime::format(row.created_ms),
        }
    }
}

impl Environment {
    fn of(row: EnvironmentRow) -> Self {
        Self {
            key: row.key,
            name: row.name,
            protected: row.protected,
            editors_approve: row.editors_approve,
            pipeline: row.pipeline,
            version: row.version,
        }
    }
}

impl App {
    /// Those that the caller has a role in.
    pub async fn workspaces(&self, actor: &Actor) -> Result<Vec<Workspace>, Error> {
        let mut tx = self.store.read().await?;
        let all = rows::all(&mut tx).await?;
        let visible = |row: &WorkspaceRow| actor.may(Action::Read, &row.key, None);
        Ok(all.into_iter().filter(visible).map(Workspace::of).collect())
    }

    pub async fn workspace(&self, actor: &Actor, key: &str) -> Result<Workspace, Error> {
        actor.need(Action::Read, key, None)?;
        let mut tx = self.store.read().await?;
        let row = rows::get(&mut tx, key).await?;
        row.map(Workspace::of).ok_or_else(|| gone(key))
    }

    /// Whoever makes a workspace administers it.
    pub async fn create_workspace(
        &self,
        actor: &Actor,
        key: &str,
        name: &str,
    ) -> Result<Workspace, Error> {
        let may = |actor: &Actor| match actor.root {
            true => Ok(()),
            false => Err(Error::Denied("make a workspace")),
        };
        may(actor)?;
        let key = store_name(key).map_err(|wrong| wrong.at("/key"))?;
        let name = title(name).map_err(|wrong| wrong.at("/name"))?;
        let (actor, now_ms) = (actor.clone(), self.now_ms());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = known::now(tx, &actor, now_ms).await?;
                    may(&actor)?;
                    create(tx, &actor, &key, &name, now_ms).await
                })
            })
            .await
    }

    pub async fn rename_workspace(
        &self,
        actor: &Actor,
        key: &str,
        version: i64,
        name: &str,
    ) -> Result<Workspace, Error> {
        actor.need(Action::Administer, key, None)?;
        let name = title(name).map_err(|wrong| wrong.at("/name"))?;
        let (actor, key, now_ms) = (actor.clone(), key.to_owned(), self.now_ms());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let what = (Action::Administer, &*key, None);
                    let actor = known::still_may(tx, &actor, what, now_ms).await?;
                    unchanged(
                        rows::get(tx, &key).await?.map(|row| row.version),
                        version,
                        &key,
                    )?;
                    rows::rename(tx, &key, &name).await?;
                    let entry = entry(&key, None, "workspace.rename", json!({"name": name}));
                    audit::record(tx, &actor, now_ms, entry).await?;
                    let row = rows::get(tx, &key).await?;
                    row.map(Workspace::of).ok_or_else(|| gone(&key))
                })
            })
            .await
    }

    pub async fn environments(
        &self,
        actor: &Actor,
        workspace: &str,
    ) -> Result<Vec<Environment>, Error> {
        actor.need(Action::Read, workspace, None)?;
        let mut tx = self.store.read().await?;
        let all = rows::environments(&mut tx, workspace).await?;
        Ok(all.into_iter().map(Environment::of).collect())
    }

    pub async fn environment(
        &self,
        actor: &Actor,
        workspace: &str,
        env: &str,
    ) -> Result<Environment, Error> {
        actor.need(Action::Read, workspace, None)?;
        let mut tx = self.store.read().await?;
        let row = rows::environment(&mut tx, workspace, env).await?;
        row.map(Environment::of).ok_or_else(|| no_environment(env))
    }

    pub async fn put_environment(
        &self,
        actor: &Actor,
        workspace: &str,
        env: &str,
        expect: Expect,
        settings: EnvironmentSettings,
    ) -> Result<Environment, Error> {
        actor.need(Action::Administer, workspace, None)?;
        let env = store_name(env)?;
        title(&settings.name).map_err(|wrong| wrong.at("/name"))?;
        let (actor, workspace, now_ms) = (actor.clone(), workspace.to_owned(), self.now_ms());
        let eras = self.eras.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let what = (Action::Administer, &*workspace, None);
                    let actor = known::still_may(tx, &actor, what, now_ms).await?;
                    let by = (&actor, &eras, now_ms);
                    put(tx, by, (&workspace, &env), expect, settings).await
                })
            })
            .await
    }
}

pub(super) async fn create(
    tx: &mut SqliteConnection,
    actor: &Actor,
    key: &str,
    name: &str,
    now_ms: i64,
) -> Result<Workspace, Error> {
    if rows::get(tx, key).await?.is_some() {
        let hint = "choose another key";
        return Err(Error::conflict(
            format!("there is a workspace `{key}`"),
            hint,
        ));
    }
    // The draft goes on where one of this name ended: whoever still looks at that can't take this for it.
    let former = former::get(tx, key, None).await?.unwrap_or_default();
    let numbers = (former.number, audit::next(tx).await?);
    rows::create(tx, key, name, numbers, now_ms).await?;
    rows::add_member(tx, key, &actor.user, None, Role::Admin, now_ms).await?;
    let entry = Entry {
        workspace: Some(key),
        env: None,
        action: "workspace.create",
        object: key,
        detail: json!({"name": name}),
    };
    audit::record(tx, actor, now_ms, entry).await?;
    let row = rows::get(tx, key).await?;
    row.map(Workspace::of).ok_or_else(|| gone(key))
}

pub(super) async fn put(
    tx: &mut SqliteConnection,
    (actor, eras, now_ms): (&Actor, &Eras, i64),
    (workspace, env): (&str, &str),
    expect: Expect,
    settings: EnvironmentSettings,
) -> Result<Environment, Error> {
    let all = rows::environments(tx, workspace).await?;
    let current = all.iter().find(|row| row.key == env);
    match (current, expect) {
        (None, Expect::Absent) if all.len() >= ENVIRONMENTS => {
            let detail = format!("a workspace has at most {ENVIRONMENTS} environments");
            return Err(Error::conflict(detail, "delete one that is not used"));
        }
        (None, Expect::Absent) => {}
        (Some(row), Expect::Version(version)) if row.version == version => {}
        (None, Expect::Version(_)) => return Err(no_environment(env)),
        (Some(_), _) => return Err(Error::changed(&format!("environment `{env}`"))),
    }
    let row = EnvironmentRow {
        key: env.to_owned(),
        name: settings.name,
        protected: settings.protected,
        editors_approve: settings.editors_approve,
        pipeline: settings.pipeline,
        version: match current {
            Some(row) => row.version + 1,
            None => audit::next(tx).await?,
        },
        created_ms: current.map_or(now_ms, |row| row.created_ms),
    };
    rows::put_environment(tx, workspace, &row).await?;
    let era = match current {
        Some(_) => None,
        None => keys::above_former(tx, eras, (workspace, env)).await?,
    };
    let entry = Entry {
        workspace: Some(workspace),
        env: Some(env),
        action: "environment.put",
        object: env,
        detail: json!({
            "name": row.name, "protected": row.protected, "editors_approve": row.editors_approve,
            "pipeline": row.pipeline, "era": era,
        }),
    };
    audit::record(tx, actor, now_ms, entry).await?;
    Ok(Environment::of(row))
}

fn entry<'a>(
    workspace: &'a str,
    env: Option<&'a str>,
    action: &'a str,
    detail: serde_json::Value,
) -> Entry<'a> {
    Entry {
        workspace: Some(workspace),
        env,
        action,
        object: env.unwrap_or(workspace),
        detail,
    }
}

/// What is changed is what was seen.
fn unchanged(found: Option<i64>, expected: i64, name: &str) -> Result<(), Error> {
    match found {
        None => Err(Error::NotFound(format!("there is no `{name}`"))),
        Some(version) if version == expected => Ok(()),
        Some(_) => Err(Error::changed(&format!("`{name}`"))),
    }
}

/// An environment has to be there before anything is made in it.
pub async fn existing(tx: &mut SqliteConnection, workspace: &str, env: &str) -> Result<(), Error> {
    let row = rows::environment(tx, workspace, env).await?;
    row.map(drop).ok_or_else(|| no_environment(env))
}

fn gone(key: &str) -> Error {
    Error::NotFound(format!("no workspace `{key}`"))
}

fn no_environment(env: &str) -> Error {
    Error::NotFound(format!("no environment `{env}`"))
}

/// What becomes part of store keys.
pub(super) fn store_name(text: &str) -> Result<String, Error> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=limits::NAME_BYTES).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    let wrong = Error::invalid(format!("`{text}` can't be a name in store keys"));
    Err(wrong.hint(format!("1 to {} of a-z, 0-9 and -", limits::NAME_BYTES)))
}

pub(super) fn title(text: &str) -> Result<String, Error> {
    if text.trim().is_empty() || text.len() > TITLE_BYTES {
        let wrong = Error::invalid(format!("a name has 1 to {TITLE_BYTES} bytes"));
        return Err(wrong);
    }
    Ok(text.to_owned())
}
