//! The least Spin component that answers with the bytes of our page. `scripts/bench` writes them before it builds this.
#![cfg(target_family = "wasm")]
#![forbid(unsafe_code)]

use bytes::Bytes;
use spin_sdk::http::{FullBody, HeaderValue, IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::wasip3::http_compat::Response;

const PAGE: &[u8] = include_bytes!("../../page.json");

#[http_service]
async fn handle(_: Request) -> impl IntoResponse {
    let mut response = Response::new(FullBody::new(Bytes::from_static(PAGE)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}
