//! The admin API over HTTP. Reads requests, asks `app`, writes answers: nothing is decided here. A file for each noun.

mod asked;
mod document;
mod history;
mod id_lists;
mod keys;
mod objects;
pub mod problem;
mod targets;
mod workspaces;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Under `/api/v1`, and what it says about itself under `/api/openapi.json`.
#[derive(OpenApi)]
#[openapi(info(
    title = "Skyful admin API",
    description = "Author pages, release them and watch what they do. Every error is a problem detail (RFC 9457)."
))]
struct Described;

/// A document is the largest body by far.
const BODY_BYTES: usize = skyful::limits::DOCUMENT_BYTES;

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Described::openapi())
        .merge(workspaces::routes())
        .merge(document::routes())
        .merge(history::routes())
        .merge(id_lists::routes())
        .merge(objects::routes())
        .merge(keys::routes())
        .merge(targets::routes())
}

pub fn router(app: App) -> Router {
    let (router, api) = described().split_for_parts();
    let openapi = axum::routing::get(async move || axum::Json(api));
    router
        .route("/api/openapi.json", openapi)
        .fallback(async || {
            crate::app::Error::NotFound("the API has no such route; see /api/openapi.json".into())
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(app)
}

/// What `/api/openapi.json` says.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}
