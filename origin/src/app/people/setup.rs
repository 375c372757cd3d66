//! The first run: whoever reads the log of the server becomes its first user, once.

use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use super::sessions::{self, Admitted};
use super::{Client, NewUser, code, email, insert, name, password};
use crate::app::access::Actor;
use crate::app::audit::{self, Entry};
use crate::app::drafts::Expect;
use crate::app::keys::Eras;
use crate::app::workspaces::{self, EnvironmentSettings};
use crate::app::{App, Error};
use crate::store::sqlite::people as rows;

/// Who is to be first.
pub struct First {
    pub code: String,
    pub email: String,
    pub name: String,
    pub password: String,
    /// Key and name of a workspace to begin with.
    pub workspace: Option<(String, String)>,
}

impl App {
    /// For the log, as long as there is nobody. The same until the process ends.
    pub async fn setup_code(&self) -> Result<Option<String>, Error> {
        let mut tx = self.store.read().await?;
        if rows::count(&mut tx).await? > 0 {
            return Ok(None);
        }
        let code = code::random()?;
        Ok(Some(self.people.setup.get_or_init(|| code).clone()))
    }

    /// Makes the first user, who may do everything, and a workspace to begin with.
    pub async fn set_up(&self, first: First, client: &Client) -> Result<Admitted, Error> {
        self.guess(None, client)?;
        let Some(wanted) = self.setup_code().await? else {
            return Err(done());
        };
        // Hashes are compared in constant time.
        if blake3::hash(wanted.as_bytes()) != blake3::hash(first.code.trim().as_bytes()) {
            let wrong = Error::invalid("this is not the setup code").at("/code");
            return Err(wrong.hint("the server writes it to its log when it starts"));
        }
        self.people.throttle.right(None, &client.address);
        let email = email(&first.email)?;
        let name = name(&first.name)?;
        password::check(&first.password, &email)?;
        let workspace = match &first.workspace {
            Some((key, title)) => Some((
                workspaces::store_name(key).map_err(|wrong| wrong.at("/workspace/key"))?,
                workspaces::title(title).map_err(|wrong| wrong.at("/workspace/name"))?,
            )),
            None => None,
        };
        let new = NewUser {
            email,
            name,
            password: self.people.passwords.hash(first.password).await?,
            root: true,
        };
        let (client, now_ms) = (client.clone(), self.now_ms());
        let eras = self.eras.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    if rows::count(tx).await? > 0 {
                        return Err(done());
                    }
                    let user = insert(tx, new, now_ms).await?;
                    let actor = Actor::of_user(&user, Vec::new());
                    let entry = Entry {
                        workspace: None,
                        env: None,
                        action: "setup",
                        object: &user.id,
                        detail: json!({}),
                    };
                    audit::record(tx, &actor, now_ms, entry).await?;
                    if let Some((key, title)) = workspace {
                        furnish(tx, (&actor, &eras, now_ms), &key, &title).await?;
                    }
                    sessions::admit(tx, &user, &client, now_ms).await
                })
            })
            .await
    }
}

/// A workspace with an environment to try things in, and one where somebody else has to approve.
async fn furnish(
    tx: &mut SqliteConnection,
    (actor, eras, now_ms): (&Actor, &Eras, i64),
    key: &str,
    title: &str,
) -> Result<(), Error> {
    workspaces::create(tx, actor, key, title, now_ms).await?;
    for (env, title, protected) in [("dev", "Development", false), ("prod", "Production", true)] {
        let settings = EnvironmentSettings {
            name: title.to_owned(),
            protected,
            editors_approve: false,
            pipeline: None,
        };
        let by = (actor, eras, now_ms);
        workspaces::put(tx, by, (key, env), Expect::Absent, settings).await?;
    }
    Ok(())
}

fn done() -> Error {
    Error::conflict(
        "the first user was made already",
        "sign in, or ask for an invitation",
    )
}
