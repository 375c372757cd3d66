//! Between HTTP and the edge: bodies, headers, time and chance.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use skyful_edge::{Facts, Lookup, route_name};
use tracing::Instrument;

use crate::{App, art, span};

/// For the head of a request, and again for its body.
pub const READ: Duration = Duration::from_secs(10);
/// An address of the longest kind, and as much again of headers.
pub const HEAD_BYTES: usize = 2 * skyful::limits::REQUEST_BYTES;

pub fn router(app: Arc<App>, assets: Option<PathBuf>) -> Router {
    let router = Router::new().fallback(answer).with_state(app);
    match assets {
        Some(folder) => router.merge(art::routes(&folder)),
        None => router,
    }
}

/// Looks at the manifest also while nobody asks, and logs what goes wrong.
pub async fn watch(app: Arc<App>, recheck_ms: u64) {
    let mut logged = None;
    loop {
        app.edge.refresh(&app.ports.store, now_ms(), random()).await;
        let fault = app.edge.last_fault();
        if fault != logged {
            let repeated = |what: &str| logged.as_ref().is_some_and(|l| l.what == what);
            if let Some(fault) = fault.as_ref().filter(|fault| !repeated(&fault.what)) {
                tracing::warn!(what = fault.what, "edge");
            }
            logged = fault;
        }
        tokio::time::sleep(Duration::from_millis(recheck_ms.max(100))).await;
    }
}

async fn answer(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let span = span::of(&head);
    let random = random();
    let in_flight = app.metrics.as_ref().map(|metrics| metrics.begin());
    let answer = answered(&app, &head, body, peer, random);
    let answer = caught(answer.instrument(span.clone()));
    let answer = answer.await.unwrap_or_else(|| {
        let header = |name: &str| joined(&head.headers, name);
        let bug = skyful_edge::Response::bug();
        app.edge.completed(&asked(&head, &header), bug, random)
    });
    drop(in_flight);
    let took = started.elapsed();
    if let Some(metrics) = &app.metrics {
        metrics.answered(route_name(head.uri.path()), answer.status, took);
    }
    span::tell(&span, &answer);
    let mut response = sent(answer.timed(took));
    if app.leaving.load(Ordering::Relaxed) {
        // Who keeps this connection would lose it anyway, perhaps in the middle of a request.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

async fn answered(
    app: &App,
    head: &Parts,
    body: Body,
    peer: SocketAddr,
    random: [u8; 16],
) -> skyful_edge::Response {
    let header = |name: &str| joined(&head.headers, name);
    let request = asked(head, &header);
    let limit = app.edge.body_limit(request.method, request.path, &header);
    let instead = match tokio::time::timeout(READ, read(body, limit)).await {
        Ok(Ok(body)) => {
            let request = skyful_edge::Request {
                body: &body,
                // No country here: guessing one from an address takes a database that a deployer chooses.
                facts: Facts {
                    ip: Some(peer.ip().to_canonical().to_string()),
                    ..Facts::default()
                },
                ..request
            };
            return app.edge.handle(&app.ports, request, now_ms(), random).await;
        }
        Ok(Err(_)) => skyful_edge::Response::broken_off(),
        Err(_) => skyful_edge::Response::too_slow(),
    };
    app.edge.completed(&request, instead, random)
}

/// As far as its head tells.
fn asked<'a>(head: &'a Parts, header: Lookup<'a>) -> skyful_edge::Request<'a> {
    skyful_edge::Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or(""),
        header,
        body: &[],
        facts: Facts::default(),
    }
}

/// No panic is known; one that exists must not take other requests of its connection along. `None`: it
/// panicked.
async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        let poll = AssertUnwindSafe(|| work.as_mut().poll(context));
        match std::panic::catch_unwind(poll) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

fn sent(answer: skyful_edge::Response) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// As much of a body as tells the edge that it is too large, if it is.
async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, axum::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = (limit + 1).saturating_sub(bytes.len());
            bytes.extend_from_slice(&data[..data.len().min(room)]);
            if bytes.len() > limit {
                break;
            }
        }
    }
    Ok(bytes)
}

fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    skyful_edge::http::joined(headers.get_all(name).iter().map(HeaderValue::as_bytes))
}

/// A clock before 1970 counts as 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

pub fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Without a source of randomness there are neither minted units nor jitter worth the name; the
        // seed of the standard library's maps is the next best.
        use std::hash::{BuildHasher, RandomState};
        let word = || RandomState::new().hash_one(now_ms()).to_le_bytes();
        bytes[..8].copy_from_slice(&word());
        bytes[8..].copy_from_slice(&word());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[tokio::test]
    async fn a_panic_is_an_answer_that_is_missing() {
        assert_eq!(caught(async { 1 }).await, Some(1));
        let bug = async {
            tokio::task::yield_now().await;
            panic!("told to");
        };
        assert_eq!(caught::<()>(bug).await, None);
    }
}
