//! Cloudflare KV, as far as a fake can be it: it checks method, path, headers and body as the public documentation has them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};
use skyful::snapshot::Digest;
use ureq::http::Method;

use super::desk::{Desk, now, on_a_thread, pass, pass_to, run};
use super::web::{Answer, Asked, Web, answer, unescaped};
use crate::app::delivery::settings::Settings;
use crate::app::delivery::worker::{Place, Worker};
use crate::deliver::cloudflare_kv::CloudflareKv;
use crate::deliver::reach::Reach;
use crate::deliver::{LAG, SETTLE_MS, Target as _};

const BASE: &str = "/accounts/acc1/storage/kv/namespaces/ns1";

#[derive(Default)]
struct Namespace {
    values: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
    /// How many requests are still answered with 429.
    throttled: usize,
    retry_after: Option<u64>,
    /// A bulk write that keeps only its first half.
    torn: bool,
    /// A write that keeps half of the bytes.
    cut: bool,
}

impl Namespace {
    fn answer(&mut self, asked: Asked) -> Answer {
        assert_eq!(
            asked.header("authorization"),
            Some("Bearer canary-token"),
            "{asked:?}"
        );
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        self.asked.push(format!("{} {path}", asked.method));
        if self.throttled > 0 {
            self.throttled -= 1;
            let body = json!({"success": false, "errors": [{"code": 10429, "message": "slow down"}], "messages": [], "result": null});
            let refused = answer(429, body.to_string());
            return match self.retry_after {
                Some(seconds) => refused.header("retry-after", seconds.to_string()),
                None => refused,
            };
        }
        let Some(rest) = path.strip_prefix(BASE) else {
            return self.refused(404, 10013, "namespace not found");
        };
        match (asked.method.clone(), rest) {
            (Method::PUT, "/bulk") => self.bulk(&asked),
            (Method::POST, "/bulk/delete") => self.bulk_delete(&asked),
            (Method::GET, "/keys") => self.list(query),
            (method, _) => match rest.strip_prefix("/values/") {
                Some(name) if !name.contains('/') => self.value(&method, &unescaped(name), &asked),
                _ => panic!("no such route: {method} {path}"),
            },
        }
    }

    fn refused(&self, status: u16, code: i64, message: &str) -> Answer {
        let body = json!({"success": false, "errors": [{"code": code, "message": message}], "messages": [], "result": null});
        answer(status, body.to_string())
    }

    fn done(&self, result: Value) -> Answer {
        let body = json!({"success": true, "errors": [], "messages": [], "result": result});
        answer(200, body.to_string())
    }

    fn value(&mut self, method: &Method, key: &str, asked: &Asked) -> Answer {
        match *method {
            Method::GET => match self.values.get(key) {
                Some(value) => answer(200, value.clone()),
                None => self.refused(404, 10009, "get: 'key not found'"),
            },
            Method::PUT => {
                assert_eq!(
                    asked.header("content-type"),
                    Some("application/octet-stream")
                );
                assert!(key.len() <= 512 && asked.body.len() <= 25 << 20);
                let kept = if self.cut {
                    asked.body.len() / 2
                } else {
                    asked.body.len()
                };
                self.values
                    .insert(key.to_owned(), asked.body[..kept].to_vec());
                self.done(json!({}))
            }
            _ => panic!("no such method: {asked:?}"),
        }
    }

    fn bulk(&mut self, asked: &Asked) -> Answer {
        assert_eq!(asked.header("content-type"), Some("application/json"));
        assert!(asked.body.len() < 100_000_000);
        let pairs: Vec<Value> = serde_json::from_slice(&asked.body).unwrap();
        assert!(pairs.len() <= 10_000);
        let kept = if self.torn {
            pairs.len() / 2
        } else {
            pairs.len()
        };
        let mut left = Vec::new();
        for (at, pair) in pairs.iter().enumerate() {
            assert_eq!(pair["base64"], true);
            let (key, value) = (
                pair["key"].as_str().unwrap(),
                pair["value"].as_str().unwrap(),
            );
            if at < kept {
                self.values
                    .insert(key.to_owned(), Base64::decode_vec(value).unwrap());
            } else {
                left.push(key);
            }
        }
        self.done(json!({"successful_key_count": kept, "unsuccessful_keys": left}))
    }

