//! Events on Workers: into a Queue, which is durable once it took them, and from there by this same Worker to the
//! collector. What its answers mean, and when to try again, is the core's.

use skyful::limits;
use skyful_edge::forward::{self, Refused, Verdict};
use skyful_edge::{EventSink, StoreError};
use wasm_bindgen::JsValue;
use worker::{
    Env, Fetch, Headers, MessageBatch, MessageExt, Method, Queue, QueueContentType,
    QueueRetryOptionsBuilder, RawMessage, RawMessageBuilder, Request, RequestInit, console_error,
};

use crate::{now_ms, random};

/// A message has at most 128 KB, some of which the platform takes.
const MESSAGE_BYTES: usize = 120_000;

/// The queue's end at which events go in.
pub struct Events {
    queue: Option<Queue>,
}

impl Events {
    pub fn new(env: &Env) -> Self {
        Self {
            queue: env.queue("EVENTS").ok(),
        }
    }
}

impl EventSink for Events {
    /// If it breaks off between two messages, the client sends all of it again, and each id is counted once.
    async fn send(&self, batch: &[u8]) -> Result<(), StoreError> {
        let Some(queue) = &self.queue else {
            return Err(StoreError("no queue is bound as EVENTS".into()));
        };
        put(queue, batch).await
    }
}

async fn put(queue: &Queue, lines: &[u8]) -> Result<(), StoreError> {
    for part in forward::parts(lines, MESSAGE_BYTES) {
        let text = JsValue::from_str(&String::from_utf8_lossy(part));
        let message = RawMessageBuilder::new(text).build_with_content_type(QueueContentType::Text);
        queue.send_raw(message).await.map_err(|error| {
            console_error!("skyful: queue: {error}");
            StoreError("the queue did not take them".into())
        })?;
    }
    Ok(())
}

/// A message on its way to the collector.
struct Waiting {
    message: RawMessage,
    lines: String,
}

/// Delivers a batch of messages. What isn't acknowledged comes again, and in the end to the dead-letter queue.
pub async fn consume(batch: &MessageBatch<String>, env: &Env) {
    let messages = batch.raw_iter().filter_map(|message| {
        let Some(lines) = message.body().as_string() else {
            // Nothing that was put in here: only a person can tell what it is.
            console_error!("skyful: a message that is no text is left to the dead-letter queue");
            message.retry();
            return None;
        };
        Some(Waiting { message, lines })
    });
    let mut group = Vec::new();
    let (mut bytes, mut events) = (0_usize, 0_usize);
    for waiting in messages {
        let more = waiting.lines.lines().count();
        let full = bytes.saturating_add(waiting.lines.len()) > limits::COLLECT_BYTES
            || events.saturating_add(more) > limits::COLLECT_EVENTS;
        if full {
            deliver(std::mem::take(&mut group), env).await;
            (bytes, events) = (0, 0);
        }
        bytes = bytes.saturating_add(waiting.lines.len());
        events = events.saturating_add(more);
        group.push(waiting);
    }
    deliver(group, env).await;
}

async fn deliver(group: Vec<Waiting>, env: &Env) {
    if group.is_empty() {
        return;
    }
    match post(&group, env).await {
        Verdict::Settled(refused) => {
            let mut before = 0_usize;
            for waiting in &group {
                let count = waiting.lines.lines().count();
                let own = refused.iter().filter_map(|one| {
                    let line = one.line.checked_sub(before).filter(|line| *line < count)?;
                    let why = one.why.clone();
                    Some(Refused { line, why })
                });
                settle(waiting, &own.collect::<Vec<_>>(), env).await;
                before = before.saturating_add(count);
            }
        }
        Verdict::Poison if group.len() > 1 => {
            for waiting in group {
                Box::pin(deliver(vec![waiting], env)).await;
            }
        }
        Verdict::Poison | Verdict::Later => group.iter().for_each(again),
    }
}

/// Lets go of a message, unless something of it is refused that may pass later; then all of it comes again, and what was
/// counted is a duplicate.
async fn settle(waiting: &Waiting, refused: &[Refused], env: &Env) {
    let tell = |what: &str| console_error!("skyful: {what}");
    let left = forward::left(waiting.lines.as_bytes(), refused, age_ms(waiting), tell);
    let mut settled = left.again.is_empty();
    if settled && !left.dead.is_empty() {
        // Without this binding it gets there by itself, as what is retried for too long.
        settled = match env.queue("EVENTS_DEAD") {
            Ok(queue) => put(&queue, &left.dead).await.is_ok(),
            Err(_) => false,
        };
    }
    if settled {
        waiting.message.ack();
    } else {
        again(waiting);
    }
}

fn age_ms(waiting: &Waiting) -> i64 {
    let sent_ms = i64::try_from(waiting.message.timestamp().as_millis()).unwrap_or(0);
    now_ms().saturating_sub(sent_ms)
}

fn again(waiting: &Waiting) {
    let [a, b, c, d, ..] = random();
    let again = forward::again_secs(age_ms(waiting), u32::from_le_bytes([a, b, c, d]));
    let options = QueueRetryOptionsBuilder::new().with_delay_seconds(again);
    waiting.message.retry_with_options(&options.build());
}

async fn post(group: &[Waiting], env: &Env) -> Verdict {
    let text = |name| env.var(name).map(|value| value.to_string());
    let Ok(url) = text("SKYFUL_COLLECTOR") else {
        console_error!("skyful: SKYFUL_COLLECTOR: it is not set, so events wait in the queue");
        return Verdict::Later;
    };
    let token = text("SKYFUL_COLLECTOR_TOKEN").unwrap_or_default();
    let lines: String = group.iter().map(|waiting| waiting.lines.as_str()).collect();
    match answer(&url, &token, &lines).await {
        Ok((status, said)) => {
            let verdict = forward::verdict(status, &said);
            if !matches!(verdict, Verdict::Settled(_)) {
                console_error!("skyful: the collector answered {status}");
            }
            verdict
        }
        Err(error) => {
            console_error!("skyful: the collector gave no answer: {error}");
            Verdict::Later
        }
    }
}

async fn answer(url: &str, token: &str, lines: &str) -> worker::Result<(u16, Vec<u8>)> {
    let headers = Headers::new();
    headers.set("authorization", &format!("Bearer {token}"))?;
    headers.set("content-type", "application/x-ndjson")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_body(Some(JsValue::from_str(lines)));
    let url = format!("{}{}", url.trim_end_matches('/'), forward::PATH);
    let request = Request::new_with_init(&url, &init)?;
    let mut answer = Fetch::Request(request).send().await?;
    Ok((answer.status_code(), answer.bytes().await?))
}
