//! The data folder of an origin on this machine, and what seals its secrets: settings that several commands have alike.

use std::path::{Path, PathBuf};

use crate::app::keys::Keyring;
use crate::failure::Failure;

/// What seals keys and secrets in the database, beside it.
pub const MASTER: &str = "master.key";
pub const DATABASE: &str = "skyful.sqlite";
/// The highest era of each environment, for restores.
pub const ERAS: &str = "eras.json";
const DATA: &str = "skyful-data";

#[derive(clap::Args, Clone, Default)]
pub struct Folder {
    /// Folder of the database and the master key [default: skyful-data]
    #[arg(long, value_name = "DIR", env = "SKYFUL_DATA")]
    pub data: Option<PathBuf>,
}

#[derive(clap::Args, Clone, Default)]
pub struct Master {
    /// What seals keys and secrets in the database, 64 hex digits; better set in the environment
    /// [default: master.key beside the database]
    #[arg(
        long,
        value_name = "HEX",
        env = "SKYFUL_MASTER_KEY",
        hide_env_values = true
    )]
    pub master_key: Option<String>,
}

impl Folder {
    pub fn path(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(DATA))
    }

    /// Of an origin that was there before.
    pub fn database(&self) -> Result<PathBuf, Failure> {
        let database = self.path().join(DATABASE);
        match database.is_file() {
            true => Ok(database),
            false => {
                let failure = Failure::usage(format!("no database in {}", self.path().display()));
                Err(failure.hint("name the folder with --data"))
            }
        }
    }
}

/// One master secret, or several separated by commas while one follows another: the first one seals.
pub fn keyring(text: &str) -> Result<Keyring, Failure> {
    Keyring::parse(text).map_err(|why| Failure::usage(why).hint("`openssl rand -hex 32` makes one"))
}

/// What stands in it is nobody else's business.
pub fn keep_private(folder: &Path) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder, private)
            .map_err(|error| Failure::io("keep to yourself", folder, &error))?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
