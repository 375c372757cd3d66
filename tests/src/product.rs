//! The product, asked the way the second reader is: a document and a context in, an answer out. Goes the
//! whole way, through check, compile and a chunk that is opened from its bytes.

use std::collections::BTreeMap;

use serde_json::Value;
use skyful::check::{self, check};
use skyful::compile::{Snapshot, compile};
use skyful::context::Context;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{Release, Track};
use skyful::resolve::{Answer, Input, answer};
use skyful::snapshot::{Chunk, IdShard};

use crate::reader::Files;

/// A compiled document.
pub struct Product {
    snapshot: Snapshot,
    workspace: String,
    release: Release,
    /// By page and locale.
    chunks: BTreeMap<(String, u32), Chunk>,
    id_shards: Vec<IdShard>,
}

/// Through check and compile; the error is every problem, one a line.
pub fn snapshot(document: &Value, files: &Files) -> Result<Snapshot, String> {
    let read_file = |path: &str| match files.get(path) {
        Some(text) => Ok(check::IdFile::Text(text.clone().into_bytes())),
        None => Err(String::from("no such file")),
    };
    let options = check::Options {
        now_ms: None,
        read_file: &read_file,
    };
    let checked = check(document.to_string().as_bytes(), &options);
    let lines = |problems: &[skyful::problem::Problem]| {
        let lines: Vec<String> = problems
            .iter()
            .map(|p| format!("{:?} {} {} {}", p.severity, p.code, p.path, p.message))
            .collect();
        lines.join("\n")
    };
    let workspace = checked.workspace.ok_or_else(|| lines(&checked.problems))?;
    compile(&workspace, &mut |_, _| {}).map_err(|problems| lines(&problems))
}

impl Product {
    /// The error is every problem, one a line.
    pub fn compile(document: &Value, files: &Files) -> Result<Self, String> {
        snapshot(document, files).map(Self::of)
    }

    pub fn of(snapshot: Snapshot) -> Self {
        let workspace = snapshot.listing.workspace.clone();
        let id_shards = snapshot.listing.id_shards.iter().enumerate();
        let id_shards = id_shards
            .map(|(number, digest)| {
                let bytes = snapshot.objects[digest].clone();
                IdShard::open(bytes, *digest, &workspace, number as u32).expect("an id shard")
            })
            .collect();
        Self {
            release: Release {
                sequence: 1,
                snapshot: snapshot.listing.digest(),
                track: Track::Stable,
            },
            workspace,
            snapshot,
            chunks: BTreeMap::new(),
            id_shards,
        }
    }

    /// The answer as bytes; None if there is no such page.
    pub fn body(&mut self, page: &str, context: &Context<'_>) -> Option<Vec<u8>> {
        let (_, answer) = self.decide(page, context)?;
        Some(answer.body)
    }

    /// The locale and what is answered in it.
    pub fn decide(&mut self, page: &str, context: &Context<'_>) -> Option<(u32, Answer)> {
        let listing = &self.snapshot.listing;
        let locale = listing.locales.negotiate(context.locale.as_deref());
        let digest = listing.chunk(page, locale)?;
        let chunk = self
            .chunks
            .entry((page.to_owned(), locale))
            .or_insert_with(|| {
                let bytes = self.snapshot.objects[&digest].clone();
                Chunk::open(bytes, digest, &self.workspace, page).expect("a valid chunk")
            });
        let shard = context
            .unit
            .as_deref()
            .and_then(|unit| listing.id_shard(chunk.id_key().hash(unit)));
        let input = Input {
            context,
            locale,
            now_ms: context.now_ms.expect("tests say what time it is"),
            tallies: Tallies::read(chunk, |name| context.tally(name)),
            ids: shard.and_then(|(number, _)| self.id_shards.get(number as usize)),
            defaults_only: false,
        };
        let tag = listing.locales.tag(locale);
        Some((locale, answer(chunk, input, tag, &self.release, None)))
    }

    /// The chunk that has answered for a page in a locale.
    pub fn chunk(&self, page: &str, locale: u32) -> Option<&Chunk> {
        self.chunks.get(&(page.to_owned(), locale))
    }

    /// The answer as the second reader gives it: without `release` and `trace`.
    pub fn answer(&mut self, page: &str, context: &Context<'_>) -> Option<Value> {
        let body = self.body(page, context)?;
        let mut answer: Value = serde_json::from_slice(&body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&body)));
        let fields = answer.as_object_mut().expect("an object");
        fields.remove("release");
        fields.remove("trace");
        Some(answer)
    }
}
