//! `POST /v1/health`: an edge reports. `GET /v1/health?workspace=…&env=…`: what all of them came to.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use skyful::health::{BadReport, Counts};
use skyful::limits;
use skyful::value::datetime;

use super::{Health, Refusal};
use crate::http::problem::{Problem, json_response};

/// Of reports: the keyed hash that an edge sends beside one.
const SEAL: &str = "skyful-seal";

/// To be merged into the routes of a collector, which let nobody in without its token.
pub fn router<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    Router::new()
        .route("/v1/health", post(report).get(releases))
        .layer(DefaultBodyLimit::max(limits::HEALTH_BYTES))
        .with_state(health)
}

async fn report(
    State(health): State<Health>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let Ok(body) = body else {
        return refused(Refusal::Bad(BadReport::TooLarge));
    };
    let seal = headers.get(SEAL).and_then(|seal| seal.to_str().ok());
    match health.take(&body, seal.unwrap_or_default()) {
        Ok(()) => json_response(200, &serde_json::json!({"taken": true})),
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> Response<Body> {
    let bad = |detail| Problem::new(400, "bad-report", "The report cannot be read", detail);
    let problem = match refusal {
        Refusal::NoSecret => Problem::new(
            503,
            "no-secret",
            "No report is believed",
            "this collector has no secret, so it can't tell whose reports are genuine",
        )
        .hint("start it with the secret of its edges, SKYFUL_SECRET"),
        Refusal::Full => Problem::new(
            503,
            "full",
            "No room for another environment",
            "this collector keeps reports of as many environments as it can",
        ),
        Refusal::Late => Problem::new(
            409,
            "old-report",
            "The report is not of now",
            format!(
                "a report that is sent only once is taken within {} seconds of its time",
                limits::HEALTH_ONCE_MS / 1_000
            ),
        )
        .at("at_ms")
        .hint("set the clocks of the edge and of this collector"),
        Refusal::Bad(BadReport::Seal) => Problem::new(
            403,
            "forged-report",
            "The report isn't genuine",
            "its seal is not of a secret of this collector, or for another environment",
        )
        .at("Skyful-Seal"),
        Refusal::Bad(BadReport::TooLarge) => Problem::new(
            413,
            "too-large",
            "The request is too large",
            format!("a report is at most {} bytes", limits::HEALTH_BYTES),
        ),
        Refusal::Bad(BadReport::Unreadable) => bad("it is no JSON of a report"),
        Refusal::Bad(BadReport::Meaning) => bad("a name is too long, or a track doesn't exist"),
    };
    problem.response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    workspace: String,
    env: String,
}

#[derive(Serialize)]
struct Releases {
    workspace: String,
    env: String,
    releases: Vec<Release>,
}

#[derive(Serialize)]
struct Release {
    sequence: u64,
    /// Of the newest report, by the clock of its edge.
    at: Option<String>,
    instances: usize,
    stable: Counts,
    gray: Counts,
}

async fn releases(
    State(health): State<Health>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response<Body> {
    let Query(Asked { workspace, env }) = match asked {
        Ok(asked) => asked,
        Err(rejection) => {
            let detail = rejection.body_text();
            return Problem::new(400, "bad-request", "The request cannot be read", detail)
                .hint("name workspace and env")
                .response();
        }
    };
    let releases = health.releases(&workspace, &env).into_iter();
    let releases = releases.map(|(sequence, totals)| Release {
        sequence,
        at: totals.at_ms.map(datetime::format),
        instances: totals.instances,
        stable: totals.stable,
        gray: totals.gray,
    });
    let releases = releases.collect();
    json_response(
        200,
        &Releases {
            workspace,
            env,
            releases,
        },
    )
}
