//! Cloudflare KV by its REST API, for Workers that read a namespace without taking publishes themselves. No compare-and-set
//! here: a slow writer can put an older manifest, which edges ignore and the next look repairs. Wire format:
//! <https://developers.cloudflare.com/api/resources/kv/>.

use base64ct::{Base64, Encoding as _};
use serde::Deserialize;
use serde_json::json;
use skyful::manifest::Keys;
use skyful::snapshot::{self, Digest};
use std::collections::BTreeSet;
use ureq::http::Method;

use super::api::{Api, Call, Patience, Reply, escaped};
use super::reach::Reach;
use super::{Doing, Object, Rule, Ruling, Slot, Target, Traits, not_kept};
use crate::failure::Failure;

pub const API: &str = "https://api.cloudflare.com/client/v4";
/// A bulk write takes 100 MB and 10,000 keys; base64 adds a third. Smaller ones lose less when they fail.
const BATCH_BYTES: usize = 20_000_000;
const BATCH_KEYS: usize = 10_000;
const DELETE: &str = "/bulk/delete";

pub struct CloudflareKv {
    api: Api,
    /// Of the namespace.
    path: String,
    token: String,
    workspace: String,
    keys: Keys,
}

/// How every answer of the API is wrapped.
#[derive(Deserialize)]
struct Answer<T> {
    success: bool,
    #[serde(default)]
    errors: Vec<ApiError>,
    result: Option<T>,
    result_info: Option<Info>,
}

#[derive(Deserialize)]
struct ApiError {
    code: i64,
    message: String,
}

#[derive(Deserialize)]
struct Info {
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Bulk {
    #[serde(default)]
    unsuccessful_keys: Vec<String>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

impl CloudflareKv {
    pub fn new(
        (base, account, namespace): (&str, &str, &str),
        token: String,
        (workspace, env): (&str, &str),
        reach: &Reach,
    ) -> Self {
        Self {
            api: Api::new(base, Patience::WORKER, reach),
            path: format!("/accounts/{account}/storage/kv/namespaces/{namespace}"),
            token,
            workspace: workspace.to_owned(),
            keys: Keys::new(workspace, env),
        }
    }

    async fn send(&self, call: Call) -> Result<Reply, Failure> {
        let call = call.header("authorization", format!("Bearer {}", self.token));
        self.api.send(call).await
    }

    /// A slash in a key is no part of the path.
    fn value(&self, key: &str) -> String {
        format!("{}/values/{}", self.path, escaped(key))
    }

    fn slot(&self, slot: Slot) -> String {
        match slot {
            Slot::Manifest => self.keys.manifest(),
            Slot::Settled => self.keys.settled(),
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        let reply = self.send(Call::new(Method::GET, self.value(key))).await?;
        match reply.status {
            200 => Ok(Some(reply.body)),
            // Also for a namespace that isn't there, which a write then tells.
            404 => Ok(None),
            _ => Err(self.refused("reading", &reply)),
        }
    }

    async fn write(&self, key: &str, value: &[u8]) -> Result<(), Failure> {
        let call = Call::new(Method::PUT, self.value(key));
        let call = call.body("application/octet-stream", value.to_vec());
        let reply = self.send(call).await?;
        match reply.succeeded() {
            true => Ok(()),
            false => Err(self.refused("writing", &reply)),
        }
    }

    async fn bulk(&self, method: Method, path: &str, body: Vec<u8>) -> Result<(), Failure> {
        let mut call = Call::new(method, format!("{}{path}", self.path));
        if path == DELETE {
            // Once: whoever counts on its deadline must not meet a second attempt.
            call = call.attempts(1);
        }
        let reply = self.send(call.body("application/json", body)).await?;
        let answer: Option<Answer<Bulk>> = reply.json();
        match answer {
            Some(answer) if reply.succeeded() && answer.success => {
                let left = answer.result.map_or(0, |bulk| bulk.unsuccessful_keys.len());
                match left {
                    0 => Ok(()),
                    _ => Err(Failure::fault(format!(
                        "Cloudflare KV left out {left} keys"
                    ))),
                }
            }
            _ => Err(self.refused("writing", &reply)),
        }
    }

    fn refused(&self, doing: &str, reply: &Reply) -> Failure {
        let answer: Option<Answer<serde_json::Value>> = reply.json();
        let errors = answer.map(|answer| answer.errors).unwrap_or_default();
        let words = errors
            .iter()
            .map(|error| format!("{} ({})", error.message, error.code));
        let words: Vec<String> = words.collect();
        let mut failure = Failure::fault(format!(
            "{doing} in Cloudflare KV was refused with status {}: {}",
            reply.status,
            words.join(", ")
        ));
        failure.after = reply.retry_after();
        match reply.status {
            401 | 403 => failure.hint("the token needs the permission Workers KV Storage: Edit"),
            404 => failure.hint("are account and namespace right?"),
            429 => failure.hint("too many requests; it is tried again later"),
            _ => failure,
        }
    }
}

impl Target for CloudflareKv {
    fn get(&self, slot: Slot) -> Doing<'_, Option<Vec<u8>>> {
        Box::pin(async move { self.read(&self.slot(slot)).await })
    }

    fn replace<'a>(&'a self, slot: Slot, value: &'a [u8], rule: Rule<'a>) -> Doing<'a, Ruling> {
        Box::pin(async move {
            let key = self.slot(slot);
            let ruling = rule(self.read(&key).await?.as_deref());
            if ruling == Ruling::Write {
                self.write(&key, value).await?;
            }
            Ok(ruling)
        })
    }

