//! `skyful keys`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use crate::failure::Failure;
use crate::{key_file, output};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a signing key; the public half goes beside it into FILE.pub
    New {
        /// Where to write the secret key
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Show the public half of a signing key, as edges take it
    Show {
        /// The secret key
        file: PathBuf,
    },
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let (key, made) = match &args.command {
        Command::New { output } => (key_file::generate(output)?, Some(output)),
        Command::Show { file } => (key_file::read(file)?, None),
    };
    let public = key_file::public_hex(&key);
    if json {
        output::json(&json!({"public": public, "key_id": key_file::short_name(&key)}))?;
    } else {
        output::text(&format!("{public}\n"))?;
    }
    if let Some(path) = made {
        let public = key_file::public_path(path);
        output::say(&format!(
            "secret key in {} (keep it to yourself), public key in {} (for edges)",
            path.display(),
            public.display()
        ));
    }
    Ok(())
}