    fn bulk_delete(&mut self, asked: &Asked) -> Answer {
        let keys: Vec<String> = serde_json::from_slice(&asked.body).unwrap();
        assert!(keys.len() <= 10_000);
        for key in &keys {
            self.values.remove(key);
        }
        self.done(json!({"successful_key_count": keys.len(), "unsuccessful_keys": []}))
    }

    /// Two at a time, so that cursors are followed.
    fn list(&self, query: &str) -> Answer {
        let asked: BTreeMap<&str, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name, unescaped(value)))
            .collect();
        assert_eq!(asked["limit"], "1000");
        let after = asked.get("cursor").cloned().unwrap_or_default();
        let named = self.values.keys();
        let named: Vec<&String> = named
            .filter(|key| key.starts_with(&asked["prefix"]))
            .collect();
        let rest: Vec<&String> = named.into_iter().filter(|key| **key > after).collect();
        let page: Vec<Value> = rest
            .iter()
            .take(2)
            .map(|key| json!({"name": key}))
            .collect();
        let cursor = match rest.len() > 2 {
            true => rest[1].clone(),
            false => String::new(),
        };
        let body = json!({"success": true, "errors": [], "messages": [], "result": page,
                          "result_info": {"count": page.len(), "cursor": cursor}});
        answer(200, body.to_string())
    }
}

async fn namespace() -> (Web, Arc<Mutex<Namespace>>) {
    let namespace = Arc::new(Mutex::new(Namespace::default()));
    let held = Arc::clone(&namespace);
    let web = Web::start(move |asked| held.lock().unwrap().answer(asked)).await;
    (web, namespace)
}

