//! The edge on Cloudflare Workers: Workers KV is the store, the Cache API the own copy, and a Durable Object
//! puts what is published in order; a Queue takes events. Decides nothing: requests, answers, time and chance are carried between
//! the platform and `skyful_edge`.
//!
//! A panic ends every request in flight and loses what the isolate remembers, so none may be reachable. Should one be, the
//! entry runs the others again ([`blame`]).
#![cfg(target_family = "wasm")]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod blame;
mod caps;
mod carry;
mod counter;
mod events;
mod kv;
mod own_copy;
mod publisher;
mod reports;
mod settings;
mod sql;
mod store;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use skyful_edge::{Edge, Ports};
use worker::{Context, Env, MessageBatch, Request, Response, console_error, event};

use caps::Caps;
use events::Events;
use reports::Reports;
use settings::Misconfigured;
use store::Store;

thread_local! {
    /// One edge per isolate, with its stores. Settings and bindings change only by a deployment, which starts new isolates.
    static READY: OnceCell<Result<Rc<Ready>, Misconfigured>> = const { OnceCell::new() };
    /// What was logged last, so that a fault is logged once and not at every request.
    static LOGGED: RefCell<Option<String>> = const { RefCell::new(None) };
}

struct Ready {
    edge: Edge,
    ports: Wired,
    reports: Option<Reports>,
}

/// What this platform gives the edge.
struct Wired {
    store: Store,
    caps: Caps,
    events: Events,
}

impl Ports for Wired {
    type Store = Store;
    type Caps = Caps;
    type Events = Events;

    fn store(&self) -> &Store {
        &self.store
    }

    fn caps(&self) -> &Caps {
        &self.caps
    }

    fn events(&self) -> &Events {
        &self.events
    }
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    blame::known(answer(request, env, context)).await
}

async fn answer(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let ready = match ready(&env) {
        Ok(ready) => ready,
        Err(wrong) => {
            let header = |name: &str| request.headers().get(name).ok().flatten();
            let method = request.inner().method();
            let problem = wrong.problem().identified(&method, &header, random());
            return carry::response(problem);
        }
    };
    let Ready { edge, ports, .. } = &*ready;
    let began = now_ms();
    let asked = match carry::Asked::read(request, edge, random()).await {
        Ok(asked) => asked,
        Err(broken_off) => return carry::response(broken_off),
    };
    let answer = asked.answered_by(edge, ports, now_ms(), random()).await;
    // The platform's clock stands still but for I/O, so this is what the stores took.
    let took = u64::try_from(now_ms() - began).unwrap_or(0);
    let answer = answer.timed(Duration::from_millis(took));
    log_fault(edge);
    if edge.config().recheck_ms < edge.config().wait_ms && edge.due(now_ms()) {
        let ready = Rc::clone(&ready);
        context.wait_until(async move {
            let Ready { edge, ports, .. } = &*ready;
            edge.refresh(&ports.store, now_ms(), random()).await;
            log_fault(edge);
        });
    }
    if ready.reports.is_some()
        && let Some(report) = edge.report(now_ms())
    {
        let ready = Rc::clone(&ready);
        context.wait_until(async move {
            if let Some(reports) = &ready.reports {
                reports.send(&report).await;
            }
        });
    }
    carry::response(answer)
}

/// What waits in the queue, a batch of it.
#[event(queue)]
async fn queue(batch: MessageBatch<String>, env: Env, _: Context) -> worker::Result<()> {
    blame::known(events::consume(&batch, &env)).await;
    Ok(())
}

fn ready(env: &Env) -> Result<Rc<Ready>, Misconfigured> {
    READY.with(|ready| {
        let make = || {
            let edge = settings::edge(env)?;
            let store = Store::new(env, edge.config())?;
            let events = Events::new(env);
            let caps = Caps::new(env, edge.config(), store.clone());
            let ports = Wired {
                store,
                caps,
                events,
            };
            let reports = Reports::of(env);
            Ok(Rc::new(Ready {
                edge,
                ports,
                reports,
            }))
        };
        ready
            .get_or_init(|| make().inspect_err(|wrong| console_error!("skyful: {wrong}")))
            .clone()
    })
}

/// A fault names manifests and objects, never a visitor or what was asked.
fn log_fault(edge: &Edge) {
    let fault = edge.last_fault().map(|fault| fault.what);
    LOGGED.with_borrow_mut(|logged| {
        if let Some(what) = fault.filter(|what| logged.as_ref() != Some(what)) {
            console_error!("skyful: {what}");
            *logged = Some(what);
        }
    });
}

fn now_ms() -> i64 {
    i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX)
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // Workers always have `crypto.getRandomValues`. Without it minted units would all be the same one, and
    // no answer would be wrong.
    let _ = getrandom::fill(&mut bytes);
    bytes
}
