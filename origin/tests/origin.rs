//! The origin as people use it: its binary, its API, and edges in front.

#[path = "origin/api.rs"]
mod api;
#[path = "origin/asking.rs"]
mod asking;
#[path = "origin/audit.rs"]
mod audit;
#[path = "origin/commands.rs"]
mod commands;
#[path = "origin/database.rs"]
mod database;
#[path = "origin/deleting.rs"]
mod deleting;
#[path = "origin/edges.rs"]
mod edges;
#[expect(
    dead_code,
    reason = "of the origin itself; what is wanted here is the table"
)]
#[path = "../src/failpoint.rs"]
mod failpoint;
#[path = "origin/failpoints.rs"]
mod failpoints;
#[path = "origin/golden.rs"]
mod golden;
#[path = "origin/kills.rs"]
mod kills;
#[expect(dead_code, reason = "shared with the stories about events")]
#[path = "cli/process.rs"]
mod process;
#[path = "origin/publishers.rs"]
mod publishers;
#[path = "origin/publishing.rs"]
mod publishing;
#[path = "origin/restoring.rs"]
mod restoring;
#[path = "origin/settings.rs"]
mod settings;
#[path = "origin/stage.rs"]
mod stage;
#[path = "origin/story.rs"]
mod story;
#[expect(dead_code, reason = "shared with the stories about the command line")]
#[path = "cli/support.rs"]
mod support;
#[path = "origin/visitor.rs"]
mod visitor;
