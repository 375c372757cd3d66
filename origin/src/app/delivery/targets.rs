//! Targets of an environment: set up, changed, switched off, tried out. Secrets go in and never come out.

use serde::Serialize;
use serde_json::json;
use skyful::limits;
use skyful::value::datetime;
use sqlx::sqlite::SqliteConnection;

use super::settings::Settings;
use crate::app::access::{Action, Actor};
use crate::app::audit::{self, Entry};
use crate::app::drafts::Expect;
use crate::app::keys::{self, Keyring};
use crate::app::people::known;
use crate::app::{App, Error};
use crate::store::StoreError;
use crate::store::sqlite::deliveries;
use crate::store::sqlite::targets::{self as rows, TargetRow};

/// Of one environment.
const TARGETS: usize = 16;

/// A target as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TargetView {
    pub key: String,
    pub settings: Settings,
    /// Whether a token or password is kept for it.
    pub has_secret: bool,
    pub enabled: bool,
    pub version: i64,
    pub created_at: String,
}

/// What came of trying a target out.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Tried {
    pub ok: bool,
    pub error: Option<String>,
    pub hint: Option<String>,
    /// How long it took.
    pub took_ms: i64,
    /// How long after a manifest was stored there every edge can load what it names.
    pub settle_ms: Option<i64>,
    /// Whether manifests are replaced in one step, so that they never go back.
    pub compares: Option<bool>,
}

type At = (String, String, String);

impl App {
    pub async fn targets(
        &self,
        actor: &Actor,
        workspace: &str,
        env: &str,
    ) -> Result<Vec<TargetView>, Error> {
        actor.need(Action::Administer, workspace, Some(env))?;
        let mut tx = self.store.read().await?;
        crate::app::workspaces::existing(&mut tx, workspace, env).await?;
        let all = rows::of_env(&mut tx, workspace, env).await?;
        all.iter().map(view).collect()
    }

    pub async fn target(
        &self,
        actor: &Actor,
        (workspace, env, key): (&str, &str, &str),
    ) -> Result<TargetView, Error> {
        actor.need(Action::Administer, workspace, Some(env))?;
        let mut tx = self.store.read().await?;
        let row = rows::get(&mut tx, (workspace, env, key)).await?;
        view(&row.ok_or_else(|| missing(key))?)
    }

    /// Sets up a target, or changes it. A secret that is left out stays, as long as it goes to the same place.
    pub async fn put_target(
        &self,
        actor: &Actor,
        (workspace, env, key): (&str, &str, &str),
        expect: Expect,
        (settings, enabled): (Settings, bool),
    ) -> Result<TargetView, Error> {
        actor.need(Action::Administer, workspace, Some(env))?;
        name(key)?;
        settings.check(&self.delivery)?;
        let at = (workspace.to_owned(), env.to_owned(), key.to_owned());
        let (actor, keyring, now_ms) = (actor.clone(), self.keyring.clone(), self.now_ms());
        let done = self.store.write(move |tx| {
            Box::pin(async move {
                let what = (Action::Administer, &*at.0, Some(&*at.1));
                let actor = known::still_may(tx, &actor, what, now_ms).await?;
                let by = (&actor, &keyring, now_ms);
                put(tx, by, &at, expect, (settings, enabled)).await
            })
        });
        let done = done.await?;
        self.manifests_changed(workspace, env);
        Ok(done)
    }

    /// What stands there stays there: edges go on with it.
    pub async fn delete_target(
        &self,
        actor: &Actor,
        (workspace, env, key): (&str, &str, &str),
        version: i64,
    ) -> Result<(), Error> {
        actor.need(Action::Administer, workspace, Some(env))?;
        let at = (workspace.to_owned(), env.to_owned(), key.to_owned());
        let (actor, now_ms) = (actor.clone(), self.now_ms());
        let done = self.store.write(move |tx| {
            Box::pin(async move {
                let what = (Action::Administer, &*at.0, Some(&*at.1));
                let actor = known::still_may(tx, &actor, what, now_ms).await?;
                let at = (&*at.0, &*at.1, &*at.2);
                let row = rows::get(tx, at).await?.ok_or_else(|| missing(at.2))?;
                expected(Some(&row), Expect::Version(version), at.2)?;
                rows::delete(tx, at).await?;
                let detail = json!({"kind": row.kind});
                record(tx, &actor, at, now_ms, ("target.delete", detail)).await
            })
        });
        done.await?;
        self.manifests_changed(workspace, env);
        Ok(())
    }

    /// Reads and writes it, without touching what edges read; and if it works, what waits is delivered now.
    pub async fn try_target(
        &self,
        actor: &Actor,
        (workspace, env, key): (&str, &str, &str),
    ) -> Result<Tried, Error> {
        actor.need(Action::Administer, workspace, Some(env))?;
        let mut tx = self.store.read().await?;
        let row = rows::get(&mut tx, (workspace, env, key)).await?;
        drop(tx);
        let row = row.ok_or_else(|| missing(key))?;
        let since = std::time::Instant::now();
        let tried = async {
            let (_, target) = self.open_target(&row, None).await?;
            target.probe().await?;
            Ok::<_, crate::failure::Failure>(target.traits())
        };
        let tried = tried.await;
        let took_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let (ok, traits, failure) = match tried {
            Ok(traits) => (true, Some(traits), None),
            Err(failure) => (false, None, Some(failure)),
        };
        let at = (workspace.to_owned(), env.to_owned(), key.to_owned());
        let (actor, now_ms) = (actor.clone(), self.now_ms());
        let write = self.store.write(move |tx| {
            Box::pin(async move {
                let what = (Action::Administer, &*at.0, Some(&*at.1));
                let actor = known::still_may(tx, &actor, what, now_ms).await?;
                let at = (&*at.0, &*at.1, &*at.2);
                if ok {
                    deliveries::hurry(tx, at).await?;
                }
                record(tx, &actor, at, now_ms, ("target.check", json!({"ok": ok}))).await
            })
        });
        write.await?;
        self.manifests_changed(workspace, env);
        Ok(Tried {
            ok,
            error: failure.as_ref().map(ToString::to_string),
            hint: failure.and_then(|failure| failure.hint),
            took_ms,
            settle_ms: traits.map(|traits| traits.settle_ms),
            compares: traits.map(|traits| traits.compares),
        })
    }

