use fastly::http::purge::purge_surrogate_key;
use fastly::kv_store::KVStoreError;
use fastly::{Error, KVStore, Request, Response};
use skyful_fastly::{SNAPSHOTS, SURROGATE_KEY};

const HOST: &str = "harness.invalid";
/// Keeps what a fault took away, and which one it is.
const HARNESS: &str = "harness";
const KIND: &str = "kind";
const WHOLE: &str = "whole/";
/// No such store is linked, so that every call for it fails.
const NOWHERE: &str = "nowhere";

pub fn main() {
    let request = Request::from_client();
    if request.get_url().host_str() == Some(HOST) {
        let done = command(request.get_path());
        done.unwrap_or_else(|error| Response::from_status(500).with_body(error.to_string()))
            .send_to_client();
    } else {
        skyful_fastly::serve(request, store());
    }
}

fn store() -> &'static str {
    let kind = open(HARNESS).and_then(|harness| get(&harness, KIND));
    match kind.ok().flatten().as_deref() {
        Some(b"down" | b"throttled") => NOWHERE,
        _ => SNAPSHOTS,
    }
}

fn command(path: &str) -> Result<Response, Error> {
    let (harness, snapshots) = (open(HARNESS)?, open(SNAPSHOTS)?);
    match path.trim_start_matches('/').split_once('/') {
        None if path == "/forget" => purge_surrogate_key(SURROGATE_KEY)?,
        None if path == "/keys" => return Ok(Response::from_body(keys(&snapshots)?.join("\n"))),
        Some(("fault", kind)) => {
            mend(&harness, &snapshots)?;
            damage(&harness, &snapshots, kind)?;
            harness.insert(KIND, kind)?;
        }
        _ => return Ok(Response::from_status(404)),
    }
    Ok(Response::new())
}

fn mend(harness: &KVStore, snapshots: &KVStore) -> Result<(), Error> {
    for kept in keys(harness)? {
        if let Some(key) = kept.strip_prefix(WHOLE) {
            snapshots.insert(key, get(harness, &kept)?.unwrap_or_default())?;
            harness.delete(&kept)?;
        }
    }
    Ok(())
}

fn damage(harness: &KVStore, snapshots: &KVStore, kind: &str) -> Result<(), Error> {
    if !matches!(kind, "missing" | "torn" | "swapped") {
        return Ok(());
    }
    let keys = keys(snapshots)?;
    let mut values = Vec::new();
    for key in &keys {
        let value = get(snapshots, key)?.unwrap_or_default();
        harness.insert(&format!("{WHOLE}{key}"), value.clone())?;
        values.push(value);
    }
    if kind == "swapped" {
        values.rotate_left(1);
    }
    for (key, mut value) in keys.iter().zip(values) {
        if kind == "missing" {
            snapshots.delete(key)?;
            continue;
        }
        if kind == "torn" {
            value.truncate(value.len() / 2);
        }
        snapshots.insert(key, value)?;
    }
    Ok(())
}

fn open(name: &str) -> Result<KVStore, Error> {
    KVStore::open(name)?.ok_or_else(|| Error::msg(format!("no store {name}")))
}

fn get(store: &KVStore, key: &str) -> Result<Option<Vec<u8>>, Error> {
    match store.lookup(key) {
        Ok(mut found) => Ok(Some(found.take_body_bytes())),
        Err(KVStoreError::ItemNotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn keys(store: &KVStore) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    for page in store.build_list().iter() {
        keys.extend(page?.into_keys());
    }
    Ok(keys)
}
