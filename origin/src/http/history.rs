//! Changes of a draft, and taking them back.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Caller, Path, Query};
use super::problem::json_response;
use crate::app::drafts::Listed;
use crate::app::drafts::history::{Change, Cursor};
use crate::app::drafts::path::Path as At;
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(undo))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Of one object only, for example `modules/hero`.
    path: Option<String>,
    /// `next` of the answer before.
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Undone {
    /// The draft's revision now.
    revision: i64,
}

/// Newest first, up to a hundred changes and about a megabyte at once.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/history", tag = "draft",
    params(("workspace" = String, Path), Asked), responses((status = 200, body = Listed<Change>)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    let at = asked.path.as_deref().map(At::parse).transpose()?;
    let from = asked
        .cursor
        .map(|text| text.parse::<Cursor>())
        .transpose()?;
    let found = app.history(&actor, &workspace, at.as_ref(), from).await?;
    Ok(json_response(200, &found))
}

/// Takes back what one change did, if nobody changed the same objects since.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/history/{revision}/undo", tag = "draft",
    params(("workspace" = String, Path), ("revision" = i64, Path)),
    responses((status = 200, body = Undone), (status = 412)))]
async fn undo(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, revision)): Path<(String, i64)>,
) -> Result<Response, Error> {
    let revision = app.undo(&actor, &workspace, revision).await?;
    Ok(json_response(200, &Undone { revision }))
}
