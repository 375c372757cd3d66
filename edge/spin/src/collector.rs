//! The collector as this platform reaches it.

use bytes::Bytes;
use http_body_util::BodyExt;
use skyful_edge::forward;
use skyful_edge::health::{self, Report};
use spin_sdk::http::FullBody;
use spin_sdk::wasip3::http::types::RequestOptions;
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

use crate::settings::Collector;

/// For a connection, and again for the answer: with events a visitor waits meanwhile.
const PATIENCE_NS: u64 = 3_000_000_000;
/// Nothing of use is longer.
const ANSWER_BYTES: usize = 1 << 20;

/// Delivers events. None: it gave no answer.
pub async fn deliver(collector: &Collector, batch: Vec<u8>) -> Option<(u16, Vec<u8>)> {
    let request = to(collector, forward::PATH, "application/x-ndjson");
    answer(request, batch).await
}

/// Tells how the tracks do. What is lost of that is lost for all tracks alike.
pub async fn tell(collector: &Collector, report: Report) {
    let request = to(collector, health::PATH, "application/json").header(health::SEAL, report.seal);
    match answer(request, report.body).await {
        Some((200..=299, _)) => {}
        Some((status, _)) => eprintln!("skyful: the collector answered a report with {status}"),
        None => eprintln!("skyful: the collector takes no report: it gave no answer"),
    }
}

fn to(collector: &Collector, path: &str, kind: &str) -> http::request::Builder {
    http::Request::post(format!("{}{path}", collector.url))
        .header("authorization", format!("Bearer {}", collector.token))
        .header("content-type", kind)
}

async fn answer(request: http::request::Builder, body: Vec<u8>) -> Option<(u16, Vec<u8>)> {
    let options = RequestOptions::new();
    options.set_connect_timeout(Some(PATIENCE_NS)).ok()?;
    options.set_first_byte_timeout(Some(PATIENCE_NS)).ok()?;
    options.set_between_bytes_timeout(Some(PATIENCE_NS)).ok()?;
    let request = request
        .extension(RequestOptionsExtension(options))
        .body(FullBody::new(Bytes::from(body)))
        .ok()?;
    let answer = spin_sdk::http::send(request).await.ok()?;
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    let mut said = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            said.extend_from_slice(&data);
        }
        if said.len() > ANSWER_BYTES {
            return None;
        }
    }
    Some((status, said))
}
