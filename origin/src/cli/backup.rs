//! `skyful backup` and `skyful restore`: the database of an origin into one file, while it runs, and back.

mod restore;

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::folder::{Folder, MASTER};
use crate::failpoint::{self, Point};
use crate::failure::Failure;
use crate::output;
use crate::store::sqlite::Sqlite;
use crate::store::{StoreError, replace};
pub use restore::{RestoreArgs, restore};

#[derive(clap::Args)]
pub struct BackupArgs {
    #[command(flatten)]
    folder: Folder,
    /// File to write; there must be none
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

pub fn backup(args: &BackupArgs, json: bool) -> Result<(), Failure> {
    let database = args.folder.database()?;
    if replace::under_way(&database) {
        let failure = Failure::usage(format!("a restore of {} was cut off", database.display()));
        return Err(failure.hint("start the origin or restore again: either finishes it"));
    }
    if args.output.exists() {
        return Err(exists(&args.output));
    }
    // Half of one must not be taken for a backup, whenever this ends: it gets its name once it is whole.
    let unfinished = replace::hidden(&args.output, "unfinished");
    replace::remove(&unfinished)?;
    // Hashes of passwords are in it. SQLite fills a file that is there and empty.
    drop(create(&unfinished)?);
    failpoint::reach(Point::BackupBegun);
    let copied = block_on(async {
        let copied = Sqlite::copy(&database, &unfinished).await;
        copied.map_err(|error| broken("back up", &database, &error))?;
        sound(&unfinished).await
    });
    if let Err(failure) = copied {
        replace::remove(&unfinished)?;
        return Err(failure);
    }
    failpoint::reach(Point::BackupCopied);
    replace::rename(&unfinished, &args.output)?;
    replace::sync_folder(&args.output)?;
    let bytes = std::fs::metadata(&args.output).map_or(0, |file| file.len());
    if json {
        return output::json(&json!({"file": args.output.display().to_string(), "bytes": bytes}));
    }
    output::say(&format!("wrote {} ({bytes} bytes)", args.output.display()));
    output::say(&format!(
        "{MASTER} is not in it: keep a copy of that elsewhere"
    ));
    Ok(())
}

/// A new file that nobody else reads.
fn create(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::io("write", path, &error),
    })
}

fn exists(path: &Path) -> Failure {
    Failure::usage(format!("{} exists", path.display()))
}

async fn sound(file: &Path) -> Result<(), Failure> {
    let found = Sqlite::faults(file).await;
    let found = found.map_err(|error| broken("read", file, &error))?;
    match found.first() {
        None => Ok(()),
        Some(fault) => Err(Failure::fault(format!(
            "{} is damaged: {fault}",
            file.display()
        ))),
    }
}

fn broken(doing: &str, path: &Path, error: &StoreError) -> Failure {
    Failure::usage(format!("cannot {doing} {}: {error}", path.display()))
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?
        .block_on(work)
}
