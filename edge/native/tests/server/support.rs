//! A server in this process, a store, and a client that sends bytes as they are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::fixture::{self, ENV, WORKSPACE, keys, objects, release, value};
use skyful::compile::Snapshot;
use skyful::manifest::sign;
use skyful_native::{Options, Server};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A running server; dropping it shuts it down.
pub struct Running {
    pub address: SocketAddr,
    pub metrics: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

pub fn start(options: Options) -> Running {
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
            let addresses = (server.local_addr(), server.metrics_addr());
            ready.send(addresses).unwrap();
            server.run(async { _ = stopped.await }).await;
        });
    });
    let (address, metrics) = address.recv().unwrap();
    Running {
        address,
        metrics,
        stop: Some(stop),
        thread: Some(thread),
    }
}

impl Running {
    /// Asks it to end, and goes on.
    pub fn begin_to_end(&mut self) {
        self.stop.take();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.begin_to_end();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In small letters.
    pub head: String,
    /// As it came.
    pub whole: String,
    pub body: String,
}

/// Sends bytes as they are, and reads until the server closes.
pub fn raw(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
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
        whole: text.clone().into_owned(),
    }
}

impl Running {
    pub fn raw(&self, request: &[u8]) -> Answer {
        raw(self.address, request)
    }

    /// As the publisher whom the fixture trusts.
    pub fn put(&self, path: &str, body: &[u8]) -> Answer {
        let pass = sign::pass(&fixture::key(1), WORKSPACE, ENV, "PUT", path);
        let length = body.len();
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: e\r\nConnection: close\r\nSkyful-Signature: {pass}\r\nContent-Length: {length}\r\n\r\n"
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    pub fn get(&self, target: &str) -> Answer {
        self.raw(
            format!("GET {target} HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n").as_bytes(),
        )
    }

    pub fn post(&self, body: &str) -> Answer {
        self.post_to("/v1/resolve", body)
    }

    pub fn post_to(&self, path: &str, body: &str) -> Answer {
        let length = body.len();
        self.raw(
            format!(
                "POST {path} HTTP/1.1\r\nHost: e\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        )
    }

    /// From somewhere else than here: the fixture has a plan for this machine's address.
    pub fn home(&self) -> Answer {
        self.get("/v1/pages/home?unit=u-1&attr.ip=192.0.2.1")
    }

    /// Asks until the answer holds this text.
    pub fn home_becomes(&self, text: &str, within: Duration) -> Answer {
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
pub struct Folders {
    pub root: TempDir,
}

impl Folders {
    pub fn new() -> Self {
        Self {
            root: TempDir::new().unwrap(),
        }
    }

    pub fn store(&self) -> PathBuf {
        self.root.path().join("store")
    }

    pub fn options(&self) -> Options {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut options = Options::new(self.store(), listen, WORKSPACE, ENV, fixture::trust(1));
        options.state = Some(self.root.path().join("state"));
        options.recheck_ms = 100;
        options
    }

    pub fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.store().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let partial = path.with_extension("part");
        std::fs::write(&partial, bytes).unwrap();
        std::fs::rename(&partial, &path).unwrap();
    }

    pub fn publish(&self, sequence: u64, snapshot: &Snapshot) {
        for (key, bytes) in objects(snapshot) {
            self.put(&key, &bytes);
        }
        let envelope = release(sequence, snapshot).sign(1);
        self.put(&keys().manifest(), &value(&envelope, &[]));
    }

    pub fn empty_store(&self) {
        std::fs::remove_dir_all(self.store()).unwrap();
    }
}

/// How long an edit may take to be seen.
pub const SOON: Duration = Duration::from_secs(2);
