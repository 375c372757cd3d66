//! The admin API over HTTP. Reads requests, asks `app`, writes answers: nothing is decided here. A file for each noun.

mod asked;
mod audit;
mod cookie;
mod description;
mod document;
mod gate;
mod history;
mod id_lists;
mod invitations;
mod keys;
mod limits;
mod media;
mod objects;
mod people;
mod preview;
pub mod problem;
mod releases;
mod sessions;
mod targets;
mod templates;
mod tokens;
mod unreadable;
mod upload;
mod workspaces;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::app::{App, Error};
use description::Described;
use problem::Problem;

/// What is read for anybody. Routes that take more say so.
const BODY_BYTES: usize = 64 << 10;

fn described() -> (Router<App>, utoipa::openapi::OpenApi) {
    let (router, api) = OpenApiRouter::with_openapi(Described::openapi())
        .merge(workspaces::routes())
        .merge(document::routes())
        .merge(history::routes())
        .merge(id_lists::routes())
        .merge(media::routes())
        .merge(preview::routes())
        .merge(objects::routes())
        .merge(templates::routes())
        .merge(keys::routes())
        .merge(sessions::routes())
        .merge(tokens::routes())
        .merge(invitations::routes())
        .merge(people::routes())
        .merge(audit::routes())
        .merge(releases::routes())
        .merge(targets::routes())
        .split_for_parts();
    (router, limits::told(description::with_problems(api)))
}

pub fn router(app: App) -> Router {
    let (router, api) = described();
    let openapi = axum::routing::get(async move || axum::Json(api));
    router
        .merge(media::open_routes())
        .route("/api/openapi.json", openapi)
        .fallback(async || {
            Error::NotFound("the API has no such route; see /api/openapi.json".into())
        })
        .method_not_allowed_fallback(async || Error::NoSuchMethod)
        .layer(middleware::from_fn_with_state(app.clone(), gate::gate))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(CatchPanicLayer::custom(|_| Problem::bug().response()))
        .with_state(app)
}

/// What `/api/openapi.json` says.
#[cfg(test)]
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().1
}

#[cfg(test)]
mod tests;
