//! A backup becomes the database of an origin. What was released after it is unknown to it, so every environment goes on in an
//! era above all that were ever begun there, and shows again what it showed at the time of the backup.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sqlx::Connection as _;

use super::super::folder::{DATABASE, ERAS, Folder, MASTER, Master, keep_private, keyring};
use super::{block_on, broken, create, sound};
use crate::app::App;
use crate::app::access::Actor;
use crate::app::keys::{Eras, Keyring, Raised};
use crate::document::now_ms;
use crate::failpoint::{self, Point};
use crate::failure::Failure;
use crate::store::StoreError;
use crate::store::lock::Lock;
use crate::store::replace::{self, beside, fresh, remove};
use crate::store::sqlite::{Sqlite, former, keys};
use crate::{key_file, output};

#[derive(clap::Args)]
pub struct RestoreArgs {
    /// A file that `skyful backup` wrote
    file: PathBuf,
    #[command(flatten)]
    folder: Folder,
    /// Take the place of the database that is there, which is kept under another name
    #[arg(long)]
    replace: bool,
    /// Go on above this era: the highest that edges have seen, where the folder of the origin is lost
    #[arg(long, value_name = "ERA", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..4095))]
    era_above: i64,
    #[command(flatten)]
    master: Master,
}

/// An environment and how it goes on.
type Went = (String, String, Raised);

pub fn restore(args: &RestoreArgs, json: bool) -> Result<(), Failure> {
    let data = args.folder.path();
    let database = data.join(DATABASE);
    super::super::edge::keep_out_of_git(data)?;
    keep_private(data)?;
    let _lock = Lock::take(&database)?;
    // What it replaces is a whole database, or none.
    replace::finish(&database)?;
    let there = [vec![database.clone()], beside(&database)].concat();
    let there = there.into_iter().find(|file| file.exists());
    if let Some(there) = there.filter(|_| !args.replace) {
        let failure = Failure::usage(format!("{} exists", there.display()));
        return Err(failure.hint("stop the origin and say --replace, which keeps it beside"));
    }
    let master = match &args.master.master_key {
        Some(hex) => hex.clone(),
        None => key_file::seal(&data.join(MASTER)).map_err(|failure| {
            failure.hint("put the master key of that origin there first, or set SKYFUL_MASTER_KEY")
        })?,
    };
    let keyring = keyring(&master)?;
    let eras = Eras::at(data.join(ERAS));
    eras.keep(&[]).map_err(|error| {
        Failure::usage(error).hint("mend it, or take it away and say --era-above")
    })?;
    let unread = block_on(async {
        sound(&args.file).await?;
        Ok(remember(&database, &eras).await.err())
    })?;
    let raised = block_on(prepare(args, &database, (keyring, eras)))?;
    let kept = replace::replace(&database)?;
    if json {
        return output::json(&told(&database, &raised, kept.as_deref()));
    }
    say(&raised, unread.map(|error| (database.as_path(), error)));
    if let Some(kept) = kept {
        output::say(&format!("what was there is {} now", kept.display()));
    }
    output::say(&format!("restored into {}", database.display()));
    Ok(())
}

/// Keeps what the database that goes knows of eras, if it can still be read.
async fn remember(database: &Path, eras: &Eras) -> Result<(), StoreError> {
    if !database.exists() {
        return Ok(());
    }
    let mut connection = Sqlite::look(database).await?;
    let begun = keys::eras(&mut connection).await;
    // A database that no new origin has opened yet doesn't know of any.
    let former = former::eras(&mut connection).await.unwrap_or_default();
    _ = connection.close().await;
    eras.keep(&[begun?, former].concat())
}

/// Written beside and moved: an origin never starts on half of it, nor on parts of an earlier attempt.
async fn prepare(
    args: &RestoreArgs,
    database: &Path,
    keys: (Keyring, Eras),
) -> Result<Vec<Went>, Failure> {
    let fresh = fresh(database);
    for file in [vec![fresh.clone()], beside(&fresh)].concat() {
        remove(&file)?;
    }
    let done = async {
        let read = |error| Failure::io("read", &args.file, &error);
        let mut from = std::fs::File::open(&args.file).map_err(read)?;
        std::io::copy(&mut from, &mut create(&fresh)?).map_err(read)?;
        failpoint::reach(Point::RestoreCopied);
        let store = Sqlite::open(&fresh).await;
        let store = store.map_err(|error| broken("open", &fresh, &error))?;
        let raised = next_eras(&store, keys, args.era_above).await;
        // Also what went wrong leaves no log that would be taken for one of another attempt.
        store.close().await;
        let raised = raised?;
        let log = &beside(&fresh)[0];
        if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
            let failure = Failure::fault(format!("{} was not written back", log.display()));
            return Err(failure.hint("try again"));
        }
        sound(&fresh).await?;
        let synced = std::fs::File::open(&fresh).and_then(|file| file.sync_all());
        synced.map_err(|error| Failure::io("write", &fresh, &error))?;
        Ok(raised)
    };
    let done = done.await;
    let leftovers = match done {
        Ok(_) => beside(&fresh),
        Err(_) => [vec![fresh.clone()], beside(&fresh)].concat(),
    };
    for file in leftovers {
        remove(&file)?;
    }
    done
}

async fn next_eras(
    store: &Sqlite,
    (keyring, eras): (Keyring, Eras),
    above: i64,
) -> Result<Vec<Went>, Failure> {
    let app = App::new(store.clone(), now_ms)
        .with_keyring(keyring)
        .with_eras(eras);
    let places = app.restored().await.map_err(Failure::fault)?;
    let operator = Actor::operator(
        "restore",
        places.iter().map(|(workspace, _)| workspace.clone()),
    );
    let mut raised = Vec::new();
    for (workspace, env) in places {
        let went = app.restore_era(&operator, (&workspace, &env), above).await;
        let went = went.map_err(|error| {
            let failure = Failure::fault(format!("{workspace}/{env} can't go on: {error:?}"));
            failure.hint("is this the master key that the origin had?")
        })?;
        raised.push((workspace, env, went));
        failpoint::reach(Point::RestoreRaised);
    }
    Ok(raised)
}

fn told(database: &Path, raised: &[Went], kept: Option<&Path>) -> Value {
    let raised = raised.iter().map(|(workspace, env, went)| {
        json!({"workspace": workspace, "env": env, "era": went.era, "signed": went.signed})
    });
    let raised: Vec<_> = raised.collect();
    let kept = kept.map(|kept| kept.display().to_string());
    json!({"database": database.display().to_string(), "raised": raised, "replaced": kept})
}

fn say(raised: &[Went], unread: Option<(&Path, StoreError)>) {
    if let Some((database, error)) = unread {
        output::say(&format!(
            "{} could not be read, so its eras count only as far as {ERAS} has them: {error}",
            database.display()
        ));
    }
    for (workspace, env, went) in raised {
        let era = went.era;
        output::say(&match went.signed {
            true => {
                format!("{workspace}/{env} goes on in era {era}, above all that was begun here")
            }
            false => format!(
                "{workspace}/{env} goes on in era {era}, which edges don't let its key sign: make a new key, tell edges \
                 about it and activate it; until then nothing can be released there"
            ),
        });
    }
}
