//! What Fastly starts for a request: the library answers it, and this ends.
#![forbid(unsafe_code)]

#[cfg(target_os = "wasi")]
fn main() {
    skyful_fastly::serve(fastly::Request::from_client(), skyful_fastly::SNAPSHOTS);
}

#[cfg(not(target_os = "wasi"))]
fn main() {}
