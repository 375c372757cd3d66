//! The admin API over HTTP. Reads requests, asks `app`, writes answers: nothing is decided here. A file for each noun.

mod asked;
mod audit;
mod cookie;
mod document;
mod gate;
mod history;
mod id_lists;
mod invitations;
mod keys;
mod media;
mod objects;
mod people;
mod preview;
pub mod problem;
mod releases;
mod sessions;
mod targets;
mod tokens;
mod workspaces;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Under `/api/v1`, and what it says about itself under `/api/openapi.json`.
#[derive(OpenApi)]
#[openapi(info(
    title = "Skyful admin API",
    description = "Author pages, release them and watch what they do. Every error is a problem detail (RFC 9457)."
), security(("session" = []), ("token" = [])), modifiers(&Described))]
struct Described;

impl Modify for Described {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let cookie = ApiKeyValue::with_description(
            "__Host-skyful",
            "Of people who signed in (`skyful` on loopback addresses). Changes also need `X-Skyful: 1` and the `Origin` \
             of this server.",
        );
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("session", cookie);
        components.add_security_scheme("token", token);
    }
}

/// A document is the largest body by far.
const BODY_BYTES: usize = skyful::limits::DOCUMENT_BYTES;

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Described::openapi())
        .merge(workspaces::routes())
        .merge(document::routes())
        .merge(history::routes())
        .merge(id_lists::routes())
        .merge(media::routes())
        .merge(preview::routes())
        .merge(objects::routes())
        .merge(keys::routes())
        .merge(sessions::routes())
        .merge(tokens::routes())
        .merge(invitations::routes())
        .merge(people::routes())
        .merge(audit::routes())
        .merge(releases::routes())
        .merge(targets::routes())
}

pub fn router(app: App) -> Router {
    let (router, api) = described().split_for_parts();
    let openapi = axum::routing::get(async move || axum::Json(api));
    router
        .merge(media::open_routes())
        .route("/api/openapi.json", openapi)
        .fallback(async || {
            crate::app::Error::NotFound("the API has no such route; see /api/openapi.json".into())
        })
        .layer(middleware::from_fn_with_state(app.clone(), gate::gate))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(app)
}

/// What `/api/openapi.json` says.
#[cfg(test)]
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

#[cfg(test)]
mod tests;
