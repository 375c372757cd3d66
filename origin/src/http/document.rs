//! The whole draft: as one document, in and out, and what is wrong with it.

use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Body, Caller, ForAnyVersion, Path, expected_or_any, versioned, with_version};
use super::problem::{self, json_response};
use super::upload::Place;
use crate::app::drafts::Expect;
use crate::app::drafts::compiled::Placed;
use crate::app::drafts::import::Imported;
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(export, import))
        .layer(DefaultBodyLimit::max(skyful::limits::DOCUMENT_BYTES))
        .routes(routes!(problems))
}

#[derive(Serialize, ToSchema)]
struct Found {
    /// Of the draft that was looked at.
    revision: i64,
    /// Whether it could be released.
    releasable: bool,
    problems: Vec<Placed>,
    /// Problems beyond those that are listed.
    more: usize,
}

/// The draft as a workspace document; the `ETag` is its revision.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/document", tag = "draft",
    params(("workspace" = String, Path)), responses((status = 200, body = serde_json::Value)))]
async fn export(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
) -> Result<Response, Error> {
    let (revision, document) = app.export(&actor, &workspace).await?;
    let response = problem::json_text(200, document);
    Ok(with_version(response, revision))
}

/// Makes the draft what a document (YAML or JSON) says: what isn't in it goes. `If-Match` names the revision that was exported, or `*`.
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/document", tag = "draft",
    params(("workspace" = String, Path), ForAnyVersion), request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = Imported), (status = 408), (status = 412), (status = 413), (status = 428), (status = 429)))]
async fn import(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    headers: HeaderMap,
    _place: Place,
    Body(body): Body,
) -> Result<Response, Error> {
    let expected = match expected_or_any(&headers)? {
        None => None,
        Some(Expect::Version(revision)) => Some(revision),
        Some(Expect::Absent) => {
            let wrong = Error::invalid("there always is a draft, if an empty one");
            return Err(wrong.at("If-None-Match").hint("send `If-Match`"));
        }
    };
    let done = app.import(&actor, &workspace, expected, body).await?;
    Ok(versioned(200, done.revision, &done))
}

/// Everything that is wrong with the draft, each at the object that it is in.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/problems", tag = "draft",
    params(("workspace" = String, Path)), responses((status = 200, body = Found)))]
async fn problems(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
) -> Result<Response, Error> {
    let draft = app.problems(&actor, &workspace).await?;
    let found = Found {
        revision: draft.revision,
        releasable: draft.snapshot.is_some(),
        problems: draft.placed(),
        more: draft.suppressed,
    };
    Ok(json_response(200, &found))
}
