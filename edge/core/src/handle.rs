//! Routes, and what each may be asked. Which release answers is settled in [`crate::load`], what stands
//! on the page in `skyful::resolve`.

mod cors;
mod events;
mod facts;
mod fatigue;
mod ofrep;
mod page;
mod publish;
mod signed;
mod status;
mod visit;

use std::sync::{Mutex, OnceLock};

use skyful::ledger::Ledger;
use skyful::limits;

use self::publish::Slot;
use self::signed::Claims;
use crate::http::{Problem, percent_decode};
use crate::load::{Counted, Moment};
use crate::{Edge, Ports, Request, Response};

/// One request with its time and chance, and what answers it.
pub(crate) struct Call<'r, P: Ports> {
    pub request: &'r Request<'r>,
    pub moment: Moment,
    pub random: [u8; 16],
    pub ports: &'r P,
    pub store: Counted<'r, P::Store>,
    /// Of the signed context, once something asks for it.
    claims: OnceLock<Claims>,
    /// The ledgers of whoever asks, as the page before left them, if this request had one.
    carried: Mutex<Option<Vec<(u64, Ledger)>>>,
}

enum Route<'a> {
    Resolve,
    Events,
    /// Still percent-encoded.
    Page(&'a str),
    /// OpenFeature: all flags, or the one of a key that is still percent-encoded.
    Flags,
    Flag(&'a str),
    Status,
    Health,
    /// The digest as given.
    Object(&'a str),
    Slot(Slot),
}

impl Route<'_> {
    /// Publishers are no browsers: no other origin gets leave to them.
    fn for_browsers(&self) -> bool {
        !matches!(self, Self::Object(_) | Self::Slot(_) | Self::Health)
    }

    fn methods(&self) -> &'static str {
        match self {
            Self::Resolve | Self::Events | Self::Flags | Self::Flag(_) => "POST, OPTIONS",
            Self::Page(_) => "GET, HEAD, OPTIONS",
            Self::Status => "GET, HEAD, OPTIONS",
            Self::Health => "GET, HEAD",
            Self::Object(_) => "HEAD, PUT",
            Self::Slot(_) => "GET, PUT",
        }
    }
}

/// What a path is called in metrics and traces: one of a few words, whatever is asked.
pub fn route_name(path: &str) -> &'static str {
    match route(path) {
        Some(Route::Resolve) => "resolve",
        Some(Route::Page(_)) => "page",
        Some(Route::Events) => "events",
        Some(Route::Flags) => "flags",
        Some(Route::Flag(_)) => "flag",
        Some(Route::Status) => "status",
        Some(Route::Health) => "health",
        Some(Route::Object(_)) => "object",
        Some(Route::Slot(Slot::Manifest)) => "manifest",
        Some(Route::Slot(Slot::Settled)) => "settled",
        None => "other",
    }
}

fn route(path: &str) -> Option<Route<'_>> {
    match path {
        "/v1/resolve" => Some(Route::Resolve),
        "/v1/events" => Some(Route::Events),
        "/ofrep/v1/evaluate/flags" => Some(Route::Flags),
        "/v1/status" => Some(Route::Status),
        "/healthz" => Some(Route::Health),
        "/v1/manifest" => Some(Route::Slot(Slot::Manifest)),
        "/v1/settled" => Some(Route::Slot(Slot::Settled)),
        _ => {
            let last = |prefix| {
                path.strip_prefix(prefix)
                    .filter(|rest: &&str| !rest.is_empty() && !rest.contains('/'))
            };
            last("/v1/pages/")
                .map(Route::Page)
                .or_else(|| last("/ofrep/v1/evaluate/flags/").map(Route::Flag))
                .or_else(|| last("/v1/snapshots/").map(Route::Object))
        }
    }
}

