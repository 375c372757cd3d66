//! `skyful resolve`: what an edge would answer, by the code that an edge runs.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use skyful::context::Context;
use skyful::ids::IdKey;
use skyful::manifest::{Mode, TrustSet};
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{Release, empty};
use skyful::resolve::{Input, Reason, answer};
use skyful::snapshot::{Chunk, Digest, IdShard};

use crate::archive::Archive;
use crate::failure::{FAULT, Failure};
use crate::{document, key_file, outline, output};

#[derive(clap::Args)]
pub struct Args {
    /// Snapshot directory
    #[arg(long, value_name = "DIR")]
    snapshot: PathBuf,
    /// Page to answer, where a context doesn't name one
    #[arg(long)]
    page: Option<String>,
    #[command(flatten)]
    contexts: Contexts,
    /// Time of the request, where a context doesn't say; else the clock's
    #[arg(long, value_name = "RFC3339", value_parser = super::instant)]
    now: Option<i64>,
    /// Add the trace: every plan that was asked, and each constraint of it
    #[arg(long)]
    explain: bool,
    /// Answer only if one of these signed the snapshot: public keys, or a file with one
    #[arg(long, value_name = "PUBKEY")]
    trust: Option<String>,
    /// Environment that a trusted manifest must be for
    #[arg(long, default_value = "dev", value_parser = super::name)]
    env: String,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Contexts {
    /// One context as JSON; `-` is stdin
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// Many contexts, one JSON object a line; `-` is stdin
    #[arg(long, value_name = "FILE")]
    contexts: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let trust = match &args.trust {
        Some(given) => {
            let text = key_file::trust(given)?;
            Some(TrustSet::parse(&text).map_err(Failure::usage)?)
        }
        None => None,
    };
    let trust = trust.as_ref().map(|trust| (trust, args.env.as_str()));
    let mut answers = Answers {
        archive: Archive::open(&args.snapshot, trust)?,
        args,
        chunks: HashMap::new(),
        shards: HashMap::new(),
    };
    match (&args.contexts.context, &args.contexts.contexts) {
        (Some(one), _) => {
            let mut body = Vec::new();
            reader(one)?
                .read_to_end(&mut body)
                .map_err(|error| Failure::io("read", one, &error))?;
            let mut line = answers.answer(&body).map_err(|error| error.one(one))?;
            line.push(b'\n');
            output::bytes(&line)
        }
        (None, Some(many)) => answers.all(many),
        (None, None) => Err(Failure::usage("no context given")),
    }
}

fn reader(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = std::fs::File::open(path).map_err(|error| Failure::io("read", path, &error))?;
    Ok(Box::new(BufReader::new(file)))
}

/// Why one context has no answer.
enum NoAnswer {
    /// The context is at fault; others may be fine.
    Context(String, Option<String>),
    /// The snapshot is.
    Snapshot(Failure),
}

impl NoAnswer {
    fn one(self, path: &Path) -> Failure {
        match self {
            Self::Snapshot(failure) => failure,
            Self::Context(message, hint) => Failure {
                hint,
                ..Failure::fault(format!("{}: {message}", path.display()))
            },
        }
    }
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        Self::Snapshot(failure)
    }
}

/// A snapshot and what of it was opened already.
struct Answers<'a> {
    archive: Archive,
    args: &'a Args,
    chunks: HashMap<Digest, Chunk>,
    shards: HashMap<u32, IdShard>,
}

