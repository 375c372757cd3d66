//! What went wrong, as the protocol has it: stock clients read `errorCode`, and take 401 and 403 for an end of everything,
//! so neither is ever said here.

use serde::Serialize;

use crate::Response;
use crate::http::Problem;

/// The error codes of OpenFeature that come from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Code {
    #[serde(rename = "PARSE_ERROR")]
    Parse,
    #[serde(rename = "INVALID_CONTEXT")]
    InvalidContext,
    #[serde(rename = "FLAG_NOT_FOUND")]
    FlagNotFound,
    #[serde(rename = "GENERAL")]
    General,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    #[serde(skip)]
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    error_code: Code,
    error_details: String,
}

impl Failure {
    pub fn new(status: u16, code: Code, details: impl Into<String>) -> Self {
        Self {
            status,
            key: None,
            error_code: code,
            error_details: details.into(),
        }
    }

    pub fn unknown(key: &str) -> Self {
        let details = "the current release has no such page, or the page no such module";
        Self::new(404, Code::FlagNotFound, details).of(key)
    }

    /// It concerns one flag. Clients repeat the key, so a long one is cut.
    pub fn of(mut self, key: &str) -> Self {
        self.key = Some(key.chars().take(2 * skyful::limits::KEY_BYTES).collect());
        self
    }

    pub fn response(&self) -> Response {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let response = Response::json(self.status, body).with("cache-control", "no-store");
        match self.status {
            503 => response.with("retry-after", "2"),
            _ => response,
        }
    }
}

/// What other routes say in their own form.
impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let hint = problem.hint.map(|hint| format!("; {hint}"));
        let details = format!("{}{}", problem.detail, hint.unwrap_or_default());
        let code = if problem.status == 503 {
            Code::General
        } else {
            Code::InvalidContext
        };
        Self::new(problem.status, code, details)
    }
}
