//! Between sockets and the edge: connections, bodies, headers, time.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use skyful_edge::Facts;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{App, art};

/// For the head of a request, and again for its body.
const READ: Duration = Duration::from_secs(10);
/// For open requests after the shutdown began.
const DRAIN: Duration = Duration::from_secs(10);
/// Headers of a request; more are 431.
const HEADERS: usize = 64;
/// An address of the longest kind, and as much again of headers.
const HEAD_BYTES: usize = 2 * skyful::limits::REQUEST_BYTES;
/// Connections at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 4_096;

pub fn router(app: Arc<App>, assets: Option<PathBuf>) -> Router {
    let router = Router::new().fallback(answer).with_state(app);
    let router = match assets {
        Some(folder) => router.merge(art::routes(&folder)),
        None => router,
    };
    // No panic is known; one that exists must not take other requests of its connection along.
    router.layer(CatchPanicLayer::custom(|_| {
        sent(skyful_edge::Response::bug())
    }))
}

/// Looks at the manifest also while nobody asks, and logs what goes wrong.
pub async fn watch(app: Arc<App>, recheck_ms: u64) {
    let mut logged = None;
    loop {
        app.edge.refresh(&app.files, now_ms(), random()).await;
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

pub async fn accept(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let mut shutdown = pin!(shutdown);
    // Only HTTP/1: telling it from HTTP/2 would wait for the first bytes without a limit.
    let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(READ)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES);
    let graceful = GracefulShutdown::new();
    let room = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            accepted = next => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Most often too many open files: they don't get fewer by trying at once.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let connection = connect(&server, stream, peer, router.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // Clients go away in the middle all the time; that is nothing to report.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("shut down with requests still open");
    }
}

type Connection =
    auto::Connection<'static, TokioIo<TcpStream>, TowerToHyperService<Router>, TokioExecutor>;

fn connect(
    server: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> Connection {
    // Answers are written in one piece; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let service = router.layer(axum::Extension(ConnectInfo(peer)));
    server
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned()
}

async fn answer(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let header = |name: &str| joined(&head.headers, name);
    let (method, path) = (head.method.as_str(), head.uri.path());
    let limit = app.edge.body_limit(method, path, &header);
    let body = match tokio::time::timeout(READ, read(body, limit)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return sent(skyful_edge::Response::broken_off()),
        Err(_) => return sent(skyful_edge::Response::too_slow()),
    };
    let request = skyful_edge::Request {
        method,
        path,
        query: head.uri.query().unwrap_or(""),
        header: &header,
        body: &body,
        // No country here: guessing one from an address takes a database that a deployer chooses.
        facts: Facts {
            ip: Some(peer.ip().to_canonical().to_string()),
            ..Facts::default()
        },
    };
    let answer = app
        .edge
        .handle(&app.files, request, now_ms(), random())
        .await;
    let id = answer.header("x-request-id").unwrap_or_default();
    tracing::debug!(
        status = answer.status,
        path = head.uri.path(),
        id,
        "answered"
    );
    sent(answer.timed(started.elapsed().as_secs_f64() * 1_000.0))
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
    let mut values = headers.get_all(name).iter();
    let mut text = values.next()?.to_str().ok()?.to_owned();
    for value in values {
        text.push_str(", ");
        text.push_str(value.to_str().ok()?);
    }
    Some(text)
}

/// A clock before 1970 counts as 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

fn random() -> [u8; 16] {
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
