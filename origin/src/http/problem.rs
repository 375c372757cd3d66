//! Answers that say no, as clients see them (RFC 9457), and the one place where an error of the origin becomes one.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Map, Value, json};
use skyful::limits::DOCUMENT_BYTES;
use skyful::problem::{Problem as Fault, Severity};

use crate::app::Error;
use crate::app::drafts::BODY_BYTES;
use crate::app::error::Conflict;
use crate::app::media::MEDIA_BYTES;

/// An error as clients see it.
#[derive(Debug)]
pub struct Problem {
    status: u16,
    kind: &'static str,
    title: &'static str,
    detail: String,
    retry_after_secs: i64,
    /// `place`, `hint`, and what belongs to one kind of problem.
    more: Map<String, Value>,
}

impl Problem {
    pub fn new(
        status: u16,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            retry_after_secs: 2,
            more: Map::new(),
        }
    }

    pub fn at(self, place: impl Into<String>) -> Self {
        self.with("place", Value::String(place.into()))
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.with("hint", Value::String(hint.into()))
    }

    fn too_many(wait_secs: i64) -> Self {
        let detail = format!("too many attempts; the next counts in {wait_secs} s");
        let mut problem = Self::new(429, "too-many", "Too many attempts", detail);
        problem.retry_after_secs = wait_secs;
        problem
    }

    fn forged(what: &'static str) -> Self {
        let problem = Self::new(403, "forged", "Another site may have sent this", what);
        problem.hint("a change with a cookie needs `X-Skyful: 1` and the `Origin` of this server")
    }

    /// What it was is in the log.
    pub fn bug() -> Self {
        let detail = "nothing was changed for certain";
        Self::new(500, "internal", "This is a bug", detail)
    }

    fn stale(conflict: &Conflict) -> Self {
        let detail = match &conflict.current {
            Some(side) => format!(
                "{} changed {} at {}",
                side.changed_by, conflict.path, side.changed_at
            ),
            None => format!("{} is not there any more", conflict.path),
        };
        let problem = Self::new(412, "stale", "Somebody else was there first", detail);
        let problem = problem.hint("merge `current` and `yours`, which both come from `base`");
        problem.with("conflict", json!(conflict))
    }

    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    pub fn response(self) -> Response<Body> {
        let mut body = json!({
            "type": format!("urn:skyful:problem:{}", self.kind),
            "title": self.title, "status": self.status, "detail": self.detail,
        });
        if let Value::Object(body) = &mut body {
            body.extend(self.more);
        }
        let mut response = json_response(self.status, &body);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if matches!(self.status, 408 | 429 | 503) {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(self.retry_after_secs),
            );
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthenticated => {
                let detail = "this needs somebody who is known";
                let problem = Self::new(401, "unauthenticated", "Not signed in", detail);
                problem.hint("sign in, or send `Authorization: Bearer TOKEN`")
            }
            Error::UnknownToken => {
                let detail = "this token is unknown, revoked or over";
                let problem = Self::new(401, "unauthenticated", "Not signed in", detail);
                problem.hint("make a new one with `POST …/tokens`, or sign in")
            }
            Error::WrongSignIn => {
                let detail = "the e-mail address or the password is wrong";
                let problem = Self::new(401, "wrong-sign-in", "Not signed in", detail);
                problem.hint("whoever administers people can make a link for a new password")
            }
            Error::TooMany { wait_secs } => Self::too_many(wait_secs),
            Error::Forged(what) => Self::forged(what),
            Error::NeedsPerson => {
                let detail = "a token can't do this";
                let problem = Self::new(403, "needs-person", "Only for people", detail);
                problem.hint("sign in with e-mail address and password")
            }
            Error::Denied(what) => {
                let detail = format!("your role does not let you {what}");
                let problem = Self::new(403, "denied", "Not allowed", detail);
                problem.hint("an admin of the workspace can change your role")
            }
            Error::NotFound(what) => Self::new(404, "not-found", "Not found", what),
            Error::Invalid { detail, at, hint } => {
                let problem = Self::new(400, "invalid", "The request is wrong", detail).at(at);
                match hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                }
            }
            Error::Faulty(problems) => {
                let errors = |problem: &&Fault| problem.severity == Severity::Error;
                let detail = match problems.iter().filter(errors).count() {
                    1 => "1 error is in the document".to_owned(),
                    many => format!("{many} errors are in the document"),
                };
                let problem = Self::new(422, "faulty", "The document has errors", detail);
                problem
                    .hint("of a draft, `GET …/problems` says in which objects")
                    .with("problems", json!(problems))
            }
            Error::Unfilled(problems) => {
                let first = problems.first();
                let place = first.map_or(String::new(), |first| first.path.clone());
                let detail = first.map_or(String::new(), |first| first.message.clone());
                let title = "The template can't be filled like that";
                let problem = Self::new(422, "unfilled", title, detail).at(place);
                problem.with("problems", json!(problems))
            }
            Error::Taken(what) => {
                let detail = format!("these are there already: {}", what.join(", "));
                let problem = Self::new(409, "taken", "Keys are taken", detail);
                let problem = problem
                    .hint("take another key for the page, or another `prefix` for its modules");
                problem.with("taken", json!(what))
            }
            Error::ExpectationMissing => {
                let detail = "a change names the version that it changes";
                let problem = Self::new(428, "precondition", "Which version is missing", detail);
                problem.hint(
                    "send `If-Match` with the ETag that you read, or `If-None-Match: *` to make it",
                )
            }
            Error::Stale(conflict) => Self::stale(&conflict),
            Error::Moved { detail, hint } => {
                Self::new(412, "moved", "Not what you looked at", detail).hint(hint)
            }
            Error::Forbidden { detail, hint } => {
                Self::new(403, "forbidden", "Not you", detail).hint(hint)
            }
            Error::NoSuchMethod => {
                let detail = "this can't be done with what is there; see /api/openapi.json";
                Self::new(405, "method", "No such method", detail)
            }
            Error::TooLarge => {
                let detail = "more than is read of such a request";
                let hint = format!(
                    "an object takes at most {BODY_BYTES} bytes, a picture {MEDIA_BYTES}, a document {DOCUMENT_BYTES}"
                );
                Self::new(413, "too-large", "The request is too large", detail).hint(hint)
            }
            Error::Slow => {
                let detail = "the body came too slowly; nothing of it was kept";
                Self::new(408, "slow", "The request takes too long", detail)
                    .hint("20 s may pass between two pieces, and 10 min until the end")
            }
            Error::Unfit { detail, hint } => {
                Self::new(422, "unfit", "It contradicts what was sent", detail).hint(hint)
            }
            Error::Busy(detail) => {
                Self::new(429, "busy", "Too many at once", detail).hint("try again in a while")
            }
            Error::Conflict { detail, hint } => {
                Self::new(409, "conflict", "Not as things stand", detail).hint(hint)
            }
            Error::Breaks { detail, what } => {
                let problem = Self::new(409, "breaks", "It would break what is there", detail);
                problem.with("breaks", json!(what))
            }
            Error::Store(error) => {
                tracing::error!(%error, "the database gave no answer");
                let detail = "nothing was changed for certain";
                let problem = Self::new(503, "no-store", "The database gave no answer", detail);
                problem.hint("try again; if it was done, a repeat changes nothing")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.response()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response<Body> {
        Problem::from(self).response()
    }
}

pub fn json_response(status: u16, body: &impl Serialize) -> Response<Body> {
    json_text(status, serde_json::to_vec(body).unwrap_or_default())
}

/// What is JSON already.
pub fn json_text(status: u16, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response.headers_mut().extend(headers);
    response
}
