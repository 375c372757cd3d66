//! `skyful audit`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use sqlx::Connection as _;

use super::folder::{MASTER, Master};
use crate::app::audit::verify::{self, Expected, Verified};
use crate::app::keys::Keyring;
use crate::failure::Failure;
use crate::output;
use crate::store::sqlite::Sqlite;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check that the audit log is the one that was written; exit code 1 if it isn't
    Verify(Verify),
}

#[derive(clap::Args)]
struct Verify {
    /// Database of an origin, also while it runs, or a backup
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// An entry that has to be in it, as an earlier run printed it: finds a whole file that was put back
    #[arg(long, value_name = "NUMBER:HASH")]
    expect: Option<Expected>,
    #[command(flatten)]
    master: Master,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let Command::Verify(args) = &args.command;
    let keyring = keyring(args)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    let found = runtime.block_on(read(&args.db, &keyring, args.expect.as_ref()))?;
    tell(&found, json)
}

fn keyring(args: &Verify) -> Result<Keyring, Failure> {
    let beside = args.db.with_file_name(MASTER);
    match &args.master.master_key {
        Some(hex) => super::folder::keyring(hex),
        None if beside.exists() => super::folder::keyring(&crate::key_file::seal(&beside)?),
        None => {
            output::warning("without the master key nobody can say whether the log was cut short");
            Ok(Keyring::default())
        }
    }
}

async fn read(
    path: &Path,
    keyring: &Keyring,
    expected: Option<&Expected>,
) -> Result<Verified, Failure> {
    let unread = |error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    let mut file = Sqlite::look(path).await.map_err(unread)?;
    // One transaction: an origin may write meanwhile.
    let begun = file.begin().await;
    let mut tx = begun.map_err(|error| unread(crate::store::sqlite::failed(error)))?;
    let found = verify::verify(&mut tx, &keyring.audit_keys(), expected).await;
    found.map_err(unread)
}

fn tell(found: &Verified, json: bool) -> Result<(), Failure> {
    if json {
        output::json(found)?;
    } else if let Some(last) = &found.last {
        output::text(&format!("{last}\n"))?;
    }
    match &found.fault {
        Some(_) if json => Err(Failure::said(crate::failure::FAULT)),
        Some(fault) => {
            let failure = format!(
                "the audit log is broken at entry {}: {}",
                fault.seq, fault.what
            );
            let hint = "what stands before it is as it was written; compare with a backup";
            Err(Failure::fault(failure).hint(hint))
        }
        None => {
            output::say(&format!("{} in the log, all as written", found.entries));
            Ok(())
        }
    }
}
