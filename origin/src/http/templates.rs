//! Pages of scene templates. The templates themselves are objects of the draft.

use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Caller, Json, Path};
use super::problem::json_response;
use crate::app::drafts::BODY_BYTES;
use crate::app::drafts::invoke::{Invocation, Invoked};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(invoke))
        .layer(DefaultBodyLimit::max(2 * BODY_BYTES))
}

/// Makes a page and its modules of a template, in one change. The same again changes nothing and answers 200.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/templates/{key}/pages", tag = "draft",
    params(("workspace" = String, Path), ("key" = String, Path)), request_body = Invocation,
    responses((status = 201, body = Invoked), (status = 200, body = Invoked), (status = 409), (status = 422)))]
async fn invoke(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, key)): Path<(String, String)>,
    Json(asked): Json<Invocation>,
) -> Result<Response, Error> {
    let done = app.invoke(&actor, &workspace, &key, asked).await?;
    let status = if done.is_new { 201 } else { 200 };
    Ok(json_response(status, &done))
}
