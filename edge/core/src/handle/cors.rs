//! Calls from browsers on other origins: an allow-list, the same for every route below `/v1/`.

use crate::http::Request;
use crate::{Edge, Response};

impl Edge {
    pub(super) fn preflight(&self, request: &Request<'_>, methods: &'static str) -> Response {
        let response = Response::new(204)
            .with("allow", methods)
            .with("cache-control", "no-store");
        if (request.header)("access-control-request-method").is_none()
            || self.allowed_origin(request).is_none()
        {
            return response;
        }
        response
            .with("access-control-allow-methods", methods)
            .with(
                "access-control-allow-headers",
                "content-type, if-none-match, skyful-sequence, skyful-context, skyful-caps, x-request-id",
            )
            .with("access-control-max-age", "7200")
    }

    pub(super) fn allow_origin(&self, request: &Request<'_>, response: &mut Response) {
        let cors = &self.config.cors;
        if cors.is_empty() {
            return;
        }
        let any = cors.iter().any(|allowed| allowed == "*");
        if !any {
            // Also on answers to origins that aren't allowed: a cache must not mix the two.
            response.headers.push(("vary", "origin".into()));
        }
        let Some(origin) = self.allowed_origin(request) else {
            return;
        };
        let origin = if any { "*".into() } else { origin.into() };
        response
            .headers
            .push(("access-control-allow-origin", origin));
        response.headers.push((
            "access-control-expose-headers",
            "etag, retry-after, server-timing, skyful-behind, skyful-caps, skyful-grant, skyful-have, skyful-unit, \
             x-request-id"
                .into(),
        ));
    }

    fn allowed_origin(&self, request: &Request<'_>) -> Option<String> {
        (request.header)("origin").filter(|origin| {
            self.config
                .cors
                .iter()
                .any(|allowed| allowed == "*" || allowed == origin)
        })
    }
}
