//! Directory, Redis and an edge, all of them real.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use skyful::manifest::TrustSet;
use skyful_native::{Options, Redis, RedisUrl, Server};

use super::desk::{Desk, admin, desk, large, on_a_thread};
use crate::app::delivery::settings::Settings;
use crate::deliver::reach::Reach;
use crate::deliver::redis::RedisTarget;
use crate::deliver::{Ruling, Slot, Target};
use crate::document::now_ms;

/// Long enough for a slow machine; nothing waits for it to pass.
const SOON: Duration = Duration::from_secs(60);

/// Until a target has what it is to get.
pub async fn delivered(desk: &Desk, env: &str, key: &str, sequence: i64) {
    let since = Instant::now();
    while desk.progress(env, key).await.delivered < Some(sequence) {
        assert!(
            since.elapsed() < SOON,
            "{:?}",
            desk.progress(env, key).await
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Until a target was told that it may fall back on it, which comes after the delivery.
pub async fn settled(desk: &Desk, env: &str, key: &str, sequence: i64) {
    let since = Instant::now();
    while desk.progress(env, key).await.settled < Some(sequence) {
        let told = desk.progress(env, key).await;
        assert!(since.elapsed() < SOON, "{told:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// With what delivers, running, while the test runs.
async fn delivering(desk: &Desk, test: impl AsyncFnOnce()) {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(desk.app.clone().deliver(stopped));
    test().await;
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[test]
fn a_directory_gets_what_is_released_and_never_goes_back() {
    on_a_thread(async || {
        let desk = desk(now_ms, &["prod"]).await;
        desk.target("prod", "dir", desk.directory("edge")).await;
        delivering(&desk, async || {
            for n in 1..=3 {
                let sequence = desk.release(&format!("v{n}")).await;
                delivered(&desk, "prod", "dir", sequence).await;
            }
            settled(&desk, "prod", "dir", 3).await;
            assert_eq!(desk.progress("prod", "dir").await.state, "current");
        })
        .await;
        let folder = desk.root().join("edge/s1/wallet/prod");
        assert!(folder.join("settled").exists());
        assert_eq!(std::fs::read_dir(folder.join("o")).unwrap().count(), 4);
        let target =
            crate::deliver::dir::Directory::open(&desk.root().join("edge"), "wallet", "prod");
        never_back(&desk, Arc::new(target)).await;
    });
}

/// An older manifest is refused, whoever comes with it.
async fn never_back(desk: &Desk, target: Arc<dyn Target>) {
    let place = crate::app::delivery::worker::Place {
        workspace: "wallet".into(),
        env: "prod".into(),
        target: String::new(),
    };
    let own = desk.app.own(&place).await.unwrap();
    let mut tx = desk.app.store.read().await.unwrap();
    let older = crate::store::sqlite::manifests::get(&mut tx, "wallet", "prod", 1).await;
    let envelope = older.unwrap().unwrap().envelope;
    let value = skyful::manifest::Value {
        current: &envelope,
        fallback: &[],
    };
    let given = own.open(Slot::Settled, &envelope).unwrap();
    let rule = |stored: Option<&[u8]>| own.ruling(Slot::Manifest, &given, stored);
    let ruling = target
        .replace(Slot::Manifest, &value.join(), &rule)
        .await
        .unwrap();
    assert_eq!(ruling, Ruling::Older(3));
}

/// A Redis of its own on a free port. It ends with the test.
struct RedisServer {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl RedisServer {
    /// None: there is no Redis on this machine, and nobody insists.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let spawned = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--requirepass", "canary-password", "--port"])
            .arg(port.to_string())
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = match spawned {
            Ok(process) => process,
            Err(error) => {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "redis-server has to be here: {error}"
                );
                eprintln!("skipped: no redis-server ({error})");
                return None;
            }
        };
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines.any(|line| line.unwrap().contains("eady to accept"));
        assert!(ready, "redis-server ended");
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            process,
            port,
            _folder: folder,
        })
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

#[test]
fn a_redis_gets_what_is_released_and_never_goes_back() {
    on_a_thread(async || {
        let Some(server) = RedisServer::start() else {
            return;
        };
        let desk = desk(now_ms, &["prod"]).await;
        let url = format!("redis://127.0.0.1:{}/0", server.port);
        let settings = |password: &str| Settings::Redis {
            url: url.clone(),
            user: None,
            password: Some(password.into()),
        };
        desk.target("prod", "redis", settings("wrong")).await;
        let at = ("wallet", "prod", "redis");
        let tried = desk.app.try_target(&admin(), at).await.unwrap();
        assert!(!tried.ok && tried.error.is_some(), "{tried:?}");
        let expect = crate::app::drafts::Expect::Version(desk.version("redis"));
        let actor = admin();
        let put = desk
            .app
            .put_target(&actor, at, expect, (settings("canary-password"), true));
        put.await.unwrap();
        let tried = desk.app.try_target(&admin(), at).await.unwrap();
        assert!(tried.ok && tried.compares == Some(true), "{tried:?}");
        delivering(&desk, async || {
            for n in 1..=3 {
                let sequence = desk.release(&format!("v{n}")).await;
                delivered(&desk, "prod", "redis", sequence).await;
            }
        })
        .await;
        let full = format!("redis://:canary-password@127.0.0.1:{}/0", server.port);
        let redis = Redis::new(RedisUrl::parse(&full).unwrap()).unwrap();
        for key in ["manifest", "settled"] {
            let stored = redis.get(&format!("s1/wallet/prod/{key}")).await.unwrap();
            assert!(stored.is_some(), "{key}");
        }
        let full = RedisUrl::parse(&full).unwrap();
        let target = RedisTarget::new(full, url, ("wallet", "prod"), &Reach::everywhere()).unwrap();
        never_back(&desk, Arc::new(target)).await;
    });
}

#[test]
fn an_edge_shows_a_release_at_once_and_follows_a_rotation_of_keys() {
    on_a_thread(async || {
        let desk = desk(now_ms, &["prod"]).await;
        let actor = admin();
        // Edges are told about both keys, as a person would paste it.
        desk.release("v1").await;
        let new = desk.app.create_key(&actor, "wallet", "prod").await.unwrap();
        let keys = desk.app.keys(&actor, "wallet", "prod").await.unwrap();
        let edge = Edge::start(&desk, &keys.trust).await;
        let url = edge.url.clone();
        desk.target("prod", "edge", Settings::Edge { url: url.clone() })
            .await;
        let tried = desk
            .app
            .try_target(&actor, ("wallet", "prod", "edge"))
            .await
            .unwrap();
        assert!(tried.ok, "{tried:?}");
        delivering(&desk, async || {
            delivered(&desk, "prod", "edge", 1).await;
            let since = Instant::now();
            let second = desk.release("v2").await;
            while !shows(&url, "v2").await {
                assert!(since.elapsed() < SOON);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            eprintln!(
                "visible {} ms after the commit",
                since.elapsed().as_millis()
            );
            delivered(&desk, "prod", "edge", second).await;
            let place = ("wallet", "prod");
            let old = keys.items.iter().find(|key| key.state == "active").unwrap();
            desk.app
                .activate_key(&actor, place, &new.id, false)
                .await
                .unwrap();
            delivered(&desk, "prod", "edge", 3).await;
            // The fallback beside it is still of the old one.
            let early = desk.app.retire_key(&actor, place, &old.id, false).await;
            assert!(early.is_err());
            // This edge has no lag, so what is delivered settles at once.
            let since = Instant::now();
            while desk.progress("prod", "edge").await.settled < Some(3) {
                assert!(since.elapsed() < SOON);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            desk.app.finish_rotations().await.unwrap();
            delivered(&desk, "prod", "edge", 4).await;
            desk.app
                .retire_key(&actor, place, &old.id, false)
                .await
                .unwrap();
            desk.app.finish_rotations().await.unwrap();
            assert_eq!(desk.release("v3").await, 5, "nothing was signed again");
            delivered(&desk, "prod", "edge", 5).await;
        })
        .await;
        assert!(shows(&url, "v3").await);
        edge.end().await;
    });
}

/// Ten thousand plans with `SKYFUL_ALL=1`, a tenth of them otherwise.
#[test]
fn a_large_workspace_is_visible_within_two_seconds() {
    let pages = match std::env::var_os("SKYFUL_ALL") {
        Some(_) => 100,
        None => 10,
    };
    on_a_thread(async || {
        let desk = desk(now_ms, &["prod"]).await;
        desk.release_snapshot("prod", large(pages, "v1")).await;
        let keys = desk.app.keys(&admin(), "wallet", "prod").await.unwrap();
        let edge = Edge::start(&desk, &keys.trust).await;
        let url = edge.url.clone();
        desk.target("prod", "edge", Settings::Edge { url: url.clone() })
            .await;
        delivering(&desk, async || {
            delivered(&desk, "prod", "edge", 1).await;
            // Every page is another one now.
            let next = large(pages, "v2");
            let since = Instant::now();
            desk.release_snapshot("prod", next).await;
            let committed = since.elapsed();
            while !shows(&url, "v2").await {
                assert!(since.elapsed() < SOON);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let visible = since.elapsed();
            eprintln!("{pages} pages: committed after {committed:?}, visible after {visible:?}");
            assert!(visible < Duration::from_secs(2), "{visible:?}");
        })
        .await;
        edge.end().await;
    });
}

/// An edge of its own, with an empty store.
struct Edge {
    url: String,
    end: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Edge {
    async fn start(desk: &Desk, trust: &str) -> Self {
        let trust = TrustSet::parse(trust).unwrap();
        let store = desk.root().join("own-store");
        let listen = "127.0.0.1:0".parse().unwrap();
        let (workspace, env) = ("wallet".to_owned(), "prod".to_owned());
        let mut options = Options::new(store, listen, workspace, env, trust);
        options.state = Some(desk.root().join("state"));
        let server = Server::bind(options).await.unwrap();
        let url = format!("http://{}", server.local_addr());
        let (end, ended) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(server.run(async {
            _ = ended.await;
        }));
        Self { url, end, task }
    }

    async fn end(self) {
        _ = self.end.send(());
        self.task.await.unwrap();
    }
}

/// Whether the page at an edge has this title.
async fn shows(url: &str, title: &str) -> bool {
    let address = format!("{url}/v1/pages/home?unit=u-1");
    let page = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut response = agent.get(address).call().unwrap();
        response.body_mut().read_to_string().unwrap()
    });
    page.await.unwrap().contains(&format!("\"{title}\""))
}
