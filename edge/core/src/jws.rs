//! Compact JWS (RFC 7515) with the claims of RFC 7519, as far as a signed context needs them: two algorithms, keys that
//! each belong to one of them, and claims that all have to be there. Knows no request and no attribute.

mod keys;

use std::borrow::Cow;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde_json::value::RawValue;
use skyful::limits;

pub use keys::{BadContextKeys, ContextKeys};

/// How far the clock of who signs may be ahead.
const LEEWAY_SECS: i64 = 60;
/// A signed context can't be taken back, so it ends within a day.
const LIFETIME_SECS: i64 = 86_400;

/// What the claims have to agree with.
pub(crate) struct Asked<'a> {
    pub audience: &'a str,
    /// A context for nobody is for nobody who asks.
    pub unit: Option<&'a str>,
    pub now_ms: i64,
}

/// Why a token counts for nothing. Says nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoKeys,
    TooLong,
    Unreadable,
    Algorithm,
    Extension,
    Signature,
    Claims,
    Audience,
    Unit,
    Expired,
    TooEarly,
    TooLate,
}

impl Refusal {
    pub fn why(self) -> &'static str {
        match self {
            Self::NoKeys => "this edge has no keys for signed contexts",
            Self::TooLong => "the signed context is too long",
            Self::Unreadable => "the signed context is no compact JWS",
            Self::Algorithm => "the signed context has an algorithm that is not accepted",
            Self::Extension => "the signed context demands an extension",
            Self::Signature => "no key of this edge signed the context",
            Self::Claims => "the signed context lacks sub, aud, exp or attributes",
            Self::Audience => "the signed context is for another environment",
            Self::Unit => "the signed context is for another unit",
            Self::Expired => "the signed context has expired",
            Self::TooEarly => "the signed context begins later",
            Self::TooLate => "the signed context is valid for more than a day",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    EdDsa,
    Hs256,
}

impl Algorithm {
    /// There is no name for not signing.
    fn of(name: &str) -> Option<Self> {
        match name {
            "EdDSA" => Some(Self::EdDsa),
            "HS256" => Some(Self::Hs256),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
    /// Whoever doesn't know what is named here has to refuse (RFC 7515, 4.1.11).
    #[serde(borrow)]
    crit: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    aud: &'a RawValue,
    /// Whole seconds.
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
    #[serde(borrow)]
    attributes: &'a RawValue,
}

/// The attributes that the token signs for whoever asks, as a JSON object.
pub(crate) fn attributes(
    token: &str,
    keys: &ContextKeys,
    asked: &Asked<'_>,
) -> Result<String, Refusal> {
    if keys.is_empty() {
        return Err(Refusal::NoKeys);
    }
    if token.len() > limits::SIGNED_CONTEXT_BYTES {
        return Err(Refusal::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Unreadable)?;
    let (header, payload) = signed.split_once('.').ok_or(Refusal::Unreadable)?;
    let header = decode(header)?;
    let header: Header<'_> = read(&header).ok_or(Refusal::Unreadable)?;
    if header.crit.is_some() {
        return Err(Refusal::Extension);
    }
    let algorithm = Algorithm::of(&header.alg).ok_or(Refusal::Algorithm)?;
    let signature = decode(signature)?;
    if !keys.signed(
        algorithm,
        header.kid.as_deref(),
        signed.as_bytes(),
        &signature,
    ) {
        return Err(Refusal::Signature);
    }
    // From here on the customer's server speaks.
    let payload = decode(payload)?;
    let claims: Claims<'_> = read(&payload).ok_or(Refusal::Claims)?;
    claims.agree(asked)?;
    Ok(claims.attributes.get().to_owned())
}

impl Claims<'_> {
    fn agree(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        if !self.is_for(asked.audience) {
            return Err(Refusal::Audience);
        }
        if asked.unit.is_none_or(|unit| unit != self.sub) {
            return Err(Refusal::Unit);
        }
        let now = asked.now_ms.div_euclid(1_000);
        let soon = now.saturating_add(LEEWAY_SECS);
        if self.exp <= now {
            return Err(Refusal::Expired);
        }
        if self.exp > soon.saturating_add(LIFETIME_SECS) {
            return Err(Refusal::TooLate);
        }
        let begins = [self.nbf, self.iat].into_iter().flatten().max();
        if begins.is_some_and(|begins| begins > soon) {
            return Err(Refusal::TooEarly);
        }
        Ok(())
    }

    /// One audience, or a list with it.
    fn is_for(&self, audience: &str) -> bool {
        let text = self.aud.get();
        match serde_json::from_str::<Cow<'_, str>>(text) {
            Ok(one) => one == audience,
            Err(_) => serde_json::from_str::<Vec<Cow<'_, str>>>(text)
                .is_ok_and(|several| several.iter().any(|one| one == audience)),
        }
    }
}

/// Base64url in its one right form: no padding, no bits left over.
fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| Refusal::Unreadable)
}

/// A name that is given twice is refused with the rest.
fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}
