//! The edge as a plain HTTP server: a self-hosted point of presence, a central service, and what the
//! `skyful` command embeds. Sockets, files and the clock are here; decisions are in `skyful_edge`.
#![forbid(unsafe_code)]

mod art;
mod events;
mod files;
mod framing;
mod listen;
mod metrics;
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

use skyful::manifest::TrustSet;
use skyful::secret::{BadSecret, Secrets};
use skyful_edge::{BadContextKeys, Config, ConfigError, ContextKeys, Edge, Ports, settings};
use tokio::net::TcpListener;

use events::Events;
use metrics::Metrics;
use store::Store;

pub use events::{Collector, EventOptions};
pub use redis_store::{Redis, RedisUrl};
pub use reports::Reports;
/// In what stores of edges are replaced and fail: whoever delivers into them does it alike.
pub use skyful_edge::{Rule, Ruling, StoreError};
pub use store::Place;

/// What a deployment says.
#[derive(Clone, Debug)]
pub struct Options {
    pub store: Place,
    /// Where this edge keeps its own copy of what it served from, for a restart without a store.
    /// None: `.edge-state` in the store's directory, or in the working directory.
    pub state: Option<PathBuf>,
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    pub workspace: String,
    pub env: String,
    pub trust: TrustSet,
    /// Whether requests may say `now` and `caps`.
    pub preview: bool,
    /// A directory served under `/art/`.
    pub assets: Option<PathBuf>,
    /// How old the knowledge of the manifest may become.
    pub recheck_ms: u64,
    /// Origins that browsers may call from; `*` is all of them.
    pub cors: Vec<String>,
    /// Where Prometheus asks for `/metrics`. None: nowhere.
    pub metrics: Option<SocketAddr>,
    /// What seals receipts and ledgers: 64 hex digits, several separated by commas. Empty: answers carry neither.
    pub secret: String,
    /// Who may sign contexts: `eddsa:NAME:HEX` or `hs256:NAME:HEX`, several separated by commas.
    pub context_keys: String,
    /// How caps are counted: `off`, `ledger`, or in Redis `exact`. None: by ledgers, if there is a secret.
    pub caps: Option<String>,
    /// How long connections are still taken after a shutdown began, while `/healthz` says so.
    pub drain: Duration,
    /// None: no events are taken.
    pub events: Option<EventOptions>,
    /// None: how releases do is only shown in the status. Needs a secret.
    pub reports: Option<Reports>,
}

impl Options {
    /// The defaults: looks at the manifest every half second, no preview, no assets, no other origins.
    pub fn new(
        store: impl Into<Place>,
        listen: SocketAddr,
        workspace: impl Into<String>,
        env: impl Into<String>,
        trust: TrustSet,
    ) -> Self {
        Self {
            store: store.into(),
            state: None,
            listen,
            workspace: workspace.into(),
            env: env.into(),
            trust,
            preview: false,
            assets: None,
            recheck_ms: 500,
            cors: Vec::new(),
            metrics: None,
            secret: String::new(),
            context_keys: String::new(),
            caps: None,
            drain: Duration::ZERO,
            events: None,
            reports: None,
        }
    }
}

/// Why a server doesn't start.
#[derive(Debug)]
pub enum Error {
    Config(ConfigError),
    Secret(BadSecret),
    ContextKeys(BadContextKeys),
    /// What is wrong with how caps are to be counted.
    Caps(&'static str),
    Store(StoreError),
    /// The log of events cannot be opened.
    Events(std::io::Error),
    Listen(SocketAddr, std::io::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Secret(error) => write!(f, "{error}"),
            Self::ContextKeys(error) => write!(f, "{error}"),
            Self::Caps(why) => write!(f, "the mode of counting caps: {why}"),
            Self::Store(error) => write!(f, "{error}"),
            Self::Events(error) => write!(f, "cannot keep events: {error}"),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Secret(error) => Some(error),
            Self::ContextKeys(error) => Some(error),
            Self::Caps(_) => None,
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

/// Requests look at the manifest by themselves only if the look beside them is so many times late: a store
/// that hangs must not be waited for by visitors.
const PATIENCE: i64 = 4;
/// For the first look at own copy and store.
const FIRST_LOOK: Duration = Duration::from_secs(2);

impl Server {
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let mut config = Config::new(options.workspace, options.env, options.trust);
        config.preview = options.preview;
        config.cors = options.cors;
        config.recheck_ms = i64::try_from(options.recheck_ms).unwrap_or(i64::MAX);
        config.wait_ms = config.recheck_ms.saturating_mul(PATIENCE);
        let store = Store::new(options.store, options.state).map_err(Error::Store)?;
        config.secrets = Secrets::parse(&options.secret, &config.workspace, &config.env)
            .map_err(Error::Secret)?;
        config.context_keys =
            ContextKeys::parse(&options.context_keys).map_err(Error::ContextKeys)?;
        config.caps =
            settings::cap_mode(options.caps.as_deref(), &config.secrets, store.cap_modes())
                .map_err(Error::Caps)?;
        let edge = Arc::new(Edge::new(config).map_err(Error::Config)?);
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
