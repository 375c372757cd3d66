//! The first run, signing in and out, and oneself.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Caller, From, Json, Path};
use super::cookie;
use super::problem::json_response;
use crate::app::people::sessions::{Admitted, Me, Session};
use crate::app::people::setup::First;
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(setup))
        .routes(routes!(sign_in, sign_out))
        .routes(routes!(me))
        .routes(routes!(change_password))
        .routes(routes!(use_reset))
        .routes(routes!(list))
        .routes(routes!(end))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// From the log of the server.
    code: String,
    email: String,
    name: String,
    password: String,
    /// To begin with, with an environment `dev` and a protected one `prod`.
    workspace: Option<SetupWorkspace>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupWorkspace {
    key: String,
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    email: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    current: String,
    new: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ForgottenPassword {
    /// As root handed it over.
    code: String,
    password: String,
}

#[derive(Serialize, ToSchema)]
struct Sessions {
    items: Vec<Session>,
}

/// Makes the first user, who may do everything; once.
#[utoipa::path(post, path = "/api/v1/setup", tag = "people", security(()),
    request_body = Setup, responses((status = 201, body = Me), (status = 409), (status = 429)))]
async fn setup(
    State(app): State<App>,
    from: From,
    headers: HeaderMap,
    Json(asked): Json<Setup>,
) -> Result<Response, Error> {
    let first = First {
        code: asked.code,
        email: asked.email,
        name: asked.name,
        password: asked.password,
        workspace: asked.workspace.map(|asked| (asked.key, asked.name)),
    };
    let admitted = app.set_up(first, &from.client).await?;
    Ok(welcome(201, &headers, &admitted))
}

/// Sets the cookie of a session. Ends the one that was there before.
#[utoipa::path(post, path = "/api/v1/session", tag = "people", security(()),
    request_body = SignIn, responses((status = 200, body = Me), (status = 401), (status = 429)))]
async fn sign_in(
    State(app): State<App>,
    from: From,
    headers: HeaderMap,
    Json(asked): Json<SignIn>,
) -> Result<Response, Error> {
    let before = cookie::read(&headers);
    let admitted = app
        .sign_in(
            &asked.email,
            asked.password,
            &from.client,
            before.as_deref(),
        )
        .await?;
    Ok(welcome(200, &headers, &admitted))
}

#[utoipa::path(delete, path = "/api/v1/session", tag = "people", responses((status = 204)))]
async fn sign_out(
    State(app): State<App>,
    Caller(actor): Caller,
    headers: HeaderMap,
) -> Result<Response, Error> {
    app.sign_out(&actor).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = cookie::set(&headers, "", 0) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Who asks, and what they may do where.
#[utoipa::path(get, path = "/api/v1/me", tag = "people", responses((status = 200, body = Me)))]
async fn me(State(app): State<App>, Caller(actor): Caller) -> Result<Response, Error> {
    let me = app.me(&actor).await?;
    Ok(json_response(200, &me))
}

/// Ends all of one's sessions, and begins a new one.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "people",
    request_body = NewPassword, responses((status = 200, body = Me), (status = 429)))]
async fn change_password(
    State(app): State<App>,
    Caller(actor): Caller,
    from: From,
    headers: HeaderMap,
    Json(asked): Json<NewPassword>,
) -> Result<Response, Error> {
    let admitted = app
        .change_password(&actor, asked.current, asked.new, &from.client)
        .await?;
    Ok(welcome(200, &headers, &admitted))
}

/// For whoever forgot theirs and got a code from root. Ends all sessions, and begins a new one.
#[utoipa::path(post, path = "/api/v1/password", tag = "people", security(()),
    request_body = ForgottenPassword, responses((status = 200, body = Me), (status = 404), (status = 429)))]
async fn use_reset(
    State(app): State<App>,
    from: From,
    headers: HeaderMap,
    Json(asked): Json<ForgottenPassword>,
) -> Result<Response, Error> {
    let admitted = app
        .use_reset(&asked.code, asked.password, &from.client)
        .await?;
    Ok(welcome(200, &headers, &admitted))
}

/// One's own, the last used first.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "people", responses((status = 200, body = Sessions)))]
async fn list(State(app): State<App>, Caller(actor): Caller) -> Result<Response, Error> {
    let items = app.sessions(&actor).await?;
    Ok(json_response(200, &Sessions { items }))
}

#[utoipa::path(delete, path = "/api/v1/me/sessions/{session}", tag = "people",
    params(("session" = String, Path)), responses((status = 204)))]
async fn end(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(session): Path<String>,
) -> Result<Response, Error> {
    app.end_session(&actor, &session).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tells somebody who was let in who they are, with the cookie that lets them in from now on.
pub fn welcome(status: u16, asked: &HeaderMap, admitted: &Admitted) -> Response {
    let mut response = json_response(status, &admitted.me);
    if let Some(cookie) = cookie::set(asked, &admitted.code, admitted.max_age_secs) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
