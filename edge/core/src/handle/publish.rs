//! Publishing through an edge. Nothing is stored that this edge wouldn't load: signature, limits,
//! meaning and sequence are checked by the very code that loads. An edge needs no secret for it, only
//! the public keys that it trusts anyway.

use serde::Serialize;
use skyful::limits;
use skyful::manifest::{Refusal, era_of};
use skyful::snapshot::{self, Digest};

use super::{Call, Route, bad_request, route};
use crate::http::{Lookup, Problem};
use crate::load::NotStored;
use crate::{Edge, Ports, Response, Ruling, SnapshotStore, StoreError};

/// A mutable value of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The current envelope and the fallback.
    Manifest,
    /// The newest settled envelope.
    Settled,
}

#[derive(Serialize)]
struct Stored {
    /// False: this edge had it already.
    written: bool,
    /// Whether it was read back. If not, the store lags: look again by HEAD.
    visible: bool,
}

#[derive(Serialize)]
struct Published {
    sequence: u64,
    /// False: the same was stored already.
    written: bool,
}

impl Edge {
    /// How many bytes of a body this edge takes. More than a visitor's request only from a publisher whom
    /// it trusts: nobody else makes an adapter hold megabytes.
    pub fn body_limit(&self, method: &str, path: &str, header: Lookup<'_>) -> usize {
        let limit = match (method, route(path)) {
            ("PUT", Some(Route::Object(_))) => limits::OBJECT_BYTES,
            ("PUT", Some(Route::Slot(_))) => limits::MANIFEST_BYTES,
            _ => return limits::REQUEST_BYTES,
        };
        match self.admit_publisher(method, path, header) {
            Ok(()) => limit,
            Err(_) => limits::REQUEST_BYTES,
        }
    }

    /// `HEAD /v1/snapshots/{digest}`: whether this edge can load the object.
    pub(super) async fn look_for_object<P: Ports>(
        &self,
        call: &Call<'_, P>,
        name: &str,
    ) -> Result<Response, Problem> {
        self.admit_call(call)?;
        let digest = digest(name)?;
        let found = call.store.get(&self.keys.object(&digest)).await;
        let bytes = found.map_err(no_store)?.ok_or_else(no_object)?;
        snapshot::verify(bytes, digest, &self.config.workspace).map_err(|_| no_object())?;
        Ok(Response::new(200).with("cache-control", "no-store"))
    }

    /// `PUT /v1/snapshots/{digest}`: one object of a snapshot.
    pub(super) async fn put_object<P: Ports>(
        &self,
        call: &Call<'_, P>,
        name: &str,
    ) -> Result<Response, Problem> {
        self.admit_call(call)?;
        let digest = digest(name)?;
        let body = call.request.body;
        within(body, limits::OBJECT_BYTES)?;
        snapshot::verify(body.to_vec(), digest, &self.config.workspace).map_err(|error| {
            Problem::new(
                422,
                "refused-object",
                "The object is refused",
                error.to_string(),
            )
            .hint("upload the object under its own digest, to an edge of its workspace and version")
        })?;
        let key = self.keys.object(&digest);
        if call.store.get(&key).await.map_err(no_store)?.as_deref() == Some(body) {
            return Ok(stored(200, false, true));
        }
        call.store.put(&key, body).await.map_err(no_store)?;
        let visible = matches!(call.store.get(&key).await, Ok(Some(read)) if read == body);
        Ok(stored(if visible { 201 } else { 202 }, true, visible))
    }

    /// `GET /v1/manifest` and `/v1/settled`: as stored, for a publisher that has to go on from there.
    pub(super) async fn get_slot<P: Ports>(
        &self,
        call: &Call<'_, P>,
        slot: Slot,
    ) -> Result<Response, Problem> {
        self.admit_call(call)?;
        let value = call
            .store
            .fresh(&self.key_of(slot))
            .await
            .map_err(no_store)?;
        let Some(value) = value else {
            return Err(Problem::new(
                404,
                "no-manifest",
                "Nothing is stored",
                "this environment has no such value yet",
            ));
        };
        let mut response = Response::new(200)
            .with("content-type", "application/octet-stream")
            .with("cache-control", "no-store");
        response.body = value;
        Ok(response)
    }

