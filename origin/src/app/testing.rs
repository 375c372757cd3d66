//! What tests of the origin begin with: a real database file, and the sample workspace.

use tempfile::TempDir;

use super::access::{Actor, Grant, Role};
use super::drafts::import::Imported;
use super::drafts::path::Path;
use super::{App, Error};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::people::{self, UserRow};
use crate::store::sqlite::workspaces;

pub const WALLET: &str = include_str!("../../../examples/wallet/wallet.yaml");
pub const PAYDAY: &str = include_str!("../../../examples/wallet/payday.csv");
pub const NOW: i64 = 1_795_000_000_000;

/// An admin of the workspace `wallet`.
pub fn somebody(name: &str) -> Actor {
    Actor {
        name: format!("user:{name}"),
        user: name.to_owned(),
        grants: vec![Grant {
            workspace: "wallet".into(),
            env: None,
            role: Role::Admin,
        }],
        root: true,
        session: None,
    }
}

/// Lets somebody be a user, with these roles where they are workspaces.
pub async fn known(app: &App, who: &Actor) {
    let row = UserRow {
        id: who.user.clone(),
        email: format!("{}@example.com", who.user),
        name: who.user.clone(),
        password: String::new(),
        root: who.root,
        disabled_ms: None,
        version: 1,
        created_ms: NOW,
    };
    let grants = who.grants.clone();
    let added = app.store.write(move |tx| {
        Box::pin(async move {
            people::insert(tx, &row).await?;
            for grant in grants {
                let (workspace, env) = (&*grant.workspace, grant.env.as_deref());
                if workspaces::get(tx, workspace).await?.is_some() {
                    workspaces::add_member(tx, workspace, &row.id, env, grant.role, NOW).await?;
                }
            }
            Ok::<_, Error>(())
        })
    });
    added.await.expect("a user");
}

/// An origin with an empty workspace, and who made it.
pub async fn workspace() -> (TempDir, App, Actor) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(&folder.path().join("skyful.sqlite")).await;
    let app = App::new(store.expect("a database"), || NOW);
    let ada = somebody("ada");
    known(&app, &ada).await;
    let made = app.create_workspace(&ada, "wallet", "Wallet").await;
    made.expect("a workspace");
    (folder, app, ada)
}

/// The sample, with the list of ids that it names.
pub async fn sample(app: &App, who: &Actor) -> Imported {
    let at = Path::parse("id_lists/payday.csv").expect("a name");
    let mut upload = app.upload(who, "wallet", &at).expect("who may");
    upload.push(PAYDAY.as_bytes()).expect("there is room");
    let list = app.uploaded(who, "wallet", &at, None, upload).await;
    list.expect("all lines are ids");
    let done = app.import(who, "wallet", None, WALLET.as_bytes()).await;
    done.expect("the sample is in order")
}
