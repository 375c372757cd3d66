//! What the origin says about itself: one line an event, on stderr. No line names what a visitor sent or what is secret.

use std::io::IsTerminal as _;

use serde::Deserialize;
use tracing_subscriber::filter::LevelFilter;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Text,
    Json,
}

/// Once a process.
pub fn start(level: &str, format: Option<Format>) -> Result<(), Failure> {
    let level: LevelFilter = level.parse().map_err(|_| {
        let failure = Failure::usage(format!("`{level}` is no level of a log"));
        failure.hint("one of error, warn, info, debug, off")
    })?;
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(level);
    match (format, terminal) {
        (Some(Format::Json), _) | (None, false) => lines.json().flatten_event(true).init(),
        (Some(Format::Text), _) | (None, true) => lines.with_ansi(terminal).init(),
    }
    Ok(())
}
