//! The edge as a plain HTTP server: a self-hosted point of presence, a central service, and what the
//! `skyful` command embeds. Sockets, files and the clock are here; decisions are in `skyful_edge`.
#![forbid(unsafe_code)]

mod art;
mod files;
mod reports;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use skyful::manifest::TrustSet;
use skyful::secret::{BadSecret, Secrets};
use skyful_edge::{BadContextKeys, Config, ConfigError, ContextKeys, Edge};
use tokio::net::TcpListener;

pub use files::Files;
pub use reports::Reports;

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
    /// Who may sign contexts: `eddsa:NAME:HEX` or `hs256:NAME:HEX`, several separated by commas.
    pub context_keys: String,
    /// None: how releases do is only shown in the status. Needs a secret.
    pub reports: Option<Reports>,
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
            context_keys: String::new(),
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
    Listen(SocketAddr, std::io::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Secret(error) => write!(f, "{error}"),
            Self::ContextKeys(error) => write!(f, "{error}"),
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
            Self::Listen(_, error) => Some(error),
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
    reports: Option<Reports>,
}

/// What all connections share.
struct App {
    edge: Edge,
    files: Files,
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
        config.context_keys =
            ContextKeys::parse(&options.context_keys).map_err(Error::ContextKeys)?;
        let edge = Edge::new(config).map_err(Error::Config)?;
        let listen = |error| Error::Listen(options.listen, error);
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let files = Files::new(options.store, state);
        Ok(Self {
            listener,
            address,
            app: Arc::new(App { edge, files }),
            assets: options.assets,
            recheck_ms: options.recheck_ms,
            reports: options.reports,
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` ends, then lets open requests end for up to ten seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let router = serve::router(Arc::clone(&self.app), self.assets);
        let watch = tokio::spawn(serve::watch(Arc::clone(&self.app), self.recheck_ms));
        let reports = self
            .reports
            .map(|to| tokio::spawn(reports::send(self.app, to)));
        serve::accept(self.listener, router, shutdown).await;
        watch.abort();
        if let Some(reports) = reports {
            reports.abort();
        }
    }
}
