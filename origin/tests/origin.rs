//! The origin as people use it: its binary, its API, and edges in front.

#[path = "origin/api.rs"]
mod api;
#[path = "origin/audit.rs"]
mod audit;
#[path = "origin/deleting.rs"]
mod deleting;
#[path = "origin/kills.rs"]
mod kills;
#[expect(dead_code, reason = "shared with the stories about events")]
#[path = "cli/process.rs"]
mod process;
#[path = "origin/publishing.rs"]
mod publishing;
#[path = "origin/restoring.rs"]
mod restoring;
#[path = "origin/settings.rs"]
mod settings;
#[path = "origin/story.rs"]
mod story;
#[expect(dead_code, reason = "shared with the stories about the command line")]
#[path = "cli/support.rs"]
mod support;
