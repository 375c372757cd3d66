//! The server as strangers see it: over sockets, with a store that is a directory.

#[path = "../../core/tests/edge/fixture.rs"]
#[expect(
    dead_code,
    reason = "shared with the core's tests, which use all of it"
)]
mod fixture;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fixture::{ENV, WORKSPACE, chunk_key, keys, objects, release, snapshot, value};
use skyful::compile::Snapshot;
use skyful_native::{Options, Server};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A running server; dropping it shuts it down.
struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn start(options: Options) -> Running {
    let (ready, address) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = Server::bind(options).await.unwrap();
            ready.send(server.local_addr()).unwrap();
            server.run(async { _ = stopped.await }).await;
        });
    });
    Running {
        address: address.recv().unwrap(),
        stop: Some(stop),
        thread: Some(thread),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Running {
    /// Sends bytes as they are, and reads until the server closes.
    fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        // A server that has seen enough may close before all is sent.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Answer {
            status: head.get(9..12).and_then(|s| s.parse().ok()).unwrap_or(0),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn get(&self, target: &str) -> Answer {
        self.raw(
            format!("GET {target} HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n").as_bytes(),
        )
    }

    fn post(&self, body: &str) -> Answer {
        let length = body.len();
        self.raw(
            format!(
                "POST /v1/resolve HTTP/1.1\r\nHost: e\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        )
    }

    /// From somewhere else than here: the fixture has a plan for this machine's address.
    fn home(&self) -> Answer {
        self.get("/v1/pages/home?unit=u-1&attr.ip=192.0.2.1")
    }

    /// Asks until the answer holds this text.
    fn home_becomes(&self, text: &str, within: Duration) -> Answer {
        let since = Instant::now();
        loop {
            let answer = self.home();
            if answer.body.contains(text) {
                return answer;
            }
            assert!(since.elapsed() < within, "no `{text}` in {answer:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A store directory and one for the edge's own copy.
struct Folders {
    root: TempDir,
}

impl Folders {
    fn new() -> Self {
        Self {
            root: TempDir::new().unwrap(),
        }
    }

    fn store(&self) -> PathBuf {
        self.root.path().join("store")
    }

    fn options(&self) -> Options {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut options = Options::new(self.store(), listen, WORKSPACE, ENV, fixture::trust(1));
        options.state = Some(self.root.path().join("state"));
        options.recheck_ms = 100;
        options
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.store().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let partial = path.with_extension("part");
        std::fs::write(&partial, bytes).unwrap();
        std::fs::rename(&partial, &path).unwrap();
    }

    fn publish(&self, sequence: u64, snapshot: &Snapshot) {
        for (key, bytes) in objects(snapshot) {
            self.put(&key, &bytes);
        }
        let envelope = release(sequence, snapshot).sign(1);
        self.put(&keys().manifest(), &value(&envelope, &[]));
    }

    fn empty_store(&self) {
        std::fs::remove_dir_all(self.store()).unwrap();
    }
}

const SOON: Duration = Duration::from_secs(2);

#[test]
fn a_published_page_is_answered_and_an_edit_within_two_seconds() {
    let folders = Folders::new();
    let server = start(folders.options());
    assert_eq!(server.get("/healthz").status, 503);
    assert_eq!(server.home().status, 503);
    folders.publish(1, &snapshot("one"));
    let answer = server.home_becomes("one in en", SOON);
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("content-type: application/json"),
        "{}",
        answer.head
    );
    assert_eq!(server.get("/healthz").status, 200);
    folders.publish(2, &snapshot("two"));
    server.home_becomes("two in en", SOON);
    let posted = server.post(r#"{"page":"home","unit":"u-1","attributes":{"ip":"192.0.2.1"}}"#);
    assert_eq!(posted.body, server.home().body);
    let here = server.get("/v1/pages/home?unit=u-1");
    assert!(here.body.contains("two for local in en"), "{here:?}");
    let minted = server.post(r#"{"page":"home"}"#);
    assert!(
        minted.head.contains("skyful-unit: anon-"),
        "{}",
        minted.head
    );
}

#[test]
fn a_manifest_damaged_in_the_store_changes_no_answer() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let server = start(folders.options());
    let before = server.home().body;
    assert!(before.contains("one in en"), "{before}");
    let path = folders.store().join(keys().manifest());
    for damage in [&b"rubbish"[..], b""] {
        std::fs::write(&path, damage).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(server.home().body, before);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(server.home().body, before);
    let status = server.get("/v1/status").body;
    assert!(status.contains("\"last_error\":{"), "{status}");
    assert!(
        !status.contains(folders.store().to_str().unwrap()),
        "{status}"
    );
}

#[test]
fn a_restart_with_an_emptied_or_damaged_store_still_answers() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let before = start(folders.options()).home().body;
    assert!(before.contains("one in en"), "{before}");
    folders.put(&keys().manifest(), b"rubbish");
    assert_eq!(start(folders.options()).home().body, before);
    folders.empty_store();
    let server = start(folders.options());
    assert_eq!(server.home().body, before);
    assert_eq!(server.get("/healthz").status, 200);
    // And it takes up what is published next.
    folders.publish(2, &snapshot("two"));
    server.home_becomes("two in en", SOON);
}

#[test]
fn a_missing_chunk_is_answered_by_the_release_before_and_marked() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let server = start(folders.options());
    server.home_becomes("one in en", SOON);
    let two = snapshot("two");
    folders.put(&keys().manifest(), &value(&release(2, &two).sign(1), &[]));
    std::thread::sleep(Duration::from_millis(300));
    let answer = server.home();
    assert!(answer.body.contains("one in en"), "{answer:?}");
    assert!(answer.head.contains("skyful-behind: 2"), "{answer:?}");
    assert!(
        answer.head.contains("cache-control: no-store"),
        "{answer:?}"
    );
    folders.put(&chunk_key(&two, "home"), &objects(&two)[0].1);
    folders.publish(2, &two);
    server.home_becomes("two in en", Duration::from_secs(5));
}

#[test]
fn hostile_requests_get_an_answer_or_a_closed_door() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let server = start(folders.options());
    let large = "x".repeat(1_000_000);
    assert_eq!(server.post(&large).status, 413);
    let chunked = format!(
        "POST /v1/resolve HTTP/1.1\r\nHost: e\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    assert_eq!(server.raw(chunked.as_bytes()).status, 413);
    let long = format!("/v1/pages/home?unit={}", "x".repeat(66_000));
    assert!([400, 414, 431].contains(&server.get(&long).status));
    for (request, statuses) in [
        (
            "GET / HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n",
            &[404][..],
        ),
        (
            "BREW /v1/resolve HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n",
            &[405],
        ),
        ("nonsense\r\n\r\n", &[400]),
        (
            "POST /v1/resolve HTTP/1.1\r\nHost: e\r\nConnection: close\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            &[400],
        ),
        (
            "POST /v1/resolve HTTP/1.1\r\nHost: e\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n{}{}",
            &[400],
        ),
        (
            "GET /v1/pages/home?unit=u-1 HTTP/1.1\r\nHost: e\r\nConnection: close\r\nSkyful-Sequence: \u{7f}x\r\n\r\n",
            &[200, 400],
        ),
    ] {
        let answer = server.raw(request.as_bytes());
        assert!(statuses.contains(&answer.status), "{request}: {answer:?}");
    }
    assert!(server.home().body.contains("one in en"));
}

#[test]
fn pictures_are_served_without_scripts_and_nothing_beside_them() {
    let folders = Folders::new();
    let art = folders.root.path().join("art");
    std::fs::create_dir(&art).unwrap();
    std::fs::write(art.join("sun.svg"), "<svg/>").unwrap();
    std::fs::write(folders.root.path().join("secret"), "secret").unwrap();
    let mut options = folders.options();
    options.assets = Some(art.clone());
    let server = start(options);
    let answer = server.get("/art/sun.svg");
    assert_eq!((answer.status, answer.body.as_str()), (200, "<svg/>"));
    for header in [
        "content-type: image/svg+xml",
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
    ] {
        assert!(answer.head.contains(header), "{}", answer.head);
    }
    for target in [
        "/art/../secret",
        "/art/%2e%2e/secret",
        "/art/..%2fsecret",
        "/art/%2e%2e%2fsecret",
        "/art/..%5csecret",
        "//secret",
        "/art//etc/passwd",
        "/art/%00",
        "/art/",
        "/art",
    ] {
        let answer = server.get(target);
        assert!(
            [400, 404, 307].contains(&answer.status),
            "{target}: {answer:?}"
        );
        assert!(!answer.body.contains("secret") && !answer.body.contains("root:"));
    }
    assert_eq!(start(folders.options()).get("/art/sun.svg").status, 404);
}

#[test]
fn a_shutdown_lets_an_open_connection_end() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let server = start(folders.options());
    let mut idle = TcpStream::connect(server.address).unwrap();
    let since = Instant::now();
    drop(server);
    assert!(since.elapsed() < Duration::from_secs(15));
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest);
    assert!(rest.is_empty());
}

#[test]
fn the_own_copy_leaves_no_half_written_files() {
    let folders = Folders::new();
    let server = start(folders.options());
    for sequence in 1..=5 {
        folders.publish(sequence, &snapshot(&format!("release {sequence}")));
        server.home_becomes(&format!("release {sequence} in"), SOON);
    }
    drop(server);
    let files = walk(&folders.root.path().join("state"));
    assert!(
        files.iter().all(|file| file.extension().is_none()),
        "{files:?}"
    );
    // Younger than the age at which others are swept, all five may still be there.
    let count = files
        .iter()
        .filter(|file| file.to_string_lossy().contains("/o/"))
        .count();
    assert!(count >= 2, "of the last two releases: {files:?}");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let folders = Folders::new();
    let server = start(folders.options());
    let (silent, slow) = (&b""[..], &b"GET / HTTP/1.1\r\nHost: "[..]);
    let open = [silent, slow].map(|said| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(said).unwrap();
        let limit = Some(Duration::from_secs(15));
        stream.set_read_timeout(limit).unwrap();
        stream
    });
    for mut stream in open {
        let mut rest = Vec::new();
        let end = stream.read_to_end(&mut rest);
        assert!(end.is_ok(), "still open after 15 seconds: {end:?}");
    }
}
