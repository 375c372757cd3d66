//! `skyful audit`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use sqlx::Connection as _;

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
    #[arg(long, value_name = "NUMBER:HASH", value_parser = expected)]
    expect: Option<Expected>,
    /// What seals the log's end, 64 hex digits [default: master.key beside the database]
    #[arg(
        long,
        value_name = "HEX",
        env = "SKYFUL_MASTER_KEY",
        hide_env_values = true
    )]
    master_key: Option<String>,
}

fn expected(text: &str) -> Result<Expected, String> {
    let parts = text.split_once(':').and_then(|(seq, hash)| {
        let hex = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some((seq.parse().ok()?, hex.then(|| hash.to_owned())?))
    });
    let (seq, hash) = parts.ok_or("a number, `:` and 64 hex digits, as `verify` prints them")?;
    Ok(Expected { seq, hash })
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let Command::Verify(args) = &args.command;
    let keyring = Keyring::new(masters(args)?);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    let found = runtime.block_on(read(&args.db, &keyring, args.expect.as_ref()))?;
    tell(&found, json)
}

fn masters(args: &Verify) -> Result<Vec<[u8; 32]>, Failure> {
    let beside = args.db.with_file_name(super::serve::MASTER);
    match &args.master_key {
        Some(hex) => super::serve::masters(hex),
        None if beside.exists() => {
            let hex = std::fs::read_to_string(&beside);
            let hex = hex.map_err(|error| Failure::io("read", &beside, &error))?;
            super::serve::masters(hex.trim())
        }
        None => {
            output::warning("without the master key nobody can say whether the log was cut short");
            Ok(Vec::new())
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
