//! What requests say beside their path: who asks, which version is meant, and bodies with errors that name a place.

use std::convert::Infallible;

use axum::RequestExt as _;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::unreadable;
use super::upload::Pieces;
use crate::app::Error;
use crate::app::access::Actor;
use crate::app::drafts::Expect;
use crate::app::people::Client;

/// Where in a list an answer begins.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FromCursor {
    /// `next` of the answer before.
    pub cursor: Option<String>,
}

/// Whoever asks, as found by what stands before the routes.
pub struct Caller(pub Actor);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let actor = parts.extensions.get::<Actor>().cloned();
        actor.map(Self).ok_or(Error::Unauthenticated)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Actor>().cloned().map(Self))
    }
}

/// Where a request comes from.
pub struct From {
    pub client: Client,
}

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let extensions = &parts.extensions;
        let client = extensions.get::<Client>().cloned().unwrap_or_default();
        Ok(Self { client })
    }
}

/// The parts of a path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        type Whole<T> = axum::extract::Path<T>;
        let read = <Whole<T> as FromRequestParts<S>>::from_request_parts(parts, state);
        match read.await {
            Ok(axum::extract::Path(asked)) => Ok(Self(asked)),
            Err(wrong) => Err(unreadable::path(wrong)),
        }
    }
}

/// The version that was looked at, if the request names one.
pub struct Looked(pub Option<i64>);

impl<S: Sync> FromRequestParts<S> for Looked {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let named = parts.headers.get(header::IF_MATCH);
        named.map(version).transpose().map(Self)
    }
}

/// A body as it came.
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let body = request.with_limited_body().into_body();
        Pieces::of(body).whole().await.map(Self)
    }
}

/// A body of JSON.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let Body(body) = Body::from_request(request, state).await?;
        read(&body).map(Self)
    }
}

/// An object of the draft. Without a body nothing is meant: a file that was forgotten would empty what is there.
pub struct Content(pub Value);

impl<S: Send + Sync> FromRequest<S> for Content {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let Body(body) = Body::from_request(request, state).await?;
        if body.is_empty() {
            let hint = "send it as the body, as JSON; {} for one without fields";
            return Err(Error::invalid("an object is wanted").at("body").hint(hint));
        }
        read(&body).map(Self)
    }
}

/// An empty body is an object without fields.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|wrong| unreadable::body::<T>(body, &wrong))
}

/// Parameters behind the `?`.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        match read {
            Ok(axum::extract::Query(asked)) => Ok(Self(asked)),
            Err(wrong) => Err(unreadable::query(&wrong)),
        }
    }
}

/// As `expected`, and `If-Match: *` for whatever is there.
pub fn expected_or_any(headers: &HeaderMap) -> Result<Option<Expect>, Error> {
    match headers.get(header::IF_MATCH) {
        Some(value) if value == "*" => Ok(None),
        _ => expected(headers).map(Some),
    }
}

/// Which version a change is meant for: `If-Match: "17"`, or `If-None-Match: *` for none.
pub fn expected(headers: &HeaderMap) -> Result<Expect, Error> {
    if let Some(value) = headers.get(header::IF_MATCH) {
        return version(value).map(Expect::Version);
    }
    match headers.get(header::IF_NONE_MATCH) {
        Some(value) if value == "*" => Ok(Expect::Absent),
        Some(_) => Err(Error::invalid("`If-None-Match` is `*` on a change").at("If-None-Match")),
        None => Err(Error::ExpectationMissing),
    }
}

/// Of what has to be there.
pub fn expected_version(headers: &HeaderMap) -> Result<i64, Error> {
    match headers.get(header::IF_MATCH) {
        Some(value) => version(value),
        None => Err(Error::ExpectationMissing),
    }
}

/// What `expected_version` reads, for the description of the API.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described here, and read from the headers")]
pub struct ForVersion {
    /// The `ETag` that was read.
    #[param(rename = "If-Match", pattern = r#"^"\d{1,18}"$"#, example = "\"17\"")]
    if_match: String,
}

/// What `expected` reads. One of them is needed.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described here, and read from the headers")]
pub struct ForVersionOrNone {
    /// The `ETag` that was read, of what is to be changed.
    #[param(rename = "If-Match", pattern = r#"^"\d{1,18}"$"#, example = "\"17\"")]
    if_match: Option<String>,
    /// `*` makes what isn't there yet.
    #[param(rename = "If-None-Match", pattern = r"^\*$")]
    if_none_match: Option<String>,
}

/// What `expected_or_any` reads. One of them is needed.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described here, and read from the headers")]
pub struct ForAnyVersion {
    /// The `ETag` that was read, of what is to be replaced; `*` replaces whatever is there.
    #[param(
        rename = "If-Match",
        pattern = r#"^(\*|"\d{1,18}")$"#,
        example = "\"17\""
    )]
    if_match: Option<String>,
    /// `*` makes what isn't there yet.
    #[param(rename = "If-None-Match", pattern = r"^\*$")]
    if_none_match: Option<String>,
}

/// What [`Looked`] reads.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described here, and read from the headers")]
pub struct LookedAt {
    /// The `ETag` that was read: refused if it is another by now.
    #[param(rename = "If-Match", pattern = r#"^"\d{1,18}"$"#, example = "\"17\"")]
    if_match: Option<String>,
}

fn version(value: &HeaderValue) -> Result<i64, Error> {
    let text = value.to_str().unwrap_or_default().trim();
    let number = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let number = number.and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        let wrong = Error::invalid("`If-Match` is not the ETag of a version");
        wrong
            .at("If-Match")
            .hint("send it as it was read, for example \"17\"")
    })
}

/// JSON with the version in its `ETag`.
pub fn versioned(status: u16, version: i64, body: &impl Serialize) -> axum::response::Response {
    with_version(super::problem::json_response(status, body), version)
}

pub fn with_version(
    mut response: axum::response::Response,
    version: i64,
) -> axum::response::Response {
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
