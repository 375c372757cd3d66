//! The core in this process over a store in memory: what all platforms have to answer like.

use std::sync::atomic::{AtomicU8, Ordering};

use skyful::manifest::TrustSet;
use skyful::secret::Secrets;
use skyful_edge::memory::{MemoryEvents, MemoryPorts, MemoryStore};
use skyful_edge::settings::cap_mode;
use skyful_edge::{Config, ContextKeys, Edge, Facts, Request};

use crate::platform::{Answer, Ask, ENV, Settings, WORKSPACE};

pub struct CoreEdge {
    edge: Edge,
    store: MemoryStore,
    events: MemoryEvents,
    serial: AtomicU8,
}

impl CoreEdge {
    pub fn new(settings: &Settings) -> Self {
        let trust = TrustSet::parse(&settings.trust).expect("keys");
        let mut config = Config::new(WORKSPACE, ENV, trust);
        config.preview = settings.preview;
        config.recheck_ms = settings.recheck_ms.into();
        config.wait_ms = config.recheck_ms;
        config.cors.clone_from(&settings.cors);
        config.secrets = Secrets::parse(&settings.secret, WORKSPACE, ENV).expect("secrets");
        config.caps = cap_mode(settings.caps, &config.secrets, &[]).expect("a mode");
        config.context_keys = ContextKeys::parse(&settings.context_keys).expect("keys");
        Self {
            edge: Edge::new(config).expect("a deployment"),
            store: MemoryStore::default(),
            events: MemoryEvents::default(),
            serial: AtomicU8::new(0),
        }
    }

    pub fn send(&self, ask: &Ask) -> Answer {
        let (path, query) = ask.target.split_once('?').unwrap_or((&ask.target, ""));
        let header = |name: &str| {
            let found = ask.headers.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| value.clone())
        };
        let request = Request {
            method: ask.method,
            path,
            query,
            header: &header,
            body: &ask.body,
            facts: Facts::default(),
        };
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now_ms = since.expect("after 1970").as_millis() as i64;
        let ports = MemoryPorts {
            store: &self.store,
            events: &self.events,
        };
        let random = [self.serial.fetch_add(1, Ordering::Relaxed); 16];
        let response = self.edge.handle(&ports, request, now_ms, random);
        let response = pollster::block_on(response).timed(std::time::Duration::ZERO);
        Answer {
            status: response.status,
            headers: response
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone().into_owned()))
                .collect(),
            body: response.body,
        }
    }
}
