//! The server as strangers see it: over sockets.

#[path = "../../../core/tests/edge/fixture.rs"]
#[expect(
    dead_code,
    reason = "shared with the core's tests, which use all of it"
)]
mod fixture;

mod caps;
mod directory;
mod ending;
mod framing;
mod hostile;
mod metrics;
mod pictures;
mod redis;
mod support;
