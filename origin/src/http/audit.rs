//! What was done, and by whom.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Caller, Path, Query};
use super::problem::json_response;
use crate::app::audit::read::Logged;
use crate::app::audit::verify::{Expected, Verified};
use crate::app::drafts::Listed;
use crate::app::{App, Error};
use crate::store::sqlite::audit::Filter;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(here))
        .routes(routes!(everywhere))
        .routes(routes!(verify))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// `user:…` or `token:…`
    actor: Option<String>,
    /// For example `release.approve`, or `release` for all of them.
    action: Option<String>,
    /// `next` of the answer before.
    cursor: Option<i64>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Expecting {
    /// An entry that has to be in it: `last` of an earlier answer, which was kept elsewhere.
    expect: Option<String>,
}

impl Asked {
    fn of(self, workspace: Option<String>) -> (Filter, Option<i64>) {
        let filter = Filter {
            workspace,
            actor: self.actor,
            action: self.action,
        };
        (filter, self.cursor)
    }
}

/// Newest first.
#[utoipa::path(get, path = "/api/v1/workspaces/{workspace}/audit", tag = "audit",
    params(("workspace" = String, Path), Asked), responses((status = 200, body = Listed<Logged>)))]
async fn here(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(workspace): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    let (filter, before) = asked.of(Some(workspace));
    let found = app.audit_log(&actor, filter, before).await?;
    Ok(json_response(200, &found))
}

/// Of all workspaces, and what belongs to none; for root.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit",
    params(Asked), responses((status = 200, body = Listed<Logged>)))]
async fn everywhere(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    let (filter, before) = asked.of(None);
    let found = app.audit_log(&actor, filter, before).await?;
    Ok(json_response(200, &found))
}

/// Whether the whole log is the one that was written; for root. Reads all of it.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit",
    params(Expecting), responses((status = 200, body = Verified)))]
async fn verify(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(asked): Query<Expecting>,
) -> Result<Response, Error> {
    let expected = asked.expect.map(|text| text.parse::<Expected>());
    let expected = expected.transpose();
    let expected = expected.map_err(|wrong| Error::invalid(wrong).at("expect"))?;
    let found = app.verify_audit(&actor, expected.as_ref()).await?;
    Ok(json_response(200, &found))
}
