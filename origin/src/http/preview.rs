//! Pages as visitors would get them, and what a browser needs to resolve them by itself.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use skyful::snapshot::Digest;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Body, Caller, Path, Query};
use crate::app::preview::Source;
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(listing))
        .routes(routes!(object))
}

/// At most one; without, the draft.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Of {
    /// A snapshot by its digest.
    snapshot: Option<String>,
    /// What an environment shows.
    env: Option<String>,
}

impl Of {
    fn source(self) -> Result<Source, Error> {
        match (self.snapshot, self.env) {
            (None, None) => Ok(Source::Draft),
            (Some(digest), None) => {
                let hex = digest.strip_prefix("b3-").unwrap_or(&digest);
                let wrong = || Error::invalid("a snapshot is named b3- and 64 hex digits");
                Digest::from_hex(hex).ok_or_else(|| wrong().at("snapshot"))?;
                Ok(Source::Snapshot(digest))
            }
            (None, Some(env)) => Ok(Source::Environment(env)),
            (Some(_), Some(_)) => Err(Error::invalid("`snapshot` and `env` at once").at("query")),
        }
    }
}

/// Answers like `POST /v1/resolve` of an edge, from a draft or from what is released. `now`, `caps` and `explain` count.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/preview", tag = "preview",
    params(("workspace" = String, Path), Of), request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value)))]
async fn preview(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Query(of): Query<Of>,
    Body(body): Body,
) -> Result<Response, Error> {
    let page = app
        .preview(&actor, &workspace, &of.source()?, &body)
        .await?;
    Ok(bytes(page, "application/json", None))
}

/// The listing of a snapshot, as the core reads it; its digest is the `ETag`.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/preview/listing", tag = "preview",
    params(("workspace" = String, Path), Of),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
async fn listing(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Query(of): Query<Of>,
) -> Result<Response, Error> {
    let (digest, listing) = app.listing(&actor, &workspace, &of.source()?).await?;
    Ok(bytes(listing, "application/octet-stream", Some(&digest)))
}

/// A chunk or id shard that the listing names.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/preview/objects/{digest}", tag = "preview",
    params(("workspace" = String, Path), ("digest" = String, Path), Of),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
async fn object(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, digest)): Path<(String, String)>,
    Query(of): Query<Of>,
) -> Result<Response, Error> {
    let named = Digest::from_hex(digest.strip_prefix("b3-").unwrap_or(&digest));
    let named = named.ok_or_else(|| Error::NotFound(format!("no object {digest}")))?;
    let found = app
        .snapshot_object(&actor, &workspace, &of.source()?, &named)
        .await?;
    Ok(bytes(found, "application/octet-stream", Some(&named)))
}

fn bytes(body: Vec<u8>, kind: &'static str, digest: Option<&Digest>) -> Response {
    let mut response = Response::new(axum::body::Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let etag = digest.map(|digest| format!("\"{digest}\""));
    if let Some(Ok(etag)) = etag.map(|etag| HeaderValue::from_str(&etag)) {
        headers.insert(header::ETAG, etag);
    }
    response
}
