//! The binary `skyful`: what people who write, check, compile, sign and deliver workspace documents
//! use. Deciding who sees what is the core's; answering visitors is the edge's.

mod app;
mod archive;
mod caps;
mod cli;
mod deliver;
mod diff;
mod document;
mod failpoint;
mod failure;
mod health;
mod http;
mod ingest;
mod key_file;
mod outline;
mod output;
mod publisher;
mod remote;
mod report;
mod sample;
mod server;
mod store;
mod telemetry;
mod watch;

fn main() -> std::process::ExitCode {
    cli::run()
}
