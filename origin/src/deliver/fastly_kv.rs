//! A Fastly KV Store by its REST API. A value is replaced only if it still has the generation that was read, so manifests never
//! go back. Wire format: <https://www.fastly.com/documentation/reference/api/services/resources/kv-store-item/>.

use std::collections::BTreeSet;

use serde::Deserialize;
use skyful::manifest::Keys;
use skyful::snapshot::{self, Digest};
use ureq::http::Method;

use super::api::{Api, Call, Patience, Reply, escaped};
use super::reach::Reach;
use super::{Doing, Object, Rule, Ruling, Slot, Target, Traits, not_kept};
use crate::failure::Failure;

pub const API: &str = "https://api.fastly.com";
/// Each means that another writer got through. More are not a race, but a fault.
const RACES: u32 = 8;

pub struct FastlyKv {
    api: Api,
    /// Of the store.
    path: String,
    token: String,
    workspace: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    data: Vec<String>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    next_cursor: Option<String>,
}

/// A value and the generation that it was read in; 0 is none.
struct Read {
    value: Option<Vec<u8>>,
    generation: String,
}

impl FastlyKv {
    pub fn new(
        (base, store): (&str, &str),
        token: String,
        (workspace, env): (&str, &str),
        reach: &Reach,
    ) -> Self {
        Self {
            api: Api::new(base, Patience::WORKER, reach),
            path: format!("/resources/stores/kv/{store}/keys"),
            token,
            workspace: workspace.to_owned(),
            keys: Keys::new(workspace, env),
        }
    }

    async fn send(&self, call: Call) -> Result<Reply, Failure> {
        self.api.send(call.header("fastly-key", &*self.token)).await
    }

    fn item(&self, key: &str) -> String {
        format!("{}/{}", self.path, escaped(key))
    }

    fn slot(&self, slot: Slot) -> String {
        match slot {
            Slot::Manifest => self.keys.manifest(),
            Slot::Settled => self.keys.settled(),
        }
    }

    async fn read(&self, key: &str) -> Result<Read, Failure> {
        let reply = self.send(Call::new(Method::GET, self.item(key))).await?;
        match reply.status {
            200 => Ok(Read {
                generation: reply.header("generation").unwrap_or_default().to_owned(),
                value: Some(reply.body),
            }),
            404 => Ok(Read {
                generation: "0".into(),
                value: None,
            }),
            _ => Err(refused("reading", &reply)),
        }
    }

    /// False: somebody else came between.
    async fn write(&self, key: &str, value: &[u8], over: Option<&str>) -> Result<bool, Failure> {
        let mut call = Call::new(Method::PUT, self.item(key));
        if let Some(generation) = over {
            call = call.header("if-generation-match", generation);
        }
        let call = call.body("application/octet-stream", value.to_vec());
        let reply = self.send(call).await?;
        match reply.status {
            412 if over.is_some() => Ok(false),
            200..300 => Ok(true),
            _ => Err(refused("writing", &reply)),
        }
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        // Once: whoever counts on its deadline must not meet a second attempt.
        let call = Call::new(Method::DELETE, self.item(key)).attempts(1);
        let reply = self.send(call).await?;
        match reply.status {
            200..300 | 404 => Ok(()),
            _ => Err(refused("deleting", &reply)),
        }
    }
}

impl Target for FastlyKv {
    fn get(&self, slot: Slot) -> Doing<'_, Option<Vec<u8>>> {
        Box::pin(async move { Ok(self.read(&self.slot(slot)).await?.value) })
    }

    fn replace<'a>(&'a self, slot: Slot, value: &'a [u8], rule: Rule<'a>) -> Doing<'a, Ruling> {
        Box::pin(async move {
            let key = self.slot(slot);
            for _ in 0..RACES {
                let stored = self.read(&key).await?;
                let ruling = rule(stored.value.as_deref());
                if ruling != Ruling::Write {
                    return Ok(ruling);
                }
                if stored.generation.is_empty() {
                    let failure = Failure::fault("Fastly KV gave a value without its generation");
                    return Err(failure.hint("is this the address of Fastly's API?"));
                }
                if self.write(&key, value, Some(&stored.generation)).await? {
                    return Ok(Ruling::Write);
                }
            }
            Err(Failure::fault(
                "too many writers of one manifest in Fastly KV",
            ))
        })
    }

    fn has<'a>(&'a self, digest: &'a Digest) -> Doing<'a, bool> {
        Box::pin(async move {
            let stored = self.read(&self.keys.object(digest)).await?.value;
            Ok(stored
                .is_some_and(|bytes| snapshot::verify(bytes, *digest, &self.workspace).is_ok()))
        })
    }

    fn put<'a>(&'a self, objects: &'a [Object]) -> Doing<'a, ()> {
        Box::pin(async move {
            for (digest, bytes) in objects {
                self.write(&self.keys.object(digest), bytes, None).await?;
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, digests: &'a [Digest]) -> Doing<'a, ()> {
        Box::pin(async move {
            for digest in digests {
                self.remove(&self.keys.object(digest)).await?;
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
                let path = format!(
                    "{}?limit=1000&consistency=strong&prefix={asked}{cursor}",
                    self.path
                );
                let reply = self.send(Call::new(Method::GET, path)).await?;
                let listed: Option<Listed> = reply.succeeded().then(|| reply.json()).flatten();
                let Some(listed) = listed else {
                    return Err(refused("listing", &reply));
                };
                let digest = |name: &String| Digest::from_hex(name.strip_prefix(&prefix)?);
                found.extend(listed.data.iter().filter_map(digest));
                let next = listed.meta.and_then(|meta| meta.next_cursor);
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
            self.write(&key, b"probe", None).await?;
            match self.read(&key).await?.value.as_deref() {
                // Not visible yet is how it is.
                Some(b"probe") | None => self.remove(&key).await,
                _ => Err(not_kept("a probe", &self.place())),
            }
        })
    }

    fn traits(&self) -> Traits {
        Traits {
            compares: true,
            deletes_at_once: 1,
            ..Traits::HOSTED
        }
    }

    fn place(&self) -> String {
        format!("{}{}", self.api.base, self.path)
    }
}

/// The body of a refusal is not shown: it may repeat what was sent.
fn refused(doing: &str, reply: &Reply) -> Failure {
    let mut failure = Failure::fault(format!(
        "{doing} in Fastly KV was refused with status {}",
        reply.status
    ));
    failure.after = reply.retry_after();
    match reply.status {
        401 | 403 => failure.hint("the token needs the role Engineer and the scope global"),
        404 => failure.hint("is the store's id right?"),
        429 => failure.hint("too many requests; it is tried again later"),
        _ => failure,
    }
}
