//! Workspaces and environments.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{
    Caller, ForVersion, ForVersionOrNone, Json, Path, expected, expected_version, versioned,
};
use super::problem::json_response;
use crate::app::workspaces::{Environment, EnvironmentSettings, Workspace};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, rename, delete))
        .routes(routes!(environments))
        .routes(routes!(environment, put_environment, delete_environment))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWorkspace {
    /// Becomes part of store keys: a-z, 0-9 and -.
    key: String,
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEnvironment {
    name: String,
    #[serde(default)]
    protected: bool,
    /// Whoever made a change may approve a release of it, unless they put that together.
    #[serde(default)]
    editors_approve: bool,
    pipeline: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Workspaces {
    items: Vec<Workspace>,
}

#[derive(Serialize, ToSchema)]
struct Environments {
    items: Vec<Environment>,
}

/// Those that you have a role in.
#[utoipa::path(get, path = "/api/v1/workspaces", tag = "workspaces", responses((status = 200, body = Workspaces)))]
async fn list(State(app): State<App>, Caller(actor): Caller) -> Result<Response, Error> {
    let items = app.workspaces(&actor).await?;
    Ok(json_response(200, &Workspaces { items }))
}

/// Makes a workspace, which its maker then administers.
#[utoipa::path(post, path = "/api/v1/workspaces", tag = "workspaces",
    request_body = NewWorkspace, responses((status = 201, body = Workspace)))]
async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    Json(asked): Json<NewWorkspace>,
) -> Result<Response, Error> {
    let made = app
        .create_workspace(&actor, &asked.key, &asked.name)
        .await?;
    Ok(versioned(201, made.version, &made))
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}", tag = "workspaces",
    params(("workspace" = String, Path)), responses((status = 200, body = Workspace)))]
async fn get(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(key): Path<String>,
) -> Result<Response, Error> {
    let found = app.workspace(&actor, &key).await?;
    Ok(versioned(200, found.version, &found))
}

#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}", tag = "workspaces",
    params(("workspace" = String, Path), ForVersion), request_body = Name,
    responses((status = 200, body = Workspace), (status = 412), (status = 428)))]
async fn rename(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<Name>,
) -> Result<Response, Error> {
    let version = expected_version(&headers)?;
    let done = app
        .rename_workspace(&actor, &key, version, &asked.name)
        .await?;
    Ok(versioned(200, done.version, &done))
}

/// With everything in it, for ever. Refused while edges show something of it.
#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}", tag = "workspaces",
    params(("workspace" = String, Path), ForVersion),
    responses((status = 204), (status = 409), (status = 412), (status = 428)))]
async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    app.delete_workspace(&actor, &key, expected_version(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments", tag = "environments",
    params(("workspace" = String, Path)), responses((status = 200, body = Environments)))]
async fn environments(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(key): Path<String>,
) -> Result<Response, Error> {
    let items = app.environments(&actor, &key).await?;
    Ok(json_response(200, &Environments { items }))
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}", tag = "environments",
    params(("workspace" = String, Path), ("env" = String, Path)), responses((status = 200, body = Environment)))]
async fn environment(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((key, env)): Path<(String, String)>,
) -> Result<Response, Error> {
    let found = app.environment(&actor, &key, &env).await?;
    Ok(versioned(200, found.version, &found))
}

/// Makes an environment (`If-None-Match: *`) or changes it (`If-Match`).
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/environments/{env}", tag = "environments",
    params(("workspace" = String, Path), ("env" = String, Path), ForVersionOrNone),
    request_body = NewEnvironment, responses((status = 200, body = Environment), (status = 412), (status = 428)))]
async fn put_environment(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((key, env)): Path<(String, String)>,
    headers: HeaderMap,
    Json(asked): Json<NewEnvironment>,
) -> Result<Response, Error> {
    let settings = EnvironmentSettings {
        name: asked.name,
        protected: asked.protected,
        editors_approve: asked.editors_approve,
        pipeline: asked.pipeline,
    };
    let expect = expected(&headers)?;
    let done = app
        .put_environment(&actor, &key, &env, expect, settings)
        .await?;
    Ok(versioned(200, done.version, &done))
}

/// Refused while its edges show something.
#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}/environments/{env}", tag = "environments",
    params(("workspace" = String, Path), ("env" = String, Path), ForVersion),
    responses((status = 204), (status = 409), (status = 412), (status = 428)))]
async fn delete_environment(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((key, env)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    app.delete_environment(&actor, &key, &env, expected_version(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
