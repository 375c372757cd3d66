//! The component itself, in a host that gives it what Spin would. What all platforms share is tested
//! elsewhere; here stands what Spin does differently: instances come and go, settings are variables.
//!
//! `scripts/spin` builds both and names them in `SKYFUL_SPIN_COMPONENT` and `SKYFUL_SPIN_HOST`.

#[path = "../../core/tests/edge/fixture.rs"]
#[expect(
    dead_code,
    reason = "shared with the core's tests, which use all of it"
)]
mod fixture;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fixture::{ENV, WORKSPACE, key, keys, objects, release, snapshot, value};
use serde::Deserialize;
use skyful::manifest::sign::pass;
use skyful::snapshot::Digest;
use tempfile::TempDir;

struct Spin {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    url: String,
    folder: TempDir,
}

#[derive(Deserialize)]
struct Listening {
    url: String,
}

#[derive(Deserialize)]
struct Reads {
    reads: Vec<String>,
}

#[derive(Deserialize)]
struct Instances {
    started: u64,
    micros: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    kind: String,
    body: String,
}

fn settings(more: &str) -> String {
    let public = Digest(key(1).verifying_key().to_bytes()).hex();
    format!(r#"{{"workspace":"wallet","env":"prod","trust":"{public}"{more}}}"#)
}

impl Spin {
    fn start(settings: &str) -> Self {
        let named = |name| std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set"));
        let mut child = Command::new(named("SKYFUL_SPIN_HOST"))
            .arg(named("SKYFUL_SPIN_COMPONENT"))
            .arg(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut spin = Self {
            commands: child.stdin.take(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
            url: String::new(),
            folder: TempDir::new().unwrap(),
        };
        let listening: Listening = serde_json::from_str(&spin.line()).unwrap();
        spin.url = listening.url;
        spin
    }

    /// With release 1, titled so.
    fn published(more: &str, title: &str) -> Self {
        let mut spin = Self::start(&settings(more));
        let snapshot = snapshot(title);
        for (key, bytes) in objects(&snapshot) {
            spin.put(&key, &bytes);
        }
        let manifest = value(&release(1, &snapshot).sign(1), &[]);
        spin.put(&keys().manifest(), &manifest);
        spin
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line
    }

    fn tell(&mut self, command: &str) -> String {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{command}").unwrap();
        self.line()
    }

    /// Behind the edge's back.
    fn put(&mut self, key: &str, bytes: &[u8]) {
        let file = self.folder.path().join("value");
        std::fs::write(&file, bytes).unwrap();
        let file = file.display();
        let answer = self.tell(&format!(r#"{{"do":"put","key":"{key}","file":"{file}"}}"#));
        assert_eq!(answer.trim(), "{}");
    }

    fn fault(&mut self, kind: &str) {
        let answer = self.tell(&format!(r#"{{"do":"fault","kind":"{kind}"}}"#));
        assert_eq!(answer.trim(), "{}");
    }

    fn reads(&mut self) -> Vec<String> {
        let reads: Reads = serde_json::from_str(&self.tell(r#"{"do":"reads"}"#)).unwrap();
        reads.reads
    }

    fn instances(&mut self) -> Instances {
        serde_json::from_str(&self.tell(r#"{"do":"instances"}"#)).unwrap()
    }

    fn get(&self, path: &str) -> Answer {
        get(&format!("{}{path}", self.url))
    }

    /// As the publisher whose key this edge trusts.
    fn publish(&self, path: &str, body: &[u8]) -> Answer {
        let request = ureq::put(format!("{}{path}", self.url))
            .header("skyful-signature", pass(&key(1), WORKSPACE, ENV, path))
            .config()
            .http_status_as_error(false)
            .build();
        answered(request.send(body).unwrap())
    }
}

impl Drop for Spin {
    fn drop(&mut self) {
        // The host ends with its input.
        self.commands.take();
        let _ = self.child.wait();
    }
}

fn get(url: &str) -> Answer {
    let request = ureq::get(url).config().http_status_as_error(false).build();
    answered(request.call().unwrap())
}

fn answered(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let kind = response.headers().get("content-type");
    Answer {
        status: response.status().as_u16(),
        kind: kind.map_or("", |kind| kind.to_str().unwrap()).to_owned(),
        body: response.body_mut().read_to_string().unwrap(),
    }
}

#[test]
#[ignore = "needs the component and its host: scripts/spin"]
fn a_fresh_instance_answers_a_page_in_three_reads() {
    let mut spin = Spin::published(r#","reuse":1"#, "Hello");
    for (path, most) in [
        ("/v1/pages/home?unit=u-2&locale=en", 2),
        ("/v1/pages/lists?unit=u-1&locale=en", 3),
    ] {
        for _ in 0..5 {
            let answer = spin.get(path);
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(answer.body.contains("Hello"), "{answer:?}");
            let reads = spin.reads();
            assert!(reads.len() <= most, "{path} took {reads:?}");
        }
    }
    let instances = spin.instances();
    assert!(instances.started >= 10, "{} instances", instances.started);
}

#[test]
#[ignore = "needs the component and its host: scripts/spin"]
fn requests_at_once_share_instances_and_get_the_same_answer() {
    let mut spin = Spin::published("", "Hello");
    let url = format!("{}/v1/pages/home?unit=u-2&locale=en", spin.url);
    let expected = get(&url);
    assert_eq!(expected.status, 200, "{expected:?}");
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(get(&url), expected);
                }
            });
        }
    });
    let started = spin.instances().started;
    assert!(started < 64, "{started} instances for 320 requests");
}

#[test]
#[ignore = "needs the component and its host: scripts/spin"]
fn a_wrong_variable_is_named_and_its_value_is_not() {
    let cases = [
        (
            r#"{"workspace":"wallet","env":"prod"}"#.to_owned(),
            "trust is wrong: it is not set",
        ),
        (
            r#"{"workspace":"wallet","env":"prod","trust":"sesame"}"#.to_owned(),
            "trust is wrong: it is not a list",
        ),
        (
            settings(r#","preview":"sesame""#),
            "preview is wrong: it is neither",
        ),
    ];
    for (settings, expected) in cases {
        let spin = Spin::start(&settings);
        for path in ["/healthz", "/v1/pages/home"] {
            let answer = spin.get(path);
            assert_eq!(
                (answer.status, &*answer.kind),
                (503, "application/problem+json")
            );
            assert!(answer.body.contains(expected), "{answer:?}");
            assert!(answer.body.contains("urn:skyful:problem:misconfigured"));
            assert!(!answer.body.contains("sesame"), "{answer:?}");
        }
    }
}

#[test]
#[ignore = "needs the component and its host: scripts/spin"]
fn without_its_store_a_warm_instance_answers_and_a_cold_one_cannot() {
    for kind in ["down", "throttled", "missing", "torn", "swapped"] {
        let mut spin = Spin::published(r#","recheck_ms":0"#, "Hello");
        let before = spin.get("/v1/pages/home?unit=u-2&locale=en");
        spin.fault(kind);
        let warm = spin.get("/v1/pages/home?unit=u-2&locale=en");
        assert_eq!(warm, before, "{kind}");
        spin.tell(r#"{"do":"restart"}"#);
        let cold = spin.get("/v1/pages/home?unit=u-2&locale=en");
        assert_eq!(cold.status, 503, "{kind}: {cold:?}");
        let status = spin.get("/v1/status");
        assert!(!status.body.contains("10.0.0.1"), "{kind}: {status:?}");
        spin.fault("none");
        spin.tell(r#"{"do":"restart"}"#);
        assert_eq!(spin.get("/v1/pages/home?unit=u-2&locale=en"), before);
    }
}

#[test]
#[ignore = "needs the component and its host: scripts/spin"]
fn a_snapshot_is_published_through_the_edge_and_answers_at_once() {
    let mut spin = Spin::start(&settings(""));
    assert_eq!(spin.get("/healthz").status, 503);
    for sequence in [1, 2] {
        let title = format!("Number {sequence}");
        let snapshot = snapshot(&title);
        for (digest, bytes) in &snapshot.objects {
            let path = format!("/v1/snapshots/{digest}");
            let answer = spin.publish(&path, bytes);
            assert!([200, 201].contains(&answer.status), "{answer:?}");
        }
        let envelope = release(sequence, &snapshot).sign(1);
        let answer = spin.publish("/v1/manifest", &value(&envelope, &[]));
        assert_eq!(answer.status, 200, "{answer:?}");
        let settled = spin.publish("/v1/settled", &envelope);
        assert_eq!(settled.status, 200, "{settled:?}");
        // No wait: an instance that publishes knows, and another one looks.
        for _ in 0..2 {
            let page = spin.get("/v1/pages/home?unit=u-2&locale=en");
            assert!(page.body.contains(&title), "{page:?}");
            spin.tell(r#"{"do":"restart"}"#);
        }
    }
    let refused = spin.publish("/v1/manifest", b"something else");
    assert_eq!(refused.status, 422, "{refused:?}");
    // From what settled: the manifest itself is gone.
    spin.put(&keys().manifest(), b"torn");
    let page = spin.get("/v1/pages/home?unit=u-2&locale=en");
    assert!(page.body.contains("Number 2"), "{page:?}");
}

#[test]
#[ignore = "needs the component and its host: scripts/spin"]
fn the_address_is_of_the_connection_whatever_a_client_says() {
    let spin = Spin::published("", "Hello");
    let url = format!("{}/v1/pages/home?unit=u-2&locale=en", spin.url);
    let claims = ureq::get(&url).header("spin-client-addr", "10.1.2.3:4");
    for answer in [get(&url), answered(claims.call().unwrap())] {
        assert!(answer.body.contains("Hello for local"), "{answer:?}");
    }
}

#[test]
#[ignore = "needs the component and its host: scripts/spin"]
fn a_body_that_is_too_large_is_refused_and_the_next_request_is_answered() {
    let spin = Spin::published("", "Hello");
    let post = |body: String| {
        let request = ureq::post(format!("{}/v1/resolve", spin.url))
            .config()
            .http_status_as_error(false)
            .build();
        answered(request.send(body).unwrap())
    };
    let padding = |bytes: usize| format!(r#"{{"page":"home","unit":"u-2"{}}}"#, " ".repeat(bytes));
    assert_eq!(post(padding(60_000)).status, 200);
    assert_eq!(post(padding(70_000)).status, 413);
    assert_eq!(post(padding(0)).status, 200);
}

/// Not a promise: the times of this machine, shown with `--nocapture`.
#[test]
#[ignore = "needs the component and its host: scripts/spin"]
fn times() {
    for (what, reuse, recheck_ms) in [
        ("a fresh instance for each", 1, 1_000),
        ("reused, manifest looked at each time", 128, 0),
        ("reused", 128, 1_000),
    ] {
        let more = format!(r#","reuse":{reuse},"recheck_ms":{recheck_ms}"#);
        let mut spin = Spin::published(&more, "Hello");
        let url = format!("{}/v1/pages/home?unit=u-2&locale=en", spin.url);
        let agent = ureq::Agent::new_with_defaults();
        let mut times: Vec<Duration> = (0..1_000)
            .map(|_| {
                let begun = Instant::now();
                let answer = answered(agent.get(&url).call().unwrap());
                assert_eq!(answer.status, 200);
                begun.elapsed()
            })
            .collect();
        times.sort();
        let instances = spin.instances();
        println!(
            "{what}: median {:?}, 99th percentile {:?}; {} instances, {} µs to start one",
            times[500],
            times[990],
            instances.started,
            instances.micros / instances.started.max(1),
        );
    }
}
