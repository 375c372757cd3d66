//! Edges as they answer, beside what a database knows of their environments. Who asks them, and how long, is not decided here.

use ed25519_dalek::SigningKey;
use serde::Deserialize;
use sqlx::sqlite::SqliteConnection;

use super::Finding;
use crate::app::delivery::settings::Settings;
use crate::app::keys::{self, Keyring};
use crate::store::StoreError;
use crate::store::sqlite::{manifests, targets as rows, workspaces};

/// What was signed reaches an edge sooner, unless something is in the way.
const LATE_MS: i64 = 120_000;

/// Workspace and environment.
pub type Place = (String, String);

/// What is known of an environment without its edges.
pub struct Known {
    pub place: Place,
    /// Of the newest manifest, and when it was signed.
    pub newest: Option<(i64, i64)>,
    /// That signs there, where it opens.
    pub key: Option<SigningKey>,
}

/// An edge that is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub url: String,
    /// Name of the target that it is, and where that is.
    pub target: Option<(String, Place)>,
}

/// What an edge says of itself, as far as it is looked at (`GET /v1/status`).
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    pub workspace: String,
    pub env: String,
    pub release: Option<Shown>,
    pub last_error: Option<Fault>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Shown {
    pub sequence: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Fault {
    pub what: String,
}

#[derive(Clone, Debug)]
pub enum Answer {
    /// Why there was none.
    Silent(String),
    /// Something else answers there.
    Strange,
    Told {
        status: Status,
        /// `/healthz` says that it can answer, and goes on.
        healthy: bool,
        /// Whether it takes what the key of its environment signs. None: that isn't known.
        trusts: Option<bool>,
    },
}

pub async fn known(tx: &mut SqliteConnection, keyring: &Keyring) -> Result<Vec<Known>, StoreError> {
    let mut known = Vec::new();
    for workspace in workspaces::all(tx).await? {
        for env in workspaces::environments(tx, &workspace.key).await? {
            let place = (&*workspace.key, &*env.key);
            let newest = manifests::newest(tx, place.0, place.1).await?;
            // One that doesn't open is told by itself.
            let key = keys::active(tx, keyring, place).await.ok().flatten();
            known.push(Known {
                place: (place.0.to_owned(), place.1.to_owned()),
                newest: newest.map(|row| (row.sequence, row.issued_ms)),
                key,
            });
        }
    }
    Ok(known)
}

/// Edges that are delivered to.
pub async fn targets(tx: &mut SqliteConnection) -> Result<Vec<Edge>, StoreError> {
    let all = rows::all(tx).await?.into_iter();
    let edge = |row: rows::TargetRow| match serde_json::from_str(&row.settings) {
        Ok(Settings::Edge { url }) if row.enabled => Some(Edge {
            url,
            target: Some((row.key, (row.workspace, row.env))),
        }),
        _ => None,
    };
    Ok(all.filter_map(edge).collect())
}

/// Where nothing else is known, edges are compared with each other.
pub fn by_themselves(answers: &[(Edge, Answer)]) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    for (_, answer) in answers {
        let Answer::Told { status, .. } = answer else {
            continue;
        };
        let place = (status.workspace.clone(), status.env.clone());
        let shown = status
            .release
            .as_ref()
            .map(|shown| (shown.sequence, i64::MAX));
        match known.iter_mut().find(|known| known.place == place) {
            Some(known) => known.newest = known.newest.max(shown),
            None => known.push(Known {
                place,
                newest: shown,
                key: None,
            }),
        }
    }
    known
}

/// What is to be said of one edge.
pub fn judge(edge: &Edge, answer: &Answer, known: &[Known], now_ms: i64) -> Finding {
    let name = match &edge.target {
        Some((target, (workspace, env))) => format!("{workspace}/{env}/{target} ({})", edge.url),
        None => edge.url.clone(),
    };
    let (status, healthy, trusts) = match answer {
        Answer::Silent(why) => {
            let what = format!("{name} gives no answer: {why}");
            return Finding::error(what, "is the edge up, and is this its address?");
        }
        Answer::Strange => {
            let what = format!("{name} doesn't answer as an edge of Skyful");
            return Finding::error(what, "name the address that visitors' pages come from");
        }
        Answer::Told {
            status,
            healthy,
            trusts,
        } => (status, *healthy, *trusts),
    };
    let place = (status.workspace.clone(), status.env.clone());
    let here = format!("{}/{}", place.0, place.1);
    if edge
        .target
        .as_ref()
        .is_some_and(|(_, wanted)| *wanted != place)
    {
        let what = format!("{name} serves {here}");
        return Finding::error(what, "change the target's address, or what the edge serves");
    }
    let Some(known) = known.iter().find(|known| known.place == place) else {
        let what = format!("{name} serves {here}, which this origin doesn't have");
        return Finding::error(what, "another origin may release there");
    };
    if trusts == Some(false) {
        return Finding::error(
            format!("{name} doesn't trust the key that signs {here}"),
            "give it the `trust` of `GET …/keys` (SKYFUL_TRUST): docs/delivery.md",
        );
    }
    let fault = status.last_error.as_ref();
    let fault = fault.map_or_else(String::new, |fault| format!(" ({})", fault.what));
    let (shown, newest) = (status.release.as_ref(), known.newest);
    match (shown.map(|shown| shown.sequence), newest) {
        (None, None) => Finding::good(format!("{name} waits for the first release of {here}")),
        (None, Some((newest, signed_ms))) => {
            let what = format!("{name} has nothing of {here} to show, {newest} is out{fault}");
            behind(what, signed_ms, now_ms)
        }
        (Some(shown), newest) if newest.is_none_or(|(newest, _)| shown > newest) => Finding::error(
            format!("{name} shows sequence {shown} of {here}, which was never signed here{fault}"),
            "an older database was put in place (`POST …/raise-era`), or somebody else releases there",
        ),
        (Some(shown), Some((newest, signed_ms))) if shown < newest => {
            let what =
                format!("{name} lags: it shows sequence {shown} of {here}, {newest} is out{fault}");
            behind(what, signed_ms, now_ms)
        }
        (Some(shown), _) if !healthy => Finding::warning(
            format!("{name} shows sequence {shown} of {here}, and says that it is about to end"),
            "somebody stops it, or its /healthz is answered by something else",
        ),
        (Some(shown), _) => Finding::good(format!("{name} shows sequence {shown} of {here}")),
    }
}

