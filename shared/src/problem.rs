//! What is wrong with a document: every problem at once, each with a place, a message and a hint.

use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

use crate::limits;

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

/// Problems as they are found. Keeps [`limits::PROBLEMS`] of each severity and counts the rest.
#[derive(Debug, Default)]
pub struct Problems {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    suppressed: usize,
}

impl Problems {
    /// Whether a problem of this severity would still be listed; a message or hint that is
    /// expensive to find can be saved otherwise.
    pub fn listens(&self, severity: Severity) -> bool {
        let listed = match severity {
            Severity::Error => &self.errors,
            Severity::Warning => &self.warnings,
        };
        listed.len() < limits::PROBLEMS
    }

    pub fn push(&mut self, problem: Problem) {
        if !self.listens(problem.severity) {
            self.suppressed = self.suppressed.saturating_add(1);
            return;
        }
        match problem.severity {
            Severity::Error => self.errors.push(problem),
            Severity::Warning => self.warnings.push(problem),
        }
    }

    /// Adds what was found apart from the rest, after `edit` saw each problem.
    pub fn append(&mut self, other: Self, mut edit: impl FnMut(&mut Problem)) {
        for mut problem in other.errors.into_iter().chain(other.warnings) {
            edit(&mut problem);
            self.push(problem);
        }
        self.suppressed = self.suppressed.saturating_add(other.suppressed);
    }

    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// At most [`limits::PROBLEMS`] in the order of the document, errors before warnings where there
    /// are too many for both, and how many more there were.
    pub fn finish(self) -> (Vec<Problem>, usize) {
        let mut listed = self.errors;
        let found = listed.len().saturating_add(self.warnings.len());
        listed.extend(self.warnings);
        listed.truncate(limits::PROBLEMS);
        let cut = found.saturating_sub(listed.len());
        listed.sort_by_key(|p| (p.line, p.column));
        (listed, self.suppressed.saturating_add(cut))
    }
}
