//! What keeps an origin from doing its work, or soon will: read from its database and its files, with a hint for each. Changes
//! nothing.

pub mod edges;

use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::audit::verify;
use super::keys::{Eras, Keyring, sealing};
use crate::store::StoreError;
use crate::store::sqlite::{failed, keys as rows};

/// A manifest that edges complain about soon is signed again by any release: in days.
const OLD_DAYS: i64 = 60;
const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing to do.
    Good,
    /// Will be in the way some day.
    Warning,
    /// Is in the way.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

impl Finding {
    pub fn good(what: impl Into<String>) -> Self {
        Self {
            level: Level::Good,
            what: what.into(),
            hint: None,
        }
    }

    pub fn warning(what: impl Into<String>, hint: &'static str) -> Self {
        Self {
            level: Level::Warning,
            what: what.into(),
            hint: Some(hint),
        }
    }

    pub fn error(what: impl Into<String>, hint: &'static str) -> Self {
        Self {
            level: Level::Error,
            what: what.into(),
            hint: Some(hint),
        }
    }
}

/// Everything that a database tells. It may be in use.
pub async fn examine(
    tx: &mut SqliteConnection,
    (keyring, begun): (&Keyring, &Eras),
    now_ms: i64,
) -> Result<Vec<Finding>, StoreError> {
    let mut found = vec![people(tx).await?];
    found.push(audit(tx, keyring).await?);
    found.extend(told_places(tx).await?);
    found.extend(secrets(tx, keyring).await?);
    found.extend(eras(tx, begun).await?);
    found.extend(environments(tx, now_ms).await?);
    found.extend(deliveries(tx, now_ms).await?);
    Ok(found)
}

async fn people(tx: &mut SqliteConnection) -> Result<Finding, StoreError> {
    let query = sqlx::query_scalar("SELECT count(*) FROM users");
    let users: i64 = query.fetch_one(tx).await.map_err(failed)?;
    Ok(match users {
        0 => Finding::warning(
            "nobody is known yet",
            "the log of `skyful serve` has a code for the first user: docs/people.md",
        ),
        1 => Finding::good("one person is known"),
        users => Finding::good(format!("{users} people are known")),
    })
}

async fn audit(tx: &mut SqliteConnection, keyring: &Keyring) -> Result<Finding, StoreError> {
    let found = verify::verify(tx, &keyring.audit_keys(), None).await?;
    Ok(match found.fault {
        Some(fault) => Finding::error(
            format!("entry {} of the audit log: {}", fault.seq, fault.what),
            "the file was changed by something else than Skyful; compare it with a backup",
        ),
        None => Finding::good(format!("{} entries of the audit log fit", found.entries)),
    })
}

/// Earlier versions wrote the settings of targets into the log, which more people read than may see them. The log is only added
/// to, so that they stay.
async fn told_places(tx: &mut SqliteConnection) -> Result<Option<Finding>, StoreError> {
    let sql = "
        SELECT count(*), coalesce(sum(detail ->> '$.settings.token' IS NOT NULL
            OR detail ->> '$.settings.password' IS NOT NULL
            OR detail ->> '$.settings.url' LIKE '%@%' OR detail ->> '$.settings.api' LIKE '%@%'), 0)
        FROM audit WHERE action = 'target.put' AND detail -> '$.settings' IS NOT NULL";
    let (places, secrets): (i64, i64) = sqlx::query_as(sql).fetch_one(tx).await.map_err(failed)?;
    Ok(match (places, secrets) {
        (0, _) => None,
        (places, 0) => Some(Finding::warning(
            format!(
                "{places} entries of the audit log, of an earlier version, tell where targets are"
            ),
            "they hold addresses and names, no tokens; whoever reads the log of the workspace sees them",
        )),
        (_, secrets) => Some(Finding::warning(
            format!(
                "{secrets} entries of the audit log, of an earlier version, hold secrets of targets"
            ),
            "change these tokens and passwords: the log is only added to, so that they stay in it",
        )),
    })
}

/// Whether every secret can still be used, and with which master secret.
async fn secrets(tx: &mut SqliteConnection, keyring: &Keyring) -> Result<Vec<Finding>, StoreError> {
    let found = sealing(tx, keyring).await?;
    let closed = found.closed.iter().map(|name| {
        Finding::error(
            format!("{name} can't be opened"),
            "is master.key the one that this database was made with?",
        )
    });
    let mut told: Vec<_> = closed.collect();
    if found.needs_older() {
        told.push(Finding::warning(
            format!(
                "an older master secret is still needed, for {} of {} secrets and the end of the audit log",
                found.older,
                found.newest + found.older
            ),
            "start the origin with both: it seals them anew, and then the older one may go",
        ));
    }
    match found.newest + found.older {
        0 => {}
        open => told.push(Finding::good(format!("secrets that open: {open}"))),
    }
    Ok(told)
}

/// Whether what is signed next is above what edges have seen, and theirs to take.
async fn eras(tx: &mut SqliteConnection, begun: &Eras) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (workspace, env, era) in rows::eras(tx).await? {
        let highest = begun.highest(&workspace, &env)?;
        if era < highest {
            found.push(Finding::error(
                format!("{workspace}/{env} is in era {era}, and {highest} was begun here"),
                "an older database was put in place by hand: `POST …/raise-era`",
            ));
        }
        let all = rows::all(tx, &workspace, &env).await?;
        let active = all.iter().find(|row| row.state == "active");
        if active.is_some_and(|row| row.era_limit < era) {
            found.push(Finding::error(
                format!("edges let the active key of {workspace}/{env} not sign in era {era}"),
                "make a new key, tell edges about it and activate it: docs/delivery.md",
            ));
        }
    }
    Ok(found)
}

