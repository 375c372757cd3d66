//! One span a request, for whoever exports traces. It says which page of which release was answered and how,
//! and never who asked: no unit, no attributes, no query, no address.

use axum::http::request::Parts;
use skyful_edge::Response;
use tracing::Span;
use tracing::field::Empty;

/// The target of these spans; nothing else has it.
pub const TARGET: &str = "skyful::request";

pub fn of(head: &Parts) -> Span {
    let (method, route) = (method(head), route(head.uri.path()));
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        skyful.page = Empty,
        skyful.sequence = Empty,
        skyful.store_reads = Empty,
    );
    if !span.is_disabled() {
        #[cfg(feature = "otel")]
        crate::telemetry::follow(&span, &head.headers);
        span.record("otel.name", format!("{method} {route}"));
    }
    span
}

pub fn tell(span: &Span, answer: &Response) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", answer.status);
    span.record("skyful.store_reads", answer.reads);
    if let Some(page) = answer.page.as_deref() {
        span.record("skyful.page", page);
    }
    if let Some(sequence) = answer.sequence {
        span.record("skyful.sequence", sequence);
    }
    if answer.status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// Anybody can send a method of their own making.
fn method(head: &Parts) -> &'static str {
    match head.method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

/// The template of the route, never the path itself.
fn route(path: &str) -> &'static str {
    match skyful_edge::route_name(path) {
        "resolve" => "/v1/resolve",
        "page" => "/v1/pages/{page}",
        "events" => "/v1/events",
        "flags" => "/ofrep/v1/evaluate/flags",
        "flag" => "/ofrep/v1/evaluate/flags/{key}",
        "object" => "/v1/snapshots/{digest}",
        "manifest" => "/v1/manifest",
        "settled" => "/v1/settled",
        "status" => "/v1/status",
        "health" => "/healthz",
        _ => "_OTHER",
    }
}
