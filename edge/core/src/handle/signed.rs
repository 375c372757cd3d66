//! The header `Skyful-Context`: facts about a visitor that only the customer's own server can know, as a compact JWS
//! (RFC 7515) for one unit, one environment and a short time. What is wrong with one is never an error: the visitor
//! then is one about whom nothing was signed.

use skyful::context::Context;

use super::Call;
use crate::jws::{self, Asked};
use crate::{Edge, Ports};

const UNFIT: &str = "the attributes of the signed context are no object, or too many";

/// What a signed context came to, once for a request.
#[derive(Debug)]
pub(crate) enum Claims {
    Absent,
    Refused(&'static str),
    /// A JSON object of attributes.
    Genuine(String),
}

impl Edge {
    pub(super) fn claims<P: Ports>(&self, call: &Call<'_, P>, unit: Option<&str>) -> Claims {
        let Some(token) = (call.request.header)("skyful-context") else {
            return Claims::Absent;
        };
        let asked = Asked {
            audience: &format!("{}/{}", self.config.workspace, self.config.env),
            unit,
            now_ms: call.moment.now_ms,
        };
        match jws::attributes(&token, &self.config.context_keys, &asked) {
            Ok(attributes) => Claims::Genuine(attributes),
            Err(refusal) => Claims::Refused(refusal.why()),
        }
    }
}

/// What was signed, as a context of attributes alone; the error says why it counts for nothing.
pub(super) type Signed<'c> = Result<Context<'c>, &'static str>;

impl Claims {
    pub(super) fn facts(&self) -> Signed<'_> {
        match self {
            Self::Absent => Ok(Context::default()),
            Self::Refused(why) => Err(why),
            Self::Genuine(attributes) => Context::of_attributes(attributes).map_err(|_| UNFIT),
        }
    }
}
