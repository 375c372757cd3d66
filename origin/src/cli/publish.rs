//! `skyful publish`.

use std::path::{Path, PathBuf};

use serde_json::json;
use skyful::compile::Compiler;
use skyful::limits;
use skyful::manifest::Mode;

use crate::deliver::publish::Delivered;
use crate::deliver::terms::{Share, Terms};
use crate::document::Document;
use crate::failure::{FAULT, Failure};
use crate::publisher::{self, Destination, Outcome, Publisher};
use crate::{key_file, output, report};

#[derive(clap::Args)]
pub struct Args {
    /// Workspace document, YAML or JSON
    file: PathBuf,
    /// Store directory that edges read, or the address of an edge
    #[arg(long, value_name = "DIR|URL")]
    to: Destination,
    /// Environment
    #[arg(long, default_value = "dev", value_parser = super::name)]
    env: String,
    /// Signing key
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// Release only to a share of visitors, in basis points; all others stay with what is released
    #[arg(long, value_name = "SHARE", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    gray: Option<u32>,
    /// A unit that gets the gray release whatever its bucket; repeat it for more
    #[arg(long, value_name = "UNIT", requires = "gray")]
    allow: Vec<String>,
    /// What edges do with it: run, hold (nobody sees gray), defaults (no plan counts), off (empty pages)
    #[arg(long, default_value = "run", value_name = "MODE", value_parser = super::mode)]
    mode: Mode,
    /// Go on: publish at every save
    #[arg(long)]
    watch: bool,
    /// End when stdin closes, so that a publisher never outlives who started it
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let publisher = Publisher {
        document: args.file.clone(),
        to: args.to.clone(),
        env: args.env.clone(),
        key: key_file::read(&args.key)?,
        terms: terms(args)?,
    };
    if args.watch {
        readable(&args.file)?;
        if args.until_stdin_closes {
            std::thread::spawn(|| {
                super::wait_until_stdin_closes();
                std::process::exit(0);
            });
        }
        publisher.watch(
            &mut |document, outcome| {
                if json {
                    _ = output::json(&as_json(document, outcome));
                } else {
                    publisher::tell(document, outcome);
                }
            },
            &|| false,
        );
        return Ok(());
    }
    let bar = super::progress_bar("uploading");
    let published = publisher.publish(&mut Compiler::default(), &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let (document, outcome) = published?;
    if json {
        output::json(&as_json(&document, &outcome))?;
    } else {
        report::problems(&document);
    }
    match outcome {
        Outcome::Refused => Err(Failure::said(FAULT)),
        Outcome::Delivered { .. } if json => Ok(()),
        Outcome::Delivered {
            delivered,
            snapshot,
        } => output::text(&match delivered {
            Delivered::New { sequence } => format!("{snapshot}  sequence {sequence}\n"),
            Delivered::Unchanged { sequence } => {
                format!("{snapshot}  sequence {sequence}, unchanged\n")
            }
        }),
    }
}

fn terms(args: &Args) -> Result<Terms, Failure> {
    if args.allow.len() > limits::GRAY_UNITS {
        let message = format!("a gray release names at most {} units", limits::GRAY_UNITS);
        return Err(Failure::usage(message).hint("put them into a segment, or raise the share"));
    }
    Ok(Terms {
        gray: args.gray.map(|bps| Share {
            bps,
            allow: args.allow.clone(),
        }),
        mode: args.mode,
    })
}

/// A mistyped name is told at once, rather than waited for.
pub fn readable(file: &Path) -> Result<(), Failure> {
    std::fs::File::open(file)
        .map(drop)
        .map_err(|error| Failure::io("read", file, &error))
}

fn as_json(document: &Document, outcome: &Outcome) -> serde_json::Value {
    let mut result = report::as_json(document);
    if let Outcome::Delivered {
        delivered,
        snapshot,
    } = outcome
    {
        let (sequence, published) = match delivered {
            Delivered::New { sequence } => (sequence, true),
            Delivered::Unchanged { sequence } => (sequence, false),
        };
        result["snapshot"] = json!(snapshot.to_string());
        result["sequence"] = json!(sequence);
        result["published"] = json!(published);
    }
    result
}
