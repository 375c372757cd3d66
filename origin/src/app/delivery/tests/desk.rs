//! An origin with a workspace, and releases as they are made: snapshot, parts, manifest and head in one transaction.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use skyful::compile::Snapshot;
use skyful::manifest::{Tail, sign};

use super::shim::Shim;
use crate::app::access::{Actor, Grant, Role};
use crate::app::delivery::objects::Version;
use crate::app::delivery::settings::Settings;
use crate::app::delivery::worker::{Place, Worker};
use crate::app::delivery::{Options, Progress};
use crate::app::drafts::Expect;
use crate::app::keys::{self, Keyring};
use crate::app::workspaces::EnvironmentSettings;
use crate::app::{App, Error};
use crate::deliver::Target;
use crate::deliver::reach::Reach;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::manifests::{self, ManifestRow};

pub const START: i64 = 1_790_000_000_000;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(START) };
}

pub fn now() -> i64 {
    NOW.get()
}

pub fn pass(ms: i64) {
    NOW.set(NOW.get() + ms);
}

/// To the worker's next look, at least a step, and never beyond the end. Looks come at random instants.
pub fn pass_to(next_ms: i64, end_ms: i64) {
    const STEP_MS: i64 = 50;
    NOW.set(next_ms.max(now() + STEP_MS).min(end_ms));
}

pub struct Desk {
    pub app: App,
    pub folder: tempfile::TempDir,
    /// Of targets, by key.
    versions: RefCell<BTreeMap<String, i64>>,
}

pub fn admin() -> Actor {
    Actor {
        name: "user:ada".into(),
        user: "ada".into(),
        grants: vec![Grant {
            workspace: "wallet".into(),
            env: None,
            role: Role::Admin,
        }],
        root: true,
        session: None,
    }
}

/// In virtual time, on one thread.
pub fn run(test: impl AsyncFnOnce(Desk)) {
    NOW.set(START);
    on_a_thread(async || test(desk(now, &["prod"]).await).await);
}

pub fn on_a_thread(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test());
    // Requests that hang are nobody's any more.
    runtime.shutdown_background();
}

pub async fn desk(clock: fn() -> i64, envs: &[&str]) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("origin.sqlite")).await;
    let options = Options {
        directories: vec![folder.path().to_owned()],
        reach: Reach::default().with_loopback(),
        ..Options::default()
    };
    let app = App::new(store.unwrap(), clock)
        .with_keyring(Keyring::new([[7; 32]]))
        .with_delivery(options);
    let actor = admin();
    crate::app::testing::known(&app, &actor).await;
    app.create_workspace(&actor, "wallet", "Wallet")
        .await
        .unwrap();
    for env in envs {
        let settings = EnvironmentSettings {
            name: "Env".into(),
            protected: false,
            editors_approve: false,
            pipeline: None,
        };
        let made = app.put_environment(&actor, "wallet", env, Expect::Absent, settings);
        made.await.unwrap();
    }
    Desk {
        app,
        folder,
        versions: RefCell::default(),
    }
}

/// A small workspace: one page shows the title, the other one never changes.
pub fn compiled(title: &str) -> Snapshot {
    let text = format!(
        "{{skyful: 1, workspace: wallet, locales: {{default: en, supported: [en]}},
          module_types: {{text: {{schema: {{type: object, properties: {{title: {{type: string}}}}}}}}}},
          modules: {{hero: {{type: text, default: {{content: {{title: '{title}'}}}}}},
                     foot: {{type: text, default: {{content: {{title: same}}}}}}}},
          pages: {{home: {{slots: [{{key: a}}], default: {{modules: {{a: [hero]}}}}}},
                   about: {{slots: [{{key: a}}], default: {{modules: {{a: [foot]}}}}}}}}}}"
    );
    compile(&text)
}

/// Pages with a hundred plans each, all of which say the title.
pub fn large(pages: usize, title: &str) -> Snapshot {
    let mut all = serde_json::Map::new();
    let mut modules = serde_json::Map::new();
    for page in 0..pages {
        let plan = |n: usize| {
            serde_json::json!({
                "key": format!("p{n}"),
                "audience": {"all": [{"attr": "age", "op": "gte", "value": n},
                                     {"attr": "country", "op": "in", "value": [format!("c{n}"), "CN"]}]},
                "content": {"title": format!("{title} {page} {n}")},
            })
        };
        let name = format!("m{page}");
        modules.insert(
            name.clone(),
            serde_json::json!({
                "type": "text", "default": {"content": {"title": title}},
                "plans": (0..100).map(plan).collect::<Vec<_>>(),
            }),
        );
        let key = match page {
            0 => "home".to_owned(),
            _ => format!("page{page}"),
        };
        all.insert(
            key,
            serde_json::json!({
                "slots": [{"key": "a"}], "default": {"modules": {"a": [name]}},
            }),
        );
    }
    let document = serde_json::json!({
        "skyful": 1, "workspace": "wallet", "locales": {"default": "en", "supported": ["en"]},
        "attributes": {"age": {"type": "integer"}, "country": {"type": "string"}},
        "module_types": {"text": {"schema": {"type": "object", "properties": {"title": {"type": "string"}}}}},
        "modules": modules, "pages": all,
    });
    compile(&document.to_string())
}

