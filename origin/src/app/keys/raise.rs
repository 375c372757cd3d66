//! A higher era: above everything that was ever signed in a lower one, by whomever. For a stolen key, and after a restore.

use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use super::rotate::{found, reissue};
use super::{Action, Actor, App, Eras, Error, Keyring, LAST_ERA};
use super::{active, era, record, rows};
use crate::app::people::known;
use crate::failpoint::{self, Point};
use crate::store::StoreError;
use crate::store::sqlite::former;

/// What a new era has to be above, beside all that are known here.
#[derive(Clone, Debug, Default)]
struct Above {
    /// The last era that this key may sign in.
    key: Option<String>,
    era: i64,
    /// The database is a backup: what edges have seen counts, whoever may sign.
    restored: bool,
}

/// How an environment goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    pub era: i64,
    /// What is out was signed again in it. Otherwise edges let the active key not sign there, and another one has to follow it
    /// before anything can be released.
    pub signed: bool,
}

impl App {
    /// Goes on in a higher era: the next one, or the first above what a key may sign. What was signed below it, by
    /// whomever, edges then ignore. Gives the new era; the manifest that is out is signed again in it.
    pub async fn raise_era(
        &self,
        actor: &Actor,
        place: (&str, &str),
        above: Option<&str>,
    ) -> Result<i64, Error> {
        let above = Above {
            key: above.map(str::to_owned),
            ..Above::default()
        };
        Ok(self.raise(actor, place, above).await?.era)
    }

    /// After a restore: above every era that was begun here, and above this one. An era that the active key may not sign in
    /// doesn't hold up the restore; it only holds up releases.
    pub async fn restore_era(
        &self,
        actor: &Actor,
        place: (&str, &str),
        era: i64,
    ) -> Result<Raised, Error> {
        let above = Above {
            key: None,
            era,
            restored: true,
        };
        self.raise(actor, place, above).await
    }

    /// Writes down the era of every environment, for restores that come. Gives those that go on in a lower one than was begun
    /// here: their database was put in place by hand.
    pub async fn keep_eras(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut tx = self.store.read().await?;
        let begun = rows::eras(&mut tx).await?;
        drop(tx);
        let mut lower = Vec::new();
        for (workspace, env, era) in &begun {
            if *era < self.eras.highest(workspace, env)? {
                lower.push((workspace.clone(), env.clone()));
            }
        }
        self.eras.keep(&begun)?;
        self.keep_former_eras().await;
        Ok(lower)
    }

    /// The same of environments that are gone: a restore knows of neither that they were there nor that they went.
    pub(in crate::app) async fn keep_former_eras(&self) {
        let kept = async {
            let mut tx = self.store.read().await?;
            self.eras.keep(&former::eras(&mut tx).await?)
        };
        if let Err(error) = kept.await {
            tracing::error!(%error, "the eras of environments that are gone are not written down");
        }
    }

    async fn raise(
        &self,
        actor: &Actor,
        (workspace, env): (&str, &str),
        above: Above,
    ) -> Result<Raised, Error> {
        actor.need(Action::Administer, workspace, Some(env))?;
        let (keyring, eras, now_ms) = (self.keyring.clone(), self.eras.clone(), self.now_ms());
        let (actor, held) = (actor.clone(), (workspace.to_owned(), env.to_owned()));
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                let what = (Action::Administer, &*held.0, Some(&*held.1));
                let actor = known::still_may(tx, &actor, what, now_ms).await?;
                let place = (&*held.0, &*held.1);
                raise(tx, (&keyring, &eras), &actor, place, &above, now_ms).await
            })
        });
        let raised = raised.await?;
        self.manifests_changed(workspace, env);
        Ok(raised)
    }
}

/// An environment whose name another one had, or was signed for here before a restore, begins above that: edges and stores may
/// remember it, and take nothing lower. Gives the era, if it is not the first.
pub async fn above_former(
    tx: &mut SqliteConnection,
    eras: &Eras,
    (workspace, env): (&str, &str),
) -> Result<Option<i64>, Error> {
    let former = former::get(tx, workspace, Some(env)).await?;
    let former = former.and_then(|former| former.era);
    let begun = Some(eras.highest(workspace, env)?).filter(|era| *era > 0);
    let Some(highest) = former.max(begun) else {
        return Ok(None);
    };
    let wanted = after(highest)?;
    begin(tx, eras, (workspace, env), wanted).await?;
    Ok(Some(wanted))
}

fn after(era: i64) -> Result<i64, Error> {
    let next = era.saturating_add(1);
    if next > LAST_ERA {
        let detail = format!("{LAST_ERA} is the last era that this name can have");
        return Err(Error::conflict(
            detail,
            "take an environment with another name",
        ));
    }
    Ok(next)
}

/// On disk before it counts: a restore of what is here now must not begin the same era again.
async fn begin(
    tx: &mut SqliteConnection,
    eras: &Eras,
    (workspace, env): (&str, &str),
    era: i64,
) -> Result<(), Error> {
    let (eras, begun) = (eras.clone(), (workspace.to_owned(), env.to_owned(), era));
    let kept = tokio::task::spawn_blocking(move || eras.keep(&[begun])).await;
    kept.map_err(|error| StoreError(error.to_string()))??;
    failpoint::reach(Point::EraKept);
    Ok(rows::put_era(tx, workspace, env, era).await?)
}

async fn raise(
    tx: &mut SqliteConnection,
    (keyring, eras): (&Keyring, &Eras),
    actor: &Actor,
    (workspace, env): (&str, &str),
    above: &Above,
    now_ms: i64,
) -> Result<Raised, Error> {
    crate::app::workspaces::existing(tx, workspace, env).await?;
    let all = rows::all(tx, workspace, env).await?;
    let now = era(tx, workspace, env).await?;
    let mut highest = now.max(eras.highest(workspace, env)?).max(above.era);
    if let Some(id) = &above.key {
        highest = highest.max(found(&all, id)?.era_limit);
    }
    let wanted = after(highest)?;
    let signs = all.iter().find(|row| row.state == "active");
    let beyond = signs.filter(|row| row.era_limit < wanted);
    if let Some(row) = beyond.filter(|_| !above.restored) {
        return Err(Error::conflict(
            format!(
                "edges let the active key sign up to era {}, not {wanted}",
                row.era_limit
            ),
            "make a new key, tell edges about it and activate it first",
        ));
    }
    begin(tx, eras, (workspace, env), wanted).await?;
    let issued = match beyond {
        None => reissue(tx, keyring, actor, (workspace, env), now_ms).await?,
        // A wrong master secret shows here too.
        Some(_) => active(tx, keyring, (workspace, env)).await?.and(None),
    };
    let detail = json!({"from": now, "to": wanted, "above": above.key, "sequence": issued});
    record(
        tx,
        actor,
        (workspace, env),
        now_ms,
        ("era.raise", env, detail),
    )
    .await?;
    Ok(Raised {
        era: wanted,
        signed: beyond.is_none(),
    })
}
