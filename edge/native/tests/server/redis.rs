//! Over a real Redis. Without one these tests say that they are skipped; where `CI` is set they fail.

use std::cmp::Ordering;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use skyful::compile::Snapshot;
use skyful_edge::Ruling;
use skyful_native::{Options, Place, Redis, RedisUrl};

use crate::fixture::{ENV, WORKSPACE, keys, objects, release, snapshot, trust, value};
use crate::support::{Folders, Running, SOON, start};

/// A Redis of its own, behind a socket in a folder of its own. It ends with the test.
pub struct Server {
    process: Child,
    folder: tempfile::TempDir,
    durable: bool,
}

impl Server {
    pub fn start() -> Option<Self> {
        Self::with(false)
    }

    /// Answers when what was written is on disk.
    pub fn durable() -> Option<Self> {
        Self::with(true)
    }

    fn with(durable: bool) -> Option<Self> {
        let folder = tempfile::TempDir::new().unwrap();
        let process = Self::run(&folder, durable)?;
        Some(Self {
            process,
            folder,
            durable,
        })
    }

    /// None: there is no Redis on this machine, and nobody insists.
    fn run(folder: &tempfile::TempDir, durable: bool) -> Option<Child> {
        let appendonly = if durable { "yes" } else { "no" };
        let spawned = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", appendonly])
            .args(["--appendfsync", "always"])
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

    pub fn options(&self, folders: &Folders) -> Options {
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let place = Place::Redis(self.url());
        let mut options = Options::new(place, listen, WORKSPACE, ENV, trust(1));
        options.state = Some(folders.root.path().join("state"));
        options.recheck_ms = 100;
        options
    }

    fn publish(&self, sequence: u64, text: &str) {
        self.put(sequence, &snapshot(text));
    }

    pub fn put(&self, sequence: u64, snapshot: &Snapshot) {
        block_on(async {
            let client = self.client();
            for (key, bytes) in objects(snapshot) {
                client.put(&key, &bytes).await.unwrap();
            }
            let envelope = release(sequence, snapshot).sign(1);
            let manifest = value(&envelope, &[]);
            client.put(&keys().manifest(), &manifest).await.unwrap();
        });
    }

    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.arg(name).arg(self.process.id().to_string());
        assert!(kill.status().unwrap().success());
    }

    /// As by `kill -9`.
    pub fn end(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Once more over the same folder.
    pub fn again(&mut self) {
        self.process = Self::run(&self.folder, self.durable).unwrap();
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
    redis.again();
    redis.publish(3, "three");
    edge.home_becomes("three in en", Duration::from_secs(5));
}

/// Publishers that race never put an older value over a newer one, and none is lost between.
#[test]
fn writers_at_once_lose_no_update() {
    let Some(redis) = Server::start() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    const WRITERS: u64 = 64;
    let number = |stored: Option<&[u8]>| {
        let text = stored.map_or("0", |bytes| str::from_utf8(bytes).unwrap());
        text.parse::<u64>().unwrap()
    };
    let clients: Vec<Arc<Redis>> = (0..4).map(|_| Arc::new(redis.client())).collect();
    runtime.block_on(async {
        let writers: Vec<_> = (1..=WRITERS)
            .map(|own| {
                let client = Arc::clone(&clients[own as usize % clients.len()]);
                tokio::spawn(async move {
                    let newer = move |stored: Option<&[u8]>| match number(stored).cmp(&own) {
                        Ordering::Less => Ruling::Write,
                        Ordering::Equal => Ruling::Same,
                        Ordering::Greater => Ruling::Older(number(stored)),
                    };
                    let value = own.to_string();
                    client.replace("newest", value.as_bytes(), &newer).await
                })
            })
            .collect();
        for writer in writers {
            let ruling = writer.await.unwrap().unwrap();
            assert!(
                matches!(ruling, Ruling::Write | Ruling::Older(_)),
                "{ruling}"
            );
        }
        let stored = clients[0].get("newest").await.unwrap().unwrap();
        assert_eq!(number(Some(&stored)), WRITERS);
    });
}

#[test]
fn a_rule_may_decline() {
    let Some(redis) = Server::start() else { return };
    block_on(async {
        let client = redis.client();
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
