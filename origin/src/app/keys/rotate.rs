//! One key after another. A new key is made, edges are told to trust it too, then it is activated: the manifest that is out is
//! signed again under it. Once that has settled it is signed once more, so that the fallback beside it is under the new key
//! too; then nothing that edges read needs the old one, and it is retired.

use serde_json::json;
use skyful::manifest::{Manifest, TrustSet, sign};
use sqlx::sqlite::SqliteConnection;

use super::{Action, Actor, App, Error, KeyRow, Keyring, PublicKey};
use super::{create, last_sequence, next_sequence, record, rows, signer, stored};
use crate::app::people::known;
use crate::failpoint::{self, Point};
use crate::store::sqlite::manifests::{self, ManifestRow};

/// Not retired; more are told of by nobody.
const KEYS: usize = 8;
/// How long a validity lasts before edges warn: the same as for a release.
const VALID_MS: i64 = 90 * 86_400_000;

impl App {
    /// A key that signs nothing yet: edges have to be told first.
    pub async fn create_key(
        &self,
        actor: &Actor,
        workspace: &str,
        env: &str,
    ) -> Result<PublicKey, Error> {
        actor.need(Action::Administer, workspace, Some(env))?;
        let (keyring, now_ms) = (self.keyring.clone(), self.now_ms());
        let (actor, workspace, env) = (actor.clone(), workspace.to_owned(), env.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let what = (Action::Administer, &*workspace, Some(&*env));
                    let actor = known::still_may(tx, &actor, what, now_ms).await?;
                    let place = (&*workspace, &*env);
                    crate::app::workspaces::existing(tx, place.0, place.1).await?;
                    let all = rows::all(tx, place.0, place.1).await?;
                    if all.iter().filter(|row| row.state != "retired").count() >= KEYS {
                        let detail = format!("an environment has at most {KEYS} keys");
                        return Err(Error::conflict(detail, "retire those that are not used"));
                    }
                    let made = create(tx, &keyring, &actor, place, now_ms).await?;
                    Ok(PublicKey::of(&made))
                })
            })
            .await
    }

    /// From now on this key signs; what is out is signed again at once. Held back while a release is under way, whose gates
    /// count what edges report of one sequence, unless it can't wait.
    pub async fn activate_key(
        &self,
        actor: &Actor,
        (workspace, env): (&str, &str),
        id: &str,
        force: bool,
    ) -> Result<PublicKey, Error> {
        actor.need(Action::Administer, workspace, Some(env))?;
        let (keyring, now_ms) = (self.keyring.clone(), self.now_ms());
        let (actor, id) = (actor.clone(), id.to_owned());
        let (held, named) = ((workspace.to_owned(), env.to_owned()), (workspace, env));
        let done = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let what = (Action::Administer, &*held.0, Some(&*held.1));
                    let actor = known::still_may(tx, &actor, what, now_ms).await?;
                    let place = (&*held.0, &*held.1);
                    activate(tx, &keyring, &actor, place, (&id, force), now_ms).await
                })
            })
            .await?;
        self.manifests_changed(named.0, named.1);
        Ok(done)
    }

    /// Forgets the secret half, once no edge needs the public one.
    pub async fn retire_key(
        &self,
        actor: &Actor,
        (workspace, env): (&str, &str),
        id: &str,
        force: bool,
    ) -> Result<PublicKey, Error> {
        actor.need(Action::Administer, workspace, Some(env))?;
        let now_ms = self.now_ms();
        let (actor, id) = (actor.clone(), id.to_owned());
        let (workspace, env) = (workspace.to_owned(), env.to_owned());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let what = (Action::Administer, &*workspace, Some(&*env));
                    let actor = known::still_may(tx, &actor, what, now_ms).await?;
                    retire(tx, &actor, (&workspace, &env), (&id, force), now_ms).await
                })
            })
            .await
    }

    /// The second manifest under a new key, once the first has settled everywhere: then the first is the fallback beside it,
    /// and the old key can go. Waits for releases that are under way and for every target that is switched on.
    pub async fn finish_rotations(&self) -> Result<(), Error> {
        let mut tx = self.store.read().await?;
        let waiting = rows::rotations_to_finish(&mut tx).await?;
        drop(tx);
        for (workspace, env) in waiting {
            let (keyring, now_ms) = (self.keyring.clone(), self.now_ms());
            let held = (workspace.clone(), env.clone());
            let done = self.store.write(move |tx| {
                Box::pin(async move {
                    // Checked again, in the transaction that depends on it.
                    if !rows::rotations_to_finish(tx).await?.contains(&held) {
                        return Ok(());
                    }
                    let place = (&*held.0, &*held.1);
                    let issued =
                        reissue(tx, &keyring, &Actor::system("keys"), place, now_ms).await?;
                    failpoint::reach(Point::KeyReissued);
                    let detail = json!({"sequence": issued});
                    record(
                        tx,
                        &Actor::system("keys"),
                        place,
                        now_ms,
                        ("key.reissue", &held.1, detail),
                    )
                    .await
                })
            });
            // One that can't go on doesn't hold up the others.
            match done.await {
                Ok(()) => self.manifests_changed(&workspace, &env),
                Err(error) => tracing::error!(?error, workspace, env, "a key can't be replaced"),
            }
        }
        Ok(())
    }
}

