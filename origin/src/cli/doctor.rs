//! `skyful doctor`: looks at the folder of an origin, also while it runs, and at edges, and says what is in the way.

mod edges;

use std::path::Path;

use serde_json::json;
use sqlx::Connection as _;

use super::folder::{ERAS, Folder, MASTER, Master, keyring};
use super::origin::web;
use crate::app::doctor::edges::{Edge, Known, by_themselves, judge, known, targets};
use crate::app::doctor::{self, Finding, Level};
use crate::app::keys::{Eras, Keyring};
use crate::document::now_ms;
use crate::failure::{FAULT, Failure};
use crate::store::sqlite::{Sqlite, failed};
use crate::store::{StoreError, replace};
use crate::{key_file, output};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    master: Master,
    /// An edge to ask, for example one that a store feeds; repeat it for more
    #[arg(long, value_name = "URL", value_parser = web)]
    edge: Vec<String>,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::usage(format!("cannot start: {error}")))?;
    let found = runtime.block_on(examine(args))?;
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

async fn examine(args: &Args) -> Result<Vec<Finding>, Failure> {
    let mut named: Vec<Edge> = args.edge.iter().map(|url| named(url)).collect();
    let (mut found, places) = match args.folder.database() {
        Ok(database) => {
            let (found, places, targets) = examine_folder(args, &database).await?;
            named.retain(|edge| {
                targets
                    .iter()
                    .all(|target| target.url.trim_end_matches('/') != edge.url)
            });
            named.splice(..0, targets);
            (found, Some(places))
        }
        Err(missing) if args.folder.data.is_some() || named.is_empty() => return Err(missing),
        Err(_) => (Vec::new(), None),
    };
    let answers = edges::ask(named, places.as_deref().unwrap_or_default()).await;
    let places = places.unwrap_or_else(|| by_themselves(&answers));
    let now_ms = now_ms();
    let edges = answers
        .iter()
        .map(|(edge, answer)| judge(edge, answer, &places, now_ms));
    found.extend(edges);
    Ok(found)
}

fn named(url: &str) -> Edge {
    Edge {
        url: url.to_owned(),
        target: None,
    }
}

/// Findings, and what edges are to be asked by.
async fn examine_folder(
    args: &Args,
    database: &Path,
) -> Result<(Vec<Finding>, Vec<Known>, Vec<Edge>), Failure> {
    let unread =
        |error: StoreError| Failure::usage(format!("cannot read {}: {error}", database.display()));
    let folder = args.folder.path();
    let mut found = Vec::new();
    let faults = Sqlite::faults(database).await.map_err(unread)?;
    found.push(match faults.first() {
        None => Finding::good(format!("{} is sound", database.display())),
        Some(fault) => Finding::error(
            format!("{} is damaged: {fault}", database.display()),
            "take up the newest backup: `skyful restore`",
        ),
    });
    if replace::under_way(database) {
        found.push(Finding::error(
            format!("a restore of {} was cut off", database.display()),
            "start the origin or restore again: either finishes it",
        ));
    }
    found.extend(open_to_others(folder));
    found.extend(open_to_others(&folder.join(MASTER)));
    let master = match &args.master.master_key {
        Some(hex) => Some(hex.clone()),
        None => key_file::seal(&folder.join(MASTER)).ok(),
    };
    let keyring = master.as_deref().map(keyring).transpose()?;
    let eras = Eras::at(folder.join(ERAS));
    let looked = async {
        let mut file = Sqlite::look(database).await?;
        // One transaction: an origin may write meanwhile.
        let mut tx = file.begin().await.map_err(failed)?;
        let found = match &keyring {
            Some(keyring) => doctor::examine(&mut tx, (keyring, &eras), now_ms()).await?,
            None => vec![Finding::error(
                format!("there is no {MASTER}"),
                "put the copy of it back, or set SKYFUL_MASTER_KEY: nothing can be signed without",
            )],
        };
        let keyring = keyring.unwrap_or_else(Keyring::default);
        Ok((
            found,
            known(&mut tx, &keyring).await?,
            targets(&mut tx).await?,
        ))
    };
    let (more, known, targets) = looked.await.map_err(unread)?;
    found.extend(more);
    Ok((found, known, targets))
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
