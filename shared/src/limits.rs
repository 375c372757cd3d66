//! Every maximum of the product, the same at check, compile and decode. A number here is part of the
//! contract: raising one is safe only after every edge runs a version that accepts it.

/// Bytes of a workspace document.
pub const DOCUMENT_BYTES: usize = 64 << 20;
/// Nodes of a document after aliases are expanded; stops alias bombs.
pub const DOCUMENT_NODES: usize = 20_000_000;
/// Nesting of a document. Rules have their own, smaller limit. The YAML parser stops near 450.
pub const DOCUMENT_DEPTH: usize = 128;
/// Problems reported at once; more are counted, not listed.
pub const PROBLEMS: usize = 1_000;

/// Bytes of a key (plans, modules, pages, …).
pub const KEY_BYTES: usize = 64;
/// Bytes of a workspace or environment name.
pub const NAME_BYTES: usize = 40;
/// Bytes of a locale tag.
pub const LOCALE_BYTES: usize = 35;
/// Supported locales. One bit each in a locale-group mask.
pub const LOCALES: usize = 64;
/// Declared fallback lists.
pub const FALLBACK_LISTS: usize = 256;
/// Tags in one declared fallback list.
pub const FALLBACKS: usize = 16;

pub const ATTRIBUTES: usize = 256;
pub const ENUM_VALUES: usize = 1_000;
pub const MODULE_TYPES: usize = 1_000;
pub const SEGMENTS: usize = 10_000;
pub const CAP_GROUPS: usize = 1_000;
pub const LAYERS: usize = 1_000;
pub const EXPERIMENTS: usize = 10_000;
pub const VARIANTS: usize = 64;
pub const BUCKET_RANGES: usize = 256;
pub const METRICS: usize = 64;
/// Pages of a workspace: the manifest carries one table of them.
pub const PAGES: usize = 1_000;
pub const MODULES: usize = 100_000;
/// Plans of one page or of one module.
pub const PLANS: usize = 100_000;
pub const SLOTS: usize = 64;
/// Modules written in one slot of one plan.
pub const SLOT_MODULES: usize = 500;
/// What a slot keeps at most, and its default.
pub const SLOT_MAX: u32 = 500;
pub const SLOT_MAX_DEFAULT: u32 = 50;
pub const OFREP_PAGES: usize = 8;
pub const PIPELINES: usize = 64;
pub const PIPELINE_STEPS: usize = 64;
/// Answers that a gate may ask for on each track.
pub const GATE_REQUESTS: u32 = 100_000_000;

/// Nesting of one rule after segments are put in.
pub const RULE_DEPTH: usize = 32;
/// Conditions on the class of an attribute that the index leaves with one plan; the rest of its rules is
/// asked as written.
pub const CONDITIONS_A_PLAN: usize = 256;
/// Predicates that one rule may visit after segments are put in.
pub const RULE_COST: u32 = 100_000;
/// Nesting of one rule as it is visited: a segment that is put in is a level of its own.
pub const RULE_LEVELS: usize = 64;
/// Predicates, groups and segments that one rule may visit.
pub const RULE_NODES: u32 = 250_000;
/// What one request may cost in a page, in steps of about 20 ns, whatever the request is: its plans and their rules, and
/// the plans of the modules that one of its arrangements places, each as often as it is placed; and once each different
/// search, pattern, list of networks and long list of values (see `RuleSize`). Room for 100,000 plans of ten predicates.
pub const CHUNK_RULE_COST: u64 = 2_000_000;
/// Schedules differ by plan, but each is looked at for `valid_until`: windows of all of a chunk's schedules.
pub const CHUNK_WINDOWS: usize = 100_000;
/// Zones in one chunk: there are about 600 names.
pub const ZONES: usize = 1_000;
/// Changes of one zone's offset between 2000 and 2100.
pub const TRANSITIONS: usize = 1_000;
/// Taken slots in a row in a chunk's table of names and words, which a search may have to pass. Words that nobody
/// chose to collide don't come near.
pub const KEY_RUN: usize = 1_024;
/// Values of one `in`, `contains_any`, … list.
pub const LIST_VALUES: usize = 10_000;
/// Bytes of one text constant in a rule.
pub const TEXT_BYTES: usize = 4_096;
/// Bytes of one regular expression as written, and of its automaton.
pub const REGEX_BYTES: usize = 1_024;
pub const REGEX_DFA_BYTES: usize = 32 << 10;
/// Ids of all id lists of a workspace together.
pub const IDS: usize = 50_000_000;
/// Weekly windows of one schedule, as written.
pub const WEEKLY_WINDOWS: usize = 64;
pub const CAPS_PER_PLAN: usize = 8;
pub const CAP_LIMIT: u32 = 1_000;
/// Longest duration in a cap: ten years.
pub const DURATION_SECS: u64 = 3_650 * 86_400;
pub const WEIGHT: u32 = 1_000_000;
/// Bytes of one content in one locale, as JSON.
pub const CONTENT_BYTES: usize = 256 << 10;
pub const TEMPLATE_BYTES: usize = 64 << 10;
pub const DESCRIPTION_BYTES: usize = 4_096;
/// Scene templates, and the fields and the modules of one.
pub const SCENES: usize = 1_000;
pub const SCENE_FIELDS: usize = 64;
pub const SCENE_MODULES: usize = 200;
/// What one scene template may take, as it is written and filled in: texts and keys in bytes, and one for each value.
pub const SCENE_BYTES: usize = 512 << 10;

