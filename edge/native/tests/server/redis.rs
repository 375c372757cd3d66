//! Over a real Redis. Without one these tests say that they are skipped; where `CI` is set they fail.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use skyful_edge::{Ruling, StoreError};
use skyful_native::{Options, Place, Redis, RedisUrl};

use crate::fixture::{ENV, WORKSPACE, keys, objects, release, snapshot, trust, value};
use crate::support::{Folders, Running, SOON, start};

/// A Redis of its own, behind a socket in a folder of its own. It ends with the test.
struct Server {
    process: Child,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Option<Self> {
        let folder = tempfile::TempDir::new().unwrap();
        let process = Self::run(&folder)?;
        Some(Self { process, folder })
    }

    /// None: there is no Redis on this machine, and nobody insists.
    fn run(folder: &tempfile::TempDir) -> Option<Child> {
        let spawned = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(folder.path().join("redis.sock"))
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = match spawned {
            Ok(process) => process,
            Err(error) => {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "redis-server has to be installed here (Debian: redis-server): {error}"
                );
                eprintln!("skipped: no redis-server ({error})");
                return None;
            }
        };
        let log = BufReader::new(process.stdout.take().unwrap());
        let mut lines = log.lines();
        let ready = lines.any(|line| line.unwrap().contains("ready to accept"));
        assert!(ready, "redis-server ended");
        // It goes on writing, and must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Some(process)
    }

    fn url(&self) -> RedisUrl {
        let socket = self.folder.path().join("redis.sock");
        RedisUrl::parse(&format!("redis+unix://{}", socket.display())).unwrap()
    }

    fn client(&self) -> Redis {
        Redis::new(self.url()).unwrap()
    }

    fn options(&self, folders: &Folders) -> Options {
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let place = Place::Redis(self.url());
        let mut options = Options::new(place, listen, WORKSPACE, ENV, trust(1));
        options.state = Some(folders.root.path().join("state"));
        options.recheck_ms = 100;
        options
    }

    fn publish(&self, sequence: u64, text: &str) {
        let snapshot = snapshot(text);
        block_on(async {
            let client = self.client();
            for (key, bytes) in objects(&snapshot) {
                client.put(&key, &bytes).await.unwrap();
            }
            let envelope = release(sequence, &snapshot).sign(1);
            let manifest = value(&envelope, &[]);
            client.put(&keys().manifest(), &manifest).await.unwrap();
        });
    }

    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.arg(name).arg(self.process.id().to_string());
        assert!(kill.status().unwrap().success());
    }

    fn end(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also if it was stopped, or has ended.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(work)
}

/// Asks for a while; gives the slowest answer.
fn slowest(edge: &Running, wanted: &str, during: Duration) -> Duration {
    let (since, mut slowest) = (Instant::now(), Duration::ZERO);
    while since.elapsed() < during {
        let asked = Instant::now();
        let answer = edge.home();
        assert!(answer.body.contains(wanted), "{answer:?}");
        slowest = slowest.max(asked.elapsed());
    }
    slowest
}

#[test]
fn a_published_page_is_answered_and_an_edit_within_two_seconds() {
    let Some(redis) = Server::start() else { return };
    let folders = Folders::new();
    let edge = start(redis.options(&folders));
    assert_eq!(edge.home().status, 503);
    redis.publish(1, "one");
    edge.home_becomes("one in en", SOON);
    redis.publish(2, "two");
    edge.home_becomes("two in en", SOON);
    let lists = edge.get("/v1/pages/lists?unit=u-1");
    assert!(lists.body.contains("two for listed"), "{lists:?}");
}

#[test]
fn what_is_published_over_http_stands_in_redis_for_every_edge() {
    let Some(redis) = Server::start() else { return };
    let folders = [Folders::new(), Folders::new()];
    let [first, second] = [&folders[0], &folders[1]].map(|folders| start(redis.options(folders)));
    let two = snapshot("two");
    for (key, bytes) in objects(&two) {
        let digest = key.rsplit('/').next().unwrap();
        let path = format!("/v1/snapshots/{digest}");
        assert_eq!(first.put(&path, &bytes).status, 201, "{path}");
        assert_eq!(first.put(&path, &bytes).status, 200, "{path}");
    }
    let manifest = value(&release(2, &two).sign(1), &[]);
    let published = first.put("/v1/manifest", &manifest);
    assert_eq!(published.status, 200, "{published:?}");
    assert!(published.body.contains("\"written\":true"), "{published:?}");
    second.home_becomes("two in en", SOON);
    // An older one doesn't get past another edge either.
    let older = value(&release(1, &snapshot("one")).sign(1), &[]);
    assert_eq!(second.put("/v1/manifest", &older).status, 409);
    let same = second.put("/v1/manifest", &manifest);
    assert!(same.body.contains("\"written\":false"), "{same:?}");
}

