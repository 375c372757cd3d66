//! Signing keys of an environment. Secret halves never come out.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Caller, Json, Path};
use super::problem::json_response;
use crate::app::keys::{Keys, PublicKey};
use crate::app::{App, Error};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(activate))
        .routes(routes!(retire))
        .routes(routes!(raise_era))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Forced {
    /// Although something is in the way that would be better waited for.
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Raise {
    /// A key that must be worth nothing from now on. Without one: the next era.
    above: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Raised {
    /// That the next manifest is in.
    era: i64,
}

/// Public halves, and what edges have to trust.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/environments/{env}/keys", tag = "keys",
    params(("workspace" = String, Path), ("env" = String, Path)), responses((status = 200, body = Keys)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
) -> Result<Response, Error> {
    let keys = app.keys(&actor, &workspace, &env).await?;
    Ok(json_response(200, &keys))
}

/// Makes a key that signs nothing yet: tell edges about it first.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/keys", tag = "keys",
    params(("workspace" = String, Path), ("env" = String, Path)), responses((status = 201, body = PublicKey)))]
async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
) -> Result<Response, Error> {
    let made = app.create_key(&actor, &workspace, &env).await?;
    Ok(json_response(201, &made))
}

/// From now on this key signs.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/keys/{id}/activate", tag = "keys",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = String, Path)),
    request_body = Forced, responses((status = 200, body = PublicKey)))]
async fn activate(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env, id)): Path<(String, String, String)>,
    Json(asked): Json<Forced>,
) -> Result<Response, Error> {
    let place = (&*workspace, &*env);
    let done = app.activate_key(&actor, place, &id, asked.force).await?;
    Ok(json_response(200, &done))
}

/// Forgets the secret half, once no edge needs the public one.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/keys/{id}/retire", tag = "keys",
    params(("workspace" = String, Path), ("env" = String, Path), ("id" = String, Path)),
    request_body = Forced, responses((status = 200, body = PublicKey)))]
async fn retire(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env, id)): Path<(String, String, String)>,
    Json(asked): Json<Forced>,
) -> Result<Response, Error> {
    let place = (&*workspace, &*env);
    let done = app.retire_key(&actor, place, &id, asked.force).await?;
    Ok(json_response(200, &done))
}

/// Goes on in a higher era, so that what was signed before counts no more.
#[utoipa::path(post, path = "/api/v1/workspaces/{workspace}/environments/{env}/raise-era", tag = "keys",
    params(("workspace" = String, Path), ("env" = String, Path)),
    request_body = Raise, responses((status = 200, body = Raised)))]
async fn raise_era(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((workspace, env)): Path<(String, String)>,
    Json(asked): Json<Raise>,
) -> Result<Response, Error> {
    let place = (&*workspace, &*env);
    let era = app.raise_era(&actor, place, asked.above.as_deref()).await?;
    Ok(json_response(200, &Raised { era }))
}
