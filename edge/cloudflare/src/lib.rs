//! The edge on Cloudflare Workers: Workers KV is the store, the Cache API the own copy, and a Durable Object
//! puts what is published in order. Decides nothing: requests, answers, time and chance are carried between
//! the platform and `skyful_edge`.
//!
//! A panic would end every request in flight and lose what the isolate remembers, so none may be reachable.
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

mod caps;
mod carry;
mod counter;
mod kv;
mod own_copy;
mod publisher;
mod reports;
mod settings;
mod sql;
mod store;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use skyful_edge::{Absent, Edge, Ports};
use worker::{Context, Env, Request, Response, console_error, event};

use caps::Caps;
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
    platform: Platform,
    reports: Option<Reports>,
}

/// What this deployment is bound to.
pub struct Platform {
    store: Store,
    caps: Caps,
}

impl Ports for Platform {
    type Store = Store;
    type Caps = Caps;
    type Events = Absent;

    fn store(&self) -> &Store {
        &self.store
    }

    fn caps(&self) -> &Caps {
        &self.caps
    }

    fn events(&self) -> &Absent {
        &Absent
    }
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let ready = match ready(&env) {
        Ok(ready) => ready,
        Err(wrong) => return carry::response(wrong.problem()),
    };
    let Ready { edge, platform, .. } = &*ready;
    let began = now_ms();
    let Some(asked) = carry::Asked::read(request, edge).await else {
        return carry::response(skyful_edge::Response::broken_off());
    };
    let answer = asked.answered_by(edge, platform, now_ms(), random()).await;
    // The platform's clock stands still but for I/O, so this is what the stores took.
    let answer = answer.timed((now_ms() - began) as f64);
    log_fault(edge);
    if edge.config().recheck_ms < edge.config().wait_ms && edge.due(now_ms()) {
        let ready = Rc::clone(&ready);
        context.wait_until(async move {
            let Ready { edge, platform, .. } = &*ready;
            edge.refresh(&platform.store, now_ms(), random()).await;
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

fn ready(env: &Env) -> Result<Rc<Ready>, Misconfigured> {
    READY.with(|ready| {
        let make = || {
            let edge = settings::edge(env)?;
            let store = Store::new(env, edge.config())?;
            let caps = Caps::new(env, edge.config(), store.clone());
            Ok(Rc::new(Ready {
                edge,
                platform: Platform { store, caps },
                reports: Reports::of(env),
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