#[test]
fn a_redis_that_hangs_or_ends_costs_no_page_and_little_time() {
    let Some(mut redis) = Server::start() else {
        return;
    };
    let folders = Folders::new();
    redis.publish(1, "one");
    let edge = start(redis.options(&folders));
    edge.home_becomes("one in en", SOON);
    redis.signal("-STOP");
    let hung = slowest(&edge, "one in en", Duration::from_secs(4));
    // A look that a request makes waits at most for the limit of one read.
    assert!(hung < Duration::from_millis(1_500), "{hung:?}");
    let asked = Instant::now();
    let unheld = edge.get("/v1/pages/lists?unit=u-1");
    assert_eq!(unheld.status, 200, "{unheld:?}");
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
    redis.signal("-CONT");
    redis.publish(2, "two");
    edge.home_becomes("two in en", Duration::from_secs(5));
    redis.end();
    let down = slowest(&edge, "two in en", Duration::from_secs(2));
    assert!(down < Duration::from_millis(500), "{down:?}");
    assert_eq!(edge.get("/healthz").status, 200);
    let status = edge.get("/v1/status").body;
    assert!(status.contains("Redis cannot be reached"), "{status}");
    assert!(!status.contains("redis.sock"), "{status}");
    // A restart while it is down: from the own copy.
    drop(edge);
    let edge = start(redis.options(&folders));
    assert!(edge.home().body.contains("two in en"));
    redis.process = Server::run(&redis.folder).unwrap();
    redis.publish(3, "three");
    edge.home_becomes("three in en", Duration::from_secs(5));
}

#[test]
fn writers_at_once_lose_no_update() {
    let Some(redis) = Server::start() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    const WRITERS: u64 = 16;
    const EACH: u64 = 50;
    let number = |stored: Option<&[u8]>| {
        let text = stored.map_or("0", |bytes| str::from_utf8(bytes).unwrap());
        text.parse::<u64>().unwrap()
    };
    let clients: Vec<Arc<Redis>> = (0..4).map(|_| Arc::new(redis.client())).collect();
    runtime.block_on(async {
        let writers: Vec<_> = (0..WRITERS)
            .map(|at| {
                let client = Arc::clone(&clients[at as usize % clients.len()]);
                tokio::spawn(async move {
                    let mut lost = 0;
                    for _ in 0..EACH {
                        let up =
                            |stored: Option<&[u8]>| Some((number(stored) + 1).to_string().into());
                        let hour = Duration::from_secs(3_600);
                        while let Err(error) = client.update("counter", hour, up).await {
                            assert_eq!(error, StoreError("too many writers at once".into()));
                            lost += 1;
                        }
                    }
                    lost
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let stored = clients[0].get("counter").await.unwrap().unwrap();
        assert_eq!(number(Some(&stored)), WRITERS * EACH);
    });
}

#[test]
fn an_update_may_decline_and_its_value_may_expire() {
    let Some(redis) = Server::start() else { return };
    block_on(async {
        let client = redis.client();
        let soon = Duration::from_millis(50);
        let unless_there = |stored: Option<&[u8]>| match stored {
            Some(_) => None,
            None => Some(b"mine".to_vec()),
        };
        let first = client.update("lease", soon, unless_there).await.unwrap();
        assert_eq!(first.as_deref(), Some(&b"mine"[..]));
        let since = Instant::now();
        while client
            .update("lease", soon, unless_there)
            .await
            .unwrap()
            .is_none()
        {
            assert!(since.elapsed() < Duration::from_secs(5), "it never expires");
        }
        // A manifest never does.
        let write = |_: Option<&[u8]>| Ruling::Write;
        client.replace("kept", b"value", &write).await.unwrap();
        let same = |stored: Option<&[u8]>| {
            assert_eq!(stored, Some(&b"value"[..]));
            Ruling::Same
        };
        assert_eq!(
            client.replace("kept", b"other", &same).await,
            Ok(Ruling::Same)
        );
        assert_eq!(
            client.get("kept").await.unwrap().as_deref(),
            Some(&b"value"[..])
        );
    });
}
