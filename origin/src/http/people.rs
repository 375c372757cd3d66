//! Members of workspaces, and all users of the installation.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{
    Caller, ForVersion, ForVersionOrNone, Json, Path, Query, expected, expected_version, versioned,
};
use super::problem::json_response;
use crate::app::drafts::Listed;
use crate::app::people::members::Member;
use crate::app::people::resets::Reset;
use crate::app::people::users::{User, Wanted};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(members))
        .routes(routes!(member, put_member, remove_member))
        .routes(routes!(users))
        .routes(routes!(user, put_user))
        .routes(routes!(make_reset))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// `next` of the answer before.
    pub cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// viewer, operator, designer, approver or admin
    role: String,
    /// Left out: all of them.
    env: Option<String>,
}

/// All that a member is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRoles {
    roles: Vec<NewRole>,
}

/// All that a user is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
    root: bool,
    disabled: bool,
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/members", tag = "people",
    params(("workspace" = String, Path), After), responses((status = 200, body = Listed<Member>)))]
async fn members(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Query(after): Query<After>,
) -> Result<Response, Error> {
    let found = app
        .members(&actor, &workspace, after.cursor.as_deref())
        .await?;
    Ok(json_response(200, &found))
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/members/{user}", tag = "people",
    params(("workspace" = String, Path), ("user" = String, Path)), responses((status = 200, body = Member)))]
async fn member(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, user)): Path<(String, String)>,
) -> Result<Response, Error> {
    let found = app.member(&actor, &workspace, &user).await?;
    Ok(versioned(200, found.version, &found))
}

/// Replaces the roles of a member. Only root takes in somebody who was not invited (`If-None-Match: *`).
#[utoipa::path(put, path = "/api/v1/workspaces/{workspace}/members/{user}", tag = "people",
    params(("workspace" = String, Path), ("user" = String, Path), ForVersionOrNone),
    request_body = NewRoles, responses((status = 200, body = Member), (status = 409), (status = 412), (status = 428)))]
async fn put_member(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, user)): Path<(String, String)>,
    headers: HeaderMap,
    Json(asked): Json<NewRoles>,
) -> Result<Response, Error> {
    let expect = expected(&headers)?;
    let roles = asked.roles.into_iter().map(|held| (held.role, held.env));
    let done = app
        .set_member(&actor, &workspace, &user, expect, roles.collect())
        .await?;
    Ok(versioned(200, done.version, &done))
}

/// Takes all roles away, and revokes the tokens that the person has here.
#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}/members/{user}", tag = "people",
    params(("workspace" = String, Path), ("user" = String, Path), ForVersion),
    responses((status = 204), (status = 409), (status = 412), (status = 428)))]
async fn remove_member(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, user)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let version = expected_version(&headers)?;
    app.remove_member(&actor, &workspace, &user, version)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Everybody; for root.
#[utoipa::path(get, path = "/api/v1/users", tag = "people",
    params(After), responses((status = 200, body = Listed<User>)))]
async fn users(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(after): Query<After>,
) -> Result<Response, Error> {
    let found = app.users(&actor, after.cursor.as_deref()).await?;
    Ok(json_response(200, &found))
}

#[utoipa::path(get, path = "/api/v1/users/{user}", tag = "people",
    params(("user" = String, Path)), responses((status = 200, body = User)))]
async fn user(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(user): Path<String>,
) -> Result<Response, Error> {
    let found = app.user(&actor, &user).await?;
    Ok(versioned(200, found.version, &found))
}

/// Names somebody, makes them root, or shuts them out: all their sessions and tokens end.
#[utoipa::path(put, path = "/api/v1/users/{user}", tag = "people",
    params(("user" = String, Path), ForVersion), request_body = NewUser,
    responses((status = 200, body = User), (status = 409), (status = 412), (status = 428)))]
async fn put_user(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(user): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<NewUser>,
) -> Result<Response, Error> {
    let wanted = Wanted {
        name: asked.name,
        root: asked.root,
        disabled: asked.disabled,
    };
    let version = expected_version(&headers)?;
    let done = app.set_user(&actor, &user, version, wanted).await?;
    Ok(versioned(200, done.version, &done))
}

/// A code for somebody who forgot their password, to be handed over; good once, for a day.
#[utoipa::path(post, path = "/api/v1/users/{user}/reset", tag = "people",
    params(("user" = String, Path)), responses((status = 201, body = Reset)))]
async fn make_reset(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(user): Path<String>,
) -> Result<Response, Error> {
    let made = app.make_reset(&actor, &user).await?;
    Ok(json_response(201, &made))
}