async fn environments(tx: &mut SqliteConnection, now_ms: i64) -> Result<Vec<Finding>, StoreError> {
    let sql = "
        SELECT workspace, env, max(sequence) AS sequence, max(issued_ms) AS issued_ms,
            (SELECT count(*) FROM targets WHERE targets.workspace = manifests.workspace
                AND targets.env = manifests.env AND enabled = 1) AS targets
        FROM manifests GROUP BY workspace, env ORDER BY workspace, env";
    let rows = sqlx::query(sql).fetch_all(tx).await.map_err(failed)?;
    let finding = |row: &SqliteRow| -> Result<Finding, sqlx::Error> {
        let (workspace, env): (String, String) = (row.try_get("workspace")?, row.try_get("env")?);
        let (sequence, issued_ms): (i64, i64) =
            (row.try_get("sequence")?, row.try_get("issued_ms")?);
        let days = now_ms.saturating_sub(issued_ms) / DAY_MS;
        let place = format!("{workspace}/{env}");
        if row.try_get::<i64, _>("targets")? == 0 {
            return Ok(Finding::warning(
                format!("{place} is released and has nowhere to go"),
                "add a target: docs/delivery.md",
            ));
        }
        if days > OLD_DAYS {
            return Ok(Finding::warning(
                format!("manifest {sequence} of {place} was signed {days} days ago"),
                "edges warn after 90 days: release again, or activate a new key",
            ));
        }
        Ok(Finding::good(format!("{place} shows sequence {sequence}")))
    };
    rows.iter()
        .map(finding)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

async fn deliveries(tx: &mut SqliteConnection, now_ms: i64) -> Result<Vec<Finding>, StoreError> {
    let sql = "
        SELECT targets.workspace, targets.env, targets.key, delivered, error, error_ms,
            (SELECT max(sequence) FROM manifests WHERE manifests.workspace = targets.workspace
                AND manifests.env = targets.env) AS wanted
        FROM targets LEFT JOIN deliveries ON deliveries.workspace = targets.workspace
            AND deliveries.env = targets.env AND deliveries.target = targets.key
        WHERE enabled = 1 ORDER BY targets.workspace, targets.env, targets.key";
    let rows = sqlx::query(sql).fetch_all(tx).await.map_err(failed)?;
    let finding = |row: &SqliteRow| -> Result<Finding, sqlx::Error> {
        let name = |name| row.try_get::<String, _>(name);
        let place = format!("{}/{}/{}", name("workspace")?, name("env")?, name("key")?);
        let wanted: Option<i64> = row.try_get("wanted")?;
        let delivered: Option<i64> = row.try_get("delivered")?;
        let error: Option<String> = row.try_get("error")?;
        let error_ms: Option<i64> = row.try_get("error_ms")?;
        Ok(match (wanted, error) {
            (None, _) => Finding::good(format!("{place} waits for a first release")),
            (wanted, _) if delivered >= wanted => {
                Finding::good(format!("{place} has sequence {}", delivered.unwrap_or(0)))
            }
            (wanted, error) => {
                let error = error.unwrap_or_else(|| "not tried yet".into());
                let since = error_ms.map_or(0, |at| now_ms.saturating_sub(at) / 1_000);
                let wanted = wanted.unwrap_or(0);
                Finding::error(
                    format!("{place} lacks sequence {wanted}: {error} ({since} s ago)"),
                    "`POST …/targets/{target}/check` tries it now",
                )
            }
        })
    };
    rows.iter()
        .map(finding)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::audit::{self, Entry};
    use crate::app::testing::{NOW, workspace};
    use serde_json::{Value, json};

    async fn told(detail: Value) -> Vec<String> {
        let (_folder, app, ada) = workspace().await;
        let put = app.store.write(move |tx| {
            Box::pin(async move {
                let entry = Entry {
                    workspace: Some("wallet"),
                    env: Some("prod"),
                    action: "target.put",
                    object: "eu",
                    detail,
                };
                audit::record(tx, &ada, NOW, entry).await
            })
        });
        put.await.unwrap();
        let mut tx = app.store.read().await.unwrap();
        let found = examine(&mut tx, (&app.keyring, &Eras::default()), NOW)
            .await
            .unwrap();
        let warned = found
            .into_iter()
            .filter(|finding| finding.level == Level::Warning);
        let about = warned.filter(|finding| finding.what.contains("of an earlier version"));
        about
            .map(|finding| format!("{}; {}", finding.what, finding.hint.unwrap_or_default()))
            .collect()
    }

    #[tokio::test]
    async fn settings_that_stand_in_the_log_are_told_and_secrets_are_to_be_changed() {
        let now = json!({"kind": "edge", "moved": true, "enabled": true});
        assert!(told(now).await.is_empty());
        let place = json!({"settings": {"kind": "edge", "url": "https://edge.example"}});
        let place = told(place).await;
        assert!(
            matches!(&place[..], [one] if one.contains("where targets are")),
            "{place:?}"
        );
        for secret in [
            json!({"settings": {"kind": "redis", "url": "redis://:pw@redis.example"}}),
            json!({"settings": {"kind": "redis", "url": "redis://redis.example", "password": "pw"}}),
            json!({"settings": {"kind": "fastly_kv", "store": "s", "token": "t"}}),
        ] {
            let secret = told(secret).await;
            assert!(
                matches!(&secret[..], [one] if one.contains("change these")),
                "{secret:?}"
            );
        }
    }
}
