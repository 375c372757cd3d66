//! What a deployment of this edge says. What it means is read by the core, as on every platform; here stand the flags'
//! names, and what is taken where nothing is said.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use skyful::manifest::TrustSet;
use skyful_edge::CapMode;
use skyful_edge::settings::{Defaults, Setting};

use crate::events::EventOptions;
use crate::reports::Reports;
use crate::store::Place;

/// Requests look at the manifest by themselves only if the look beside them is so many times late: a store
/// that hangs must not be waited for by visitors.
const PATIENCE: i64 = 4;
/// Of verified objects in memory.
const CACHE_BYTES: usize = 64 << 20;

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

impl Options {
    /// The text of a setting, as other platforms are told it.
    pub(crate) fn said(&self, setting: Setting) -> Option<String> {
        match setting {
            Setting::Workspace => Some(self.workspace.clone()),
            Setting::Env => Some(self.env.clone()),
            Setting::Preview => Some(self.preview.to_string()),
            Setting::Cors => Some(self.cors.join(",")),
            Setting::Secret => Some(self.secret.clone()),
            Setting::Caps => self.caps.clone(),
            Setting::ContextKeys => Some(self.context_keys.clone()),
            // Read from a file, or fixed for this platform.
            Setting::Trust | Setting::RecheckMs | Setting::SettleMs => None,
        }
    }

    pub(crate) fn defaults(&self, cap_stores: &'static [CapMode]) -> Defaults {
        let recheck_ms = i64::try_from(self.recheck_ms).unwrap_or(i64::MAX);
        Defaults {
            recheck_ms,
            wait_ms: Some(recheck_ms.saturating_mul(PATIENCE)),
            // A directory, or one Redis: what was written is read.
            settle_ms: 0,
            cache_bytes: CACHE_BYTES,
            cap_stores,
        }
    }
}

/// As somebody who starts an edge says it.
pub(crate) fn name(setting: Setting) -> &'static str {
    match setting {
        Setting::Workspace => "--workspace",
        Setting::Env => "--env",
        Setting::Trust => "--trust",
        Setting::Preview => "--preview",
        Setting::Cors => "--cors",
        Setting::Secret => "--secret (SKYFUL_SECRET)",
        Setting::Caps => "--caps (SKYFUL_CAPS)",
        Setting::ContextKeys => "--context-keys (SKYFUL_CONTEXT_KEYS)",
        Setting::RecheckMs | Setting::SettleMs => "a time",
    }
}

#[cfg(test)]
mod tests {
    use skyful_edge::settings::{self, Wrong};

    use super::*;
    use crate::RedisUrl;

    /// Of a well-known test vector; nobody signs with it.
    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn read(change: impl FnOnce(&mut Options)) -> Result<skyful_edge::Config, Wrong> {
        let place = Place::Redis(RedisUrl::parse("redis://127.0.0.1").unwrap());
        let trust = TrustSet::parse(KEY).unwrap();
        let mut options = Options::new(place, ([127, 0, 0, 1], 0).into(), "wallet", "prod", trust);
        change(&mut options);
        let defaults = options.defaults(&[CapMode::Exact]);
        let edge = settings::edge_of(options.trust.clone(), |s| options.said(s), defaults);
        edge.map(|edge| edge.config().clone())
    }

    #[test]
    fn what_is_not_said_is_this_platforms_default() {
        let config = read(|_| {}).unwrap();
        assert_eq!((&*config.workspace, &*config.env), ("wallet", "prod"));
        assert!(!config.preview && config.cors.is_empty());
        assert_eq!((config.recheck_ms, config.wait_ms), (500, 2_000));
        assert_eq!((config.settle_ms, config.cache_bytes), (0, 64 << 20));
        assert_eq!(config.caps, CapMode::Off);
    }

    #[test]
    fn everything_that_is_said_arrives() {
        let config = read(|options| {
            options.preview = true;
            options.cors = vec!["https://a.example".into(), "*".into()];
            options.secret = KEY.into();
            options.caps = Some("exact".into());
            options.context_keys = format!("hs256:shop:{KEY}");
            options.recheck_ms = 0;
        });
        let config = config.unwrap();
        assert!(config.preview);
        assert_eq!(config.cors, ["https://a.example", "*"]);
        assert_eq!((config.recheck_ms, config.wait_ms), (0, 0));
        assert_eq!(config.caps, CapMode::Exact);
        assert!(config.secrets.sealer().is_some());
    }

    #[test]
    fn what_is_wrong_is_named_by_its_flag() {
        let named = |change: fn(&mut Options)| name(read(change).expect_err("wrong").setting);
        assert_eq!(named(|o| o.env = "A b".into()), "--env");
        assert_eq!(
            named(|o| o.secret = "sesame".into()),
            "--secret (SKYFUL_SECRET)"
        );
        assert_eq!(
            named(|o| o.caps = Some("approximate".into())),
            "--caps (SKYFUL_CAPS)"
        );
        assert_eq!(
            named(|o| o.context_keys = "sesame".into()),
            "--context-keys (SKYFUL_CONTEXT_KEYS)"
        );
    }
}
