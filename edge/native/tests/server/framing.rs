//! Requests that a proxy and this server could read apart (request smuggling): 400, and the connection ends.

use crate::fixture::snapshot;
use crate::support::{Folders, start};

/// A second request that only somebody who reads the first one otherwise would see.
const SMUGGLED: &str = "GET /v1/status HTTP/1.1\r\nHost: e\r\n\r\n";

#[test]
fn ambiguous_requests_are_refused_and_end_the_connection() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let server = start(folders.options());
    let length = SMUGGLED.len();
    for (what, head, body) in [
        (
            "length, then chunked",
            "Content-Length: 5\r\nTransfer-Encoding: chunked".to_owned(),
            // Whole as a chunked request: whoever reads it so would answer 200.
            "f\r\n{\"page\":\"home\"}\r\n0\r\n\r\n",
        ),
        (
            "chunked, then length",
            "Transfer-Encoding: chunked\r\nContent-Length: 5".to_owned(),
            // Whole as a chunked request: whoever reads it so would answer 200.
            "f\r\n{\"page\":\"home\"}\r\n0\r\n\r\n",
        ),
        (
            "two lengths",
            format!("Content-Length: 0\r\nContent-Length: {length}"),
            "",
        ),
        ("a list of lengths", "Content-Length: 0, 0".to_owned(), ""),
        ("a signed length", "Content-Length: +0".to_owned(), ""),
        (
            "a coding that isn't undone",
            "Transfer-Encoding: gzip, chunked".to_owned(),
            "0\r\n\r\n",
        ),
        (
            "chunked twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked".to_owned(),
            "0\r\n\r\n",
        ),
        ("a folded line", "X: a\r\n Content-Length: 0".to_owned(), ""),
        (
            "a space before the colon",
            "Content-Length : 0".to_owned(),
            "",
        ),
        ("a bare CR", "X: a\rContent-Length: 0".to_owned(), ""),
        ("a bare LF", "X: a\nContent-Length: 0".to_owned(), ""),
        (
            "a chunk that ends in LF",
            "Transfer-Encoding: chunked".to_owned(),
            "0\n\n",
        ),
        (
            "a chunk of no number",
            "Transfer-Encoding: chunked".to_owned(),
            "0x0\r\n\r\n",
        ),
    ] {
        let request =
            format!("POST /v1/resolve HTTP/1.1\r\nHost: e\r\n{head}\r\n\r\n{body}{SMUGGLED}");
        // Reads until the server closes: neither request says that it should.
        let answer = server.raw(request.as_bytes());
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        let answers = format!("{}{}", answer.head, answer.body.to_ascii_lowercase());
        assert_eq!(answers.matches("http/1.1").count(), 1, "{what}: {answers}");
    }
    assert!(server.home().body.contains("one in en"));
}

#[test]
fn ordinary_requests_share_a_connection() {
    let folders = Folders::new();
    folders.publish(1, &snapshot("one"));
    let server = start(folders.options());
    let body = r#"{"page":"home","unit":"u-1","attributes":{"ip":"192.0.2.1"}}"#;
    let length = body.len();
    let (first, second) = body.split_at(7);
    let requests = format!(
        "POST /v1/resolve HTTP/1.1\r\nHost: e\r\nContent-Length: {length}\r\n\r\n{body}\
         POST /v1/resolve HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{first}\r\n{:x};note=x\r\n{second}\r\n0\r\n\r\n\
         GET /v1/pages/home?unit=u-1&attr.ip=192.0.2.1 HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n",
        first.len(),
        second.len(),
    );
    let answer = server.raw(requests.as_bytes());
    let answers = format!("{}{}", answer.head, answer.body);
    assert_eq!(answers.matches("one in en").count(), 3, "{answers}");
}
