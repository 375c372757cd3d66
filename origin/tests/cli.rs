//! Stories about the command line, told with the real binary.

#[cfg(all(unix, feature = "otel"))]
#[path = "cli/collector.rs"]
mod collector;
#[path = "cli/diff.rs"]
mod diff;
#[path = "cli/documents.rs"]
mod documents;
#[path = "cli/gray.rs"]
mod gray;
#[path = "cli/health.rs"]
mod health;
#[path = "cli/large_pages.rs"]
mod large_pages;
#[path = "cli/pages.rs"]
mod pages;
#[path = "cli/pushing.rs"]
mod pushing;
#[path = "cli/running.rs"]
mod running;
#[path = "cli/serving.rs"]
mod serving;
#[path = "cli/signing.rs"]
mod signing;
#[path = "cli/snapshots.rs"]
mod snapshots;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/thousand_plans.rs"]
mod thousand_plans;