async fn with_target(desk: &Desk, url: &str) -> Worker {
    let settings = Settings::CloudflareKv {
        account: "acc1".into(),
        namespace: "ns1".into(),
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

/// Lets virtual time pass and the worker look whenever it wants to.
async fn until(worker: &mut Worker, end_ms: i64) {
    while now() < end_ms {
        let next_ms = worker.round().await.unwrap().unwrap();
        pass_to(next_ms, end_ms);
    }
}

#[test]
fn a_release_is_written_in_bulk_read_back_settled_and_collected() {
    run(async |desk| {
        let (web, namespace) = namespace().await;
        let mut worker = with_target(&desk, &web.url).await;
        let first = desk.release("a").await;
        until(&mut worker, now() + 2_000).await;
        assert_eq!(desk.progress("prod", "kv").await.delivered, Some(first));
        {
            let kv = namespace.lock().unwrap();
            let puts = kv.asked.iter().filter(|asked| asked.starts_with("PUT"));
            let puts: Vec<&String> = puts.collect();
            assert_eq!(
                puts.len(),
                2,
                "the objects at once, then the manifest: {puts:?}"
            );
            assert!(puts[0].ends_with("/bulk"));
            assert!(puts[1].ends_with("/values/s1%2Fwallet%2Fprod%2Fmanifest"));
        }
        until(&mut worker, now() + SETTLE_MS + 1_000).await;
        assert!(
            namespace
                .lock()
                .unwrap()
                .values
                .contains_key("s1/wallet/prod/settled")
        );
        for n in 0..21 {
            desk.release(&format!("more {n}")).await;
            until(&mut worker, now() + 2_000).await;
        }
        // 22 pages of their own and the one that they share.
        let objects = |kv: &Namespace| kv.values.keys().filter(|key| key.contains("/o/")).count();
        assert_eq!(objects(&namespace.lock().unwrap()), 23);
        until(&mut worker, now() + SETTLE_MS).await;
        for _ in 0..2 {
            pass(31 * 86_400_000);
            until(&mut worker, now() + 2_000).await;
        }
        // The last twenty, the one that they share, and the very first: it is still the fallback beside the last.
        assert_eq!(objects(&namespace.lock().unwrap()), 22);
        let told = desk.progress("prod", "kv").await;
        assert_eq!((told.state, told.error), ("current", None));
    });
}

#[test]
fn throttled_torn_and_cut_writes_are_found_and_done_again() {
    run(async |desk| {
        let (web, namespace) = namespace().await;
        let mut worker = with_target(&desk, &web.url).await;
        namespace.lock().unwrap().torn = true;
        let sequence = desk.release("a").await;
        worker.round().await.unwrap();
        let told = desk.progress("prod", "kv").await;
        assert!(told.error.unwrap().contains("left out 1 keys"));
        namespace.lock().unwrap().torn = false;
        namespace.lock().unwrap().cut = true;
        let lag_ms = LAG.as_millis() as i64;
        until(&mut worker, now() + lag_ms).await;
        assert_eq!(desk.progress("prod", "kv").await.delivered, None);
        namespace.lock().unwrap().cut = false;
        // Whoever wants to be left alone for an hour is left alone for an hour.
        namespace.lock().unwrap().throttled = 1;
        namespace.lock().unwrap().retry_after = Some(3_600);
        until(&mut worker, now() + 3 * lag_ms).await;
        let told = desk.progress("prod", "kv").await;
        assert!(told.error.unwrap().contains("slow down"));
        let asked = namespace.lock().unwrap().asked.len();
        until(&mut worker, now() + 1_800_000).await;
        assert_eq!(namespace.lock().unwrap().asked.len(), asked);
        until(&mut worker, now() + 3_600_000).await;
        assert_eq!(desk.progress("prod", "kv").await.delivered, Some(sequence));
    });
}

#[test]
fn the_token_is_shown_nowhere() {
    run(async |desk| {
        let (web, namespace) = namespace().await;
        let mut worker = with_target(&desk, &web.url).await;
        namespace.lock().unwrap().throttled = 1_000;
        desk.release("a").await;
        until(&mut worker, now() + 5_000).await;
        let admin = super::desk::admin();
        let shown = desk
            .app
            .target(&admin, ("wallet", "prod", "kv"))
            .await
            .unwrap();
        assert!(shown.has_secret);
        let shown = serde_json::to_string(&shown).unwrap();
        let told = format!("{:?}", desk.progress("prod", "kv").await);
        desk.app.store.close().await;
        let mut files = Vec::new();
        for entry in std::fs::read_dir(desk.root()).unwrap() {
            files.extend(std::fs::read(entry.unwrap().path()).unwrap_or_default());
        }
        for text in [shown.as_bytes(), told.as_bytes(), &files] {
            let found = text.windows(12).any(|window| window == b"canary-token");
            assert!(!found);
        }
    });
}

#[test]
fn a_check_says_what_is_wrong() {
    on_a_thread(async || {
        let desk = super::desk::desk(crate::document::now_ms, &["prod"]).await;
        let (web, _) = namespace().await;
        let admin = super::desk::admin();
        with_target(&desk, &web.url).await;
        let at = ("wallet", "prod", "kv");
        let tried = desk.app.try_target(&admin, at).await.unwrap();
        assert!(tried.ok, "{tried:?}");
        assert_eq!(
            (tried.settle_ms, tried.compares),
            (Some(SETTLE_MS), Some(false))
        );
        let settings = Settings::CloudflareKv {
            account: "acc1".into(),
            namespace: "other".into(),
            token: None,
            api: Some(web.url.clone()),
        };
        let expect = crate::app::drafts::Expect::Version(desk.version("kv"));
        // The token was for another place.
        let refused = desk
            .app
            .put_target(&admin, at, expect, (settings.clone(), true))
            .await;
        assert!(refused.is_err());
        let settings = settings.with(Some("canary-token".into()));
        desk.app
            .put_target(&admin, at, expect, (settings, true))
            .await
            .unwrap();
        let tried = desk.app.try_target(&admin, at).await.unwrap();
        assert!(!tried.ok && tried.error.unwrap().contains("namespace not found"));
        assert!(tried.hint.unwrap().contains("namespace"));
    });
}

#[test]
fn a_request_to_delete_is_sent_once() {
    run(async |_| {
        let (web, namespace) = namespace().await;
        namespace.lock().unwrap().throttled = 1_000;
        let place = ("wallet", "prod");
        let kv = CloudflareKv::new(
            (&web.url, "acc1", "ns1"),
            "canary-token".into(),
            place,
            &Reach::everywhere(),
        );
        assert!(kv.delete(&[Digest([7; 32])]).await.is_err());
        assert_eq!(namespace.lock().unwrap().asked.len(), 1);
    });
}
