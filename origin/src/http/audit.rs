//! What was done, and by whom.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Caller, Query};
use super::problem::json_response;
use crate::app::audit::read::Logged;
use crate::app::drafts::Listed;
use crate::app::{App, Error};
use crate::store::sqlite::audit::Filter;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(here))
        .routes(routes!(everywhere))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// `user:…` or `token:…`
    actor: Option<String>,
    /// For example `release.approve`, or `release` for all of them.
    action: Option<String>,
    /// `next` of the answer before.
    cursor: Option<i64>,
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
