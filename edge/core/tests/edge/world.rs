//! One edge, its store, its clock.

use pollster::block_on;
use serde_json::Value as Json;
use skyful::compile::Snapshot;
use skyful_edge::memory::{MemoryEvents, MemoryPorts, MemoryStore};
use skyful_edge::{Config, Edge, Facts, Request, Response};

use crate::fixture::{self, ENV, WORKSPACE, keys};

pub struct World {
    pub store: MemoryStore,
    pub events: MemoryEvents,
    pub edge: Edge,
    pub now_ms: i64,
    pub facts: Facts,
    pub headers: Vec<(&'static str, String)>,
    serial: u8,
}

pub struct Answer {
    pub response: Response,
    pub json: Json,
}

pub fn config() -> Config {
    Config::new(WORKSPACE, ENV, fixture::trust(1))
}

impl World {
    /// An edge that has never seen anything.
    pub fn empty() -> Self {
        Self::with(config())
    }

    pub fn with(config: Config) -> Self {
        Self {
            store: MemoryStore::default(),
            events: MemoryEvents::default(),
            edge: Edge::new(config).unwrap(),
            now_ms: 1_800_000_000_000,
            facts: Facts::default(),
            headers: Vec::new(),
            serial: 0,
        }
    }

    /// An edge over a store with one full release.
    pub fn published(sequence: u64, snapshot: &Snapshot) -> Self {
        let world = Self::empty();
        world.publish(sequence, snapshot);
        world
    }

    pub fn publish(&self, sequence: u64, snapshot: &Snapshot) {
        self.upload(snapshot);
        let envelope = fixture::release(sequence, snapshot).sign(1);
        self.put_manifest(&envelope, &[]);
    }

    pub fn upload(&self, snapshot: &Snapshot) {
        for (key, bytes) in fixture::objects(snapshot) {
            self.store.insert(key, bytes);
        }
    }

    pub fn put_manifest(&self, current: &[u8], fallback: &[u8]) {
        self.store
            .insert(keys().manifest(), fixture::value(current, fallback));
    }

    /// The process dies and starts again; stores stay.
    pub fn restart(&mut self) {
        self.edge = Edge::new(self.edge.config().clone()).unwrap();
    }

    pub fn wait(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    pub fn send(&mut self, method: &str, target: &str, body: &[u8]) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |name: &str| {
            self.headers
                .iter()
                .find(|(given, _)| *given == name)
                .map(|(_, value)| value.clone())
        };
        let request = Request {
            method,
            path,
            query,
            header: &header,
            body,
            facts: self.facts.clone(),
        };
        self.serial = self.serial.wrapping_add(1);
        let random = [self.serial; 16];
        let ports = MemoryPorts {
            store: &self.store,
            events: &self.events,
        };
        let response = block_on(self.edge.handle(&ports, request, self.now_ms, random));
        let json = serde_json::from_slice(&response.body).unwrap_or(Json::Null);
        Answer { response, json }
    }

    pub fn get(&mut self, target: &str) -> Answer {
        self.send("GET", target, &[])
    }

    /// The page `home` for a unit.
    pub fn home(&mut self) -> Answer {
        self.get("/v1/pages/home?unit=u-1")
    }

    pub fn status(&mut self) -> Json {
        self.get("/v1/status").json
    }
}

impl Answer {
    pub fn title(&self) -> &str {
        self.json["modules"][0]["content"]["title"]
            .as_str()
            .unwrap_or("")
    }

    pub fn sequence(&self) -> u64 {
        self.json["release"]["sequence"].as_u64().unwrap_or(0)
    }

    pub fn behind(&self) -> Option<&str> {
        self.response.header("skyful-behind")
    }

    /// Title, sequence, and what the answer is behind.
    pub fn check(&self, title: &str, sequence: u64, behind: Option<&str>) {
        assert_eq!(self.response.status, 200, "{}", self.json);
        let found = (self.title(), self.sequence(), self.behind());
        assert_eq!(found, (title, sequence, behind), "{}", self.json);
        let caching = self.response.header("cache-control");
        let empty = self.json["modules"].as_array().is_none_or(Vec::is_empty);
        let wanted = if behind.is_some() || empty {
            "no-store"
        } else {
            "private, no-cache"
        };
        assert_eq!(caching, Some(wanted));
    }
}
