//! Uploads of ids for segments.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{
    Caller, ForAnyVersion, ForVersion, FromCursor, Path, Query, expected_or_any, expected_version,
    versioned,
};
use super::problem::json_response;
use super::upload::{Pieces, Place};
use crate::app::drafts::path::{self, Path as At};
// utoipa takes `Object` for any object.
use crate::app::drafts::{Listed, Object as DraftObject};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put, delete))
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/id_lists", tag = "draft",
    params(("workspace" = String, Path), FromCursor), responses((status = 200, body = Listed<DraftObject>)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Query(from): Query<FromCursor>,
) -> Result<Response, Error> {
    let cursor = from.cursor.as_deref();
    let found = app
        .objects(&actor, &workspace, path::ID_LISTS, cursor)
        .await?;
    Ok(json_response(200, &found))
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/id_lists/{name}", tag = "draft",
    params(("workspace" = String, Path), ("name" = String, Path)), responses((status = 200, body = DraftObject)))]
async fn get(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, name)): Path<(String, String)>,
) -> Result<Response, Error> {
    let found = app
        .object(&actor, &workspace, &path::id_list(&name)?)
        .await?;
    Ok(versioned(200, found.version, &found))
}

/// Uploads a list that a segment names as `ids: {file: NAME}`: one id a line. Only hashes are kept.
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/id_lists/{name}", tag = "draft",
    params(("workspace" = String, Path), ("name" = String, Path), ForAnyVersion),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = DraftObject), (status = 408), (status = 412), (status = 428), (status = 429)))]
async fn put(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, name)): Path<(String, String)>,
    headers: HeaderMap,
    _place: Place,
    body: Body,
) -> Result<Response, Error> {
    let at = path::id_list(&name)?;
    let expect = expected_or_any(&headers)?;
    let mut upload = app.upload(&actor, &workspace, &at)?;
    let mut pieces = Pieces::of(body);
    while let Some(piece) = pieces.next().await? {
        upload.push(&piece)?;
    }
    let done = app
        .uploaded(&actor, &workspace, &at, expect, upload)
        .await?;
    Ok(versioned(200, done.version, &done))
}

#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}/id_lists/{name}", tag = "draft",
    params(("workspace" = String, Path), ("name" = String, Path), ForVersion),
    responses((status = 204), (status = 412), (status = 428)))]
async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let at: At = path::id_list(&name)?;
    app.delete(&actor, &workspace, &at, expected_version(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
