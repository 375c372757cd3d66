//! Workers KV, as little of it as an edge uses.

use skyful::limits;
use skyful_edge::StoreError;
use wasm_bindgen::prelude::*;
use worker::js_sys::{ArrayBuffer, Error, Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Env, console_error};

use crate::settings::Misconfigured;

/// Seconds for which a PoP may answer from its own copy, the least that KV allows. A miss is remembered as
/// long, so that a longer time would hide an object that was uploaded a moment later.
const CACHE_TTL_SECS: u32 = 30;

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type Namespace;

    #[wasm_bindgen(method, catch)]
    fn get(this: &Namespace, key: &str, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn put(this: &Namespace, key: &str, value: &Uint8Array) -> Result<Promise, JsValue>;
}

async fn settled(promise: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(promise?).await
}

#[derive(Clone)]
pub struct Kv {
    namespace: Namespace,
}

impl Kv {
    pub fn new(env: &Env) -> Result<Self, Misconfigured> {
        let binding = Reflect::get(env, &JsValue::from_str("SNAPSHOTS")).ok();
        let namespace = binding
            .filter(JsValue::is_object)
            .ok_or(Misconfigured {
                name: "SNAPSHOTS",
                why: "no KV namespace is bound under this name",
            })?
            .unchecked_into();
        Ok(Self { namespace })
    }

    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let options = Object::new();
        // Setting a property of a fresh object does not fail.
        let _ = Reflect::set(&options, &"type".into(), &"arrayBuffer".into());
        let _ = Reflect::set(&options, &"cacheTtl".into(), &CACHE_TTL_SECS.into());
        let found = settled(self.namespace.get(key, &options)).await;
        let found = found.map_err(|error| unanswered("read", &error))?;
        Ok(found.dyn_ref::<ArrayBuffer>().map(bytes))
    }

    pub async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let value = Uint8Array::from(value);
        let written = settled(self.namespace.put(key, &value)).await;
        written.map_err(|error| unanswered("write", &error))?;
        Ok(())
    }
}

/// KV itself bounds a value (25 MiB). Into this program's memory, which never shrinks, comes one byte more
/// than anything may have: enough for the edge to refuse it by its size.
pub fn bytes(buffer: &ArrayBuffer) -> Vec<u8> {
    let limit = limits::MANIFEST_BYTES.max(limits::OBJECT_BYTES);
    let limit = u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1);
    let length = buffer.byte_length().min(limit);
    Uint8Array::new_with_byte_offset_and_length(buffer, 0, length).to_vec()
}

/// `/v1/status` is public, so it gets our words; the platform's go to the log.
fn unanswered(what: &str, error: &JsValue) -> StoreError {
    let text = error
        .dyn_ref::<Error>()
        .map(|error| String::from(error.message()))
        .unwrap_or_default();
    console_error!("skyful: KV {what}: {text}");
    StoreError(if text.contains("429") {
        format!("KV took no {what}, its rate is limited (429)")
    } else {
        format!("KV took no {what}")
    })
}
