//! How a gray release does, from an edge to whoever asks the collector.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::running::{Running, get};
use crate::support::Desk;

const SECRET: &str = "4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c";
const TOKEN: &str = "let-me-in-let-me-in";
/// Reports leave every few seconds.
const SOON: Duration = Duration::from_secs(30);

/// Status and body of one request to a collector.
fn ask(url: &str, head: &str, token: &str, body: &str) -> (u16, Json) {
    let host = url.strip_prefix("http://").expect("a host");
    let mut stream = TcpStream::connect(host).expect("connected");
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (
        status.expect("a status"),
        serde_json::from_str(body).unwrap_or(Json::Null),
    )
}

#[test]
fn a_collector_learns_how_both_tracks_do() {
    let desk = Desk::with_sample();
    desk.run(&["keys", "new", "-o", "key"]).ends_with_code(0);
    let publish = ["publish", "wallet.yaml", "--to", "store", "--key", "key"];
    desk.run(&publish).ends_with_code(0);
    desk.edit(
        "wallet.yaml",
        "Everything within easy reach",
        "Larger still",
    );
    let gray = [&publish[..], &["--gray", "5000"]].concat();
    desk.run(&gray).ends_with_code(0);
    let secret = ["--secret", SECRET];
    let collect = [
        "collect",
        "--token",
        TOKEN,
        "--db",
        "events.sqlite",
        "--listen",
        "127.0.0.1:0",
        "--json",
    ];
    let mut collector = Running::start(&desk, &[&collect[..], &secret].concat());
    let collector = collector.json()["url"].as_str().expect("a URL").to_owned();
    let serve = [
        "edge",
        "--store",
        "store",
        "--workspace",
        "wallet",
        "--trust",
        "key.pub",
    ];
    let more = [
        "--listen",
        "127.0.0.1:0",
        "--json",
        "--collector",
        &collector,
        "--collector-token",
        TOKEN,
    ];
    let mut edge = Running::start(&desk, &[&serve[..], &more, &secret].concat());
    let url = edge.json()["url"].as_str().expect("a URL").to_owned();
    let mut on_gray = 0;
    for n in 0..40 {
        let answer = get(&url, &format!("/v1/pages/home?unit=u-{n}")).expect("an answer");
        on_gray += u64::from(answer.contains("\"track\":\"gray\""));
    }
    assert!((5..35).contains(&on_gray), "{on_gray}");
    let wanted = "GET /v1/health?workspace=wallet&env=dev";
    let since = Instant::now();
    let release = loop {
        let (status, body) = ask(&collector, wanted, TOKEN, "");
        assert_eq!(status, 200, "{body}");
        let release = body["releases"][0].clone();
        let count = |track: &str| release[track]["requests"].as_u64().unwrap_or(0);
        if count("stable") + count("gray") == 40 {
            break release;
        }
        assert!(since.elapsed() < SOON, "{body}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(
        (&release["sequence"], &release["instances"]),
        (&2.into(), &1.into())
    );
    assert_eq!(release["gray"]["requests"], on_gray);
    assert_eq!(release["gray"]["errors"], 0);
    // Nobody else is believed, or told.
    let forged =
        r#"{"workspace":"wallet","env":"dev","instance":"x","boot_ms":1,"at_ms":1,"tracks":[]}"#;
    assert_eq!(ask(&collector, "POST /v1/health", TOKEN, forged).0, 403);
    assert_eq!(ask(&collector, "POST /v1/health", TOKEN, "{").0, 400);
    assert_eq!(ask(&collector, wanted, "let-me-in", "").0, 401);
}