impl Edge {
    /// Answers one request. `now_ms` is Unix milliseconds, `random` fresh for each call.
    ///
    /// Never an error: what a client did wrong is a 4xx problem, what a store or a publisher did wrong
    /// is answered from the last known good. 503 stands only where no manifest was ever seen.
    pub async fn handle<P: Ports>(
        &self,
        ports: &P,
        request: Request<'_>,
        now_ms: i64,
        random: [u8; 16],
    ) -> Response {
        let call = Call {
            request: &request,
            moment: Moment::new(now_ms, random),
            random,
            ports,
            store: Counted::new(ports.store()),
            claims: OnceLock::new(),
            carried: Mutex::default(),
        };
        #[cfg(feature = "inject")]
        crate::inject::at_first(self, &call);
        self.state().health.begin(now_ms, random);
        let route = route(request.path);
        let mut response = match self.dispatch(&call, route.as_ref()).await {
            Ok(response) => response,
            Err(problem) => problem.response(),
        };
        #[cfg(feature = "inject")]
        crate::inject::at_last(&call);
        response.reads = call.store.reads();
        self.complete(&request, route.as_ref(), response, random)
    }

    /// An answer that an adapter made, with the headers that every answer has.
    pub fn completed(
        &self,
        request: &Request<'_>,
        response: Response,
        random: [u8; 16],
    ) -> Response {
        self.complete(request, route(request.path).as_ref(), response, random)
    }

    fn complete(
        &self,
        request: &Request<'_>,
        route: Option<&Route<'_>>,
        mut response: Response,
        random: [u8; 16],
    ) -> Response {
        if route.is_some_and(Route::for_browsers) {
            self.allow_origin(request, &mut response);
        }
        response.identified(request.method, request.header, random)
    }

    async fn dispatch<P: Ports>(
        &self,
        call: &Call<'_, P>,
        route: Option<&Route<'_>>,
    ) -> Result<Response, Problem> {
        let request = call.request;
        if request.path.len().saturating_add(request.query.len()) > limits::REQUEST_BYTES {
            return Err(Problem::new(
                414,
                "uri-too-long",
                "The address is too long",
                format!(
                    "path and query are at most {} bytes together",
                    limits::REQUEST_BYTES
                ),
            )
            .hint("send the context in the body of POST /v1/resolve"));
        }
        let Some(route) = route else {
            return Err(Problem::new(
                404,
                "not-found",
                "No such route",
                "this edge has no such route",
            )
            .hint("use POST /v1/resolve, GET /v1/pages/{page}, GET /v1/status or GET /healthz"));
        };
        match (request.method, route) {
            ("OPTIONS", route) if route.for_browsers() => {
                Ok(self.preflight(request, route.methods()))
            }
            ("POST", Route::Resolve) => self.resolve_body(call).await,
            ("POST", Route::Events) => self.take_events(call).await,
            ("POST", Route::Flags) => Ok(self.flags(call).await),
            ("POST", Route::Flag(key)) => Ok(self.flag(call, key).await),
            ("GET" | "HEAD", Route::Page(page)) => {
                let Some(page) = percent_decode(page) else {
                    return Err(bad_request("a page is UTF-8 after percent-decoding").at("page"));
                };
                self.resolve_query(call, &page).await
            }
            ("GET" | "HEAD", Route::Status) => {
                self.look_if_due(&call.store, call.moment, None).await;
                Ok(self.status(call.moment.now_ms))
            }
            ("GET" | "HEAD", Route::Health) => {
                self.look_if_due(&call.store, call.moment, None).await;
                self.health()
            }
            ("HEAD", Route::Object(name)) => self.look_for_object(call, name).await,
            ("PUT", Route::Object(name)) => self.put_object(call, name).await,
            ("GET", Route::Slot(slot)) => self.get_slot(call, *slot).await,
            ("PUT", Route::Slot(slot)) => self.put_slot(call, *slot).await,
            _ => {
                let problem = Problem::new(
                    405,
                    "method-not-allowed",
                    "Method not allowed",
                    format!("this route takes {}", route.methods()),
                );
                Ok(problem.response().with("allow", route.methods()))
            }
        }
    }
}

pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
    Problem::new(400, "bad-request", "The request cannot be read", detail)
}

/// The one 503: there is nothing yet from which a page could be answered.
pub(crate) fn no_snapshot() -> Problem {
    Problem::new(
        503,
        "no-snapshot",
        "Nothing is published here yet",
        "this edge has never seen a manifest that it could accept",
    )
    .hint("publish to this workspace and environment; /v1/status says what was wrong last")
}
