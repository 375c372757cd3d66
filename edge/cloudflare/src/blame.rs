//! Whose fault a trap is. It ends the Wasm instance and with it every call that is in flight; `entry.mjs` makes those again on
//! the next instance, except the one that would only trap again. Which one that is, it knows from here: the one whose
//! handler was being polled. A panic, a stack that is too deep and a lack of memory are alike in this.
//!
//! Unwinding would be simpler, but needs the nightly compiler on this target.

use std::future::poll_fn;
use std::panic::{self, PanicHookInfo};
use std::pin::pin;
use std::sync::Once;

use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, Request, console_error, web_sys};

use crate::{carry, random, ready};

/// What outlives an instance. Calls have numbers, which the entry gives; 0 is none.
#[wasm_bindgen(inline_js = "
export const calls = (globalThis.__skyful_calls = { begun: () => 0, polled: 0 });
")]
extern "C" {
    type Calls;

    #[wasm_bindgen(thread_local_v2, js_name = calls)]
    static CALLS: Calls;

    /// The one whose handler is polled for the first time now.
    #[wasm_bindgen(method)]
    fn begun(this: &Calls) -> f64;
    /// The one that is being polled.
    #[wasm_bindgen(method, setter)]
    fn set_polled(this: &Calls, call: f64);
}

/// Polls a handler under its call's number.
pub async fn known<T>(handler: impl Future<Output = T>) -> T {
    static HOOK: Once = Once::new();
    // Instead of the one of `worker`, which logs whatever the message quotes.
    HOOK.call_once(|| panic::set_hook(Box::new(on_panic)));
    let call = CALLS.with(Calls::begun);
    let mut handler = pin!(handler);
    poll_fn(|context| {
        CALLS.with(|calls| calls.set_polled(call));
        let poll = handler.as_mut().poll(context);
        CALLS.with(|calls| calls.set_polled(0.0));
        poll
    })
    .await
}

fn on_panic(info: &PanicHookInfo<'_>) {
    // What was written in the source names no visitor; what was formatted may quote one.
    let what = info.payload().downcast_ref::<&'static str>();
    let what = what.unwrap_or(&"(a message with values in it)");
    match info.location() {
        Some(place) => console_error!("skyful: panic at {place}: {what}"),
        None => console_error!("skyful: panic: {what}"),
    }
}

/// What the caller gets whose request panicked.
#[wasm_bindgen]
pub fn bug(request: web_sys::Request, env: Env) -> Option<web_sys::Response> {
    let request = Request::from(request);
    let bug = skyful_edge::Response::bug();
    let answer = match ready(&env) {
        Ok(ready) => carry::completed(&request, &ready.edge, bug, random()),
        Err(_) => bug,
    };
    carry::response(answer).ok().map(Into::into)
}

/// Does nothing: any call to an instance that ended puts the next one in its place.
#[wasm_bindgen]
pub fn revive() {}
