//! Objects of a draft, each by itself. What can stand in one is said by the JSON Schema of documents (`skyful schema`).

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{
    Caller, Content, ForVersion, ForVersionOrNone, FromCursor, Json, Path, Query, expected,
    expected_version, versioned,
};
use super::problem::json_response;
use crate::app::drafts::path::{self, Path as At};
// utoipa takes `Object` for any object.
use crate::app::drafts::{BODY_BYTES, Listed, Object as DraftObject, newest};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(settings, put_settings))
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
        .routes(routes!(give_share))
        .routes(routes!(plans, reorder))
        .routes(routes!(plan, put_plan, delete_plan))
        // As it is sent, it may have blanks and escapes that it is kept without.
        .layer(DefaultBodyLimit::max(2 * BODY_BYTES))
}

/// All keys of the plans, in the order in which they are to be tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    order: Vec<String>,
}

/// How much of its layer an experiment is to have, in basis points.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Share {
    share: u32,
}

/// Languages, pages for OpenFeature, assertions.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/settings", tag = "draft",
    params(("workspace" = String, Path)), responses((status = 200, body = DraftObject)))]
async fn settings(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
) -> Result<Response, Error> {
    let found = app.object(&actor, &workspace, &At::Settings).await?;
    Ok(versioned(200, found.version, &found))
}

#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/settings", tag = "draft",
    params(("workspace" = String, Path), ForVersionOrNone), request_body = Value,
    responses((status = 200, body = DraftObject), (status = 412), (status = 428)))]
async fn put_settings(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    headers: HeaderMap,
    Content(body): Content,
) -> Result<Response, Error> {
    change(&app, &actor, &workspace, &At::Settings, &headers, body).await
}

/// Objects of a section by key, without their plans.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/{section}", tag = "draft",
    params(("workspace" = String, Path), ("section" = String, Path, description = "attributes, module_types, \
        segments, cap_groups, layers, experiments, modules, pages, templates or pipelines"), FromCursor),
    responses((status = 200, body = Listed<DraftObject>)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, section)): Path<(String, String)>,
    Query(from): Query<FromCursor>,
) -> Result<Response, Error> {
    let section = path::section(&section)?;
    let found = app
        .objects(&actor, &workspace, section, from.cursor.as_deref())
        .await?;
    Ok(json_response(200, &found))
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/{section}/{key}", tag = "draft",
    params(("workspace" = String, Path), ("section" = String, Path), ("key" = String, Path)),
    responses((status = 200, body = DraftObject)))]
async fn get(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, section, key)): Path<(String, String, String)>,
) -> Result<Response, Error> {
    let at = object(&section, &key)?;
    let found = app.object(&actor, &workspace, &at).await?;
    Ok(versioned(200, found.version, &found))
}

/// Makes an object (`If-None-Match: *`) or changes it (`If-Match`). 412 shows both sides.
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/{section}/{key}", tag = "draft",
    params(("workspace" = String, Path), ("section" = String, Path), ("key" = String, Path), ForVersionOrNone),
    request_body = Value, responses((status = 200, body = DraftObject), (status = 412), (status = 428)))]
async fn put(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, section, key)): Path<(String, String, String)>,
    headers: HeaderMap,
    Content(body): Content,
) -> Result<Response, Error> {
    let at = object(&section, &key)?;
    change(&app, &actor, &workspace, &at, &headers, body).await
}

/// Deletes an object, and its plans.
#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}/{section}/{key}", tag = "draft",
    params(("workspace" = String, Path), ("section" = String, Path), ("key" = String, Path), ForVersion),
    responses((status = 204), (status = 412), (status = 428)))]
async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, section, key)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let at = object(&section, &key)?;
    app.delete(&actor, &workspace, &at, expected_version(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Gives an experiment a share of its layer: growing moves nobody, and no bucket has two owners.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/experiments/{key}/share", tag = "draft",
    params(("workspace" = String, Path), ("key" = String, Path), ForVersion),
    request_body = Share, responses((status = 200, body = DraftObject), (status = 412), (status = 428)))]
