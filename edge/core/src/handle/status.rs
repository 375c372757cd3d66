//! What an operator, a probe or a release asks an edge about itself. Nothing here is about a visitor.

use serde::Serialize;
use skyful::manifest::{Manifest, Mode};
use skyful::value::datetime;

use super::no_snapshot;
use crate::health::Counts;
use crate::http::Problem;
use crate::{Edge, Response};

#[derive(Serialize)]
struct Status<'a> {
    workspace: &'a str,
    env: &'a str,
    preview: bool,
    settle_ms: i64,
    /// Null: no manifest was ever seen.
    release: Option<Release>,
    /// Of what would stand in.
    previous_sequence: Option<u64>,
    fallback_sequence: Option<u64>,
    /// Since the store last answered with a manifest that counts.
    checked_ago_ms: Option<i64>,
    last_error: Option<Fault>,
    counters: Counters,
    /// Who counts, and since when.
    instance: Option<&'a str>,
    boot: Option<String>,
    tracks: &'a [Counts],
    cache: Cache,
}

#[derive(Serialize)]
struct Release {
    sequence: u64,
    mode: &'static str,
    stable: String,
    gray: Option<Gray>,
    issued: String,
    issued_ago_ms: i64,
    expires: String,
    /// An alarm, never a reason to stop serving.
    expired: bool,
}

#[derive(Serialize)]
struct Gray {
    snapshot: String,
    share_bps: u32,
}

#[derive(Serialize)]
struct Fault {
    at: String,
    what: String,
}

/// Since the instance started.
#[derive(Serialize)]
struct Counters {
    requests: u64,
    plans_served: u64,
    defaults_served: u64,
    errors_served: u64,
    fallbacks: u64,
    track_fallbacks: u64,
    behind: u64,
    refused_manifests: u64,
    store_errors: u64,
    cap_errors: u64,
    events_accepted: u64,
    events_rejected: u64,
    events_unkept: u64,
}

#[derive(Serialize)]
struct Cache {
    objects: usize,
    bytes: usize,
    limit_bytes: usize,
    missing: usize,
}

impl Edge {
    pub(super) fn status(&self, now_ms: i64) -> Response {
        let state = self.state();
        let counters = state.counters;
        let previous = state.previous.as_ref();
        let fallback = state.held.as_ref().and_then(|held| held.fallback.as_ref());
        let instance = state.health.instance();
        let status = Status {
            workspace: &self.config.workspace,
            env: &self.config.env,
            preview: self.config.preview,
            settle_ms: self.config.settle_ms,
            release: state
                .held
                .as_ref()
                .map(|held| release(&held.manifest, now_ms)),
            previous_sequence: previous.map(|previous| previous.manifest.sequence()),
            fallback_sequence: fallback.map(Manifest::sequence),
            checked_ago_ms: state.checked_ms().map(|at| now_ms.saturating_sub(at)),
            last_error: state.fault.as_ref().map(|fault| Fault {
                at: datetime::format(fault.at_ms),
                what: fault.what.clone(),
            }),
            counters: Counters {
                requests: counters.requests,
                plans_served: counters.answers.plans(),
                defaults_served: counters.answers.default,
                errors_served: counters.answers.error,
                fallbacks: counters.fallbacks,
                track_fallbacks: counters.track_fallbacks,
                behind: counters.behind,
                refused_manifests: counters.refused_manifests,
                store_errors: counters.store_errors,
                cap_errors: counters.cap_errors,
                events_accepted: counters.events_accepted,
                events_rejected: counters.events_rejected,
                events_unkept: counters.events_unkept,
            },
            instance: instance.map(|(name, _)| name),
            boot: instance.map(|(_, began_ms)| datetime::format(began_ms)),
            tracks: state.health.tracks(),
            cache: Cache {
                objects: state.cache.objects(),
                bytes: state.cache.bytes(),
                limit_bytes: self.config.cache_bytes,
                missing: state.cache.misses(),
            },
        };
        let body = serde_json::to_vec(&status).unwrap_or_default();
        Response::json(200, body).with("cache-control", "no-store")
    }

    /// Healthy is what can answer pages. A probe that only wants to know whether the process lives
    /// takes any answer.
    pub(super) fn health(&self) -> Result<Response, Problem> {
        if self.draining() {
            return Err(Problem::new(
                503,
                "draining",
                "This edge is about to end",
                "it still answers, but new requests should go elsewhere",
            ));
        }
        self.view().ok_or_else(no_snapshot)?;
        let body = br#"{"status":"ok"}"#.to_vec();
        Ok(Response::json(200, body).with("cache-control", "no-store"))
    }
}

fn release(manifest: &Manifest, now_ms: i64) -> Release {
    let header = &manifest.header;
    Release {
        sequence: header.sequence,
        mode: match header.mode {
            Mode::Run => "run",
            Mode::Hold => "hold",
            Mode::Defaults => "defaults",
            Mode::Off => "off",
        },
        stable: header.stable.to_string(),
        gray: header.gray.map(|gray| Gray {
            snapshot: gray.snapshot.to_string(),
            share_bps: gray.share_bps,
        }),
        issued: datetime::format(header.issued_ms),
        issued_ago_ms: now_ms.saturating_sub(header.issued_ms),
        expires: datetime::format(header.expires_ms),
        expired: header.expires_ms <= now_ms,
    }
}
