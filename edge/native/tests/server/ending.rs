//! How a server ends: what is open gets its answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::fixture::snapshot;
use crate::support::{Folders, start};

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
fn while_it_drains_it_is_unhealthy_and_still_answers() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let mut options = folders.options();
    options.drain = Duration::from_secs(2);
    let mut server = start(options);
    assert_eq!(server.get("/healthz").status, 200);
    server.begin_to_end();
    let since = Instant::now();
    let health = loop {
        let health = server.get("/healthz");
        if health.status == 503 {
            break health;
        }
        assert!(since.elapsed() < Duration::from_secs(1), "still healthy");
    };
    assert!(
        health.body.contains("urn:skyful:problem:draining"),
        "{health:?}"
    );
    let answer = server.home();
    assert!(answer.body.contains("one in en"), "{answer:?}");
    assert!(answer.head.contains("connection: close"), "{answer:?}");
    drop(server);
    assert!(since.elapsed() >= Duration::from_secs(2));
}

#[test]
fn requests_half_sent_and_connections_not_yet_taken_get_their_answers() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let mut server = start(folders.options());
    assert_eq!(server.home().status, 200);
    let body = r#"{"page":"home","unit":"u-1","attributes":{"ip":"192.0.2.1"}}"#;
    let (first, rest) = body.split_at(10);
    let length = body.len();
    let head = format!("POST /v1/resolve HTTP/1.1\r\nHost: e\r\nContent-Length: {length}\r\n\r\n");
    let address = server.address;
    let mut open: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream
                .write_all(format!("{head}{first}").as_bytes())
                .unwrap();
            stream
        })
        .collect();
    server.begin_to_end();
    // Until nobody new is taken: from then on the open ones have to end by themselves.
    let since = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(5), "still listening");
    }
    for stream in &mut open {
        stream.write_all(rest.as_bytes()).unwrap();
    }
    for stream in &mut open {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("one in en"), "{answer}");
    }
}
