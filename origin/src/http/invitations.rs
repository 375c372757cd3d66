//! Invitations into workspaces.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Caller, From, Json, Path, Query};
use super::people::After;
use super::problem::json_response;
use super::sessions::welcome;
use crate::app::drafts::Listed;
use crate::app::people::invitations::{Invitation, Joined, Joining, NewInvitation};
use crate::app::people::sessions::Me;
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, invite))
        .routes(routes!(revoke))
        .routes(routes!(accept))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Invite {
    email: String,
    /// viewer, operator, designer, approver or admin
    role: String,
    /// Left out: all of them.
    env: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Accept {
    code: String,
    /// Of somebody new. Whoever is signed in sends neither name nor password.
    name: Option<String>,
    password: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/invitations", tag = "people",
    params(("workspace" = String, Path), After), responses((status = 200, body = Listed<Invitation>)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Query(after): Query<After>,
) -> Result<Response, Error> {
    let found = app
        .invitations(&actor, &workspace, after.cursor.as_deref())
        .await?;
    Ok(json_response(200, &found))
}

/// Makes a code to hand over, good for 7 days, once, and for this address. No mail is sent.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/invitations", tag = "people",
    params(("workspace" = String, Path)), request_body = Invite, responses((status = 201, body = NewInvitation)))]
async fn invite(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Json(asked): Json<Invite>,
) -> Result<Response, Error> {
    let made = app
        .invite(&actor, &workspace, &asked.email, &asked.role, asked.env)
        .await?;
    Ok(json_response(201, &made))
}

#[utoipa::path(delete, path = "/api/v1/workspaces/{workspace}/invitations/{invitation}", tag = "people",
    params(("workspace" = String, Path), ("invitation" = String, Path)), responses((status = 204)))]
async fn revoke(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, invitation)): Path<(String, String)>,
) -> Result<Response, Error> {
    app.revoke_invitation(&actor, &workspace, &invitation)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// With a name and a password: makes a user, who is signed in at once. Without: for whoever is signed in.
#[utoipa::path(post, path = "/api/v1/invitations/accept", tag = "people", security((), ("session" = [])),
    request_body = Accept, responses((status = 200, body = Me), (status = 404), (status = 409), (status = 429)))]
async fn accept(
    State(app): State<App>,
    caller: Option<Caller>,
    from: From,
    headers: HeaderMap,
    Json(asked): Json<Accept>,
) -> Result<Response, Error> {
    let joining = match (caller, asked.name, asked.password) {
        (Some(Caller(actor)), None, None) => Joining::Known(actor),
        (_, Some(name), Some(password)) => Joining::New { name, password },
        (None, None, None) => return Err(Error::Unauthenticated),
        _ => {
            let wrong = Error::invalid("a new user has both a name and a password");
            return Err(wrong.hint("send both, or sign in and send none"));
        }
    };
    match app.accept(&asked.code, joining, &from.client).await? {
        Joined::New(admitted) => Ok(welcome(200, &headers, &admitted)),
        Joined::Known(me) => Ok(json_response(200, &me)),
    }
}
