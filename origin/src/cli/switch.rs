//! `skyful switch`: what edges do with what is released already. The way back when something goes wrong, so it needs no
//! document that compiles.

use std::path::PathBuf;

use serde_json::json;
use skyful::manifest::Mode;

use crate::deliver::publish::{self, Delivered, Signer};
use crate::failure::Failure;
use crate::publisher::{Destination, waiting};
use crate::{document, key_file, output};

#[derive(clap::Args)]
pub struct Args {
    /// run, hold (nobody sees the gray release), defaults (no plan counts), off (empty pages)
    #[arg(value_parser = super::mode)]
    mode: Mode,
    /// Store directory that edges read, or the address of an edge
    #[arg(long, value_name = "DIR|URL")]
    to: Destination,
    /// Workspace
    #[arg(long, value_parser = super::name)]
    workspace: String,
    /// Environment
    #[arg(long, default_value = "dev", value_parser = super::name)]
    env: String,
    /// Signing key
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let key = key_file::read(&args.key)?;
    let signer = Signer {
        workspace: &args.workspace,
        env: &args.env,
        key: &key,
        clock: &document::now_ms,
    };
    let delivered = waiting(async {
        let place = (&*args.workspace, &*args.env);
        let target = args.to.open(place, &key).await?;
        publish::switch(&target, &signer, args.mode).await
    })?;
    let (sequence, switched) = match delivered {
        Delivered::New { sequence } => (sequence, true),
        Delivered::Unchanged { sequence } => (sequence, false),
    };
    if json {
        return output::json(&json!({"sequence": sequence, "switched": switched}));
    }
    let unchanged = if switched { "" } else { ", unchanged" };
    output::text(&format!("sequence {sequence}{unchanged}\n"))
}