impl Answers<'_> {
    /// One line each, in order. A bad line has its say in its place, and in the exit code.
    fn all(&mut self, path: &Path) -> Result<(), Failure> {
        let mut out = BufWriter::new(std::io::stdout().lock());
        let mut bad = 0;
        for (number, line) in (1..).zip(reader(path)?.split(b'\n')) {
            let line = line.map_err(|error| Failure::io("read", path, &error))?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let mut answer = match self.answer(&line) {
                Ok(answer) => answer,
                Err(NoAnswer::Snapshot(failure)) => return Err(failure),
                Err(NoAnswer::Context(message, _)) => {
                    bad += 1;
                    json!({"error": message, "line": number})
                        .to_string()
                        .into_bytes()
                }
            };
            answer.push(b'\n');
            output::pass(out.write_all(&answer))?;
        }
        output::pass(out.flush())?;
        match bad {
            0 => Ok(()),
            bad => Err(Failure {
                code: FAULT,
                ..Failure::fault(format!(
                    "{} of {} {} no answer",
                    output::count(bad, "line"),
                    path.display(),
                    if bad == 1 { "has" } else { "have" }
                ))
            }),
        }
    }

    fn answer(&mut self, body: &[u8]) -> Result<Vec<u8>, NoAnswer> {
        let mut context =
            Context::from_json(body).map_err(|error| NoAnswer::Context(error.to_string(), None))?;
        context.explain |= self.args.explain;
        let Some(page) = context.page.as_deref().or(self.args.page.as_deref()) else {
            let hint = "give --page, or `page` in the context".to_owned();
            return Err(NoAnswer::Context("no page is named".to_owned(), Some(hint)));
        };
        let listing = &self.archive.listing;
        let locale = listing.locales.negotiate(context.locale.as_deref());
        let Some(digest) = listing.chunk(page, locale) else {
            return Err(self.no_page(page));
        };
        if !self.chunks.contains_key(&digest) {
            let chunk = self.archive.chunk(digest, page)?;
            self.chunks.insert(digest, chunk);
        }
        let shard = self.shard(digest, context.unit.as_deref())?;
        let release = self.archive.release();
        let mode = self.archive.header.as_ref().map_or(Mode::Run, |h| h.mode);
        let tag = self.archive.listing.locales.tag(locale);
        let Some(chunk) = self.chunks.get(&digest).filter(|_| mode != Mode::Off) else {
            return Ok(off(page, tag, &release));
        };
        let input = Input {
            context: &context,
            locale,
            now_ms: context
                .now_ms
                .or(self.args.now)
                .unwrap_or_else(document::now_ms),
            tallies: Tallies::read(chunk, |name| context.tally(name)),
            ids: shard.and_then(|number| self.shards.get(&number)),
            defaults_only: mode == Mode::Defaults,
        };
        Ok(answer(chunk, input, tag, &release, None).body)
    }

    /// The shard of a unit, opened if the chunk asks for id lists.
    fn shard(&mut self, chunk: Digest, unit: Option<&str>) -> Result<Option<u32>, Failure> {
        let uses_ids = self.chunks.get(&chunk).is_some_and(Chunk::uses_ids);
        let Some(unit) = unit.filter(|_| uses_ids) else {
            return Ok(None);
        };
        let listing = &self.archive.listing;
        let hash = IdKey::of_workspace(&listing.workspace).hash(unit);
        // As at an edge: without its shard, "not on the list" would be a guess.
        let Some((number, digest)) = listing.id_shard(hash) else {
            return Err(self.archive.no_id_shard());
        };
        if !self.shards.contains_key(&number) {
            let shard = self.archive.id_shard(digest, number)?;
            self.shards.insert(number, shard);
        }
        Ok(Some(number))
    }

    fn no_page(&self, page: &str) -> NoAnswer {
        let pages = self.archive.load().ok();
        let pages = pages.and_then(|snapshot| outline::pages(&snapshot).ok());
        let hint = pages.map(|pages| format!("there are {}", pages.join(", ")));
        NoAnswer::Context(format!("no page `{page}` in this snapshot"), hint)
    }
}

/// What edges answer while a manifest switches pages off.
fn off(page: &str, locale: &str, release: &Release) -> Vec<u8> {
    let mut body = Vec::new();
    empty(page, Reason::Default, locale, release, &mut body);
    body
}
