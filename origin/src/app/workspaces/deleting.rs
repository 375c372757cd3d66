//! Workspaces and environments that go: only once edges show nothing of them, and remembered by what was signed for them.

use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use super::{entry, rows, unchanged};
use crate::app::access::{Action, Actor};
use crate::app::audit;
use crate::app::people::known;
use crate::app::{App, Error};
use crate::store::sqlite::former;

impl App {
    /// With everything in it, for ever. Refused while something of it is live: edges would go on showing it with nobody to
    /// change it.
    pub async fn delete_workspace(
        &self,
        actor: &Actor,
        key: &str,
        version: i64,
    ) -> Result<(), Error> {
        actor.need(Action::Administer, key, None)?;
        let (actor, key, now_ms) = (actor.clone(), key.to_owned(), self.now_ms());
        let name = key.clone();
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
                    if let Some(env) = rows::live(tx, &key).await?.first() {
                        return Err(still_live(env));
                    }
                    delivered(tx, &key, None).await?;
                    former::remember(tx, &key, None, now_ms).await?;
                    rows::delete(tx, &key).await?;
                    let entry = entry(&key, None, "workspace.delete", json!({}));
                    Ok(audit::record(tx, &actor, now_ms, entry).await?)
                })
            })
            .await?;
        self.compiled.forget(&name);
        self.keep_former_eras().await;
        Ok(())
    }

    pub async fn delete_environment(
        &self,
        actor: &Actor,
        workspace: &str,
        env: &str,
        version: i64,
    ) -> Result<(), Error> {
        actor.need(Action::Administer, workspace, None)?;
        let (actor, workspace, env) = (actor.clone(), workspace.to_owned(), env.to_owned());
        let now_ms = self.now_ms();
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let what = (Action::Administer, &*workspace, None);
                    let actor = known::still_may(tx, &actor, what, now_ms).await?;
                    let row = rows::environment(tx, &workspace, &env).await?;
                    unchanged(row.map(|row| row.version), version, &env)?;
                    if rows::live(tx, &workspace).await?.contains(&env) {
                        return Err(still_live(&env));
                    }
                    delivered(tx, &workspace, Some(&env)).await?;
                    former::remember(tx, &workspace, Some(&env), now_ms).await?;
                    rows::delete_environment(tx, &workspace, &env).await?;
                    let entry = entry(&workspace, Some(&env), "environment.delete", json!({}));
                    Ok::<_, Error>(audit::record(tx, &actor, now_ms, entry).await?)
                })
            })
            .await;
        done?;
        self.keep_former_eras().await;
        Ok(())
    }
}

fn still_live(env: &str) -> Error {
    let detail = format!("edges of `{env}` show what was released there");
    Error::conflict(detail, "switch it to mode `off` first; what is off can go")
}

/// Edges show what stands at their target: with it goes the last way to take that back.
async fn delivered(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: Option<&str>,
) -> Result<(), Error> {
    let Some((env, target)) = rows::undelivered(tx, workspace, env).await? else {
        return Ok(());
    };
    let detail = format!("target `{target}` of `{env}` wasn't told yet that it is off");
    let hint = format!(
        "wait until it was; if it never can be, delete the target `{target}` or switch it off first: its edges go on with \
         what they have"
    );
    Err(Error::conflict(detail, hint))
}
