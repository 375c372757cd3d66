//! The edge as a plain HTTP server: a self-hosted point of presence, a central service, and what the
//! `skyful` command embeds. Sockets, files and the clock are here; decisions are in `skyful_edge`.
#![forbid(unsafe_code)]

mod art;
mod events;
mod files;
mod framing;
mod listen;
mod metrics;
mod options;
mod own_copy;
mod redis_store;
mod reports;
mod serve;
mod span;
mod store;
#[cfg(feature = "otel")]
pub mod telemetry;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skyful_edge::settings::{self, Wrong};
use skyful_edge::{Edge, Ports};
use tokio::net::TcpListener;

use events::Events;
use metrics::Metrics;
use store::Store;

pub use events::{Collector, EventOptions};
pub use options::Options;
pub use redis_store::{Bound, Redis, RedisUrl};
pub use reports::Reports;
/// In what stores of edges are replaced and fail: whoever delivers into them does it alike.
pub use skyful_edge::{Rule, Ruling, StoreError};
pub use store::Place;

/// Why a server doesn't start.
#[derive(Debug)]
pub enum Error {
    Setting(Wrong),
    Store(StoreError),
    /// The log of events cannot be opened.
    Events(std::io::Error),
    Listen(SocketAddr, std::io::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Setting(Wrong { setting, why }) => {
                write!(f, "{}: {why}", options::name(*setting))
            }
            Self::Store(error) => write!(f, "{error}"),
            Self::Events(error) => write!(f, "cannot keep events: {error}"),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Setting(_) => None,
            Self::Store(error) => Some(error),
            Self::Events(error) | Self::Listen(_, error) => Some(error),
        }
    }
}

/// A bound server. It answers once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    metrics: Option<TcpListener>,
    app: Arc<App>,
    assets: Option<PathBuf>,
    recheck_ms: u64,
    drain: Duration,
    reports: Option<Reports>,
}

/// What all connections share.
struct App {
    edge: Arc<Edge>,
    ports: Wired,
    metrics: Option<Arc<Metrics>>,
    /// Whether connections should end with their next answer.
    leaving: AtomicBool,
}

/// What this platform gives the edge.
struct Wired {
    store: Store,
    events: Events,
}

impl Ports for Wired {
    type Store = Store;
    type Caps = Store;
    type Events = Events;

    fn store(&self) -> &Store {
        &self.store
    }

    fn caps(&self) -> &Store {
        &self.store
    }

    fn events(&self) -> &Events {
        &self.events
    }
}

/// For the first look at own copy and store.
const FIRST_LOOK: Duration = Duration::from_secs(2);

impl Server {
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let store = Store::new(options.store.clone(), options.state.clone());
        let store = store.map_err(Error::Store)?;
        let defaults = options.defaults(store.cap_modes());
        let edge = settings::edge_of(options.trust.clone(), |s| options.said(s), defaults);
        let edge = Arc::new(edge.map_err(Error::Setting)?);
        let (listener, address) = listen(options.listen).await?;
        let metrics = match options.metrics {
            Some(wanted) => Some(listen(wanted).await?.0),
            None => None,
        };
        let events = match &options.events {
            Some(options) => Events::open(options).map_err(Error::Events)?,
            None => Events::default(),
        };
        Ok(Self {
            listener,
            address,
            app: Arc::new(App {
                metrics: metrics
                    .is_some()
                    .then(|| Arc::new(Metrics::new(Arc::clone(&edge)))),
                edge,
                ports: Wired { store, events },
                leaving: AtomicBool::new(false),
            }),
            metrics,
            assets: options.assets,
            recheck_ms: options.recheck_ms,
            drain: options.drain,
            reports: options.reports,
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where Prometheus may ask.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.local_addr().ok()
    }

    /// Serves until `shutdown` ends. From then on `/healthz` says so; connections are still taken for the
    /// time that [`Options::drain`] gives, then open requests have ten seconds to end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut beside = tokio::task::JoinSet::new();
        if let (Some(listener), Some(metrics)) = (self.metrics, &self.app.metrics) {
            let router = metrics::router(Arc::clone(metrics));
            beside.spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::warn!(%error, "metrics");
                }
            });
        }
        // What the own copy knows is recalled before anybody is answered: while that goes on, the manifest before the newest
        // would answer. Connections wait in the kernel's queue, but not for a store that hangs.
        let app = &self.app;
        let first = app
            .edge
            .refresh(&app.ports.store, serve::now_ms(), serve::random());
        let _ = tokio::time::timeout(FIRST_LOOK, first).await;
        let router = serve::router(Arc::clone(&self.app), self.assets);
        beside.spawn(serve::watch(Arc::clone(&self.app), self.recheck_ms));
        if let Some(to) = self.reports {
            beside.spawn(reports::send(Arc::clone(&self.app), to));
        }
        let leaving = async {
            shutdown.await;
            self.app.edge.drain();
            self.app.leaving.store(true, Ordering::Relaxed);
            tokio::time::sleep(self.drain).await;
        };
        listen::accept(self.listener, router, leaving).await;
        self.app.ports.events.close().await;
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |error| Error::Listen(address, error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}
