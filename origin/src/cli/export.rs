//! `skyful export`: the draft of a workspace as one document.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use ureq::http::Method;

use super::origin::Reach;
use crate::deliver::api::Call;
use crate::failure::Failure;
use crate::output;

#[derive(clap::Args)]
pub struct Args {
    /// File to write; one that is there is replaced [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let origin = args.reach.open()?;
    let workspace = origin.workspace(args.reach.workspace.as_deref())?;
    let path = format!("/api/v1/workspaces/{workspace}/document");
    let reply = origin.send(Call::new(Method::GET, path))?;
    let document: Value = origin.read(&reply)?;
    let mut text = match json {
        true => serde_json::to_vec(&document),
        false => serde_json::to_vec_pretty(&document),
    }
    .map_err(Failure::fault)?;
    text.push(b'\n');
    let revision = revision(reply.header("etag"));
    match &args.output {
        None => output::bytes(&text)?,
        Some(file) => replace(file, &text)?,
    }
    let lists = lists(&document);
    if json {
        return match &args.output {
            Some(file) => {
                let file = file.display().to_string();
                output::json(&json!({"file": file, "workspace": workspace, "revision": revision}))
            }
            None => Ok(()),
        };
    }
    output::say(&format!("the draft of {workspace} at revision {revision}"));
    for (_, name) in lists {
        output::say(&format!(
            "{name} is not in it: the origin keeps only hashes of ids, and has them still"
        ));
    }
    Ok(())
}

/// Of an `ETag`.
pub fn revision(etag: Option<&str>) -> i64 {
    let number = etag.map(|etag| etag.trim_matches('"'));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Segments and the files of ids that they name.
pub fn lists(document: &Value) -> Vec<(String, String)> {
    let segments = document["segments"].as_object();
    let named = segments.into_iter().flatten().filter_map(|(key, segment)| {
        let file = segment["ids"]["file"].as_str()?;
        Some((key.clone(), file.to_owned()))
    });
    named.collect()
}

/// Written beside and moved: nobody reads half of it.
fn replace(file: &Path, text: &[u8]) -> Result<(), Failure> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let beside = file.with_file_name(format!(".{name}.exporting"));
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, file));
    written.map_err(|error| {
        _ = std::fs::remove_file(&beside);
        Failure::io("write", file, &error)
    })
}
