//! One edge with somewhere to count, visitors, and a clock.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ed25519_dalek::SigningKey;
use pollster::block_on;
use serde_json::{Value, json};
use skyful::manifest::{Keys, Tail, TrustSet, Value as Stored, sign};
use skyful::secret::Secrets;
use skyful::snapshot::Digest;
use skyful::value::datetime;
use skyful_edge::memory::{MemoryCaps, MemoryEvents, MemoryStore};
use skyful_edge::{CapMode, CapStore, Config, Edge, Facts, Ports, Request, Response};
use skyful_tests::product;

pub const WORKSPACE: &str = "caps";
pub const ENV: &str = "prod";
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
/// 2026-11-22T00:00:00Z, a Sunday.
pub const START: i64 = 1_795_305_600_000;
const SECRET: &str = "4444444444444444444444444444444444444444444444444444444444444444";

pub struct Platform<C> {
    pub store: MemoryStore,
    pub caps: C,
    pub events: MemoryEvents,
}

impl<C: CapStore> Ports for Platform<C> {
    type Store = MemoryStore;
    type Caps = C;
    type Events = MemoryEvents;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn caps(&self) -> &C {
        &self.caps
    }

    fn events(&self) -> &MemoryEvents {
        &self.events
    }
}

pub struct World<C = MemoryCaps> {
    pub platform: Platform<C>,
    pub edge: Edge,
    pub now_ms: i64,
    serial: Mutex<u64>,
}

/// An answer as a client sees it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub json: Value,
    pub caps: Option<String>,
    pub grant: Option<String>,
}

impl Answer {
    /// `module: plan` of each module.
    pub fn plans(&self) -> Vec<String> {
        let modules = self.json["modules"].as_array().unwrap();
        let plan = |m: &Value| format!("{}: {}", text(&m["module"]), text(&m["plan"]));
        modules.iter().map(plan).collect()
    }

    /// Whether the only module shows its capped plan.
    pub fn shows(&self) -> bool {
        self.json["modules"][0]["plan"] == "promo"
    }

