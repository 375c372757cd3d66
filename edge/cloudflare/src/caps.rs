//! Where a Worker counts caps: the Durable Object [`crate::counter::Counter`] of each unit, or KV, which may lose a write.

use skyful_edge::{CapMode, CapStore, Config, StoreError, caps};
use worker::js_sys::Uint8Array;
use worker::{Env, Method, ObjectNamespace, Request, RequestInit, console_error};

use crate::store::Store;

/// The binding of the counting objects.
const BINDING: &str = "CAPS";

pub struct Caps {
    counters: Option<ObjectNamespace>,
    store: Store,
}

/// The ways of counting that this deployment has bindings for.
pub fn modes(env: &Env) -> &'static [CapMode] {
    match env.durable_object(BINDING) {
        Ok(_) => &[CapMode::Approximate, CapMode::Exact],
        Err(_) => &[CapMode::Approximate],
    }
}

impl Caps {
    pub fn new(env: &Env, config: &Config, store: Store) -> Self {
        let exact = config.caps == CapMode::Exact;
        Self {
            counters: env.durable_object(BINDING).ok().filter(|_| exact),
            store,
        }
    }
}

impl CapStore for Caps {
    async fn run(&self, subject: &str, command: &[u8]) -> Result<Vec<u8>, StoreError> {
        let Some(counters) = &self.counters else {
            return caps::apply_in(&self.store, subject, command).await;
        };
        let mut init = RequestInit::new();
        init.with_method(Method::Post)
            .with_body(Some(Uint8Array::from(command).into()));
        // The object is found by its name; the host is only there because an address must have one.
        let request = Request::new_with_init("https://caps.invalid/", &init);
        let counter = counters.get_by_name(subject).map_err(unreachable)?;
        let answer = counter
            .fetch_with_request(request.map_err(unreachable)?)
            .await;
        let mut answer = answer.map_err(unreachable)?;
        match answer.status_code() {
            200 => answer.bytes().await.map_err(unreachable),
            _ => Err(StoreError("the counting object refused".into())),
        }
    }
}

fn unreachable(error: worker::Error) -> StoreError {
    console_error!("skyful: caps: {error}");
    StoreError("the counting object gave no answer".into())
}
