//! Signing keys of environments: made when one first signs, sealed at rest, never shown. Edges trust their public halves, each
//! up to an era, so that a stolen key can be outlived: whatever a thief signs is lower than the next era.

mod eras;
mod raise;
mod reseal;
mod rotate;
mod seal;
#[cfg(test)]
mod tests;

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::Serialize;
use serde_json::json;
use skyful::manifest::{self, COUNTER_BITS, era_of};
use skyful::snapshot::Digest;
use skyful::value::datetime;
use sqlx::sqlite::SqliteConnection;

use super::access::{Action, Actor};
use super::audit::{self, Entry};
use super::{App, Error};
use crate::failpoint::{self, Point};
use crate::store::StoreError;
use crate::store::sqlite::keys::{self as rows, KeyRow};

pub use eras::Eras;
pub use raise::{Raised, above_former};
pub use reseal::sealing;
pub use seal::{Keyring, Place};

/// Eras above the present one that edges let a new key sign in: room for restores, which raise the era, before the next key
/// has to be deployed.
const ERAS: i64 = 16;
/// 12 bits of a sequence.
const LAST_ERA: i64 = (1 << 12) - 1;

/// The public half of a key, and how far it is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PublicKey {
    /// As manifests name it.
    pub id: String,
    pub public: String,
    /// `new`: edges are being told about it; `active`: it signs; `leaving`: edges may still hold what it signed; `retired`:
    /// its secret half is gone.
    pub state: String,
    /// The highest era that edges let it sign in.
    pub era_limit: i64,
    pub version: i64,
    pub created_at: String,
    pub activated_at: Option<String>,
    pub retired_at: Option<String>,
}

/// All keys of an environment.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Keys {
    /// The newest first.
    pub items: Vec<PublicKey>,
    /// What edges have to trust, as their setting `trust` takes it.
    pub trust: String,
    /// That the next manifest is in.
    pub era: i64,
}

impl PublicKey {
    fn of(row: &KeyRow) -> Self {
        Self {
            id: row.id.clone(),
            public: row.public.clone(),
            state: row.state.clone(),
            era_limit: row.era_limit,
            version: row.version,
            created_at: datetime::format(row.created_ms),
            activated_at: row.activated_ms.map(datetime::format),
            retired_at: row.retired_ms.map(datetime::format),
        }
    }
}

impl App {
    pub async fn keys(&self, actor: &Actor, workspace: &str, env: &str) -> Result<Keys, Error> {
        actor.need(Action::Read, workspace, Some(env))?;
        let mut tx = self.store.read().await?;
        super::workspaces::existing(&mut tx, workspace, env).await?;
        let all = rows::all(&mut tx, workspace, env).await?;
        Ok(Keys {
            items: all.iter().map(PublicKey::of).collect(),
            trust: trust(&all),
            era: era(&mut tx, workspace, env).await?,
        })
    }
}

/// The key that signs here now; made if there is none yet. The one use of the secret half.
pub async fn signer(
    tx: &mut SqliteConnection,
    keyring: &Keyring,
    actor: &Actor,
    (workspace, env): (&str, &str),
    now_ms: i64,
) -> Result<SigningKey, Error> {
    let all = rows::all(tx, workspace, env).await?;
    if let Some(row) = all.iter().find(|row| row.state == "active") {
        return opened(keyring, workspace, env, row);
    }
    let mut made = create(tx, keyring, actor, (workspace, env), now_ms).await?;
    made.state = "active".into();
    made.activated_ms = Some(now_ms);
    made.from_sequence = Some(stored(last_sequence(tx, workspace, env).await? + 1));
    rows::put(tx, workspace, env, &made).await?;
    opened(keyring, workspace, env, &made)
}

/// The key that signs here now, if there is one.
pub async fn active(
    tx: &mut SqliteConnection,
    keyring: &Keyring,
    (workspace, env): (&str, &str),
) -> Result<Option<SigningKey>, Error> {
    let all = rows::all(tx, workspace, env).await?;
    let active = all.iter().find(|row| row.state == "active");
    active
        .map(|row| opened(keyring, workspace, env, row))
        .transpose()
}

