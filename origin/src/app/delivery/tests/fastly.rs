//! A Fastly KV Store, as far as a fake can be it: it checks method, path, headers and body as the public documentation has
//! them, and keeps generations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use skyful::snapshot::Digest;
use ureq::http::Method;

use super::desk::{Desk, now, pass, pass_to, run};
use super::web::{Answer, Asked, Web, answer, unescaped};
use crate::app::delivery::settings::Settings;
use crate::app::delivery::worker::{Place, Worker};
use crate::deliver::fastly_kv::FastlyKv;
use crate::deliver::reach::Reach;
use crate::deliver::{Ruling, SETTLE_MS, Slot, Target as _};

const BASE: &str = "/resources/stores/kv/st1/keys";

#[derive(Default)]
struct Store {
    values: BTreeMap<String, (u32, Vec<u8>)>,
    generation: u32,
    /// Between a read of the manifest and the write after it, somebody else writes this.
    between: Option<Vec<u8>>,
    refused: usize,
    /// Too busy to delete anything; how often it was asked to.
    busy: bool,
    deletes: usize,
}

impl Store {
    fn answer(&mut self, asked: Asked) -> Answer {
        assert_eq!(
            asked.header("fastly-key"),
            Some("canary-token"),
            "{asked:?}"
        );
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let Some(rest) = path.strip_prefix(BASE) else {
            return answer(404, "{}");
        };
        match rest.strip_prefix('/') {
            None => self.list(query),
            Some(name) if !name.contains('/') => self.item(&asked, unescaped(name)),
            Some(_) => panic!("no such route: {asked:?}"),
        }
    }

    fn item(&mut self, asked: &Asked, key: String) -> Answer {
        assert!(key.len() <= 1_024);
        match asked.method {
            Method::GET => {
                let found = match self.values.get(&key) {
                    None => answer(404, "{}"),
                    Some((generation, value)) => {
                        answer(200, value.clone()).header("generation", generation.to_string())
                    }
                };
                if key.ends_with("/manifest")
                    && let Some(value) = self.between.take()
                {
                    self.put(key, value);
                }
                found
            }
            Method::PUT => {
                assert!(asked.body.len() <= 25 << 20);
                if let Some(wanted) = asked.header("if-generation-match") {
                    let stored = self
                        .values
                        .get(&key)
                        .map_or(0, |(generation, _)| *generation);
                    if wanted != stored.to_string() {
                        self.refused += 1;
                        return answer(412, "{}");
                    }
                } else {
                    assert!(!key.ends_with("/manifest"), "a manifest is compared");
                }
                self.put(key, asked.body.clone());
                answer(200, "{}")
            }
            Method::DELETE if self.busy => {
                self.deletes += 1;
                answer(503, "{}")
            }
            Method::DELETE => match self.values.remove(&key) {
                Some(_) => answer(204, ""),
                None => answer(404, "{}"),
            },
            _ => panic!("no such method: {asked:?}"),
        }
    }

    fn put(&mut self, key: String, value: Vec<u8>) {
        self.generation += 7;
        self.values.insert(key, (self.generation, value));
    }

    fn list(&self, query: &str) -> Answer {
        let asked: BTreeMap<&str, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name, unescaped(value)))
            .collect();
        assert_eq!(
            (&*asked["limit"], &*asked["consistency"]),
            ("1000", "strong")
        );
        let after = asked.get("cursor").cloned().unwrap_or_default();
        let named = self
            .values
            .keys()
            .filter(|key| key.starts_with(&asked["prefix"]));
        let rest: Vec<&String> = named.filter(|key| **key > after).collect();
        let page: Vec<&&String> = rest.iter().take(2).collect();
        let mut meta = json!({"limit": 1000});
        if rest.len() > 2 {
            meta["next_cursor"] = json!(rest[1]);
        }
        answer(200, json!({"data": page, "meta": meta}).to_string())
    }
}

async fn store() -> (Web, Arc<Mutex<Store>>) {
    let store = Arc::new(Mutex::new(Store::default()));
    let held = Arc::clone(&store);
    let web = Web::start(move |asked| held.lock().unwrap().answer(asked)).await;
    (web, store)
}

