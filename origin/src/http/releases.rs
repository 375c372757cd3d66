//! Releases of an environment: put together, approved, steered, watched.

mod events;
mod steering;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use skyful::value::datetime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{
    Body, Caller, ForVersion, Json, Path, Query, expected_version, read, versioned,
};
use super::problem::json_response;
use crate::app::drafts::Listed;
use crate::app::releases::view::{Detailed, Live, Release};
use crate::app::releases::{Changes, MODES, Once, Staff, Wanted, mode_name, mode_named};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(changes))
        .routes(routes!(live))
        .routes(routes!(switch))
        .routes(routes!(staff, put_staff))
        .merge(steering::routes())
        .merge(events::routes())
}

/// Nothing has to be said: the draft, by the pipeline of the environment, now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRelease {
    /// Of an earlier release: `b3-…`.
    snapshot: Option<String>,
    /// Of the draft, as it was looked at.
    revision: Option<i64>,
    /// Sequence that the environment shows; 0 for nothing.
    expected_head: Option<i64>,
    pipeline: Option<String>,
    /// For people.
    #[serde(default)]
    note: String,
    /// RFC 3339.
    start_at: Option<String>,
    /// Takes the place of a release that is under way.
    #[serde(default)]
    supersede: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMode {
    /// `run`, `hold` (stable only), `defaults` (no plan) or `off` (empty pages).
    mode: String,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct From {
    /// `next` of the answer before.
    cursor: Option<i64>,
}

/// The newest first.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), From),
    responses((status = 200, body = Listed<Release>)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
    Query(from): Query<From>,
) -> Result<Response, Error> {
    let found = app
        .releases(&actor, (&workspace, &env), from.cursor)
        .await?;
    Ok(json_response(200, &found))
}

/// Releases the draft, or what the body says. An empty body is enough. With `Idempotency-Key`, the same request within a day
/// gets the same answer.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<NewRelease>,
    responses((status = 201, body = Release), (status = 409), (status = 412), (status = 422)))]
async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Error> {
    let asked: NewRelease = read(&body)?;
    let start_ms = match &asked.start_at {
        None => None,
        Some(text) => Some(datetime::parse(text).ok_or_else(|| {
            let wrong = Error::invalid(format!("`{text}` is no instant")).at("/start_at");
            wrong.hint("RFC 3339, for example 2026-12-01T09:00:00+08:00")
        })?),
    };
    let once = once(&headers, &body)?;
    let wanted = Wanted {
        snapshot: asked.snapshot,
        revision: asked.revision,
        expected_head: asked.expected_head,
        pipeline: asked.pipeline,
        note: asked.note,
        start_ms,
        supersede: asked.supersede,
    };
    let made = app
        .release(&actor, (&workspace, &env), wanted, once)
        .await?;
    let version = made.get("version").and_then(Value::as_i64).unwrap_or(0);
    Ok(versioned(201, version, &made))
}

/// The key of a request that may come twice, and what it asks however it is written.
fn once(headers: &HeaderMap, body: &[u8]) -> Result<Option<Once>, Error> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let wrong = || Error::invalid("an idempotency key is visible ASCII").at("Idempotency-Key");
    let key = key.to_str().map_err(|_| wrong())?.to_owned();
    let asked: Value = read(body)?;
    let request = blake3::derive_key("skyful 1 idempotent request", asked.to_string().as_bytes());
    Ok(Some(Once { key, request }))
}

/// One with all that happened to it, and what edges report while it is under way.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path)),
    responses((status = 200, body = Detailed)))]
async fn get(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env, id)): Path<(String, String, i64)>,
) -> Result<Response, Error> {
    let found = app.release_of(&actor, (&workspace, &env), id).await?;
    Ok(versioned(200, found.release.version, &found))
}

/// What it changes for visitors, beside what is live, or beside what it goes back to once it has begun.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/releases/{id}/changes", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = i64, Path)),
    responses((status = 200, body = Changes)))]
async fn changes(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env, id)): Path<(String, String, i64)>,
) -> Result<Response, Error> {
    let found = app.changes_of(&actor, (&workspace, &env), id).await?;
    Ok(json_response(200, &found))
}

/// What the environment shows.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/live", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path)), responses((status = 200, body = Live)))]
async fn live(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
) -> Result<Response, Error> {
    let found = app.live(&actor, (&workspace, &env)).await?;
    Ok(json_response(200, &found))
}

/// The emergency switch of an environment. Asks for no version: whatever is shown, this is what edges do with it.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/mode", tag = "releases",
    params(("workspace" = String, Path), ("env" = String, Path)), request_body = NewMode,
    responses((status = 200, body = Live)))]
async fn switch(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
    Json(asked): Json<NewMode>,
) -> Result<Response, Error> {
    let mode = mode_named(&asked.mode).ok_or_else(|| {
        let wrong = Error::invalid(format!("there is no mode `{}`", asked.mode)).at("/mode");
        wrong.hint(format!("one of {}", MODES.map(mode_name).join(", ")))
    })?;
    let done = app.switch_mode(&actor, (&workspace, &env), mode).await?;
    Ok(json_response(200, &done))
}

/// Units that see a release before anybody else.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/staff", tag = "environments",
    params(("workspace" = String, Path), ("env" = String, Path)), responses((status = 200, body = Staff)))]
async fn staff(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
) -> Result<Response, Error> {
    let (found, version) = app.staff(&actor, (&workspace, &env)).await?;
    Ok(versioned(200, version, &found))
}

/// Replaces the list (`If-Match` with the version of the environment). Seen from the next step of a release on.
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/environments/{env}/staff", tag = "environments",
    params(("workspace" = String, Path), ("env" = String, Path), ForVersion), request_body = Staff,
    responses((status = 200, body = Staff), (status = 412), (status = 428)))]
async fn put_staff(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
    headers: HeaderMap,
    Json(asked): Json<Staff>,
) -> Result<Response, Error> {
    let expected = expected_version(&headers)?;
    let place = (&*workspace, &*env);
    let (done, version) = app.put_staff(&actor, place, expected, asked).await?;
    Ok(versioned(200, version, &done))
}
