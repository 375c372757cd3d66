//! A workspace after its document was read and checked: every name refers to something, every
//! constant has its attribute's type, every content fits its schema in every locale. Only
//! [`crate::check`] makes one, so [`crate::compile`] has nothing left to refuse but sizes.
//! Lacks positions and the author's spelling: the document itself is the thing to edit.

pub mod locales;
pub mod pipeline;
pub mod rule;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub use pipeline::{Gates, Pipeline, PipelineStep, StepAudience};
pub use rule::{Comparison, Predicate, Rule, Scalar, Test};

use crate::value::Type;

/// The shape of a document as JSON Schema 2020-12, for editors and generators.
pub const SCHEMA: &str = include_str!("model/schema.json");

/// Maps are sorted by key, so that nothing depends on the order in which a document was written.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub key: String,
    pub locales: Locales,
    pub attributes: BTreeMap<String, Attribute>,
    pub module_types: BTreeMap<String, ModuleType>,
    pub segments: BTreeMap<String, Segment>,
    pub cap_groups: BTreeMap<String, CapGroup>,
    pub layers: BTreeMap<String, Layer>,
    pub experiments: BTreeMap<String, Experiment>,
    pub modules: BTreeMap<String, Module>,
    pub pages: BTreeMap<String, Page>,
    /// Pages that OpenFeature bulk evaluation returns, as written.
    pub ofrep: Vec<String>,
    pub pipelines: BTreeMap<String, Pipeline>,
}

#[derive(Clone, Debug, Hash)]
pub struct Locales {
    /// As written, the default among them.
    pub supported: Vec<String>,
    /// Index into `supported`.
    pub default: usize,
    /// Tag (any) → tags (any) in order, spelled as written.
    pub fallback: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, Hash)]
pub struct Attribute {
    pub kind: Type,
    /// Sorted; of an enum.
    pub values: Vec<String>,
    /// Inclusive; of an integer or number.
    pub min: Option<Scalar>,
    pub max: Option<Scalar>,
    pub source: Source,
}

/// Where an edge takes the value from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// What the client says.
    Request,
    EdgeCountry,
    EdgeRegion,
    EdgeIp,
    /// Lower-case header name.
    Header(String),
    /// Only from a valid `Skyful-Context`.
    Signed,
}

#[derive(Clone, Debug)]
pub struct ModuleType {
    pub template: Option<String>,
}

#[derive(Clone, Debug, Hash)]
pub enum Segment {
    Rule(Rule),
    /// Keyed 64-bit hashes of the ids ([`crate::ids::IdKey`]), sorted, without duplicates.
    Ids(Vec<u64>),
}

#[derive(Clone, Debug, Hash)]
pub struct CapGroup {
    pub limit: u32,
    pub window: Window,
    pub count: Count,
}

#[derive(Clone, Debug)]
pub struct Layer {
    /// `[from, to)`.
    pub holdout: Option<(u32, u32)>,
}

#[derive(Clone, Debug, Hash)]
pub struct Experiment {
    pub layer: String,
    /// `[from, to)`, sorted; never overlapping in a layer.
    pub buckets: Vec<(u32, u32)>,
    /// As written; weights sum to 10,000.
    pub variants: Vec<(String, u32)>,
    pub metrics: Vec<String>,
    pub salt: Option<String>,
    pub by: Subject,
}

/// What is bucketed or counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Subject {
    #[default]
    Unit,
    Device,
}

#[derive(Clone, Debug, Hash)]
pub struct Module {
    pub kind: String,
    pub default: Option<Content>,
    pub plans: Vec<ModulePlan>,
}

#[derive(Clone, Debug, Hash)]
pub struct ModulePlan {
    pub key: String,
    pub constraints: Constraints,
    /// None: the module's default content.
    pub content: Option<Content>,
}

/// JSON objects, one a supported locale in the order of [`Locales::supported`], keys sorted.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Content {
    pub fragments: Vec<String>,
}

#[derive(Clone, Debug, Hash)]
pub struct Page {
    pub slots: Vec<Slot>,
    pub default: Option<Arrangement>,
    pub plans: Vec<PagePlan>,
}

#[derive(Clone, Debug, Hash)]
pub struct Slot {
    pub key: String,
    pub max: u32,
}

#[derive(Clone, Debug, Hash)]
pub struct PagePlan {
    pub key: String,
    pub constraints: Constraints,
    /// Already resolved: what a plan without `modules` takes from the default stands here.
    pub arrangement: Arrangement,
}

/// Which modules stand where: an entry for each slot of the page, in the order of its slots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Arrangement {
    pub slots: Vec<SlotArrangement>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SlotArrangement {
    pub modules: Vec<String>,
    pub ordering: Ordering,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ordering {
    #[default]
    Manual,
    Newest,
    /// Module → weight; 1 unless given.
    Weighted(BTreeMap<String, u32>),
    /// Weights come from the origin; none yet means as written.
    Learned {
        metric: String,
        weights: BTreeMap<String, u32>,
    },
}

/// What bounds a plan. All must hold.
#[derive(Clone, Debug, Default, Hash)]
pub struct Constraints {
    pub schedule: Option<Schedule>,
    /// Placement said as a rule: one meaning, one matcher.
    pub placement: Option<Rule>,
    pub audience: Option<Rule>,
    pub caps: Vec<Cap>,
    pub rollout: Option<Rollout>,
    /// Experiment and variant.
    pub experiment: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Schedule {
    /// Unix milliseconds, `from ≤ now < until`.
    pub from_ms: Option<i64>,
    pub until_ms: Option<i64>,
    pub zone: Box<str>,
    pub weekly: Vec<WeeklyWindow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct WeeklyWindow {
    /// Monday first; the days on which the window starts.
    pub days: [bool; 7],
    /// Minutes of the day, `from` < 1440, `until` ≤ 1440; `until ≤ from` ends on the next day.
    pub from_min: u32,
    pub until_min: u32,
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Rollout {
    pub share_bps: u32,
    pub salt: Option<String>,
    pub by: Subject,
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Cap {
    Limit {
        limit: u32,
        window: Window,
        count: Count,
        by: Subject,
    },
    Cooldown {
        secs: u64,
        count: Count,
        by: Subject,
    },
    StopAfter {
        event: StopEvent,
        by: Subject,
    },
    Group {
        key: String,
        by: Subject,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    Sliding { secs: u64 },
    Calendar { unit: CalendarUnit, zone: Box<str> },
    Lifetime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CalendarUnit {
    Day,
    Week,
    Month,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Count {
    Served,
    #[default]
    Exposure,
    Click,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopEvent {
    Click,
    Dismiss,
    Conversion,
}
