//! The collector over HTTP: batches from edges, and counts for whoever wants to see that they arrived.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{Request, Response, header};
use axum::routing::{get, post};
use axum::{Router, middleware};
use serde::{Deserialize, Serialize};
use serde_json::json;
use skyful::limits;
use skyful::value::datetime;

use super::Ingest;
use crate::document::now_ms;
use crate::health::{self, Health};
use crate::http::problem::{Problem, json_response};
use crate::store::{Count, Span, StoreError};

/// For the body of a request.
const READ: Duration = Duration::from_secs(10);
/// Rows of an answer about counts; who has more asks for less time.
const COUNTS: i64 = 10_000;

#[derive(Clone)]
struct Desk {
    ingest: Ingest,
    token: String,
}

/// What edges ask for; all of it wants the token.
pub fn routes(ingest: Ingest, health: Health, token: String) -> Router {
    let desk = Desk { ingest, token };
    Router::new()
        .route("/v1/collect", post(collect))
        .route("/v1/counts", get(counts))
        .merge(health::http::router(health))
        .layer(middleware::from_fn_with_state(desk.clone(), admitted))
        .with_state(desk)
}

/// A collector by itself.
pub fn router(ingest: Ingest, health: Health, token: String) -> Router {
    routes(ingest, health, token)
        .route(
            "/healthz",
            get(async || json_response(200, &json!({"status": "ok"}))),
        )
        .fallback(async || {
            Problem::new(
                404,
                "not-found",
                "No such route",
                "a collector has no such route",
            )
            .hint("use POST /v1/collect, GET /v1/counts or /v1/health")
            .response()
        })
}

async fn admitted(
    State(desk): State<Desk>,
    request: Request<Body>,
    next: middleware::Next,
) -> Response<Body> {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    let token = given.and_then(|given| given.strip_prefix("Bearer "));
    if token.is_some_and(|token| same(token.as_bytes(), desk.token.as_bytes())) {
        return next.run(request).await;
    }
    Problem::new(
        401,
        "unauthorized",
        "Not authorized",
        "a collector's token is needed",
    )
    .hint("send `Authorization: Bearer TOKEN`, the token that the collector was started with")
    .response()
}

/// In a time that tells no more than the length.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// `POST /v1/collect`: lines of JSON, an event each as an edge wrote it. 200 after the commit.
async fn collect(State(desk): State<Desk>, request: Request<Body>) -> Response<Body> {
    let body = axum::body::to_bytes(request.into_body(), limits::COLLECT_BYTES);
    let Ok(body) = tokio::time::timeout(READ, body).await else {
        return Problem::new(
            408,
            "too-slow",
            "The request takes too long",
            "the body did not arrive in time",
        )
        .response();
    };
    let Ok(body) = body else {
        return too_large();
    };
    let Ok(text) = std::str::from_utf8(&body) else {
        return Problem::new(
            400,
            "bad-request",
            "The request cannot be read",
            "the body is not UTF-8",
        )
        .response();
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    if lines.len() > limits::COLLECT_EVENTS {
        return too_large();
    }
    match desk.ingest.collect(&lines, now_ms()).await {
        Ok(collected) => json_response(200, &collected),
        Err(error) => unavailable(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    workspace: String,
    env: String,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Serialize)]
struct Counts {
    workspace: String,
    env: String,
    events: i64,
    counts: Vec<Count>,
}

/// `GET /v1/counts?workspace=…&env=…&from=…&to=…`: from ≤ at < to, both may be left out.
async fn counts(
    State(desk): State<Desk>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response<Body> {
    let Query(asked) = match asked {
        Ok(asked) => asked,
        Err(rejection) => {
            return Problem::new(
                400,
                "bad-request",
                "The request cannot be read",
                rejection.body_text(),
            )
            .hint("name workspace and env; from and to are instants")
            .response();
        }
    };
    let instant = |name: &'static str, text: Option<&str>, default| match text {
        None => Ok(default),
        Some(text) => datetime::parse(text).ok_or_else(|| not_an_instant(name)),
    };
    let from_ms = match instant("from", asked.from.as_deref(), 0) {
        Ok(from_ms) => from_ms,
        Err(problem) => return problem.response(),
    };
    let to_ms = match instant("to", asked.to.as_deref(), i64::MAX) {
        Ok(to_ms) => to_ms,
        Err(problem) => return problem.response(),
    };
    let Asked { workspace, env, .. } = asked;
    let span = Span {
        workspace,
        env,
        from_ms,
        to_ms,
    };
    match desk.ingest.store().count_events(&span, COUNTS).await {
        Ok(counts) => json_response(
            200,
            &Counts {
                workspace: span.workspace,
                env: span.env,
                events: counts.iter().map(|count| count.events).sum(),
                counts,
            },
        ),
        Err(error) => unavailable(&error),
    }
}

/// What a database says in words goes to the log.
fn unavailable(error: &StoreError) -> Response<Body> {
    tracing::error!(%error, "the database gave no answer");
    Problem::new(
        503,
        "no-store",
        "The database gave no answer",
        "nothing of this batch is stored for certain",
    )
    .hint("send it again later: each id is counted once")
    .response()
}

fn too_large() -> Response<Body> {
    let detail = format!(
        "a batch is at most {} events and {} bytes",
        limits::COLLECT_EVENTS,
        limits::COLLECT_BYTES
    );
    Problem::new(413, "too-large", "The request is too large", detail)
        .hint("send several batches")
        .response()
}

fn not_an_instant(name: &'static str) -> Problem {
    Problem::new(
        400,
        "bad-request",
        "The request cannot be read",
        "not an instant",
    )
    .at(name)
    .hint("write RFC 3339, for example 2026-11-22T09:00:00Z")
}
