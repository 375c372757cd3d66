//! Targets of an environment, and how far they are.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{
    Caller, ForVersion, ForVersionOrNone, Json, Path, expected, expected_version, versioned,
};
use super::problem::json_response;
use crate::app::delivery::Delivery;
use crate::app::delivery::settings::Settings;
use crate::app::delivery::targets::{TargetView, Tried};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
        .routes(routes!(check))
        .routes(routes!(delivery))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTarget {
    settings: Settings,
    /// Whether it is delivered to.
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize, ToSchema)]
struct Targets {
    items: Vec<TargetView>,
}

type Three = Path<(String, String, String)>;

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/targets", tag = "targets",
    params(("workspace" = String, Path), ("env" = String, Path)), responses((status = 200, body = Targets)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
) -> Result<Response, Error> {
    let items = app.targets(&actor, &workspace, &env).await?;
    Ok(json_response(200, &Targets { items }))
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/targets/{target}", tag = "targets",
    params(("workspace" = String, Path), ("env" = String, Path), ("target" = String, Path)),
    responses((status = 200, body = TargetView)))]
async fn get(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env, key)): Three,
) -> Result<Response, Error> {
    let found = app.target(&actor, (&workspace, &env, &key)).await?;
    Ok(versioned(200, found.version, &found))
}

/// Sets up a target (`If-None-Match: *`) or changes it (`If-Match`).
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/environments/{env}/targets/{target}", tag = "targets",
    params(("workspace" = String, Path), ("env" = String, Path), ("target" = String, Path), ForVersionOrNone),
    request_body = NewTarget, responses((status = 200, body = TargetView), (status = 412), (status = 428)))]
async fn put(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env, key)): Three,
    headers: HeaderMap,
    Json(asked): Json<NewTarget>,
) -> Result<Response, Error> {
    let (at, expect) = ((&*workspace, &*env, &*key), expected(&headers)?);
    let asked = (asked.settings, asked.enabled);
    let done = app.put_target(&actor, at, expect, asked).await?;
    Ok(versioned(200, done.version, &done))
}

/// Forgets a target. What stands there stays there.
#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}/environments/{env}/targets/{target}", tag = "targets",
    params(("workspace" = String, Path), ("env" = String, Path), ("target" = String, Path), ForVersion),
    responses((status = 204), (status = 412), (status = 428)))]
async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env, key)): Three,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let version = expected_version(&headers)?;
    app.delete_target(&actor, (&workspace, &env, &key), version)
        .await?;
    let mut response = json_response(204, &());
    *response.body_mut() = axum::body::Body::empty();
    Ok(response)
}

/// Reads and writes it, without touching what edges read.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/targets/{target}/check", tag = "targets",
    params(("workspace" = String, Path), ("env" = String, Path), ("target" = String, Path)),
    responses((status = 200, body = Tried)))]
async fn check(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env, key)): Three,
) -> Result<Response, Error> {
    let tried = app.try_target(&actor, (&workspace, &env, &key)).await?;
    Ok(json_response(200, &tried))
}

/// How far the targets are.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/delivery", tag = "targets",
    params(("workspace" = String, Path), ("env" = String, Path)), responses((status = 200, body = Delivery)))]
async fn delivery(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
) -> Result<Response, Error> {
    let delivery = app.delivery(&actor, &workspace, &env).await?;
    Ok(json_response(200, &delivery))
}
