//! Pictures and other files of a workspace, from a directory. Drawings may contain scripts: none run.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

pub fn routes(folder: &Path) -> Router {
    let set = |name: HeaderName, value| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    let files = ServeDir::new(folder).append_index_html_on_directories(false);
    Router::new()
        .nest_service("/art", files)
        .layer(set(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        ))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::CACHE_CONTROL, "public, max-age=300"))
        .layer(set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
}
