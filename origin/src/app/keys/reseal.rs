//! A new master secret takes over: whatever an older one of the keyring sealed is sealed anew, all of it or nothing, so that the
//! older one can go.

use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use super::{Keyring, Place, place, rows};
use crate::app::access::Actor;
use crate::app::audit::{self, Entry};
use crate::app::delivery::targets::secret_place;
use crate::app::{App, Error};
use crate::failpoint::{self, Point};
use crate::store::StoreError;
use crate::store::sqlite::{audit as log, targets, workspaces};

/// How what is sealed in a database stands to a keyring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealing {
    /// Secrets under the first master secret.
    pub newest: usize,
    /// Secrets under another one of the keyring.
    pub older: usize,
    /// What no master secret of the keyring opens.
    pub closed: Vec<String>,
    /// The end of the audit log is under another one than the first.
    pub log_older: bool,
}

impl Sealing {
    /// An older master secret is still needed.
    pub fn needs_older(&self) -> bool {
        self.older > 0 || self.log_older
    }
}

/// A key or a target with something sealed.
enum Holder {
    Key {
        workspace: String,
        env: String,
        row: rows::KeyRow,
    },
    Target(targets::TargetRow),
}

impl Holder {
    fn place(&self) -> Place<'_> {
        match self {
            Self::Key {
                workspace,
                env,
                row,
            } => place(workspace, env, &row.id),
            Self::Target(row) => secret_place(&row.workspace, &row.env, &row.key),
        }
    }

    /// For people.
    fn name(&self) -> String {
        let (what, place) = match self {
            Self::Key { .. } => ("the key", self.place()),
            Self::Target(_) => ("the secret of the target", self.place()),
        };
        format!("{what} {} of {}/{}", place.id, place.workspace, place.env)
    }

    fn sealed(&self) -> &[u8] {
        let sealed = match self {
            Self::Key { row, .. } => &row.sealed,
            Self::Target(row) => &row.sealed,
        };
        sealed.as_deref().unwrap_or_default()
    }

    async fn keep(mut self, tx: &mut SqliteConnection, anew: Vec<u8>) -> Result<(), StoreError> {
        match &mut self {
            Self::Key {
                workspace,
                env,
                row,
            } => {
                row.sealed = Some(anew);
                rows::put(tx, workspace, env, row).await
            }
            Self::Target(row) => {
                row.sealed = Some(anew);
                targets::put(tx, row).await
            }
        }
    }
}

impl App {
    /// Gives how it was before.
    pub async fn reseal(&self) -> Result<Sealing, Error> {
        let (keyring, now_ms) = (self.keyring.clone(), self.now_ms());
        let work = self.store.write(move |tx| {
            Box::pin(async move {
                let (found, older) = look(tx, &keyring).await?;
                for (holder, secret) in older {
                    let anew = keyring.seal(holder.place(), &secret)?;
                    holder.keep(tx, anew).await?;
                    failpoint::reach(Point::SecretResealed);
                }
                if found.needs_older() {
                    record(tx, found.older, now_ms).await?;
                }
                Ok::<_, Error>(found)
            })
        });
        work.await
    }
}

/// Changes nothing.
pub async fn sealing(tx: &mut SqliteConnection, keyring: &Keyring) -> Result<Sealing, StoreError> {
    Ok(look(tx, keyring).await?.0)
}

/// With each secret that is under an older master secret, and where it stands.
async fn look(
    tx: &mut SqliteConnection,
    keyring: &Keyring,
) -> Result<(Sealing, Vec<(Holder, Vec<u8>)>), StoreError> {
    let (mut found, mut older) = (Sealing::default(), Vec::new());
    for holder in holders(tx).await? {
        match keyring.open(holder.place(), holder.sealed()) {
            Ok(_) if keyring.newest_sealed(holder.sealed()) => found.newest += 1,
            Ok(secret) => older.push((holder, secret)),
            Err(_) => found.closed.push(holder.name()),
        }
    }
    found.older = older.len();
    let keys = keyring.audit_keys();
    let newest = keys.first().map_or(&[][..], std::slice::from_ref);
    let head = log::head(tx).await?;
    found.log_older =
        head.is_some_and(|head| log::sealed(&keys, &head) && !log::sealed(newest, &head));
    Ok((found, older))
}

async fn holders(tx: &mut SqliteConnection) -> Result<Vec<Holder>, StoreError> {
    let mut holders = Vec::new();
    for (workspace, env) in workspaces::places(tx).await? {
        let all = rows::all(tx, &workspace, &env).await?;
        let with_secret = all.into_iter().filter(|row| row.sealed.is_some());
        holders.extend(with_secret.map(|row| Holder::Key {
            workspace: workspace.clone(),
            env: env.clone(),
            row,
        }));
    }
    let all = targets::all(tx).await?.into_iter();
    holders.extend(all.filter(|row| row.sealed.is_some()).map(Holder::Target));
    Ok(holders)
}

/// With this, the end of the audit log is under the new secret too.
async fn record(tx: &mut SqliteConnection, anew: usize, now_ms: i64) -> Result<(), StoreError> {
    let entry = Entry {
        workspace: None,
        env: None,
        action: "master.replace",
        object: "master",
        detail: json!({"sealed_anew": anew}),
    };
    audit::record(tx, &Actor::system("keys"), now_ms, entry).await
}
