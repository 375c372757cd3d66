//! Events on Spin: to the collector, whose word they wait for; while it gives none, into the key-value store under keys of
//! their own, from where later requests deliver them. Nothing runs here between requests.

use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt;
use skyful_edge::forward::{self, Verdict};
use skyful_edge::{EventSink, StoreError};
use spin_sdk::http::FullBody;
use spin_sdk::wasip3::http::types::RequestOptions;
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

use crate::serve::{now_ms, random};
use crate::settings::Collector;
use crate::store::KeyValue;

/// For a connection, and again for the answer: a visitor waits meanwhile.
const PATIENCE_NS: u64 = 3_000_000_000;
/// Nothing of use is longer.
const ANSWER_BYTES: usize = 1 << 20;
/// How often an instance looks for what was put aside, and how much of it it delivers then.
const LOOK_MS: i64 = 5_000;
const DELIVERED_AT_ONCE: usize = 4;

static LOOKED_MS: AtomicI64 = AtomicI64::new(i64::MIN);

pub struct Events<'a> {
    pub store: &'a KeyValue,
    pub collector: Option<&'a Collector>,
    /// Workspace and environment, as in all keys of the store.
    pub place: String,
}

impl EventSink for Events<'_> {
    async fn send(&self, batch: &[u8]) -> Result<(), StoreError> {
        let Some(collector) = self.collector else {
            return Err(StoreError("no collector is set".into()));
        };
        match post(collector, batch.to_vec()).await {
            Verdict::Settled(refused) => {
                for refused in refused {
                    eprintln!("skyful: an event will never be counted: {}", refused.why);
                }
                self.deliver_some(collector).await;
                Ok(())
            }
            // Also what is refused as a whole: a person can still look at it.
            Verdict::Later | Verdict::Poison => self.store.set(&self.aside(), batch).await,
        }
    }
}

impl Events<'_> {
    /// Nobody else has this key: the time only sorts, what tells keys apart is chance.
    fn aside(&self) -> String {
        let random = u128::from_le_bytes(random());
        format!("{}{:013}-{random:032x}", self.prefix(), now_ms())
    }

    fn prefix(&self) -> String {
        format!("e1/{}/", self.place)
    }

    /// What an earlier request put aside. Two instances may deliver the same: each id is counted once.
    async fn deliver_some(&self, collector: &Collector) {
        let now_ms = now_ms();
        let looked_ms = LOOKED_MS.load(Ordering::Relaxed);
        if now_ms.saturating_sub(looked_ms) < LOOK_MS && now_ms >= looked_ms {
            return;
        }
        LOOKED_MS.store(now_ms, Ordering::Relaxed);
        if let Err(error) = self.look(collector).await {
            eprintln!("skyful: events that were put aside: {error}");
        }
    }

    async fn look(&self, collector: &Collector) -> Result<(), StoreError> {
        let keys = self.store.keys(&self.prefix(), DELIVERED_AT_ONCE).await?;
        // As many as were asked for: there may be more, which the next request looks for.
        if keys.len() == DELIVERED_AT_ONCE {
            LOOKED_MS.store(i64::MIN, Ordering::Relaxed);
        }
        for key in keys {
            // None: somebody else was quicker, or the store lags.
            let Some(batch) = self.store.read(&key).await? else {
                continue;
            };
            match post(collector, batch.clone()).await {
                Verdict::Settled(refused) => {
                    for refused in refused {
                        eprintln!("skyful: an event will never be counted: {}", refused.why);
                    }
                }
                Verdict::Poison => {
                    let dead = format!("dead-{key}");
                    eprintln!("skyful: events will never be counted, see {dead} in the store");
                    self.store.set(&dead, &batch).await?;
                }
                Verdict::Later => return Ok(()),
            }
            self.store.delete(&key).await?;
        }
        Ok(())
    }
}

/// Never an error: no answer is a reason to try again.
async fn post(collector: &Collector, batch: Vec<u8>) -> Verdict {
    let answered = answer(collector, batch).await;
    match answered {
        Some((status, said)) => {
            let verdict = forward::verdict(status, &said);
            if !matches!(verdict, Verdict::Settled(_)) {
                eprintln!("skyful: the collector answered {status}");
            }
            verdict
        }
        None => {
            eprintln!("skyful: the collector gave no answer");
            Verdict::Later
        }
    }
}

async fn answer(collector: &Collector, batch: Vec<u8>) -> Option<(u16, Vec<u8>)> {
    let options = RequestOptions::new();
    options.set_connect_timeout(Some(PATIENCE_NS)).ok()?;
    options.set_first_byte_timeout(Some(PATIENCE_NS)).ok()?;
    options.set_between_bytes_timeout(Some(PATIENCE_NS)).ok()?;
    let request = http::Request::post(format!("{}{}", collector.url, forward::PATH))
        .header("authorization", format!("Bearer {}", collector.token))
        .header("content-type", "application/x-ndjson")
        .extension(RequestOptionsExtension(options))
        .body(FullBody::new(Bytes::from(batch)))
        .ok()?;
    let answer = spin_sdk::http::send(request).await.ok()?;
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    let mut said = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            said.extend_from_slice(&data);
        }
        if said.len() > ANSWER_BYTES {
            return None;
        }
    }
    Some((status, said))
}
