//! Events from a visitor to the count, through real processes that are killed on the way.

#[path = "events/chain.rs"]
mod chain;
#[path = "events/delivery.rs"]
mod delivery;
#[path = "events/durable.rs"]
mod durable;
#[path = "cli/process.rs"]
mod process;
#[expect(dead_code, reason = "shared with the stories about the command line")]
#[path = "cli/support.rs"]
mod support;