    /// An event about the first module of this answer.
    pub fn event(&self, kind: &str, at_ms: i64) -> Value {
        json!({
            "id": format!("{kind}-{}", self.grant.as_deref().unwrap_or("none")), "type": kind, "unit": "u-1",
            "page": self.json["page"], "module": self.json["modules"][0]["module"],
            "receipt": self.json["receipt"], "grant": self.grant, "at": datetime::format(at_ms),
        })
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// Modules by name with the caps of their one plan, each on a page of its own name; `both` shows all of them.
pub fn document(modules: &[(&str, Value)]) -> Value {
    let module = |caps: &Value| {
        json!({
            "type": "card", "default": {"content": {}},
            "plans": [{"key": "promo", "caps": caps, "content": {}}],
        })
    };
    let page =
        |modules: &[&str]| json!({"slots": [{"key": "s"}], "default": {"modules": {"s": modules}}});
    let names: Vec<&str> = modules.iter().map(|(name, _)| *name).collect();
    let pages: BTreeMap<&str, Value> = modules
        .iter()
        .map(|(name, _)| (*name, page(&[name])))
        .collect();
    let mut pages = json!(pages);
    pages["both"] = page(&names);
    let ofrep: Vec<&str> = names.iter().copied().take(3).chain(["both"]).collect();
    let modules: BTreeMap<&str, Value> = modules
        .iter()
        .map(|(name, caps)| (*name, module(caps)))
        .collect();
    json!({
        "skyful": 1, "workspace": WORKSPACE,
        "locales": {"default": "en", "supported": ["en"]},
        "cap_groups": {"promo": {"limit": 1, "per": "1d"}},
        "module_types": {"card": {"schema": {"type": "object"}}},
        "modules": modules, "pages": pages, "ofrep": ofrep,
    })
}

impl World {
    pub fn new(mode: CapMode, modules: &[(&str, Value)]) -> Self {
        Self::over(MemoryCaps::default(), mode, modules)
    }
}

impl<C: CapStore> World<C> {
    pub fn over(caps: C, mode: CapMode, modules: &[(&str, Value)]) -> Self {
        let snapshot = product::snapshot(&document(modules), &BTreeMap::new()).unwrap();
        let key = SigningKey::from_bytes(&[7; 32]);
        let trust = TrustSet::parse(&Digest(key.verifying_key().to_bytes()).hex()).unwrap();
        let mut config = Config::new(WORKSPACE, ENV, trust);
        config.secrets = Secrets::parse(SECRET, WORKSPACE, ENV).unwrap();
        config.caps = mode;
        let keys = Keys::new(WORKSPACE, ENV);
        let store = MemoryStore::default();
        for (digest, bytes) in &snapshot.objects {
            store.insert(keys.object(digest), bytes.clone());
        }
        let tail = Tail {
            stable: snapshot.listing.clone(),
            gray: None,
            allow: Vec::new(),
        };
        let current = sign::sign(sign::full_release(WORKSPACE, ENV, 1, START), &tail, &key);
        let value = Stored {
            current: &current,
            fallback: &[],
        };
        store.insert(keys.manifest(), value.join());
        Self {
            platform: Platform {
                store,
                caps,
                events: MemoryEvents::default(),
            },
            edge: Edge::new(config).unwrap(),
            now_ms: START,
            serial: Mutex::new(0),
        }
    }

    pub fn wait(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    /// Asks with a token, in the words of a resolve request.
    pub async fn asked(&self, mut body: Value, token: Option<&str>) -> Answer {
        if body.get("unit").is_none() {
            body["unit"] = json!("u-1");
        }
        let answer = self.posted("/v1/resolve", &body, token).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer
    }

    /// The status of an answer that takes no events.
    pub fn refused(&self, events: &[Value], token: Option<&str>) -> u16 {
        let answer = block_on(self.posted("/v1/events", &json!(events), token));
        assert!(answer.caps.is_none(), "{answer:?}");
        answer.status
    }

    /// Reports events, with a token.
    pub fn report(&self, events: &[Value], token: Option<&str>) -> Answer {
        let answer = block_on(self.posted("/v1/events", &json!(events), token));
        let accepted = answer.json["accepted"].as_u64();
        assert_eq!(accepted, Some(events.len() as u64), "{}", answer.json);
        answer
    }

    async fn posted(&self, path: &str, body: &Value, token: Option<&str>) -> Answer {
        let body = body.to_string();
        let response = self.sent("POST", path, &body, token).await;
        Answer {
            status: response.status,
            json: serde_json::from_slice(&response.body).unwrap(),
            caps: response.header("skyful-caps").map(str::to_owned),
            grant: response.header("skyful-grant").map(str::to_owned),
        }
    }

    /// Any request with a token; what stands after `?` in a target is its query.
    pub async fn sent(
        &self,
        method: &str,
        target: &str,
        body: &str,
        token: Option<&str>,
    ) -> Response {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |name: &str| token.filter(|_| name == "skyful-caps").map(str::to_owned);
        let request = Request {
            method,
            path,
            query,
            header: &header,
            body: body.as_bytes(),
            facts: Facts::default(),
        };
        let serial = {
            let mut serial = self.serial.lock().unwrap();
            *serial += 1;
            u128::from(*serial).to_be_bytes()
        };
        self.edge
            .handle(&self.platform, request, self.now_ms, serial)
            .await
    }

    pub fn ask(&self, body: Value, token: Option<&str>) -> Answer {
        block_on(self.asked(body, token))
    }

    /// A visitor who carries the token of the answer before.
    pub fn again(&self, page: &str, before: &Answer) -> Answer {
        self.ask(json!({"page": page}), before.caps.as_deref())
    }
}
