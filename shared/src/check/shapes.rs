//! Which fields every object of a document has: the one table of them. A test compares it with the
//! published JSON Schema.

#[derive(Debug)]
pub struct Shape {
    /// The definition in `$defs` of the schema that it belongs to, if there is one.
    pub name: &'static str,
    /// For messages, for example "a plan".
    pub noun: &'static str,
    pub required: &'static [&'static str],
    pub optional: &'static [&'static str],
}

macro_rules! shapes {
    ($($id:ident = $name:literal, $noun:literal, [$($required:literal),*], [$($optional:literal),*];)*) => {
        $(pub(crate) const $id: &Shape = &Shape {
            name: $name,
            noun: $noun,
            required: &[$($required),*],
            optional: &[$($optional),*],
        };)*
        /// All of them.
        pub const SHAPES: &[&Shape] = &[$($id),*];
    };
}

shapes! {
    WORKSPACE = "workspace", "a workspace document", ["skyful", "workspace", "locales", "pages"],
        ["attributes", "module_types", "segments", "cap_groups", "layers", "experiments", "modules",
         "ofrep", "templates", "assertions", "pipelines"];
    LOCALES = "locales", "locales", ["default", "supported"], ["fallback"];
    ATTRIBUTE = "attribute", "an attribute", ["type"], ["from", "values", "min", "max", "description"];
    MODULE_TYPE = "module_type", "a module type", ["schema"], ["template", "description"];
    SEGMENT = "segment", "a segment", [], ["rule", "ids", "description"];
    IDS = "segment", "an id list", [], ["file", "list"];
    CAP_GROUP = "cap_group", "a cap group", ["limit", "per"], ["count", "description"];
    LAYER = "layer", "a layer", [], ["holdout"];
    EXPERIMENT = "experiment", "an experiment", ["layer", "buckets", "variants"],
        ["metrics", "salt", "by", "description"];
    VARIANT = "variant", "a variant", ["key", "weight"], [];
    MODULE = "module", "a module", ["type"], ["default", "plans", "description"];
    MODULE_DEFAULT = "module_default", "a module's default", ["content"], [];
    MODULE_PLAN = "module_plan", "a module plan", ["key"],
        ["schedule", "placement", "audience", "caps", "rollout", "experiment", "content", "description"];
    PAGE = "page", "a page", ["slots"], ["default", "plans", "description"];
    SLOT = "slot", "a slot", ["key"], ["max"];
    PAGE_DEFAULT = "page_default", "a page's default", [], ["modules", "ordering"];
    PAGE_PLAN = "page_plan", "a page plan", ["key"],
        ["schedule", "placement", "audience", "caps", "rollout", "experiment", "modules", "ordering",
         "description"];
    ORDERING = "ordering", "an ordering", ["by"], ["weights", "metric"];
    SCHEDULE = "schedule", "a schedule", [], ["from", "until", "timezone", "weekly"];
    WEEKLY_WINDOW = "weekly_window", "a weekly window", [], ["days", "from", "until"];
    PLACEMENT = "placement", "a placement", [],
        ["platforms", "min_app_version", "max_app_version", "channels"];
    ROLLOUT = "rollout", "a rollout", ["share"], ["salt", "by"];
    PLAN_EXPERIMENT = "plan_experiment", "a plan's experiment", ["key", "variant"], [];
    CAP_LIMIT = "cap", "a limit cap", ["limit", "per"], ["count", "by"];
    CAP_COOLDOWN = "cap", "a cooldown", ["cooldown"], ["count", "by"];
    CAP_STOP = "cap", "a `stop_after` cap", ["stop_after"], ["by"];
    CAP_IN_GROUP = "cap", "a group cap", ["group"], ["by"];
    CALENDAR = "period", "a calendar window", ["calendar"], ["timezone"];
    PREDICATE = "rule", "a predicate", ["attr", "op"], ["value"];
    RULE_ALL = "rule", "an `all` rule", ["all"], [];
    RULE_ANY = "rule", "an `any` rule", ["any"], [];
    RULE_NOT = "rule", "a `not` rule", ["not"], [];
    RULE_SEGMENT = "rule", "a segment rule", ["segment"], [];
    SCENE = "scene_template", "a template", ["page"], ["fields", "modules", "description"];
    PIPELINE = "pipeline", "a pipeline", ["steps"], ["timezone", "quiet_hours", "gates"];
    PIPELINE_STEP = "pipeline_step", "a pipeline step", [], ["staff", "share", "hold", "start"];
    GATES = "gates", "gates", [], ["min_requests", "max_error_increase", "max_default_increase",
        "max_exposure_drop"];
}

impl Shape {
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }

    pub fn has(&self, field: &str) -> bool {
        self.fields().any(|f| f == field)
    }
}
