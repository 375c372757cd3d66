//! Releases over a real database file, with a clock that tests move.

mod gray;
mod kept;
mod people;
mod racing;
mod rights;
mod watching;

use std::cell::Cell;

use serde_json::{Value, json};
use skyful::manifest::{Manifest, TrustSet};
use skyful::secret::{Sealed, Secrets};
use tempfile::TempDir;

use super::view::{Detailed, Release};
use super::{Steered, Wanted};
use crate::app::access::{Actor, Grant, Role};
use crate::app::drafts::Expect;
use crate::app::drafts::path::Path;
use crate::app::keys::Keyring;
use crate::app::workspaces::EnvironmentSettings;
use crate::app::{App, Error};
use crate::health::Health;
use crate::store::sqlite::Sqlite;

pub const PROD: (&str, &str) = ("shop", "prod");
const SECRET: &str = "5555555555555555555555555555555555555555555555555555555555555555";
/// A Tuesday noon in UTC.
const NOON: i64 = 1_795_521_600_000;

const DOCUMENT: &str = r#"
skyful: 1
workspace: shop
locales: {default: en, supported: [en]}
module_types: {card: {schema: {type: object}}}
modules: {hero: {type: card, default: {content: {v: 0}}}}
pages: {home: {slots: [{key: top}], default: {modules: {top: [hero]}}}}
pipelines:
  steps: {steps: [{staff: true, hold: 1m}, {share: 1000, hold: 5m}, {share: 5000, hold: 5m}, {share: 10000}]}
  nights: {timezone: UTC, quiet_hours: [{from: "22:00", until: "08:00"}], steps: [{share: 1000, hold: 1h}, {share: 10000}]}
"#;

thread_local! {
    /// Of a test: each has a thread of its own.
    static NOW: Cell<i64> = const { Cell::new(NOON) };
}

fn now() -> i64 {
    NOW.get()
}

pub fn later(secs: i64) {
    NOW.set(NOW.get() + secs * 1_000);
}

/// An origin with a workspace that has something to release.
pub struct Shop {
    pub app: App,
    pub folder: TempDir,
    edits: Cell<i64>,
    /// What edges counted of the newest sequence.
    reported: Cell<i64>,
}

pub fn person(name: &str, role: Role) -> Actor {
    Actor {
        name: format!("user:{name}"),
        user: name.to_owned(),
        grants: vec![Grant {
            workspace: "shop".into(),
            env: None,
            role,
        }],
        root: true,
        session: None,
    }
}

pub fn ada() -> Actor {
    person("ada", Role::Admin)
}

impl Shop {
    pub async fn open() -> Self {
        NOW.set(NOON);
        let folder = tempfile::tempdir().expect("a folder");
        let store = Sqlite::open(&folder.path().join("skyful.sqlite")).await;
        let health = Health::new(Some(SECRET.into())).with_clock(now);
        let app = App::new(store.expect("a database"), now)
            .with_keyring(Keyring::new([[7; 32]]))
            .with_health(health);
        crate::app::testing::known(&app, &ada()).await;
        let made = app.create_workspace(&ada(), "shop", "Shop").await;
        made.expect("a workspace");
        let shop = Self {
            app,
            folder,
            edits: Cell::new(0),
            reported: Cell::new(0),
        };
        shop.environment("prod", false, None).await;
        let done = shop.app.import(&ada(), "shop", None, DOCUMENT).await;
        done.expect("a document");
        shop
    }

    pub async fn environment(&self, key: &str, protected: bool, pipeline: Option<&str>) {
        let settings = EnvironmentSettings {
            name: key.into(),
            protected,
            editors_approve: false,
            pipeline: pipeline.map(str::to_owned),
        };
        let found = self.app.environment(&ada(), "shop", key).await.ok();
        let expect = found.map_or(Expect::Absent, |env| Expect::Version(env.version));
        let put = self
            .app
            .put_environment(&ada(), "shop", key, expect, settings)
            .await;
        put.expect("an environment");
    }

    /// Gives a role, as somebody who administers people does.
    pub async fn member(&self, name: &'static str, role: Role) -> Actor {
        let member = person(name, role);
        crate::app::testing::known(&self.app, &member).await;
        member
    }

    /// Changes what visitors see.
    pub async fn edit(&self) {
        self.edit_as(&ada()).await;
    }

    pub async fn edit_as(&self, who: &Actor) {
        self.edits.set(self.edits.get() + 1);
        let path = Path::parse("modules/hero").expect("a path");
        let found = self.app.object(&ada(), "shop", &path).await.expect("it");
        let body = json!({"type": "card", "default": {"content": {"v": self.edits.get()}}});
        let expect = Expect::Version(found.version);
        let put = self.app.put(who, "shop", &path, expect, body).await;
        put.expect("an edit");
    }

    pub async fn try_release(&self, wanted: Wanted) -> Result<i64, Error> {
        let made = self.app.release(&ada(), PROD, wanted, None).await?;
        Ok(made["id"].as_i64().expect("an id"))
    }

