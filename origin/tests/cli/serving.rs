//! An edge as a process: how it is set up, and how it ends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::running::{CURL, Running, get};
use crate::support::Desk;

/// A store with the sample, and the arguments that serve it.
pub fn published() -> (Desk, Vec<&'static str>) {
    let desk = Desk::with_sample();
    desk.run(&["keys", "new", "-o", "key"]).ends_with_code(0);
    desk.run(&["publish", "wallet.yaml", "--to", "store", "--key", "key"])
        .ends_with_code(0);
    let args = vec![
        "edge",
        "--store",
        "store",
        "--trust",
        "key.pub",
        "--listen",
        "127.0.0.1:0",
        "--json",
    ];
    (desk, args)
}

fn url(edge: &mut Running) -> String {
    let url = edge.json()["url"].as_str().expect("a URL").to_owned();
    assert!(get(&url, CURL).expect("an answer").contains("HTTP/1.1 200"));
    url
}

#[cfg(unix)]
#[test]
fn asked_to_end_it_loses_none_of_two_hundred_requests() {
    let (desk, args) = published();
    let mut edge = Running::start(&desk, &args);
    let url = url(&mut edge);
    let host = url.strip_prefix("http://").expect("HTTP");
    let body = r#"{"page":"home","unit":"u-1","locale":"en"}"#;
    let head = format!(
        "POST /v1/resolve HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (first, rest) = body.split_at(10);
    let mut open: Vec<(TcpStream, &str)> = (0..200)
        .map(|at| {
            let mut stream = TcpStream::connect(host).expect("connected");
            // Half of them are whole, the others wait for their bodies.
            let (now, later) = if at % 2 == 0 {
                (body, "")
            } else {
                (first, rest)
            };
            write!(stream, "{head}{now}").expect("written");
            (stream, later)
        })
        .collect();
    edge.signal("-TERM");
    let since = Instant::now();
    while TcpStream::connect(host).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(5), "still listening");
    }
    for (stream, later) in &mut open {
        stream.write_all(later.as_bytes()).expect("written");
    }
    for (stream, _) in &mut open {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with('}'), "{answer}");
    }
    assert_eq!(edge.ended(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(10));
}

#[cfg(unix)]
#[test]
fn while_it_drains_probes_are_told_and_visitors_are_served() {
    let (desk, mut args) = published();
    args.extend(["--drain-delay", "2"]);
    let mut edge = Running::start(&desk, &args);
    let url = url(&mut edge);
    let healthy = desk.run(&["health", &url]).ends_with_code(0);
    assert_eq!(healthy.out, "ok\n");
    edge.signal("-TERM");
    let since = Instant::now();
    while get(&url, "/healthz").expect("an answer").contains(" 200 ") {
        assert!(since.elapsed() < Duration::from_secs(1), "still healthy");
    }
    desk.run(&["health", &url]).ends_with_code(1);
    let page = get(&url, CURL).expect("an answer");
    assert!(page.contains("HTTP/1.1 200"), "{page}");
    assert_eq!(edge.ended(), Some(0));
    assert!(since.elapsed() >= Duration::from_secs(2));
    desk.run(&["health", &url]).ends_with_code(1);
}

#[test]
fn settings_come_from_the_environment_and_passwords_stay_in_it() {
    let (desk, _) = published();
    let mut command = desk.command(&["edge", "--json"]);
    command
        .env("SKYFUL_STORE", "store")
        .env("SKYFUL_TRUST", "key.pub")
        .env("SKYFUL_LISTEN", "127.0.0.1:0")
        .env("SKYFUL_METRICS", "127.0.0.1:0")
        .env("SKYFUL_STATE", "state");
    let mut edge = Running::spawn(&mut command);
    let said = edge.json();
    let url = said["url"].as_str().expect("a URL");
    assert!(get(url, CURL).expect("an answer").contains("HTTP/1.1 200"));
    assert!(desk.path("state").is_dir());
    let metrics = said["metrics"].as_str().expect("a URL");
    let metrics = metrics.strip_suffix("/metrics").expect("a path");
    let metrics = get(metrics, "/metrics").expect("an answer");
    assert!(metrics.contains("skyful_edge_sequence 1"), "{metrics}");
    for store in ["redis://:hunter2@", "https://hunter2@example.com/"] {
        let mut command = desk.command(&["edge", "--trust", "key.pub", "--workspace", "wallet"]);
        let output = command
            .env("SKYFUL_STORE", store)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("store") && !said.contains("hunter2"),
            "{said}"
        );
    }
    let mut help = desk.command(&["edge", "--help"]);
    let help = help.env("SKYFUL_STORE", "redis://:hunter2@h").output();
    let help = String::from_utf8(help.expect("it runs").stdout).expect("text");
    assert!(
        help.contains("SKYFUL_STORE") && !help.contains("hunter2"),
        "{help}"
    );
}
