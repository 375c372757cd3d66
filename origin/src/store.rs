//! What the origin keeps, as its other parts see it. Which database it is, is known below only.

pub mod lock;
pub mod replace;
pub mod sqlite;

use serde::Serialize;

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    pub workspace: String,
    pub env: String,
    pub id: String,
    pub kind: &'static str,
    pub name: Option<String>,
    pub unit: String,
    pub page: String,
    pub module: Option<String>,
    pub receipt: String,
    pub at_ms: i64,
    pub received_ms: i64,
    pub sent_ms: Option<i64>,
    pub grant: Option<String>,
    pub value: Option<String>,
    pub currency: Option<String>,
    /// Of the release that it is about, and whether that was gray; known by a verified receipt.
    pub track: Option<(i64, bool)>,
}

/// Which events are counted: `from_ms` ≤ at < `to_ms`.
#[derive(Clone, Debug)]
pub struct Span {
    pub workspace: String,
    pub env: String,
    pub from_ms: i64,
    pub to_ms: i64,
}

/// Events of one type on one module, or on the page itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    pub r#type: String,
    pub page: String,
    pub module: Option<String>,
    pub events: i64,
    /// How many different units they are of.
    pub units: i64,
}

/// A database that gave no answer. For the log: clients get other words.
#[derive(Debug)]
pub struct StoreError(pub String);

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
