//! `skyful doctor`: looks at the folder of an origin, also while it runs, and says what is in the way.

use std::path::Path;

use serde_json::json;
use sqlx::Connection as _;

use super::folder::{ERAS, Folder, MASTER, Master, keyring};
use crate::app::doctor::{self, Finding, Level};
use crate::app::keys::Eras;
use crate::document::now_ms;
use crate::failure::{FAULT, Failure};
use crate::store::sqlite::Sqlite;
use crate::{key_file, output};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    master: Master,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let database = args.folder.database()?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    let found = runtime.block_on(examine(args, &database))?;
    if json {
        output::json(&json!({"findings": found}))?;
    } else {
        let mut text = String::new();
        for Finding { level, what, hint } in &found {
            let mark = match level {
                Level::Good => "ok     ",
                Level::Warning => "warning",
                Level::Error => "error  ",
            };
            text.push_str(&format!("{mark}  {what}\n"));
            if let Some(hint) = hint {
                text.push_str(&format!("         {hint}\n"));
            }
        }
        output::text(&text)?;
    }
    if found.iter().any(|finding| finding.level == Level::Error) {
        return Err(Failure::said(FAULT));
    }
    Ok(())
}

async fn examine(args: &Args, database: &Path) -> Result<Vec<Finding>, Failure> {
    let failed =
        |error: String| Failure::usage(format!("cannot read {}: {error}", database.display()));
    let folder = args.folder.path();
    let mut found = Vec::new();
    let faults = Sqlite::faults(database)
        .await
        .map_err(|error| failed(error.to_string()))?;
    found.push(match faults.first() {
        None => Finding::good(format!("{} is sound", database.display())),
        Some(fault) => Finding::error(
            format!("{} is damaged: {fault}", database.display()),
            "take up the newest backup: `skyful restore`",
        ),
    });
    found.extend(open_to_others(folder));
    found.extend(open_to_others(&folder.join(MASTER)));
    let master = match &args.master.master_key {
        Some(hex) => Some(hex.clone()),
        None => key_file::seal(&folder.join(MASTER)).ok(),
    };
    let Some(master) = master else {
        found.push(Finding::error(
            format!("there is no {MASTER}"),
            "put the copy of it back, or set SKYFUL_MASTER_KEY: nothing can be signed without",
        ));
        return Ok(found);
    };
    let keyring = keyring(&master)?;
    let eras = Eras::at(folder.join(ERAS));
    let looked = async {
        let mut file = Sqlite::look(database).await?;
        // One transaction: an origin may write meanwhile.
        let mut tx = file.begin().await.map_err(crate::store::sqlite::failed)?;
        doctor::examine(&mut tx, (&keyring, &eras), now_ms()).await
    };
    found.extend(looked.await.map_err(|error| failed(error.to_string()))?);
    Ok(found)
}

#[cfg(unix)]
fn open_to_others(file: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        Finding::warning(
            format!("{} can be read by others on this machine", file.display()),
            "chmod go= on the folder and what is in it",
        )
    })
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> Option<Finding> {
    None
}