    pub async fn release(&self, wanted: Wanted) -> i64 {
        self.try_release(wanted).await.expect("a release")
    }

    /// Edits, and releases that by a pipeline.
    pub async fn by(&self, pipeline: &str) -> i64 {
        self.edit().await;
        self.release(Wanted {
            pipeline: Some(pipeline.into()),
            ..Wanted::default()
        })
        .await
    }

    pub async fn get(&self, id: i64) -> Detailed {
        self.app
            .release_of(&ada(), PROD, id)
            .await
            .expect("a release")
    }

    pub async fn state(&self, id: i64) -> super::state::State {
        self.get(id).await.release.state
    }

    pub async fn steer(&self, who: &Actor, id: i64, wanted: Steered) -> Result<Release, Error> {
        let how = (None, String::new());
        let done = self.app.steer(who, PROD, id, wanted, how).await?;
        Ok(done.release)
    }

    pub async fn look(&self) {
        self.app.look_at_releases().await.expect("a look");
    }

    /// Looks for a while, every five seconds, with edges reporting.
    pub async fn pass(&self, secs: i64, per_second: u64, errors: f64) {
        for _ in 0..secs / 5 {
            later(5);
            self.report(per_second, errors).await;
            self.look().await;
        }
    }

    /// One edge says what it counted: `errors` is the part of gray that failed.
    pub async fn report(&self, per_second: u64, errors: f64) {
        let live = self.app.live(&ada(), PROD).await.expect("a head");
        let seen = self.reported.get();
        let since = if seen >> 20 == live.sequence {
            seen & 0xf_ffff
        } else {
            0
        };
        let secs = since + 5;
        self.reported.set(live.sequence << 20 | secs);
        let all = per_second * secs as u64;
        let gray = all * live.share as u64 / 10_000;
        let failed = (gray as f64 * errors) as u64;
        self.hear((gray, failed), all - gray).await;
    }

    /// One edge says these counts of the newest sequence: answers and errors of gray, answers of stable.
    pub async fn hear(&self, (gray, failed): (u64, u64), stable: u64) {
        let live = self.app.live(&ada(), PROD).await.expect("a head");
        let body = json!({"workspace": "shop", "env": "prod", "instance": "a", "boot_ms": 1, "at_ms": now(), "tracks": [
            {"sequence": live.sequence, "track": "gray", "requests": gray, "errors": failed, "defaults": 0, "fallbacks": 0},
            {"sequence": live.sequence, "track": "stable", "requests": stable, "errors": 0, "defaults": 0, "fallbacks": 0},
        ]})
        .to_string();
        let secrets = Secrets::parse(SECRET, "shop", "prod").expect("a secret");
        let seal = secrets
            .sealer()
            .expect("one")
            .sign(Sealed::Health, body.as_bytes());
        self.app
            .health
            .take(body.as_bytes(), &seal)
            .expect("a report");
    }

    /// All manifests, opened as an edge does: in order, without gaps, each under the key that is trusted.
    pub async fn manifests(&self) -> Vec<Manifest> {
        let keys = self.app.keys(&ada(), PROD.0, PROD.1).await.expect("keys");
        let trust = TrustSet::parse(&keys.trust).expect("a trust set");
        let mut tx = self.app.store.read().await.expect("a transaction");
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT sequence, envelope FROM manifests WHERE env = 'prod' ORDER BY sequence",
        )
        .fetch_all(&mut *tx)
        .await
        .expect("manifests");
        let sequences: Vec<i64> = rows.iter().map(|row| row.0).collect();
        let expected: Vec<i64> = (1..=rows.len() as i64).collect();
        assert_eq!(sequences, expected);
        let open = |(sequence, envelope): &(i64, Vec<u8>)| {
            let manifest = Manifest::open(envelope, &trust, PROD.0, PROD.1).expect("genuine");
            assert_eq!(manifest.sequence(), *sequence as u64);
            manifest
        };
        rows.iter().map(open).collect()
    }

    /// What was written about all this, and that nothing is missing in it.
    pub async fn audited(&self) -> Vec<String> {
        let mut tx = self.app.store.read().await.expect("a transaction");
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT action FROM audit WHERE action LIKE 'release.%' ORDER BY seq")
                .fetch_all(&mut *tx)
                .await
                .expect("entries");
        rows.into_iter().map(|row| row.0).collect()
    }
}

pub fn kinds(release: &Detailed) -> Vec<&str> {
    release
        .timeline
        .iter()
        .map(|one| one.kind.as_str())
        .collect()
}

pub fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).expect("JSON")
}

/// What is told of why not.
pub fn refused(error: Error) -> String {
    match error {
        Error::Conflict { detail, .. }
        | Error::Moved { detail, .. }
        | Error::Forbidden { detail, .. } => detail,
        Error::Unfit { detail, .. } | Error::Invalid { detail, .. } => detail,
        other => format!("{other:?}"),
    }
}