fn behind(what: String, signed_ms: i64, now_ms: i64) -> Finding {
    let hint =
        "`skyful release live` says whether it was delivered; a store may take minutes to show it";
    match now_ms.saturating_sub(signed_ms) > LATE_MS {
        true => Finding::error(what, hint),
        false => Finding::warning(what, hint),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn edge(target: Option<&str>) -> Edge {
        let place = ("wallet".to_owned(), "prod".to_owned());
        Edge {
            url: "http://e".into(),
            target: target.map(|name| (name.to_owned(), place)),
        }
    }

    fn told(env: &str, sequence: Option<i64>) -> Answer {
        Answer::Told {
            status: Status {
                workspace: "wallet".into(),
                env: env.into(),
                release: sequence.map(|sequence| Shown { sequence }),
                last_error: None,
            },
            healthy: true,
            trusts: None,
        }
    }

    /// Sequence 5, signed so long ago.
    fn known(age_ms: i64) -> Vec<Known> {
        vec![Known {
            place: ("wallet".into(), "prod".into()),
            newest: Some((5, NOW - age_ms)),
            key: None,
        }]
    }

    fn check(answer: &Answer, level: Level, words: &str) {
        let found = judge(&edge(Some("eu")), answer, &known(LATE_MS + 1), NOW);
        assert_eq!(found.level, level, "{}", found.what);
        assert!(found.what.contains(words), "{}", found.what);
    }

    #[test]
    fn an_edge_is_held_against_what_was_signed() {
        check(
            &told("prod", Some(5)),
            Level::Good,
            "shows sequence 5 of wallet/prod",
        );
        check(
            &told("prod", Some(4)),
            Level::Error,
            "lags: it shows sequence 4",
        );
        check(
            &told("prod", Some(6)),
            Level::Error,
            "was never signed here",
        );
        check(
            &told("prod", None),
            Level::Error,
            "has nothing of wallet/prod to show",
        );
        check(&told("dev", Some(5)), Level::Error, "serves wallet/dev");
        check(
            &Answer::Silent("refused".into()),
            Level::Error,
            "gives no answer: refused",
        );
        check(&Answer::Strange, Level::Error, "doesn't answer as an edge");
    }

    #[test]
    fn what_was_signed_a_moment_ago_may_be_on_its_way() {
        let found = judge(&edge(None), &told("prod", Some(4)), &known(1_000), NOW);
        assert_eq!(found.level, Level::Warning);
        let elsewhere = judge(&edge(None), &told("other", Some(4)), &known(1_000), NOW);
        assert!(elsewhere.what.contains("which this origin doesn't have"));
    }

    #[test]
    fn keys_and_ends_are_told() {
        let Answer::Told { status, .. } = told("prod", Some(5)) else {
            unreachable!("it is told");
        };
        let answer = |healthy, trusts| Answer::Told {
            status: status.clone(),
            healthy,
            trusts,
        };
        check(
            &answer(true, Some(false)),
            Level::Error,
            "doesn't trust the key",
        );
        check(&answer(false, Some(true)), Level::Warning, "about to end");
    }

    #[test]
    fn without_a_database_the_highest_is_what_others_lag_behind() {
        let answers = [
            (edge(None), told("prod", Some(7))),
            (edge(None), told("prod", Some(9))),
            (edge(None), told("dev", None)),
            (edge(None), Answer::Strange),
        ];
        let known = by_themselves(&answers);
        let newest: Vec<_> = known
            .iter()
            .map(|known| known.newest.map(|n| n.0))
            .collect();
        assert_eq!(newest, [Some(9), None]);
        let levels = answers.map(|(edge, answer)| judge(&edge, &answer, &known, NOW).level);
        let expected = [Level::Warning, Level::Good, Level::Good, Level::Error];
        assert_eq!(levels, expected);
    }
}
