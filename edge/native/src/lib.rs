//! The edge as a plain HTTP server: a self-hosted point of presence, a central service, and what the
//! `skyful` command embeds. Sockets, files and the clock are here; decisions are in `skyful_edge`.
#![forbid(unsafe_code)]

mod art;
mod events;
mod files;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use skyful::manifest::TrustSet;
use skyful::secret::{BadSecret, Secrets};
use skyful_edge::{Absent, Config, ConfigError, Edge, Ports};
use tokio::net::TcpListener;

use events::Events;
pub use events::{Collector, EventOptions};
pub use files::Files;

/// What a deployment says.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory to which the origin delivers. It needn't exist yet.
    pub store: PathBuf,
    /// Where this edge keeps its own copy of what it served from, for a restart without a store.
    /// None: `.edge-state` in the store.
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
    /// What seals receipts: 64 hex digits, several separated by commas. Empty: answers carry none.
    pub secret: String,
    /// None: no events are taken.
    pub events: Option<EventOptions>,
}

impl Options {
    /// The defaults: looks at the manifest every half second, no preview, no assets, no other origins.
    pub fn new(
        store: impl Into<PathBuf>,
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
            secret: String::new(),
            events: None,
        }
    }
}

/// Why a server doesn't start.
#[derive(Debug)]
pub enum Error {
    Config(ConfigError),
    Secret(BadSecret),
    /// The log of events cannot be opened.
    Events(std::io::Error),
    Listen(SocketAddr, std::io::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Secret(error) => write!(f, "{error}"),
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
            Self::Events(error) | Self::Listen(_, error) => Some(error),
        }
    }
}

/// A bound server. It answers once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
    assets: Option<PathBuf>,
    recheck_ms: u64,
}

/// What all connections share.
struct App {
    edge: Edge,
    ports: Wired,
}

/// What this platform gives the edge.
struct Wired {
    files: Files,
    events: Events,
}

impl Ports for Wired {
    type Store = Files;
    type Caps = Absent;
    type Events = Events;

    fn store(&self) -> &Files {
        &self.files
    }

    fn caps(&self) -> &Absent {
        &Absent
    }

    fn events(&self) -> &Events {
        &self.events
    }
}

impl Server {
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let state = options
            .state
            .unwrap_or_else(|| options.store.join(".edge-state"));
        let mut config = Config::new(options.workspace, options.env, options.trust);
        config.preview = options.preview;
        config.cors = options.cors;
        config.recheck_ms = i64::try_from(options.recheck_ms).unwrap_or(i64::MAX);
        config.wait_ms = config.recheck_ms;
        config.secrets = Secrets::parse(&options.secret, &config.workspace, &config.env)
            .map_err(Error::Secret)?;
        let edge = Edge::new(config).map_err(Error::Config)?;
        let listen = |error| Error::Listen(options.listen, error);
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let events = match &options.events {
            Some(options) => Events::open(options).map_err(Error::Events)?,
            None => Events::default(),
        };
        let files = Files::new(options.store, state);
        let ports = Wired { files, events };
        Ok(Self {
            listener,
            address,
            app: Arc::new(App { edge, ports }),
            assets: options.assets,
            recheck_ms: options.recheck_ms,
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` ends, then lets open requests end for up to ten seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let router = serve::router(Arc::clone(&self.app), self.assets);
        let watch = tokio::spawn(serve::watch(Arc::clone(&self.app), self.recheck_ms));
        serve::accept(self.listener, router, shutdown).await;
        watch.abort();
        self.app.ports.events.close().await;
    }
}
