//! Publishers, edges and the demo, as processes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use crate::support::Desk;

pub const CURL: &str = "/v1/pages/home?unit=u-1&locale=en&attr.age=67&attr.country=CN";

/// A process that ends with the test.
pub struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    _stdin: ChildStdin,
}

impl Running {
    pub fn start(desk: &Desk, args: &[&str]) -> Self {
        Self::spawn(&mut desk.command(args))
    }

    pub fn spawn(command: &mut std::process::Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let stdin = child.stdin.take().expect("a pipe");
        Self {
            child,
            out,
            _stdin: stdin,
        }
    }

    pub fn json(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Asks politely, as Ctrl-C does.
    pub fn interrupt(&mut self) -> Option<i32> {
        self.signal("-INT");
        self.ended()
    }

    pub fn signal(&self, name: &str) {
        assert!(signal(name, self.child.id()));
    }

    pub fn ended(&mut self) -> Option<i32> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            if let Some(status) = self.child.try_wait().expect("waited") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it doesn't end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn signal(name: &str, pid: u32) -> bool {
    let mut kill = std::process::Command::new("kill");
    kill.args([name, &pid.to_string()]).stderr(Stdio::null());
    kill.status().expect("kill runs").success()
}

pub fn get(url: &str, path: &str) -> Option<String> {
    let host = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(host).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Waits until the edge says something, and tells how long that took.
#[track_caller]
fn until(url: &str, wanted: &str) -> Duration {
    let started = Instant::now();
    loop {
        let answer = get(url, CURL).unwrap_or_default();
        if answer.contains(wanted) {
            return started.elapsed();
        }
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "no {wanted} in {answer}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

const BEFORE: &str = "en: Everything within easy reach";
const AFTER: &str = "en: Good to see you";

#[test]
fn a_save_is_seen_at_the_edge_within_two_seconds() {
    let desk = Desk::with_sample();
    let args = ["edge", "wallet.yaml", "--listen", "127.0.0.1:0", "--json"];
    let mut edge = Running::start(&desk, &args);
    let url = edge.json()["url"].as_str().expect("a URL").to_owned();
    until(&url, "Everything within easy reach");
    desk.edit("wallet.yaml", BEFORE, AFTER);
    let took = until(&url, "Good to see you");
    assert!(took < Duration::from_secs(2), "{took:?}");
    // A save with errors changes nothing.
    desk.edit("wallet.yaml", "op: gte, value: 60", "op: older, value: 60");
    std::thread::sleep(Duration::from_secs(1));
    assert!(
        get(&url, CURL)
            .expect("an answer")
            .contains("Good to see you")
    );
    assert_eq!(edge.interrupt(), Some(0));
}

#[test]
fn an_edge_alone_needs_to_know_whom_to_trust() {
    let desk = Desk::with_sample();
    desk.run(&["edge", "--store", "store"]).ends_with_code(2);
    desk.run(&["keys", "new", "-o", "key"]).ends_with_code(0);
    desk.run(&["publish", "wallet.yaml", "--to", "store", "--key", "key"])
        .ends_with_code(0);
    let args = [
        "edge",
        "--store",
        "store",
        "--trust",
        "key.pub",
        "--listen",
        "127.0.0.1:0",
        "--json",
    ];
    let mut edge = Running::start(&desk, &args);
    let url = edge.json()["url"].as_str().expect("a URL").to_owned();
    until(&url, "\"plan\":\"senior\"");
    let port = url.strip_prefix("http://").expect("HTTP");
    let args = [
        "edge", "--store", "store", "--trust", "key.pub", "--listen", port,
    ];
    let taken = desk.run(&args).ends_with_code(2);
    assert!(taken.err.contains("--listen"), "{}", taken.err);
}

#[cfg(unix)]
#[test]
fn the_demo_outlives_its_publisher_and_ends_with_everything() {
    let desk = Desk::new();
    let mut demo = Running::start(&desk, &["demo", "--listen", "127.0.0.1:0", "--json"]);
    let hello = demo.json();
    let url = hello["url"].as_str().expect("a URL").to_owned();
    let publisher = u32::try_from(hello["publisher_pid"].as_u64().expect("a pid")).expect("fits");
    assert!(
        get(&url, CURL)
            .expect("an answer")
            .contains("\"plan\":\"senior\"")
    );
    assert!(
        get(&url, "/art/bill-pie.svg")
            .expect("an answer")
            .contains("<svg")
    );
    desk.edit("skyful-demo/wallet.yaml", BEFORE, AFTER);
    let took = until(&url, "Good to see you");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(signal("-KILL", publisher));
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        get(&url, CURL)
            .expect("an answer")
            .contains("Good to see you")
    );
    assert_eq!(demo.interrupt(), Some(0));
    assert!(get(&url, CURL).is_none(), "the edge is gone");
    // An edit is never overwritten, and the sequence goes on.
    let mut demo = Running::start(&desk, &["demo", "--listen", "127.0.0.1:0", "--json"]);
    let hello = demo.json();
    let url = hello["url"].as_str().expect("a URL").to_owned();
    assert!(
        get(&url, CURL)
            .expect("an answer")
            .contains("Good to see you")
    );
    // Even a parent that is killed takes its children along.
    let publisher = u32::try_from(hello["publisher_pid"].as_u64().expect("a pid")).expect("fits");
    assert!(signal("-KILL", demo.child.id()));
    let started = Instant::now();
    while get(&url, CURL).is_some() || signal("-0", publisher) {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "children survive"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
