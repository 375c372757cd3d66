//! A page over HTTP: what may be asked, and how a visit is answered.

use skyful::context::{BadRequest, Context};
use skyful::limits;

use super::visit::{Outcome, Page, Visit};
use super::{Call, bad_request};
use crate::http::{Problem, Request};
use crate::{Edge, Ports, Response};

/// A visitor's own cache may keep what it then asks for again by its `ETag`. No shared cache may: the
/// address doesn't name everything that an answer depends on.
const VISITORS_OWN: &str = "private, no-cache";
/// What depends on how often the visitor has seen something is old as soon as it is shown.
const COUNTED: &str = "private, no-store";

impl Edge {
    pub(super) async fn resolve_body<P: Ports>(
        &self,
        call: &Call<'_, P>,
    ) -> Result<Response, Problem> {
        let body = call.request.body;
        if body.len() > limits::REQUEST_BYTES {
            return Err(too_large());
        }
        let mut context = Context::from_json(body).map_err(unreadable)?;
        let page = context.page.take().filter(|page| !page.is_empty());
        let Some(page) = page else {
            return Err(bad_request("the body doesn't say which page")
                .at("/page")
                .hint("name a page, for example {\"page\":\"home\"}"));
        };
        self.resolve_page(call, context, &page).await
    }

    pub(super) async fn resolve_query<P: Ports>(
        &self,
        call: &Call<'_, P>,
        page: &str,
    ) -> Result<Response, Problem> {
        let context = Context::from_query(call.request.query).map_err(unreadable)?;
        self.resolve_page(call, context, page).await
    }

    async fn resolve_page<P: Ports>(
        &self,
        call: &Call<'_, P>,
        context: Context<'_>,
        page: &str,
    ) -> Result<Response, Problem> {
        let visit = self.visit(call, context, page).await?;
        let behind = visit.is_behind();
        if behind {
            self.state().counters.behind += 1;
        }
        let Visit {
            outcome,
            sequence,
            newest,
            minted,
        } = visit;
        let mut response = match outcome {
            Outcome::Keep => Response::json(200, br#"{"keep":true}"#.to_vec()),
            Outcome::UnknownPage => unknown_page(page).response(),
            Outcome::Empty { body } => Response::json(200, body).about(page, sequence),
            Outcome::Page(found) => of_page(found, behind).about(page, sequence),
        };
        if behind {
            response = response.with("skyful-behind", newest.to_string());
        }
        // What belongs to one visitor travels in headers.
        if let Some(unit) = minted.filter(|_| response.status == 200) {
            response = response.with("skyful-unit", unit);
        }
        if response.header("cache-control").is_none() {
            response = response.with("cache-control", "no-store");
        }
        Ok(unless_matched(call.request, response))
    }
}

/// An answer that is behind is for now only: nothing keeps it.
fn of_page(page: Page, behind: bool) -> Response {
    let etag = (!behind).then(|| page.etag());
    let mut response = Response::json(200, page.answer.body).with("skyful-have", page.have);
    response.headers.extend(page.headers);
    let Some(etag) = etag else {
        return response;
    };
    let caching = if page.counted { COUNTED } else { VISITORS_OWN };
    response.with("etag", etag).with("cache-control", caching)
}

pub(super) fn too_large() -> Problem {
    let detail = format!("a request is at most {} bytes", limits::REQUEST_BYTES);
    Problem::new(413, "too-large", "The request is too large", detail)
}

pub(super) fn unreadable(error: BadRequest) -> Problem {
    bad_request(error.message).at(error.place)
}

pub(super) fn unknown_page(page: &str) -> Problem {
    let detail = if page.len() <= limits::KEY_BYTES {
        format!("the current release has no page `{page}`")
    } else {
        "the current release has no such page".into()
    };
    Problem::new(404, "unknown-page", "No such page", detail).at("page")
}

/// Nothing but headers for a client that holds the very bytes already.
fn unless_matched(request: &Request<'_>, mut response: Response) -> Response {
    let reads = matches!(request.method, "GET" | "HEAD");
    let held = (request.header)("if-none-match").filter(|_| reads);
    let matched = response.header("etag").is_some_and(|etag| {
        held.is_some_and(|held| {
            held.split(',')
                .map(|one| one.trim().trim_start_matches("W/"))
                .any(|one| one == etag || one == "*")
        })
    });
    if matched {
        response.status = 304;
        response.body.clear();
        // They describe a body that isn't sent.
        response
            .headers
            .retain(|(name, _)| !name.starts_with("content-"));
    }
    response
}