/// Bytes of one object. Large stores take this much.
pub const OBJECT_BYTES: usize = 25_000_000;
/// Bytes of an object that every edge store takes: pages are split by locales to stay below, and whoever
/// compiles is told of those that can't.
pub const PORTABLE_BYTES: usize = 1_000_000;
/// Bytes of a manifest value: two envelopes with tails.
pub const MANIFEST_BYTES: usize = 2_000_000;
/// Prefix bits of id shards: at most 4,096 of them.
pub const ID_SHARD_BITS: u32 = 12;
/// Units of a manifest's gray allow-list.
pub const GRAY_UNITS: usize = 256;

/// Bytes of a unit or device id.
pub const UNIT_BYTES: usize = 128;
/// Bytes of a resolve request's body or query string.
pub const REQUEST_BYTES: usize = 64 << 10;
/// Attributes in one request, elements of one list among them, and bytes of one text.
pub const REQUEST_ATTRIBUTES: usize = 256;
pub const REQUEST_LIST: usize = 1_000;
pub const REQUEST_TEXT_BYTES: usize = 8 << 10;
/// Bytes of a trace after which nothing more of it is begun; what is open is closed.
pub const TRACE_BYTES: usize = 1 << 20;
/// Bytes of the token in which a customer's server says signed attributes.
pub const SIGNED_CONTEXT_BYTES: usize = 4 << 10;
/// Counters in one context.
pub const REQUEST_COUNTERS: usize = 4_096;

/// Bytes of a ledger token, and marks under one of its caps: a cap with a higher limit can't be counted by a ledger.
pub const LEDGER_BYTES: usize = 1_536;
pub const LEDGER_MARKS: u32 = 32;
/// Ledger tokens in one request: of the unit, the unit before it, and the device.
pub const LEDGER_TOKENS: usize = 4;
/// Events in one batch, whose body is a request's, or in one request to resolve.
pub const EVENTS: usize = 100;
/// Bytes of one event as it was sent.
pub const EVENT_BYTES: usize = 4 << 10;
/// Bytes of an event's id, name and grant, each.
pub const EVENT_ID_BYTES: usize = 64;
/// Characters of an event's value.
pub const EVENT_VALUE_BYTES: usize = 32;
/// How far `at` may lie from the moment an edge received the event.
pub const EVENT_HORIZON_MS: i64 = 7 * 86_400_000;
/// How long an event may wait between an edge and the collector.
pub const EVENT_QUEUE_MS: i64 = 14 * 86_400_000;
/// How long ids are kept: a repeat is acceptable for two horizons, then waits in a queue; two days more to be sure.
pub const EVENT_KEPT_MS: i64 = 30 * 86_400_000;
/// Events and bytes of one batch for the collector.
pub const COLLECT_EVENTS: usize = 1_000;
pub const COLLECT_BYTES: usize = 1 << 20;

/// Bytes of a report of how releases do, and what it counts: four releases on two tracks.
pub const HEALTH_BYTES: usize = 4 << 10;
pub const HEALTH_ROWS: usize = 8;
/// Instances whose reports on one release are kept apart, and after which silence one may make room for another. An
/// instance reports every five seconds for as long as somebody asks it.
pub const HEALTH_INSTANCES: usize = 10_000;
pub const HEALTH_SILENT_MS: i64 = 600_000;
/// How far the clock of an instance that reports only once may be off, and how many of these on one release are told apart
/// in twice that time: 4,000 a second.
pub const HEALTH_ONCE_MS: i64 = 30_000;
pub const HEALTH_ONCE: usize = 240_000;

/// How far `valid_until` looks ahead.
pub const VALID_UNTIL_MS: i64 = 400 * 86_400_000;
/// Shares, weights and buckets are parts of this.
pub const BASIS_POINTS: u32 = 10_000;