async fn give_share(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, key)): Path<(String, String)>,
    headers: HeaderMap,
    Json(asked): Json<Share>,
) -> Result<Response, Error> {
    let at = object("experiments", &key)?;
    let version = expected_version(&headers)?;
    let done = app
        .give_share(&actor, &workspace, &at, version, asked.share)
        .await?;
    Ok(versioned(200, done.version, &done))
}

/// The plans of a module or page, in the order in which they are tried.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/{section}/{key}/plans", tag = "draft",
    params(("workspace" = String, Path), ("section" = String, Path, description = "modules or pages"),
        ("key" = String, Path)),
    responses((status = 200, body = Listed<DraftObject>)))]
async fn plans(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, section, key)): Path<(String, String, String)>,
) -> Result<Response, Error> {
    let at = object(path::with_plans(&section)?, &key)?;
    let items = app.plans(&actor, &workspace, &at).await?;
    Ok(ordered(items))
}

/// Puts the plans of a module or page in another order.
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/{section}/{key}/plans", tag = "draft",
    params(("workspace" = String, Path), ("section" = String, Path), ("key" = String, Path), ForVersion),
    request_body = Order, responses((status = 200, body = Listed<DraftObject>), (status = 412), (status = 428)))]
async fn reorder(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, section, key)): Path<(String, String, String)>,
    headers: HeaderMap,
    Json(order): Json<Order>,
) -> Result<Response, Error> {
    let at = object(path::with_plans(&section)?, &key)?;
    let version = expected_version(&headers)?;
    let items = app
        .reorder(&actor, &workspace, &at, version, order.order)
        .await?;
    Ok(ordered(items))
}

/// The `ETag` of plans is the version of the one that was changed last.
fn ordered(items: Vec<DraftObject>) -> Response {
    let version = newest(items.iter().map(|plan| plan.version));
    versioned(200, version, &Listed { items, next: None })
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/{section}/{key}/plans/{plan}", tag = "draft",
    params(("workspace" = String, Path), ("section" = String, Path), ("key" = String, Path), ("plan" = String, Path)),
    responses((status = 200, body = DraftObject)))]
async fn plan(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(names): Path<(String, String, String, String)>,
) -> Result<Response, Error> {
    let (workspace, at) = plan_of(names)?;
    let found = app.object(&actor, &workspace, &at).await?;
    Ok(versioned(200, found.version, &found))
}

/// Makes a plan, which is tried last, or changes one.
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/{section}/{key}/plans/{plan}", tag = "draft",
    params(("workspace" = String, Path), ("section" = String, Path), ("key" = String, Path), ("plan" = String, Path), ForVersionOrNone),
    request_body = Value, responses((status = 200, body = DraftObject), (status = 412), (status = 428)))]
async fn put_plan(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(names): Path<(String, String, String, String)>,
    headers: HeaderMap,
    Content(body): Content,
) -> Result<Response, Error> {
    let (workspace, at) = plan_of(names)?;
    change(&app, &actor, &workspace, &at, &headers, body).await
}

#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}/{section}/{key}/plans/{plan}", tag = "draft",
    params(("workspace" = String, Path), ("section" = String, Path), ("key" = String, Path), ("plan" = String, Path), ForVersion),
    responses((status = 204), (status = 412), (status = 428)))]
async fn delete_plan(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(names): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let (workspace, at) = plan_of(names)?;
    app.delete(&actor, &workspace, &at, expected_version(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn change(
    app: &App,
    actor: &crate::app::access::Actor,
    workspace: &str,
    at: &At,
    headers: &HeaderMap,
    body: Value,
) -> Result<Response, Error> {
    let expect = expected(headers)?;
    let done = app.put(actor, workspace, at, expect, body).await?;
    Ok(versioned(200, done.version, &done))
}

fn object(section: &str, key: &str) -> Result<At, Error> {
    Ok(At::Object {
        section: path::section(section)?,
        key: path::key(key)?,
    })
}

fn plan_of(names: (String, String, String, String)) -> Result<(String, At), Error> {
    let (workspace, section, key, plan) = names;
    let at = At::Plan {
        section: path::with_plans(&section)?,
        key: path::key(&key)?,
        plan: path::key(&plan)?,
    };
    Ok((workspace, at))
}
