//! What answers of an origin say, as far as the command line looks at it. Unknown fields are passed over: an origin may be
//! newer.

use serde::Deserialize;
use serde_json::Value;

use crate::app::releases::state::State;

#[derive(Deserialize)]
pub struct Items<T> {
    pub items: Vec<T>,
}

#[derive(Deserialize)]
pub struct Listed<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

#[derive(Deserialize)]
pub struct Workspace {
    pub key: String,
}

#[derive(Clone, Deserialize)]
pub struct Environment {
    pub key: String,
}

#[derive(Deserialize)]
pub struct Member {
    pub user: String,
    pub name: Option<String>,
    pub email: Option<String>,
    #[serde(default)]
    pub disabled: bool,
    pub roles: Vec<Held>,
}

#[derive(Deserialize)]
pub struct Held {
    pub role: String,
    /// None: all of them.
    pub env: Option<String>,
}

/// A list of ids.
#[derive(Deserialize)]
pub struct IdList {
    pub key: String,
    pub version: i64,
    pub value: IdListValue,
}

#[derive(Deserialize)]
pub struct IdListValue {
    pub ids: usize,
    pub digest: String,
}

#[derive(Clone, Deserialize)]
pub struct Live {
    pub sequence: i64,
    pub mode: String,
    pub stable: String,
    pub release: Option<i64>,
    pub gray: Option<String>,
    pub under_way: Option<i64>,
}

#[derive(Clone, Deserialize)]
pub struct Release {
    pub id: i64,
    pub state: State,
    pub version: i64,
    #[serde(default)]
    pub note: String,
    pub snapshot: String,
    pub author: String,
    pub approved_by: Option<String>,
    pub created_at: String,
    pub start_at: Option<String>,
    pub sequence: Option<i64>,
    pub share: u32,
    pub step: Option<usize>,
    #[serde(default)]
    pub steps: Vec<Step>,
    pub halted: Option<Halted>,
    pub eta: Option<String>,
    pub health: Option<Health>,
}

#[derive(Clone, Deserialize)]
pub struct Step {
    /// When it began, or begins.
    pub at: Option<String>,
}

#[derive(Clone, Deserialize)]
pub struct Halted {
    pub words: String,
    #[serde(default)]
    pub hint: String,
}

#[derive(Clone, Deserialize)]
pub struct Health {
    pub stable: Track,
    pub gray: Track,
}

#[derive(Clone, Deserialize)]
pub struct Track {
    pub requests: u64,
    pub errors: u64,
    pub defaults: u64,
}

#[derive(Clone, Deserialize)]
pub struct Happened {
    pub at: String,
    pub kind: String,
    #[serde(default)]
    pub actor: String,
    pub sequence: Option<i64>,
    #[serde(default)]
    pub detail: Value,
}

#[derive(Deserialize)]
pub struct Detailed {
    #[serde(flatten)]
    pub release: Release,
    #[serde(default)]
    pub timeline: Vec<Happened>,
}

/// What a release changes for visitors.
#[derive(Deserialize)]
pub struct Changes {
    pub before: Option<String>,
    pub total: usize,
    pub changes: Vec<crate::diff::Change>,
}

/// How far targets are.
#[derive(Deserialize)]
pub struct Delivery {
    pub targets: Vec<Progress>,
}

#[derive(Deserialize)]
pub struct Progress {
    pub target: String,
    pub kind: String,
    pub state: String,
    pub delivered: Option<i64>,
    pub error: Option<String>,
}