/// What edges have to trust, as text.
pub async fn trusted(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<String, Error> {
    Ok(trust(&rows::all(tx, workspace, env).await?))
}

/// The sequence of the next manifest: one more than the last, or the first of an era that was raised. Refused where edges
/// wouldn't take it from the key that signs.
pub async fn next_sequence(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<u64, Error> {
    let last = last_sequence(tx, workspace, env).await?;
    let era = era(tx, workspace, env).await?;
    let first = (u64::try_from(era).unwrap_or(0) << COUNTER_BITS) + 1;
    let next = first.max(last + 1);
    if era_of(next) != u64::try_from(era).unwrap_or(0) {
        return Err(Error::conflict(
            format!("no sequence is left in era {era}"),
            "an admin raises the era",
        ));
    }
    let all = rows::all(tx, workspace, env).await?;
    let active = all.iter().find(|row| row.state == "active");
    if active.is_some_and(|row| row.era_limit < era) {
        return Err(Error::conflict(
            format!("edges take nothing of era {era} from the active key"),
            "an admin makes a new key, tells edges about it and activates it",
        ));
    }
    Ok(next)
}

/// What edges have to trust: every key whose manifests they may meet, each up to its era.
fn trust(all: &[KeyRow]) -> String {
    let trusted = all.iter().filter(|row| row.state != "retired");
    let trusted = trusted.map(|row| format!("{}:{}", row.public, row.era_limit));
    trusted.collect::<Vec<_>>().join(",")
}

/// That the next manifest is in.
async fn era(tx: &mut SqliteConnection, workspace: &str, env: &str) -> Result<i64, Error> {
    let raised = rows::era(tx, workspace, env).await?.unwrap_or(0);
    let last = last_sequence(tx, workspace, env).await?;
    let last = i64::try_from(era_of(last)).unwrap_or(LAST_ERA);
    Ok(raised.max(last))
}

async fn last_sequence(
    tx: &mut SqliteConnection,
    workspace: &str,
    env: &str,
) -> Result<u64, Error> {
    let last = rows::last_sequence(tx, workspace, env).await?;
    Ok(last.and_then(|last| u64::try_from(last).ok()).unwrap_or(0))
}

/// As a database keeps it. Sequences end long before.
fn stored(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

/// A new key that signs nothing yet.
async fn create(
    tx: &mut SqliteConnection,
    keyring: &Keyring,
    actor: &Actor,
    (workspace, env): (&str, &str),
    now_ms: i64,
) -> Result<KeyRow, Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StoreError(format!("no randomness: {error}")))?;
    let key = SigningKey::from_bytes(&seed);
    let public = key.verifying_key();
    let id = name(&public);
    let sealed = keyring.seal(place(workspace, env, &id), &seed)?;
    let all = rows::all(tx, workspace, env).await?;
    // Above what any key before may sign: once the era is past their limits they are worth nothing.
    let before = all.iter().map(|row| row.era_limit + 1).max().unwrap_or(0);
    let from = era(tx, workspace, env).await?.max(before);
    let row = KeyRow {
        id,
        public: Digest(public.to_bytes()).hex(),
        sealed: Some(sealed),
        state: "new".into(),
        era_limit: (from + ERAS - 1).min(LAST_ERA),
        version: 1,
        created_ms: now_ms,
        activated_ms: None,
        from_sequence: None,
        retired_ms: None,
    };
    rows::put(tx, workspace, env, &row).await?;
    failpoint::reach(Point::KeyMade);
    let detail = json!({"public": row.public, "era_limit": row.era_limit});
    record(
        tx,
        actor,
        (workspace, env),
        now_ms,
        ("key.create", &row.id, detail),
    )
    .await?;
    Ok(row)
}

fn opened(
    keyring: &Keyring,
    workspace: &str,
    env: &str,
    row: &KeyRow,
) -> Result<SigningKey, Error> {
    let damaged = || {
        Error::conflict(
            format!("key {} is damaged in the database", row.id),
            "restore a backup, or make a new key and activate it",
        )
    };
    let sealed = row.sealed.as_deref().ok_or_else(damaged)?;
    let seed = keyring.open(place(workspace, env, &row.id), sealed)?;
    let seed = <[u8; 32]>::try_from(&*seed).map_err(|_| damaged())?;
    let key = SigningKey::from_bytes(&seed);
    if name(&key.verifying_key()) != row.id {
        return Err(damaged());
    }
    Ok(key)
}

fn place<'a>(workspace: &'a str, env: &'a str, id: &'a str) -> Place<'a> {
    Place {
        kind: "signing-key",
        workspace,
        env,
        id,
    }
}

fn name(public: &VerifyingKey) -> String {
    format!("{:016x}", manifest::key_id(public))
}

async fn record(
    tx: &mut SqliteConnection,
    actor: &Actor,
    (workspace, env): (&str, &str),
    now_ms: i64,
    (action, object, detail): (&str, &str, serde_json::Value),
) -> Result<(), Error> {
    let entry = Entry {
        workspace: Some(workspace),
        env: Some(env),
        action,
        object,
        detail,
    };
    Ok(audit::record(tx, actor, now_ms, entry).await?)
}
