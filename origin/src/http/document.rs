//! The whole draft: as one document, in and out, and what is wrong with it.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Body, Caller, Looked, Path, versioned};
use super::problem::json_response;
use crate::app::drafts::compiled::Placed;
use crate::app::drafts::import::Imported;
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(export, import))
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
    Ok(versioned(200, revision, &document))
}

/// Makes the draft what a document (YAML or JSON) says: what isn't in it goes. `If-Match` with a revision is optional.
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/document", tag = "draft",
    params(("workspace" = String, Path)), request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = Imported)))]
async fn import(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Looked(expected): Looked,
    Body(body): Body,
) -> Result<Response, Error> {
    let done = app.import(&actor, &workspace, expected, &body).await?;
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
