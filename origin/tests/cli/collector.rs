//! Traces, as a collector receives them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::running::{Running, get};
use crate::serving::published;

/// Takes spans as a collector does, until the test ends.
fn collector() -> (String, mpsc::Receiver<ExportTraceServiceRequest>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(batch) = exported(stream.expect("a connection")) else {
                return;
            };
            if sender.send(batch).is_err() {
                return;
            }
        }
    });
    (url, received)
}

fn exported(mut stream: TcpStream) -> std::io::Result<ExportTraceServiceRequest> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    assert!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length
        .and_then(|length| length.parse().ok())
        .expect("a length");
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    )?;
    Ok(ExportTraceServiceRequest::decode(&*body).expect("OTLP"))
}

fn text(span: &Span, key: &str) -> Option<String> {
    let found = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == key);
    match found?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key}: {other:?}"),
    }
}

#[cfg(unix)]
#[test]
fn a_collector_learns_what_was_answered_and_never_to_whom() {
    let (desk, args) = published();
    let (collector, received) = collector();
    let mut command = desk.command(&args);
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .env("OTEL_SERVICE_NAME", "edge-7")
        // Only the end of the process sends.
        .env("OTEL_BSP_SCHEDULE_DELAY", "600000");
    let mut edge = Running::spawn(&mut command);
    let url = edge.json()["url"].as_str().expect("a URL").to_owned();
    let host = url.strip_prefix("http://").expect("HTTP");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = "00f067aa0ba902b7";
    let mut stream = TcpStream::connect(host).expect("connected");
    write!(
        stream,
        "GET /v1/pages/home?unit=canary-unit&locale=en&attr.age=67&attr.country=CANARY HTTP/1.1\r\n\
         Host: {host}\r\ntraceparent: 00-{trace}-{parent}-01\r\nSkyful-Context: canary-token\r\n\
         Connection: close\r\n\r\n"
    )
    .expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(get(&url, "/v1/pages/canary-page?unit=canary-unit").is_some());
    edge.signal("-TERM");
    assert_eq!(edge.ended(), Some(0));
    let batch = received
        .recv_timeout(Duration::from_secs(10))
        .expect("spans");
    let everything = format!("{batch:?}").to_ascii_lowercase();
    assert!(!everything.contains("canary"), "{everything}");
    assert!(everything.contains("edge-7"), "{everything}");
    let spans: Vec<&Span> = batch
        .resource_spans
        .iter()
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans)
        .collect();
    assert_eq!(spans.len(), 2, "{everything}");
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let [page, unknown] = [spans[0], spans[1]];
    assert_eq!(hex(&page.trace_id), trace);
    assert_eq!(hex(&page.parent_span_id), parent);
    assert_eq!(page.name, "GET /v1/pages/{page}");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/v1/pages/{page}"),
        ("http.response.status_code", "200"),
        ("skyful.page", "home"),
        ("skyful.sequence", "1"),
    ] {
        assert_eq!(text(page, key).as_deref(), Some(value), "{key}: {page:?}");
    }
    assert_ne!(hex(&unknown.trace_id), trace);
    assert_eq!(
        text(unknown, "http.response.status_code").as_deref(),
        Some("404")
    );
    assert_eq!(text(unknown, "skyful.page"), None);
}
