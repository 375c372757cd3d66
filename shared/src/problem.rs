//! What is wrong with a document: every problem at once, each with a place, a message and a hint.

use alloc::string::String;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    /// Reported, never in the way of compiling.
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    /// Stable, in snake_case, for example `unknown_operator`.
    pub code: &'static str,
    /// JSON Pointer into the document, for example `/modules/hero/plans/0/audience/op`.
    pub path: String,
    /// 1-based; 0 where there is no single place in the document.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