    /// With their secret.
    pub(super) fn target_settings(&self, row: &TargetRow) -> Result<Settings, Error> {
        let settings = read(row)?;
        let Some(sealed) = &row.sealed else {
            return Ok(settings);
        };
        let secret = self
            .keyring
            .open(secret_place(&row.workspace, &row.env, &row.key), sealed)?;
        Ok(settings.with(String::from_utf8(secret).ok()))
    }
}

async fn put(
    tx: &mut SqliteConnection,
    (actor, keyring, now_ms): (&Actor, &Keyring, i64),
    (workspace, env, key): &At,
    expect: Expect,
    (settings, enabled): (Settings, bool),
) -> Result<TargetView, Error> {
    crate::app::workspaces::existing(tx, workspace, env).await?;
    let at = (&**workspace, &**env, &**key);
    let before = rows::get(tx, at).await?;
    expected(before.as_ref(), expect, key)?;
    if before.is_none() && rows::of_env(tx, workspace, env).await?.len() >= TARGETS {
        let detail = format!("an environment has at most {TARGETS} targets");
        return Err(Error::conflict(detail, "delete one that is not used"));
    }
    let (shown, secret) = settings.part();
    let moved = match &before {
        Some(row) => read(row)? != shown,
        None => true,
    };
    let kept = before.as_ref().and_then(|row| row.sealed.clone());
    let sealed = match secret {
        Some(secret) => Some(keyring.seal(secret_place(workspace, env, key), secret.as_bytes())?),
        // Whoever may change where a secret goes would otherwise get to see it.
        None if moved && (kept.is_some() || shown.needs_secret()) => {
            let wrong = Error::invalid("a new place needs its token or password again");
            return Err(wrong.at("/settings"));
        }
        None => kept,
    };
    let row = TargetRow {
        workspace: workspace.clone(),
        env: env.clone(),
        key: key.clone(),
        kind: shown.kind().to_owned(),
        settings: serde_json::to_string(&shown).unwrap_or_default(),
        sealed,
        enabled,
        version: match &before {
            Some(row) => row.version + 1,
            None => audit::next(tx).await?,
        },
        created_ms: before.as_ref().map_or(now_ms, |row| row.created_ms),
    };
    rows::put(tx, &row).await?;
    if moved {
        deliveries::reset(tx, at).await?;
    } else {
        deliveries::hurry(tx, at).await?;
    }
    // Where it leads is for admins; the log is read by more people.
    let detail = json!({"kind": shown.kind(), "moved": moved, "enabled": enabled});
    record(tx, actor, at, now_ms, ("target.put", detail)).await?;
    view(&row)
}

fn expected(row: Option<&TargetRow>, expect: Expect, key: &str) -> Result<(), Error> {
    match (row, expect) {
        (None, Expect::Absent) => Ok(()),
        (Some(row), Expect::Version(version)) if row.version == version => Ok(()),
        (None, Expect::Version(_)) => Err(missing(key)),
        (Some(_), _) => Err(Error::changed(&format!("target `{key}`"))),
    }
}

fn view(row: &TargetRow) -> Result<TargetView, Error> {
    Ok(TargetView {
        key: row.key.clone(),
        settings: read(row)?,
        has_secret: row.sealed.is_some(),
        enabled: row.enabled,
        version: row.version,
        created_at: datetime::format(row.created_ms),
    })
}

fn read(row: &TargetRow) -> Result<Settings, Error> {
    let read = serde_json::from_str(&row.settings);
    read.map_err(|error| StoreError(format!("settings of target {}: {error}", row.key)).into())
}

/// Where its secret opens.
pub fn secret_place<'a>(workspace: &'a str, env: &'a str, key: &'a str) -> keys::Place<'a> {
    keys::Place {
        kind: "target",
        workspace,
        env,
        id: key,
    }
}

fn missing(key: &str) -> Error {
    Error::NotFound(format!("no target `{key}`"))
}

fn name(key: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=limits::NAME_BYTES).contains(&key.len()) && key.bytes().all(fits) {
        return Ok(());
    }
    let wrong = Error::invalid(format!("`{key}` can't be the key of a target"));
    Err(wrong.hint(format!("1 to {} of a-z, 0-9 and -", limits::NAME_BYTES)))
}

async fn record(
    tx: &mut SqliteConnection,
    actor: &Actor,
    (workspace, env, key): (&str, &str, &str),
    now_ms: i64,
    (action, detail): (&str, serde_json::Value),
) -> Result<(), Error> {
    let entry = Entry {
        workspace: Some(workspace),
        env: Some(env),
        action,
        object: key,
        detail,
    };
    Ok(audit::record(tx, actor, now_ms, entry).await?)
}