    /// `PUT /v1/manifest` (a value: current and fallback) and `/v1/settled` (an envelope). They carry their
    /// own signature; a pass only allows larger ones.
    pub(super) async fn put_slot<P: Ports>(
        &self,
        call: &Call<'_, P>,
        slot: Slot,
    ) -> Result<Response, Problem> {
        let request = call.request;
        let body = request.body;
        within(
            body,
            self.body_limit(request.method, request.path, request.header),
        )?;
        let key = self.key_of(slot);
        let outcome = self.supersede(&call.store, &key, body).await;
        let (sequence, ruling) = outcome.map_err(|error| match error {
            NotStored::Refused(refusal) => refused(refusal),
            NotStored::NotLower => unsettled(),
            NotStored::Store(error) => no_store(error),
        })?;
        match ruling {
            Ruling::Write | Ruling::Same => {}
            Ruling::Conflict(stored) => return Err(conflict(stored)),
            Ruling::Older(stored) => return Err(older(stored)),
        }
        if slot == Slot::Manifest {
            // This instance needn't wait for its next look, and the store may lag.
            self.welcome(&call.store, body, call.moment).await;
        }
        let written = ruling == Ruling::Write;
        let body = serde_json::to_vec(&Published { sequence, written }).unwrap_or_default();
        Ok(Response::json(200, body).with("cache-control", "no-store"))
    }

    fn key_of(&self, slot: Slot) -> String {
        match slot {
            Slot::Manifest => self.keys.manifest(),
            Slot::Settled => self.keys.settled(),
        }
    }

    fn admit_call<P: Ports>(&self, call: &Call<'_, P>) -> Result<(), Problem> {
        let request = call.request;
        self.admit_publisher(request.method, request.path, request.header)
    }

    fn admit_publisher(&self, method: &str, path: &str, header: Lookup<'_>) -> Result<(), Problem> {
        let config = &self.config;
        let Some(pass) = header("skyful-signature") else {
            return Err(Problem::new(
                401,
                "unsigned",
                "A publisher's signature is missing",
                "this route is for publishers, who sign what they ask for",
            )
            .at("Skyful-Signature")
            .hint("publish with `skyful publish --to URL --key KEYFILE`"));
        };
        let held_era = self
            .view()
            .map_or(0, |(held, _)| era_of(held.manifest.sequence()));
        let (workspace, env) = (&config.workspace, &config.env);
        let admitted = config
            .trust
            .admits(&pass, workspace, env, (method, path), held_era);
        admitted.map_err(|refusal| {
            Problem::new(
                403,
                "untrusted",
                "The signature is not accepted",
                refusal.to_string(),
            )
            .at("Skyful-Signature")
            .hint("sign method and path for this workspace and environment with a trusted key; is it the one that the edge's setting names?")
        })
    }
}

fn digest(name: &str) -> Result<Digest, Problem> {
    Digest::from_hex(name.strip_prefix("b3-").unwrap_or(name))
        .ok_or_else(|| bad_request("a digest is 64 lower-case hex digits").at("digest"))
}

fn within(body: &[u8], limit: usize) -> Result<(), Problem> {
    if body.len() <= limit {
        return Ok(());
    }
    Err(Problem::new(
        413,
        "too-large",
        "The request is too large",
        format!("this is at most {limit} bytes"),
    )
    .hint("a publisher's signature on the request allows more"))
}

fn stored(status: u16, written: bool, visible: bool) -> Response {
    let body = serde_json::to_vec(&Stored { written, visible }).unwrap_or_default();
    Response::json(status, body).with("cache-control", "no-store")
}

fn no_object() -> Problem {
    Problem::new(
        404,
        "no-object",
        "No such object",
        "this edge cannot load the object",
    )
}

fn no_store(error: StoreError) -> Problem {
    Problem::new(503, "no-store", "The store gave no answer", error.0)
        .hint("nothing is lost: publish again, which goes on where this ended")
}

fn refused(refusal: Refusal) -> Problem {
    Problem::new(
        422,
        "refused-manifest",
        "The manifest is refused",
        refusal.to_string(),
    )
    .hint("it has to be signed by a trusted key for this workspace and environment, and whole")
}

fn unsettled() -> Problem {
    Problem::new(
        409,
        "unsettled",
        "Not settled yet",
        "only a manifest that is not above the stored one can have settled",
    )
}

fn conflict(stored: u64) -> Problem {
    Problem::new(
        409,
        "sequence-taken",
        "The sequence is taken",
        format!("another manifest with sequence {stored} is stored"),
    )
    .hint("somebody else published at the same time: publish again, which counts on from there")
}

fn older(stored: u64) -> Problem {
    Problem::new(
        409,
        "older",
        "A newer manifest is stored",
        format!("sequence {stored} is stored, which is higher"),
    )
    .hint("somebody else published meanwhile: publish again, which counts on from there")
}
