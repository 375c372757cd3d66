//! Where an origin is and who asks it: the settings of all commands that talk to one.

use std::path::PathBuf;

use ureq::http::Uri;

use crate::app::delivery::settings::loopback;
use crate::failure::Failure;
use crate::output;
use crate::remote::{Origin, Place};

const TOKEN: &str = "SKYFUL_TOKEN";

#[derive(clap::Args)]
#[command(next_help_heading = "Origin")]
pub struct Reach {
    /// Address of the origin
    #[arg(long, value_name = "URL", env = "SKYFUL_ORIGIN", default_value_t = local(), value_parser = web)]
    origin: String,
    /// File with the token that lets you in [default: the token is read from SKYFUL_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Workspace [default: the only one that the token sees]
    #[arg(long, env = "SKYFUL_WORKSPACE", value_parser = super::name)]
    pub workspace: Option<String>,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Origin")]
pub struct In {
    /// Environment
    #[arg(long, env = "SKYFUL_ENV", value_parser = super::name)]
    env: Option<String>,
    #[command(flatten)]
    pub reach: Reach,
}

impl Reach {
    pub fn open(&self) -> Result<Origin, Failure> {
        let token = self.token()?;
        let address: Uri = self
            .origin
            .parse()
            .map_err(|error| Failure::usage(format!("{} is no address: {error}", self.origin)))?;
        let plain = address.scheme_str() == Some("http");
        if plain && !loopback(address.host().unwrap_or_default()) {
            let origin = &self.origin;
            output::warning(&format!(
                "the token goes to {origin} so that all on the way can read it"
            ));
        }
        Origin::new(&self.origin, &token)
    }

    /// Never as it stands on a command line, which everybody on the machine can read.
    fn token(&self) -> Result<String, Failure> {
        let token = match &self.token_file {
            Some(file) => {
                std::fs::read_to_string(file).map_err(|error| Failure::io("read", file, &error))?
            }
            None => std::env::var(TOKEN).unwrap_or_default(),
        };
        let token = token.trim();
        if token.is_empty() {
            let failure = Failure::usage("an origin lets nobody in without a token");
            return Err(failure.hint(format!(
                "set {TOKEN}, or name a file with --token-file; docs/people.md says how to make one"
            )));
        }
        // It becomes a header.
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::usage(
                "this is no token: skyful_ and letters are wanted",
            ));
        }
        Ok(token.to_owned())
    }
}

impl In {
    pub fn open(&self) -> Result<Place, Failure> {
        self.open_workspace(self.reach.workspace.as_deref())
    }

    pub fn open_workspace(&self, workspace: Option<&str>) -> Result<Place, Failure> {
        Place::open(self.reach.open()?, workspace, self.env.as_deref())
    }
}

/// Where `skyful serve` listens unless told otherwise.
fn local() -> String {
    format!("http://{}", super::serve::LISTEN)
}

/// An address with its scheme.
pub fn web(text: &str) -> Result<String, String> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        Some(host) if !host.is_empty() => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("an address begins with http:// or https://".to_owned()),
    }
}
