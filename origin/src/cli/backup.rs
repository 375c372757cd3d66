//! `skyful backup` and `skyful restore`: the database of an origin into one file, while it runs, and back.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::serve::{DATABASE, MASTER};
use crate::app::App;
use crate::app::access::Actor;
use crate::app::keys::Keyring;
use crate::document::now_ms;
use crate::failure::Failure;
use crate::store::StoreError;
use crate::store::sqlite::Sqlite;
use crate::{key_file, output};

#[derive(clap::Args)]
pub struct BackupArgs {
    /// Folder of the origin
    #[arg(long, value_name = "DIR", env = "SKYFUL_DATA", default_value = super::serve::DATA)]
    data: PathBuf,
    /// File to write; there must be none
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

#[derive(clap::Args)]
pub struct RestoreArgs {
    /// A file that `skyful backup` wrote
    file: PathBuf,
    /// Folder to restore into; it may hold a master key, but no database
    #[arg(long, value_name = "DIR", env = "SKYFUL_DATA", default_value = super::serve::DATA)]
    data: PathBuf,
    /// What seals keys, if it stands in no file; better set in the environment
    #[arg(
        long,
        value_name = "HEX",
        env = "SKYFUL_MASTER_KEY",
        hide_env_values = true
    )]
    master_key: Option<String>,
}

pub fn backup(args: &BackupArgs, json: bool) -> Result<(), Failure> {
    let database = args.data.join(DATABASE);
    if !database.is_file() {
        let failure = Failure::usage(format!("no database in {}", args.data.display()));
        return Err(failure.hint("name the folder with --data"));
    }
    if args.output.exists() {
        return Err(Failure::usage(format!("{} exists", args.output.display())));
    }
    block_on(async {
        let copied = Sqlite::copy(&database, &args.output).await;
        copied.map_err(|error| broken("back up", &database, &error))?;
        sound(&args.output).await
    })?;
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

pub fn restore(args: &RestoreArgs, json: bool) -> Result<(), Failure> {
    let database = args.data.join(DATABASE);
    if database.exists() {
        let failure = Failure::usage(format!("{} exists", database.display()));
        return Err(failure.hint("stop the origin and move it away first"));
    }
    super::edge::keep_out_of_git(&args.data)?;
    super::serve::keep_private(&args.data)?;
    let master = match &args.master_key {
        Some(hex) => hex.clone(),
        None => key_file::seal(&args.data.join(MASTER)).map_err(|failure| {
            failure.hint("put the master key of that origin there first, or set SKYFUL_MASTER_KEY")
        })?,
    };
    let keyring = super::serve::keyring(&master)?;
    let raised = block_on(async {
        sound(&args.file).await?;
        // Written beside and moved: an origin never starts on half of it.
        let fresh = args.data.join(format!(".{DATABASE}.restoring"));
        remove(&fresh)?;
        std::fs::copy(&args.file, &fresh)
            .map_err(|error| Failure::io("read", &args.file, &error))?;
        let raised = next_era(&fresh, keyring).await?;
        std::fs::rename(&fresh, &database)
            .map_err(|error| Failure::io("write", &database, &error))?;
        Ok(raised)
    })?;
    if json {
        let raised: Vec<_> = raised
            .iter()
            .map(|(workspace, env, era)| json!({"workspace": workspace, "env": env, "era": era}))
            .collect();
        return output::json(
            &json!({"database": database.display().to_string(), "raised": raised}),
        );
    }
    for (workspace, env, era) in &raised {
        output::say(&format!(
            "{workspace}/{env} goes on in era {era}: no sequence that edges have seen comes again"
        ));
    }
    output::say(&format!("restored into {}", database.display()));
    Ok(())
}

/// What was released after the backup is unknown to it, so every environment goes on in an era that is higher than anything
/// that edges can have seen, and shows again what it showed at the time of the backup.
async fn next_era(
    database: &Path,
    keyring: Keyring,
) -> Result<Vec<(String, String, i64)>, Failure> {
    let failed = |error: &StoreError| broken("open", database, error);
    let store = Sqlite::open(database)
        .await
        .map_err(|error| failed(&error))?;
    let app = App::new(store.clone(), now_ms).with_keyring(keyring);
    let places = app.restored().await.map_err(|error| failed(&error))?;
    let operator = Actor::operator(
        "restore",
        places.iter().map(|(workspace, _)| workspace.clone()),
    );
    let mut raised = Vec::new();
    for (workspace, env) in places {
        let era = app.raise_era(&operator, (&workspace, &env), None).await;
        let era = era.map_err(|error| {
            let failure = Failure::fault(format!("{workspace}/{env} can't go on: {error:?}"));
            failure.hint("is this the master key that the origin had?")
        })?;
        raised.push((workspace, env, era));
    }
    store.close().await;
    Ok(raised)
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

fn remove(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::io("remove", path, &error))
        }
        _ => Ok(()),
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
