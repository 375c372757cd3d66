//! What can be typed after `skyful`, and where it goes. Each command is one file below.

mod apply;
mod audit;
mod backup;
mod check;
mod collect;
mod compile;
mod completions;
mod demo;
mod diff;
mod doctor;
mod edge;
mod events;
mod export;
mod folder;
mod health;
mod inspect;
mod keys;
mod origin;
mod page;
mod publish;
mod release;
mod resolve;
mod rollback;
mod schema;
mod serve;
mod switch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use skyful::manifest::Mode;

use crate::failure::Failure;
use crate::output;

/// Compose pages from modules and decide at the CDN edge who sees what.
///
/// Exit codes: 0 done; 1 the document or the answer is at fault; 2 asked wrongly, or a file is missing.
/// Results go to stdout, messages to stderr.
#[derive(Parser)]
#[command(
    name = "skyful",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Cli {
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring Skyful up with a sample to play with: a publisher and an edge
    Demo(demo::Args),
    /// Check a workspace document and report every problem in it
    Check(check::Args),
    /// Compile a document into a snapshot directory
    Compile(compile::Args),
    /// Make a page of a scene template and print it, with its modules, as parts of a document
    Page(page::Args),
    /// Answer from a snapshot directory exactly as an edge would
    Resolve(resolve::Args),
    /// Show what is in a snapshot: pages, plans, constraints, sizes
    Inspect(inspect::Args),
    /// Show what changes for visitors between two documents or snapshots
    Diff(diff::Args),
    /// Make and show signing keys
    Keys(keys::Args),
    /// Compile, sign and deliver a document into a store directory or an edge
    Publish(publish::Args),
    /// Switch what edges do with what is released: run, hold, defaults or off
    Switch(switch::Args),
    /// Run the origin: where people write, release and watch
    Serve(Box<serve::Args>),
    /// Write the draft of a workspace at an origin as a document
    ///
    /// It is JSON, which every reader of YAML takes.
    Export(export::Args),
    /// Make a document the draft at an origin, and release it
    ///
    /// Where everybody sees already what it says, nothing is done. Lists of ids that the origin has are taken from there if
    /// they don't stand beside the document.
    Apply(apply::Args),
    /// Release the draft at an origin; look at releases, approve and steer them
    ///
    /// Without a command: releases the draft as it is, by the pipeline of the environment.
    Release(Box<release::Args>),
    /// Take back what an environment shows: what it showed before comes again
    Rollback(rollback::Args),
    /// Check the log of who did what in an origin
    Audit(audit::Args),
    /// Look at the folder of an origin, and at edges, and say what is in the way
    ///
    /// Edges that are targets are asked too. Where there is no database, only those are that were named, and they are
    /// compared with each other.
    Doctor(doctor::Args),
    /// Write the database of an origin into one file, while it runs
    Backup(backup::BackupArgs),
    /// Take a backup up again, above every sequence that edges have seen
    ///
    /// The folder is best the one that the origin had, which knows the eras that were begun.
    Restore(backup::RestoreArgs),
    /// Run an edge on this machine; with a document, publish it too at every save
    Edge(Box<edge::Args>),
    /// Take events from edges and count each one once
    Collect(collect::Args),
    /// Ask an edge whether it can answer; exit code 1 if not
    Health(health::Args),
    /// Print the JSON Schema of workspace documents
    Schema,
    /// Print completions for a shell
    Completions(completions::Args),
}

/// Runs what was typed.
pub fn run() -> ExitCode {
    // Wrong usage ends here with code 2, `--help` with 0.
    let cli = Cli::parse();
    let json = cli.json;
    let done = match cli.command {
        Command::Demo(args) => demo::run(&args, json),
        Command::Check(args) => check::run(&args, json),
        Command::Compile(args) => compile::run(&args, json),
        Command::Page(args) => page::run(&args, json),
        Command::Resolve(args) => resolve::run(&args),
        Command::Inspect(args) => inspect::run(&args, json),
        Command::Diff(args) => diff::run(&args, json),
        Command::Keys(args) => keys::run(&args, json),
        Command::Publish(args) => publish::run(&args, json),
        Command::Switch(args) => switch::run(&args, json),
        Command::Serve(args) => serve::run(&args, json),
        Command::Export(args) => export::run(&args, json),
        Command::Apply(args) => apply::run(&args, json),
        Command::Release(args) => release::run(&args, json),
        Command::Rollback(args) => rollback::run(&args, json),
        Command::Doctor(args) => doctor::run(&args, json),
        Command::Backup(args) => backup::backup(&args, json),
        Command::Restore(args) => backup::restore(&args, json),
        Command::Edge(args) => edge::run(&args, json),
        Command::Audit(args) => audit::run(&args, json),
        Command::Collect(args) => collect::run(&args, json),
        Command::Health(args) => health::run(&args, json),
        Command::Schema => schema::run(),
        Command::Completions(args) => completions::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(answer) = failure.answer.as_ref().filter(|_| json) {
                _ = output::json(answer);
            }
            output::failure(&failure);
            ExitCode::from(failure.code)
        }
    }
}

/// A name that becomes part of store keys.
fn name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=skyful::limits::NAME_BYTES).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("1 to 40 of a-z, 0-9 and -".to_owned())
    }
}

/// What a manifest makes edges do.
fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "run" => Ok(Mode::Run),
        "hold" => Ok(Mode::Hold),
        "defaults" => Ok(Mode::Defaults),
        "off" => Ok(Mode::Off),
        _ => Err("one of run, hold, defaults, off".to_owned()),
    }
}

/// An instant on the command line.
fn instant(text: &str) -> Result<i64, String> {
    skyful::value::datetime::parse(text)
        .ok_or_else(|| "an RFC 3339 instant, for example 2026-11-22T09:00:00Z".to_owned())
}

/// A bar for long work, where somebody looks at it. Short work is over before it is drawn.
fn progress_bar(what: &'static str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(0);
    let style = indicatif::ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}");
    bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()));
    bar.set_message(what);
    bar
}

/// Compiles a document that has no errors, or says what is wrong with it.
fn compiled(
    document: &mut crate::document::Document,
    json: bool,
) -> Result<skyful::compile::Snapshot, Failure> {
    let bar = progress_bar("compiling");
    let compiled = document.compile(&mut |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    let snapshot = compiled.map(|(_, snapshot)| snapshot);
    bar.finish_and_clear();
    match snapshot {
        Some(snapshot) => Ok(snapshot),
        None => Err(crate::report::refuse(document, json)?),
    }
}

/// Returns when whoever holds the other end of stdin ends.
fn wait_until_stdin_closes() {
    _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
}

/// Ctrl-C or a polite request to end.
async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let both = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        );
        if let (Ok(mut terminate), Ok(mut interrupt)) = both {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
