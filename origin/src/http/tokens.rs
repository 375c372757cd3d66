//! Tokens for programs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Caller, Json, Path, Query};
use super::people::After;
use super::problem::json_response;
use crate::app::drafts::Listed;
use crate::app::people::tokens::{NewToken, Token, Wanted};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, make))
        .routes(routes!(revoke))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    /// For people.
    name: String,
    /// viewer, operator, designer, approver or admin; not more than you may.
    role: String,
    /// Left out: all of them.
    env: Option<String>,
    /// 1 to 365.
    #[serde(default = "days")]
    expires_in_days: i64,
}

fn days() -> i64 {
    90
}

/// One's own; an admin sees all of the workspace.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/tokens", tag = "people",
    params(("workspace" = String, Path), After), responses((status = 200, body = Listed<Token>)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Query(after): Query<After>,
) -> Result<Response, Error> {
    let found = app
        .tokens(&actor, &workspace, after.cursor.as_deref())
        .await?;
    Ok(json_response(200, &found))
}

/// The secret is shown this once.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/tokens", tag = "people",
    params(("workspace" = String, Path)), request_body = TokenRequest, responses((status = 201, body = NewToken)))]
async fn make(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Json(asked): Json<TokenRequest>,
) -> Result<Response, Error> {
    let wanted = Wanted {
        name: asked.name,
        role: asked.role,
        env: asked.env,
        days: asked.expires_in_days,
    };
    let made = app.make_token(&actor, &workspace, wanted).await?;
    Ok(json_response(201, &made))
}

/// It lets nobody in any more. One's own; an admin can revoke all of the workspace.
#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}/tokens/{token}", tag = "people",
    params(("workspace" = String, Path), ("token" = String, Path)), responses((status = 204)))]
async fn revoke(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, token)): Path<(String, String)>,
) -> Result<Response, Error> {
    app.revoke_token(&actor, &workspace, &token).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
