//! Events from a visitor to the count, through real processes that are killed on the way.

#[path = "events/chain.rs"]
mod chain;
#[path = "events/dead.rs"]
mod dead;
#[path = "events/delivery.rs"]
mod delivery;
#[path = "events/durable.rs"]
mod durable;
#[path = "../../tests/tests/platforms/load.rs"]
mod load;
#[expect(dead_code, reason = "shared with the stories about the origin")]
#[path = "cli/process.rs"]
mod process;
#[expect(dead_code, reason = "shared with the stories about the command line")]
#[path = "cli/support.rs"]
mod support;
#[expect(dead_code, reason = "shared with the measurements")]
#[path = "../../tests/bench/wire.rs"]
mod wire;
