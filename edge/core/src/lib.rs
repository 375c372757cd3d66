//! An edge: request in, response out. Knows what a request may ask, which snapshot answers it, and what
//! to do while stores lag, fail or lie. Has no clock, no randomness, no sockets and no platform: time
//! and random bytes are arguments, stores are ports ([`ports`]).
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

pub mod caps;
pub mod forward;
pub mod handle;
pub mod health;
pub mod http;
#[cfg(feature = "inject")]
mod inject;
mod jws;
mod load;
pub mod measures;
pub mod memory;
pub mod ports;
pub mod settings;
mod together;

pub use handle::route_name;
pub use http::{Facts, Lookup, Request, Response};
pub use jws::{BadContextKeys, ContextKeys};
pub use load::{Fault, NotStored};
pub use measures::Measures;
pub use ports::{
    Absent, CapStore, EventSink, MaybeSend, MaybeSync, Ports, Rule, Ruling, SnapshotStore,
    StoreError,
};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use skyful::limits;
use skyful::manifest::{Keys, TrustSet};
use skyful::secret::Secrets;

use load::State;

/// What a deployment says; an edge never changes it.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[a-z0-9-]{1,40}`, as in store keys.
    pub workspace: String,
    pub env: String,
    /// Which publishers are believed.
    pub trust: TrustSet,
    /// Whether requests may say `now` and `caps`. Never on an edge that serves the public.
    pub preview: bool,
    /// Origins that browsers may call from; `*` is all of them. Empty: none.
    pub cors: Vec<String>,
    /// From this age on the knowledge of the manifest is due for another look ([`Edge::due`]).
    pub recheck_ms: i64,
    /// From this age on a request looks before it is answered. Higher than `recheck_ms` where the adapter
    /// looks by [`Edge::refresh`] behind answers or beside them.
    pub wait_ms: i64,
    /// How long after it was stored a value has reached every reader of this platform's store. 0: nothing
    /// lags. Publishers ask for it.
    pub settle_ms: i64,
    /// Bytes of verified objects kept in memory.
    pub cache_bytes: usize,
    /// What receipts and ledgers are sealed with. Without one, answers carry neither.
    pub secrets: Secrets,
    /// Whose signed contexts are believed. None: nobody's.
    pub context_keys: ContextKeys,
    pub caps: CapMode,
}

/// How caps are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapMode {
    /// Not at all: every visitor is new at every request.
    Off,
    /// By a token that visitors carry.
    Ledger,
    /// In a store that may lose a write.
    Approximate,
    /// Where nobody comes between reading and writing.
    Exact,
}

impl CapMode {
    pub const ALL: [Self; 4] = [Self::Off, Self::Ledger, Self::Approximate, Self::Exact];

    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ledger => "ledger",
            Self::Approximate => "approximate",
            Self::Exact => "exact",
        }
    }
}

impl Config {
    /// The defaults: checks every second, 64 MiB of objects, no preview, no foreign origins.
    pub fn new(workspace: impl Into<String>, env: impl Into<String>, trust: TrustSet) -> Self {
        Self {
            workspace: workspace.into(),
            env: env.into(),
            trust,
            preview: false,
            cors: Vec::new(),
            recheck_ms: 1_000,
            wait_ms: 1_000,
            settle_ms: 0,
            cache_bytes: 64 << 20,
            secrets: Secrets::default(),
            context_keys: ContextKeys::default(),
            caps: CapMode::Off,
        }
    }
}

/// Why a deployment's settings make no edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    Workspace,
    Env,
    /// An edge that trusts nobody could never answer.
    NoKey,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Workspace => "a workspace is 1 to 40 of a-z, 0-9 and -",
            Self::Env => "an environment is 1 to 40 of a-z, 0-9 and -",
            Self::NoKey => "no public key to trust: every manifest would be refused",
        })
    }
}

impl std::error::Error for ConfigError {}

/// One edge for one environment of one workspace. Shared by all requests of an instance.
pub struct Edge {
    config: Config,
    keys: Keys,
    state: Mutex<State>,
    draining: AtomicBool,
}

impl Edge {
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let name = |name: &str| {
            (1..=limits::NAME_BYTES).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if !name(&config.workspace) {
            return Err(ConfigError::Workspace);
        }
        if !name(&config.env) {
            return Err(ConfigError::Env);
        }
        if config.trust.is_empty() {
            return Err(ConfigError::NoKey);
        }
        Ok(Self {
            keys: Keys::new(&config.workspace, &config.env),
            state: Mutex::new(State::new(config.cache_bytes)),
            draining: AtomicBool::new(false),
            config,
        })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// From now on `/healthz` says that this instance is about to end; everything else goes on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Nothing in here is left half-changed by a panic, so a poisoned lock is taken over.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
