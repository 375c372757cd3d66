//! The snapshot store of an edge on Workers: KV to read, the Durable Object `Publisher` to replace and for the
//! freshest manifest, the Cache API for the own copy. Without a `PUBLISHER` binding KV does all of it.

use skyful::manifest::Keys;
use skyful_edge::{Config, Rule, Ruling, SnapshotStore, StoreError};
use worker::js_sys::Uint8Array;
use worker::{Env, Method, ObjectNamespace, Request, RequestInit, Stub, console_error};

use crate::kv::Kv;
use crate::own_copy::{self, FOR_LONG, ONE_SECOND};
use crate::settings::Misconfigured;

#[derive(Clone)]
pub struct Store {
    kv: Kv,
    publisher: Option<ObjectNamespace>,
    /// Of the publisher object: one per environment.
    name: String,
    manifest: String,
}

impl Store {
    pub fn new(env: &Env, config: &Config) -> Result<Self, Misconfigured> {
        Ok(Self {
            kv: Kv::new(env)?,
            publisher: env.durable_object("PUBLISHER").ok(),
            name: format!("{}/{}", config.workspace, config.env),
            manifest: Keys::new(&config.workspace, &config.env).manifest(),
        })
    }

    fn publisher(&self) -> Option<Result<Stub, StoreError>> {
        let publisher = self.publisher.as_ref()?;
        Some(publisher.get_by_name(&self.name).map_err(unreachable))
    }

    async fn published(&self, publisher: &Stub, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut answer = publisher
            .fetch_with_str(&address(key))
            .await
            .map_err(unreachable)?;
        match answer.status_code() {
            200 => Ok(Some(answer.bytes().await.map_err(unreachable)?)),
            404 => Ok(None),
            _ => Err(refused(answer.text().await)),
        }
    }
}

impl SnapshotStore for Store {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.kv.get(key).await
    }

    /// The object's word on the manifest, at most a second old in a PoP. If it gives none, KV does.
    async fn fresh(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(publisher) = self.publisher().filter(|_| key == self.manifest) else {
            return self.get(key).await;
        };
        let copy = fresh_copy(key);
        if let Some(value) = own_copy::recall(&copy).await {
            return Ok(Some(value));
        }
        let published = match publisher {
            Ok(publisher) => self.published(&publisher, key).await,
            Err(error) => Err(error),
        };
        match published {
            Ok(Some(value)) => {
                own_copy::keep(&copy, &value, ONE_SECOND).await;
                Ok(Some(value))
            }
            Ok(None) => Ok(None),
            Err(_) => self.get(key).await,
        }
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.kv.put(key, value).await
    }

    /// The object knows the rule itself and applies it where nobody can come between.
    async fn replace(&self, key: &str, value: &[u8], rule: Rule<'_>) -> Result<Ruling, StoreError> {
        // What this isolate holds may be newer than what the object was told.
        let over_held = rule(None);
        if over_held != Ruling::Write {
            return Ok(over_held);
        }
        let Some(publisher) = self.publisher() else {
            let ruling = rule(self.kv.get(key).await?.as_deref());
            if ruling == Ruling::Write {
                self.kv.put(key, value).await?;
            }
            return Ok(ruling);
        };
        let mut init = RequestInit::new();
        init.with_method(Method::Put)
            .with_body(Some(Uint8Array::from(value).into()));
        let request = Request::new_with_init(&address(key), &init).map_err(unreachable)?;
        let mut answer = publisher?
            .fetch_with_request(request)
            .await
            .map_err(unreachable)?;
        let text = answer.text().await;
        if answer.status_code() != 200 {
            return Err(refused(text));
        }
        own_copy::forget(&fresh_copy(key)).await;
        text.map_err(unreachable)?.parse()
    }

    async fn recall(&self, key: &str) -> Option<Vec<u8>> {
        own_copy::recall(key).await
    }

    async fn keep(&self, key: &str, value: &[u8]) {
        own_copy::keep(key, value, FOR_LONG).await;
    }
}

/// The object is asked by store key; the host is only there because an address must have one.
fn address(key: &str) -> String {
    format!("https://publisher.invalid/{key}")
}

fn fresh_copy(key: &str) -> String {
    format!("fresh/{key}")
}

fn unreachable(error: worker::Error) -> StoreError {
    console_error!("skyful: publisher: {error}");
    StoreError("the publisher object gave no answer".into())
}

/// What the object says is made for this: it names neither values nor secrets.
fn refused(text: worker::Result<String>) -> StoreError {
    StoreError(text.unwrap_or_else(|_| "the publisher object refused".into()))
}
