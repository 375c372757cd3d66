//! Connections: taking them, and letting them end when the server does.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::framing::Strict;
use crate::serve::{HEAD_BYTES, READ};

/// For open requests once no more are taken.
const FINISH: Duration = Duration::from_secs(10);
/// For what arrived before to be read.
const SETTLE: Duration = Duration::from_millis(50);
/// Headers of a request; more are 431.
const HEADERS: usize = 64;
/// Connections at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 4_096;

/// Serves until `leaving` ends, then whoever is in the kernel's queue, then lets open requests end.
pub async fn accept(listener: TcpListener, router: Router, leaving: impl Future<Output = ()>) {
    let mut leaving = pin!(leaving);
    let door = Door::new(router);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            accepted = next => accepted,
            () = &mut leaving => break,
        };
        match accepted {
            Ok((stream, peer)) => door.open(stream, peer, permit.ok()),
            Err(error) => {
                // Most often too many open files: they don't get fewer by trying at once.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // Without this, who connected a moment ago would be reset.
    for (stream, peer) in queued(listener) {
        let permit = Arc::clone(&room).try_acquire_owned().ok();
        door.open(stream, peer, permit);
    }
    // A connection of which nothing was read yet is closed at once by the library, also if a request waits in it. In the
    // first pause whatever has arrived is noticed, in the second it is read.
    for _ in 0..2 {
        tokio::time::sleep(SETTLE).await;
    }
    if tokio::time::timeout(FINISH, door.graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("shut down with requests still open");
    }
}

/// Takes what waits in the kernel's queue, then closes it.
fn queued(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    // It doesn't block, so the end of the queue is an error. A flood has to end somewhere, too.
    let next = || listener.accept().ok();
    std::iter::from_fn(next)
        .take(CONNECTIONS)
        .filter_map(|(stream, peer)| {
            stream.set_nonblocking(true).ok()?;
            Some((TcpStream::from_std(stream).ok()?, peer))
        })
        .collect()
}

struct Door {
    server: auto::Builder<TokioExecutor>,
    graceful: GracefulShutdown,
    router: Router,
}

impl Door {
    fn new(router: Router) -> Self {
        // Only HTTP/1: telling it from HTTP/2 would wait for the first bytes without a limit.
        let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(READ)
            .max_headers(HEADERS)
            .max_buf_size(HEAD_BYTES);
        Self {
            server,
            graceful: GracefulShutdown::new(),
            router,
        }
    }

    fn open(&self, stream: TcpStream, peer: SocketAddr, permit: Option<OwnedSemaphorePermit>) {
        // Answers are written in one piece; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let service = self
            .router
            .clone()
            .layer(axum::Extension(ConnectInfo(peer)));
        let stream = TokioIo::new(Strict::new(stream));
        let connection = self
            .server
            .serve_connection(stream, TowerToHyperService::new(service))
            .into_owned();
        let connection = self.graceful.watch(connection);
        tokio::spawn(async move {
            // Clients go away in the middle all the time; that is nothing to report.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(permit);
        });
    }
}
