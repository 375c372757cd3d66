//! The edge's own copy: what was verified in this PoP, in the Cache API, for isolates that start later while
//! KV is away. A miss is never written. Whatever comes back is verified again by the edge.
//!
//! A named cache: `caches.default` is the one that also answers for the zone's addresses, so that somebody
//! could ask for a snapshot there, or serve another answer under its address.

use wasm_bindgen::JsCast;
use worker::js_sys::ArrayBuffer;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Cache, Response};

use crate::kv;

const NAME: &str = "skyful";
/// No such host can exist, so no address of the zone collides with these.
const ROOT: &str = "https://skyful.invalid/";

/// Never changes under its key, or is replaced by us.
pub const FOR_LONG: &str = "public, max-age=31536000, immutable";
/// The Durable Object's answer, shared by the PoP.
pub const ONE_SECOND: &str = "public, max-age=1";

pub async fn recall(key: &str) -> Option<Vec<u8>> {
    let found = Cache::open(NAME.into()).await.get(address(key), true).await;
    let found: worker::web_sys::Response = found.ok().flatten()?.into();
    let body = JsFuture::from(found.array_buffer().ok()?).await.ok()?;
    body.dyn_ref::<ArrayBuffer>().map(kv::bytes)
}

pub async fn keep(key: &str, value: &[u8], caching: &str) {
    let Ok(response) = Response::builder().with_header("cache-control", caching) else {
        return;
    };
    let response = response.fixed(value.to_vec());
    let kept = Cache::open(NAME.into())
        .await
        .put(address(key), response)
        .await;
    if let Err(error) = kept {
        worker::console_warn!("skyful: cannot keep a copy: {error}");
    }
}

pub async fn forget(key: &str) {
    // Whatever it says: there is nothing under this key now, or it runs out in a second.
    let _ = Cache::open(NAME.into())
        .await
        .delete(address(key), true)
        .await;
}

fn address(key: &str) -> String {
    format!("{ROOT}{key}")
}
