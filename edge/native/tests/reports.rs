//! How releases do, told to a collector.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use skyful::health::Report;
use skyful::secret::Secrets;
use skyful_edge::health::SEAL;
use skyful_native::{Options, Reports, Server};

#[path = "../../core/tests/edge/fixture.rs"]
#[expect(dead_code, reason = "shared with the platform-free edge's tests")]
mod fixture;

use fixture::{ENV, WORKSPACE, keys, objects, release, snapshot, trust, value};

const SECRET: &str = "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b";

/// One request as it came, answered with 204: its head in lower case, and its body.
fn take(collector: &TcpListener) -> (String, Vec<u8>) {
    let (stream, _) = collector.accept().expect("a report");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).expect("a head");
    }
    let head = head.to_ascii_lowercase();
    let length = header(&head, "content-length").parse().expect("a length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    reader.get_mut().write_all(answer).expect("answered");
    (head, body)
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim_start_matches(':').trim()
}

#[test]
fn a_collector_is_told_under_a_seal_how_the_tracks_do() {
    let folder = tempfile::tempdir().expect("a directory");
    let one = snapshot("one");
    let put = |key: &str, bytes: &[u8]| {
        let path = folder.path().join(key);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    };
    objects(&one)
        .iter()
        .for_each(|(key, bytes)| put(key, bytes));
    put(&keys().manifest(), &value(&release(3, &one).sign(1), &[]));
    let collector = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = ([127, 0, 0, 1], 0).into();
    let mut options = Options::new(folder.path(), address, WORKSPACE, ENV, trust(1));
    options.secret = SECRET.into();
    options.reports = Some(Reports {
        url: format!("http://{}/", collector.local_addr().expect("bound")),
        token: "let-me-in".into(),
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::bind(options)).expect("it binds");
    let edge = server.local_addr();
    runtime.spawn(server.run(std::future::pending()));
    let mut stream = TcpStream::connect(edge).expect("connected");
    let ask = b"GET /v1/pages/home?unit=u-1 HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n";
    stream.write_all(ask).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let (head, body) = take(&collector);
    assert!(head.starts_with("post /v1/health http/1.1"), "{head}");
    assert_eq!(header(&head, "authorization"), "bearer let-me-in");
    // The head was lowered; the seal is compared by making it again.
    let secrets = Secrets::parse(SECRET, WORKSPACE, ENV).expect("a secret");
    let sealer = secrets.sealer().expect("one");
    let seal = sealer.sign(skyful::secret::Sealed::Health, &body);
    assert_eq!(header(&head, SEAL), seal.to_ascii_lowercase());
    let report = Report::open(&body, &seal, &secrets).expect("genuine");
    let rows: Vec<_> = report
        .tracks
        .iter()
        .map(|row| (row.sequence, &*row.track, row.counts.requests))
        .collect();
    assert_eq!(rows, [(3, "stable", 1)]);
    runtime.shutdown_background();
}