    fn has<'a>(&'a self, digest: &'a Digest) -> Doing<'a, bool> {
        Box::pin(async move {
            let stored = self.read(&self.keys.object(digest)).await?;
            Ok(stored
                .is_some_and(|bytes| snapshot::verify(bytes, *digest, &self.workspace).is_ok()))
        })
    }

    fn put<'a>(&'a self, objects: &'a [Object]) -> Doing<'a, ()> {
        Box::pin(async move {
            if let [(digest, bytes)] = objects {
                return self.write(&self.keys.object(digest), bytes).await;
            }
            let pair = |(digest, bytes): &Object| {
                let (key, value) = (self.keys.object(digest), Base64::encode_string(bytes));
                json!({"key": key, "value": value, "base64": true})
            };
            for part in objects.chunks(BATCH_KEYS) {
                let pairs: Vec<_> = part.iter().map(pair).collect();
                let body = json!(pairs).to_string().into_bytes();
                self.bulk(Method::PUT, "/bulk", body).await?;
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, ()> {
        Box::pin(async move {
            for part in digests.chunks(BATCH_KEYS) {
                let keys: Vec<String> = part.iter().map(|name| self.keys.object(name)).collect();
                let body = json!(keys).to_string().into_bytes();
                self.bulk(Method::POST, DELETE, body).await?;
            }
            Ok(())
        })
    }

    fn list(&self) -> Doing<'_, Option<BTreeSet<Digest>>> {
        Box::pin(async move {
            let prefix = self.keys.objects();
            let asked = escaped(&prefix);
            let mut found = BTreeSet::new();
            let mut cursor = String::new();
            loop {
                let path = format!("{}/keys?limit=1000&prefix={asked}{cursor}", self.path);
                let reply = self.send(Call::new(Method::GET, path)).await?;
                let answer: Option<Answer<Vec<Name>>> = reply.json();
                let Some(answer) = answer.filter(|answer| answer.success) else {
                    return Err(self.refused("listing", &reply));
                };
                let names = answer.result.unwrap_or_default();
                let digest = |name: &Name| Digest::from_hex(name.name.strip_prefix(&prefix)?);
                found.extend(names.iter().filter_map(digest));
                let next = answer.result_info.and_then(|info| info.cursor);
                match next.filter(|next| !next.is_empty()) {
                    Some(next) => cursor = format!("&cursor={}", escaped(&next)),
                    None => return Ok(Some(found)),
                }
            }
        })
    }

    fn probe(&self) -> Doing<'_, ()> {
        Box::pin(async move {
            let key = format!("{}-probe", self.keys.manifest());
            self.write(&key, b"probe").await?;
            match self.read(&key).await?.as_deref() {
                // Not visible yet is how it is.
                Some(b"probe") | None => Ok(()),
                _ => Err(not_kept("a probe", &self.place())),
            }
        })
    }

    fn traits(&self) -> Traits {
        Traits {
            batch_bytes: BATCH_BYTES,
            ..Traits::HOSTED
        }
    }

    fn place(&self) -> String {
        format!("{}{}", self.api.base, self.path)
    }
}