fn compile(text: &str) -> Snapshot {
    let read_file = |name: &str| Err(format!("no file {name}"));
    let options = skyful::check::Options {
        now_ms: None,
        read_file: &read_file,
    };
    let checked = skyful::check::check(text.as_bytes(), &options);
    let workspace = checked
        .workspace
        .unwrap_or_else(|| panic!("{:?}", checked.problems));
    skyful::compile::compile(&workspace, &mut |_, _| ()).unwrap()
}

impl Desk {
    pub async fn release(&self, title: &str) -> i64 {
        self.release_in("prod", title).await
    }

    pub async fn release_in(&self, env: &str, title: &str) -> i64 {
        self.release_snapshot(env, compiled(title)).await
    }

    pub async fn release_snapshot(&self, env: &str, snapshot: Snapshot) -> i64 {
        let sequence = self.sign(env, snapshot).await.unwrap();
        self.app.manifests_changed("wallet", env);
        sequence
    }

    async fn sign(&self, env: &str, snapshot: Snapshot) -> Result<i64, Error> {
        let (keyring, env, now_ms) = (self.app.keyring.clone(), env.to_owned(), self.app.now_ms());
        let signed = self.app.store.write(move |tx| {
            Box::pin(async move {
                let place = ("wallet", &*env);
                let digest = snapshot.listing.digest().hex();
                keep(tx, &snapshot, &digest, now_ms).await;
                let key = keys::signer(tx, &keyring, &admin(), place, now_ms).await?;
                let sequence = keys::next_sequence(tx, place.0, place.1).await?;
                let header = sign::full_release(place.0, place.1, sequence, now_ms);
                let tail = Tail {
                    stable: snapshot.listing,
                    gray: None,
                    allow: Vec::new(),
                };
                let row = ManifestRow {
                    sequence: sequence as i64,
                    envelope: sign::sign(header, &tail, &key),
                    stable: digest.clone(),
                    gray: None,
                    issued_ms: now_ms,
                    release: None,
                };
                manifests::add(tx, place.0, place.1, &row).await?;
                Ok::<_, Error>(row.sequence)
            })
        });
        signed.await
    }

    pub async fn target(&self, env: &str, key: &str, settings: Settings) {
        let at = ("wallet", env, key);
        let actor = admin();
        let put = self
            .app
            .put_target(&actor, at, Expect::Absent, (settings, true));
        let made = put.await.unwrap();
        self.versions.borrow_mut().insert(made.key, made.version);
    }

    pub fn directory(&self, name: &str) -> Settings {
        let path = self.folder.path().join(name);
        Settings::Directory {
            path: path.display().to_string(),
        }
    }

    /// A target whose place is the shim.
    pub async fn shimmed(&self, key: &str) {
        self.target("prod", key, self.directory(key)).await;
    }

    pub fn version(&self, key: &str) -> i64 {
        self.versions.borrow()[key]
    }

    pub fn worker(&self, key: &str, shim: &Shim) -> Worker {
        let place = Place {
            workspace: "wallet".into(),
            env: "prod".into(),
            target: key.into(),
        };
        let mut worker = Worker::new(self.app.clone(), place);
        let version = Version {
            settings: self.version(key),
            key: None,
        };
        let target: Arc<dyn Target> = Arc::new(shim.clone());
        worker.memory.target = Some((version, target));
        worker
    }

    pub async fn progress(&self, env: &str, key: &str) -> Progress {
        let delivery = self.app.delivery(&admin(), "wallet", env).await.unwrap();
        let found = delivery
            .targets
            .into_iter()
            .find(|target| target.target == key);
        found.expect("a target")
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Rounds until there is nothing to do at this moment.
    pub async fn settle(&self, worker: &mut Worker) {
        for _ in 0..50 {
            let next_ms = worker.round().await.unwrap().expect("a target");
            if next_ms > now() {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}

async fn keep(
    tx: &mut sqlx::sqlite::SqliteConnection,
    snapshot: &Snapshot,
    digest: &str,
    now_ms: i64,
) {
    let sql = "INSERT INTO snapshots (workspace, digest, revision, document, listing, created_ms)
               VALUES ('wallet', ?1, 1, '', x'', ?2) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(digest).bind(now_ms);
    query.execute(&mut *tx).await.unwrap();
    for (chunk, bytes) in &snapshot.objects {
        let sql = "INSERT INTO chunks (workspace, digest, bytes) VALUES ('wallet', ?1, ?2) ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(chunk.hex()).bind(bytes);
        query.execute(&mut *tx).await.unwrap();
        let sql = "INSERT INTO snapshot_chunks (workspace, snapshot, chunk) VALUES ('wallet', ?1, ?2) ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(digest).bind(chunk.hex());
        query.execute(&mut *tx).await.unwrap();
    }
}
