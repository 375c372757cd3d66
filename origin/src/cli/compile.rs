//! `skyful compile`.

use std::path::PathBuf;

use serde_json::json;
use skyful::compile::Snapshot;
use skyful::manifest::{Tail, Value, sign};

use crate::document::{self, Document};
use crate::failure::Failure;
use crate::{archive, key_file, output, report};

#[derive(clap::Args)]
pub struct Args {
    /// Workspace document, YAML or JSON
    file: PathBuf,
    /// Snapshot directory to write; one that is there is replaced
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Sign a manifest for the snapshot with this key
    #[arg(long, value_name = "KEYFILE")]
    key: Option<PathBuf>,
    /// Sequence of the manifest
    #[arg(long, default_value_t = 1, requires = "key", value_parser = clap::value_parser!(u64).range(1..1 << 52))]
    sequence: u64,
    /// Environment that the manifest is for
    #[arg(long, default_value = "dev", requires = "key", value_parser = super::name)]
    env: String,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let mut document = Document::read(&args.file)?;
    let key = args.key.as_deref().map(key_file::read).transpose()?;
    let snapshot = super::compiled(&mut document, json)?;
    let manifest = key.map(|key| {
        let listing = snapshot.listing.clone();
        let now_ms = document::now_ms();
        let header = sign::full_release(&listing.workspace, &args.env, args.sequence, now_ms);
        let tail = Tail {
            stable: listing,
            gray: None,
            allow: Vec::new(),
        };
        let current = sign::sign(header, &tail, &key);
        let value = Value {
            current: &current,
            fallback: &[],
        };
        value.join()
    });
    archive::write(&snapshot, manifest.as_deref(), &args.output)?;
    if json {
        let mut result = report::as_json(&document);
        result["snapshot"] = json!(snapshot.listing.digest().to_string());
        result["objects"] = json!(snapshot.objects.len() + 1);
        result["bytes"] = json!(bytes(&snapshot));
        result["signed"] = json!(manifest.is_some());
        return output::json(&result);
    }
    report::problems(&document);
    output::text(&format!(
        "{}  {}, {}, {}\n",
        snapshot.listing.digest(),
        output::count(document.pages(), "page"),
        output::count(snapshot.objects.len() + 1, "object"),
        output::size(bytes(&snapshot)),
    ))
}

fn bytes(snapshot: &Snapshot) -> usize {
    snapshot.objects.values().map(Vec::len).sum::<usize>() + snapshot.listing.to_object().len()
}
