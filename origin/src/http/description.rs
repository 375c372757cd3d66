//! What the API says about itself, as far as it isn't said beside each route.

use serde::Serialize;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi as Api, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi, PartialSchema, ToSchema};

/// Under `/api/v1`, and what it says about itself under `/api/openapi.json`.
#[derive(OpenApi)]
#[openapi(info(
    title = "Skyful admin API",
    description = "Author pages, release them and watch what they do. Every error is a problem detail (RFC 9457)."
), security(("session" = []), ("token" = [])), modifiers(&Security))]
pub struct Described;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut Api) {
        let cookie = ApiKeyValue::with_description(
            "__Host-skyful",
            "Of people who signed in (`skyful` on loopback addresses). Changes also need `X-Skyful: 1` and the `Origin` \
             of this server.",
        );
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("session", cookie);
        components.add_security_scheme("token", token);
    }
}

/// An error. Some kinds say more than this, for example both sides of a conflict.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct Told {
    /// `urn:skyful:problem:KIND`
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    /// What of the request is meant, most often a JSON Pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

const PROBLEM: &str = "Problem";

/// Every route may say no, in one form.
pub fn with_problems(mut api: Api) -> Api {
    let components = api.components.get_or_insert_default();
    components.schemas.insert(PROBLEM.into(), Told::schema());
    let schema = Ref::from_schema_name(PROBLEM);
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let problem = ResponseBuilder::new()
        .description("A problem detail")
        .content("application/problem+json", content)
        .build();
    components.responses.insert(PROBLEM.into(), problem.into());
    for item in api.paths.paths.values_mut() {
        for operation in operations(item) {
            let responses = &mut operation.responses.responses;
            for (status, response) in &mut *responses {
                if status.starts_with('4') && is_bare(response) {
                    *response = told();
                }
            }
            responses.insert("default".into(), told());
        }
    }
    api
}

fn told() -> RefOr<Response> {
    Ref::from_response_name(PROBLEM).into()
}

fn is_bare(response: &RefOr<Response>) -> bool {
    matches!(response, RefOr::T(response) if response.content.is_empty())
}

pub fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ];
    all.into_iter().flatten()
}
