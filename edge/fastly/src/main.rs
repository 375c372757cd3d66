//! What Fastly starts for a request: the library answers it, and this ends.
#![forbid(unsafe_code)]

#[cfg(target_os = "wasi")]
fn main() {
    skyful_fastly::answer(fastly::Request::from_client(), skyful_fastly::SNAPSHOTS)
        .send_to_client();
}

#[cfg(not(target_os = "wasi"))]
fn main() {}