async fn with_target(desk: &Desk, url: &str) -> Worker {
    let settings = Settings::FastlyKv {
        store: "st1".into(),
        token: Some("canary-token".into()),
        api: Some(url.to_owned()),
    };
    desk.target("prod", "kv", settings).await;
    let place = Place {
        workspace: "wallet".into(),
        env: "prod".into(),
        target: "kv".into(),
    };
    Worker::new(desk.app.clone(), place)
}

async fn until(worker: &mut Worker, end_ms: i64) {
    while now() < end_ms {
        let next_ms = worker.round().await.unwrap().unwrap();
        pass_to(next_ms, end_ms);
    }
}

#[test]
fn releases_are_delivered_settled_listed_and_collected() {
    run(async |desk| {
        let (web, store) = store().await;
        let mut worker = with_target(&desk, &web.url).await;
        for n in 0..22 {
            desk.release(&format!("v{n}")).await;
            until(&mut worker, now() + 2_000).await;
        }
        let objects = |kv: &Store| kv.values.keys().filter(|key| key.contains("/o/")).count();
        assert_eq!(objects(&store.lock().unwrap()), 23);
        until(&mut worker, now() + SETTLE_MS + 1_000).await;
        let told = desk.progress("prod", "kv").await;
        assert_eq!(
            (told.delivered, told.settled, told.error),
            (Some(22), Some(22), None)
        );
        for _ in 0..2 {
            pass(31 * 86_400_000);
            until(&mut worker, now() + 2_000).await;
        }
        assert_eq!(objects(&store.lock().unwrap()), 21);
        // The audit finds by the list what somebody deleted.
        let lost = {
            let mut kv = store.lock().unwrap();
            let object = kv
                .values
                .keys()
                .find(|key| key.contains("/o/"))
                .cloned()
                .unwrap();
            kv.values.remove(&object);
            object
        };
        until(&mut worker, now() + 62_000).await;
        let mut tx = desk.app.store.read().await.unwrap();
        let wanted =
            crate::store::sqlite::target_objects::of_manifests(&mut tx, ("wallet", "prod"), &[22]);
        let wanted = wanted.await.unwrap();
        let was_wanted = wanted.iter().any(|digest| lost.ends_with(digest));
        assert_eq!(store.lock().unwrap().values.contains_key(&lost), was_wanted);
    });
}

#[test]
fn whoever_comes_between_is_not_written_over() {
    run(async |desk| {
        let (web, store) = store().await;
        let mut worker = with_target(&desk, &web.url).await;
        desk.release("a").await;
        until(&mut worker, now() + 2_000).await;
        let manifest = "s1/wallet/prod/manifest";
        let first = store.lock().unwrap().values[manifest].1.clone();
        desk.release("b").await;
        until(&mut worker, now() + 2_000).await;
        let second = store.lock().unwrap().values[manifest].1.clone();
        // A late worker reads the first while the second is being put.
        let own = desk.app.own(&worker.place).await.unwrap();
        let kv = FastlyKv::new(
            (&web.url, "st1"),
            "canary-token".into(),
            ("wallet", "prod"),
            &Reach::everywhere(),
        );
        let given = own.open(Slot::Manifest, &first).unwrap();
        let rule = |stored: Option<&[u8]>| own.ruling(Slot::Manifest, &given, stored);
        {
            let mut store = store.lock().unwrap();
            store.values.remove(manifest);
            store.between = Some(second.clone());
        }
        let ruling = kv.replace(Slot::Manifest, &first, &rule).await.unwrap();
        assert_eq!(ruling, Ruling::Older(2));
        let store = store.lock().unwrap();
        assert_eq!(store.refused, 1, "the write in between was noticed");
        assert_eq!(store.values[manifest].1, second);
    });
}

#[test]
fn a_request_to_delete_is_sent_once() {
    run(async |_| {
        let (web, store) = store().await;
        store.lock().unwrap().busy = true;
        let kv = FastlyKv::new(
            (&web.url, "st1"),
            "canary-token".into(),
            ("wallet", "prod"),
            &Reach::everywhere(),
        );
        let done = kv.delete(&[Digest([7; 32])]).await;
        assert!(done.is_err());
        assert_eq!(store.lock().unwrap().deletes, 1);
    });
}