async fn activate(
    tx: &mut SqliteConnection,
    keyring: &Keyring,
    actor: &Actor,
    (workspace, env): (&str, &str),
    (id, force): (&str, bool),
    now_ms: i64,
) -> Result<PublicKey, Error> {
    let all = rows::all(tx, workspace, env).await?;
    let mut row = found(&all, id)?;
    match &*row.state {
        "active" => return Ok(PublicKey::of(&row)),
        "retired" => {
            let detail = format!("key {id} is retired");
            return Err(Error::conflict(detail, "make a new one"));
        }
        _ => {}
    }
    if !force {
        no_release(tx, workspace, env).await?;
    }
    if let Some(mut before) = all.iter().find(|row| row.state == "active").cloned() {
        before.state = "leaving".into();
        before.version += 1;
        rows::put(tx, workspace, env, &before).await?;
    }
    row.state = "active".into();
    row.version += 1;
    row.activated_ms = Some(now_ms);
    row.from_sequence = Some(stored(last_sequence(tx, workspace, env).await? + 1));
    rows::put(tx, workspace, env, &row).await?;
    failpoint::reach(Point::KeyActivated);
    let issued = reissue(tx, keyring, actor, (workspace, env), now_ms).await?;
    let detail = json!({"sequence": issued, "force": force});
    record(
        tx,
        actor,
        (workspace, env),
        now_ms,
        ("key.activate", id, detail),
    )
    .await?;
    Ok(PublicKey::of(&row))
}

async fn retire(
    tx: &mut SqliteConnection,
    actor: &Actor,
    (workspace, env): (&str, &str),
    (id, force): (&str, bool),
    now_ms: i64,
) -> Result<PublicKey, Error> {
    let all = rows::all(tx, workspace, env).await?;
    let mut row = found(&all, id)?;
    match &*row.state {
        "active" => {
            let hint = "activate another key first";
            return Err(Error::conflict(
                format!("key {id} signs at the moment"),
                hint,
            ));
        }
        "retired" => return Ok(PublicKey::of(&row)),
        "leaving" if !force => replaced(tx, workspace, env, &all).await?,
        _ => {}
    }
    row.state = "retired".into();
    row.sealed = None;
    row.version += 1;
    row.retired_ms = Some(now_ms);
    rows::put(tx, workspace, env, &row).await?;
    failpoint::reach(Point::KeyRetired);
    let detail = json!({"force": force});
    record(
        tx,
        actor,
        (workspace, env),
        now_ms,
        ("key.retire", id, detail),
    )
    .await?;
    Ok(PublicKey::of(&row))
}

/// Signs what is out again, under the active key and the next sequence. `None`: nothing is out.
pub async fn reissue(
    tx: &mut SqliteConnection,
    keyring: &Keyring,
    actor: &Actor,
    (workspace, env): (&str, &str),
    now_ms: i64,
) -> Result<Option<u64>, Error> {
    let Some(newest) = manifests::newest(tx, workspace, env).await? else {
        return Ok(None);
    };
    let damaged = |why: String| {
        let detail = format!(
            "manifest {} of {env} can't be signed again: {why}",
            newest.sequence
        );
        Error::conflict(detail, "release again, which makes a new one")
    };
    // Every key that ever signed here, without a limit: it is our own database.
    let all = rows::all(tx, workspace, env).await?;
    let publics: Vec<&str> = all.iter().map(|row| &*row.public).collect();
    let trust = TrustSet::parse(&publics.join(",")).map_err(|why| damaged(why.to_string()))?;
    let manifest = Manifest::open(&newest.envelope, &trust, workspace, env)
        .map_err(|why| damaged(why.to_string()))?;
    let key = signer(tx, keyring, actor, (workspace, env), now_ms).await?;
    let sequence = next_sequence(tx, workspace, env).await?;
    let mut header = manifest.header.clone();
    header.sequence = sequence;
    header.issued_ms = now_ms;
    header.expires_ms = now_ms.saturating_add(VALID_MS);
    let row = ManifestRow {
        sequence: stored(sequence),
        envelope: sign::sign(header, &manifest.tail(), &key),
        issued_ms: now_ms,
        ..newest
    };
    manifests::add(tx, workspace, env, &row).await?;
    Ok(Some(sequence))
}

/// Whether nothing that targets hold is under a key that leaves: two manifests of the active key went out, the second after
/// the first had settled, so that the fallback beside it is the first.
async fn replaced(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
    all: &[KeyRow],
) -> Result<(), Error> {
    let waits = |why: &str| {
        Error::conflict(
            format!("edges may still need it: {why}"),
            "wait, or say `force` if the key must go at once and edges may lose their fallback",
        )
    };
    if manifests::newest(tx, workspace, env).await?.is_none() {
        return Ok(());
    }
    let active = all.iter().find(|row| row.state == "active");
    let from = active.and_then(|row| row.from_sequence);
    let before = rows::target_before(tx, workspace, env, from.unwrap_or(i64::MAX)).await?;
    match before {
        None => Ok(()),
        Some(target) => Err(waits(&format!(
            "target `{target}` still has, or falls back on, what it signed"
        ))),
    }
}

async fn no_release(tx: &mut SqliteConnection, workspace: &str, env: &str) -> Result<(), Error> {
    match manifests::release_under_way(tx, workspace, env).await? {
        None => Ok(()),
        Some(release) => Err(Error::conflict(
            format!("release {release} is under way, and would be counted from its beginning"),
            "wait until it has ended, or say `force`",
        )),
    }
}

pub(super) fn found(all: &[KeyRow], id: &str) -> Result<KeyRow, Error> {
    let found = all.iter().find(|row| row.id == id).cloned();
    found.ok_or_else(|| Error::NotFound(format!("no key `{id}`")))
}
