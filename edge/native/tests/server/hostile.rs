//! What strangers send.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::fixture::snapshot;
use crate::support::{Folders, start};

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

#[test]
fn a_body_that_breaks_off_is_answered_like_everything_else() {
    let folders = Folders::new();
    let mut options = folders.options();
    options.cors = vec!["https://shop.example".into()];
    let server = start(options);
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .write_all(
            b"POST /v1/resolve HTTP/1.1\r\nHost: e\r\nOrigin: https://shop.example\r\nX-Request-Id: r-1\r\nContent-Length: 50\r\n\r\n{\"page\"",
        )
        .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    for expected in [
        "x-request-id: r-1",
        "access-control-allow-origin: https://shop.example",
        "content-type: application/problem+json",
        "the body ended before it was whole",
    ] {
        assert!(answer.contains(expected), "{expected}: {answer}");
    }
}
