//! Pictures: uploaded by operators, served to everybody.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Body, Caller, Path, Query};
use super::problem::json_response;
use super::upload::Place;
use crate::app::drafts::Listed;
use crate::app::media::{MEDIA_BYTES, Picture};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(delete))
        // One byte more than a picture has: enough to say no with a reason.
        .layer(DefaultBodyLimit::max(MEDIA_BYTES + 1))
}

/// What everybody may ask for, signed in or not.
pub fn open_routes() -> Router<App> {
    Router::new().route("/media/{workspace}/{digest}", get(show))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Named {
    /// What people call it.
    name: String,
}

/// Newest first.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/media", tag = "media",
    params(("workspace" = String, Path)), responses((status = 200, body = Listed<Picture>)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
) -> Result<Response, Error> {
    let items = app.pictures(&actor, &workspace).await?;
    Ok(json_response(200, &Listed { items, next: None }))
}

/// The body is the picture: PNG, JPEG, WebP, GIF or AVIF, at most 4 MiB.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/media", tag = "media",
    params(("workspace" = String, Path), Named),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = Picture), (status = 408), (status = 413), (status = 429)))]
async fn add(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Query(named): Query<Named>,
    _place: Place,
    Body(body): Body,
) -> Result<Response, Error> {
    let made = app
        .add_picture(&actor, &workspace, &named.name, body.to_vec())
        .await?;
    Ok(json_response(201, &made))
}

/// What was released with it will miss it.
#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}/media/{digest}", tag = "media",
    params(("workspace" = String, Path), ("digest" = String, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, digest)): Path<(String, String)>,
) -> Result<Response, Error> {
    app.delete_picture(&actor, &workspace, &digest).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn show(
    State(app): State<App>,
    Path((workspace, digest)): Path<(String, String)>,
) -> Result<Response, Error> {
    let (kind, bytes) = app.picture(&workspace, &digest).await?;
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    // What is stored is one of five types.
    let kind = HeaderValue::from_str(&kind).unwrap_or(HeaderValue::from_static("image/png"));
    headers.insert(header::CONTENT_TYPE, kind);
    for (name, value) in [
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        ),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
