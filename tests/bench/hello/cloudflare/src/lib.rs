//! The least Worker that answers with the bytes of our page. `scripts/bench` writes them before it builds this.
#![cfg(target_family = "wasm")]
#![forbid(unsafe_code)]

use worker::{Context, Env, Method, Request, Response, event};

const PAGE: &[u8] = include_bytes!("../../page.json");

#[event(fetch)]
async fn fetch(mut request: Request, _: Env, _: Context) -> worker::Result<Response> {
    // Workers close a connection whose request wasn't read.
    if request.method() == Method::Post {
        request.bytes().await?;
    }
    let response = Response::builder().with_header("content-type", "application/json")?;
    Ok(response.fixed(PAGE.to_vec()))
}
