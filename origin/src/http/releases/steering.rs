//! What people do with a release. Each thing is a route of its own, since roles differ by it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::access::Actor;
use crate::app::releases::Steered;
use crate::app::releases::view::Detailed;
use crate::app::{App, Error};
use crate::http::asked::{
    Caller, ForVersion, Json, Looked, LookedAt, Path, expected_version, versioned,
};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(cancel))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(skip))
        .routes(routes!(rollback))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approval {
    /// `snapshot` of the release that was looked at.
    digest: String,
    #[serde(default)]
    why: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    /// For the history.
    #[serde(default)]
    why: String,
}

type At = Path<(String, String, i64)>;

async fn steer(
    app: &App,
    actor: &Actor,
    Path((workspace, env, id)): At,
    wanted: Steered,
    how: (Option<i64>, String),
) -> Result<Response, Error> {
    let place = (&*workspace, &*env);
    let done = app.steer(actor, place, id, wanted, how).await?;
    Ok(versioned(200, done.release.version, &done))
}

/// Lets it go out. Bound to what was looked at, and refused to whoever put it together.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/approve", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path), LookedAt),
    request_body = Approval,
    responses((status = 200, body = Detailed), (status = 403), (status = 409), (status = 412)))]
async fn approve(
    State(app): State<App>,
    Caller(actor): Caller,
    at: At,
    Looked(version): Looked,
    Json(Approval { digest, why }): Json<Approval>,
) -> Result<Response, Error> {
    steer(
        &app,
        &actor,
        at,
        Steered::Approve { digest },
        (version, why),
    )
    .await
}

/// Sends it back to its author.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/reject", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path), LookedAt),
    request_body = Option<Reason>, responses((status = 200, body = Detailed), (status = 409), (status = 412)))]
async fn reject(
    State(app): State<App>,
    Caller(actor): Caller,
    at: At,
    Looked(version): Looked,
    Json(Reason { why }): Json<Reason>,
) -> Result<Response, Error> {
    steer(&app, &actor, at, Steered::Reject, (version, why)).await
}

/// Before it begins.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/cancel", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path), LookedAt),
    request_body = Option<Reason>, responses((status = 200, body = Detailed), (status = 409), (status = 412)))]
async fn cancel(
    State(app): State<App>,
    Caller(actor): Caller,
    at: At,
    Looked(version): Looked,
    Json(Reason { why }): Json<Reason>,
) -> Result<Response, Error> {
    steer(&app, &actor, at, Steered::Cancel, (version, why)).await
}

/// Leaves it where it is until somebody resumes it. What is surely worse is still rolled back.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/pause", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path), LookedAt),
    request_body = Option<Reason>, responses((status = 200, body = Detailed), (status = 409), (status = 412)))]
async fn pause(
    State(app): State<App>,
    Caller(actor): Caller,
    at: At,
    Looked(version): Looked,
    Json(Reason { why }): Json<Reason>,
) -> Result<Response, Error> {
    steer(&app, &actor, at, Steered::Pause, (version, why)).await
}

/// Lets it go on, also from where a gate halted it.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/resume", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path), LookedAt),
    request_body = Option<Reason>, responses((status = 200, body = Detailed), (status = 409), (status = 412)))]
async fn resume(
    State(app): State<App>,
    Caller(actor): Caller,
    at: At,
    Looked(version): Looked,
    Json(Reason { why }): Json<Reason>,
) -> Result<Response, Error> {
    steer(&app, &actor, at, Steered::Resume, (version, why)).await
}

/// To the next step now, whatever gates say. Names the version that was looked at (`If-Match`), so that two people
/// don't skip two.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/skip", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path), ForVersion),
    request_body = Option<Reason>,
    responses((status = 200, body = Detailed), (status = 409), (status = 412), (status = 428)))]
async fn skip(
    State(app): State<App>,
    Caller(actor): Caller,
    at: At,
    headers: HeaderMap,
    Json(Reason { why }): Json<Reason>,
) -> Result<Response, Error> {
    let version = Some(expected_version(&headers)?);
    steer(&app, &actor, at, Steered::Skip, (version, why)).await
}

/// Takes it back at once, from wherever it is: a new sequence with what was shown before.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/rollback", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path)),
    request_body = Option<Reason>, responses((status = 200, body = Detailed), (status = 409)))]
async fn rollback(
    State(app): State<App>,
    Caller(actor): Caller,
    at: At,
    Json(Reason { why }): Json<Reason>,
) -> Result<Response, Error> {
    steer(&app, &actor, at, Steered::RollBack, (None, why)).await
}
