//! Target `resolve`: a chunk that opens answers every visitor at every instant. An input is a length byte, so many
//! choices (of the visitor and the clock), and a chunk.

use std::collections::BTreeMap;

use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{Release, Track};
use skyful::resolve::{Input, answer};
use skyful::snapshot::records::Segment;
use skyful::snapshot::{Chunk, Digest, IdShard, Kind, Object, id_shard};

use super::choices::Choices;
use super::visitor::{Visitor, instant_ms};
use super::{Fallback, Mutant, settle, surgery};
use crate::generate::draw::Draw;

const RELEASE: Release = Release {
    sequence: 1,
    snapshot: Digest::NONE,
    track: Track::Stable,
};
/// More visitors of one chunk would only slow the search for other chunks.
const VISITORS: usize = 3;

fn split(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = input.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

pub fn input(choices: &[u8], chunk: &[u8]) -> Vec<u8> {
    let len = u8::try_from(choices.len()).expect("few choices");
    [&[len], choices, chunk].concat()
}

/// Whether the chunk was opened.
pub fn run(input: &[u8]) -> bool {
    let Some((choices, bytes)) = split(input) else {
        return false;
    };
    let Ok(object) = Object::decode(bytes) else {
        return false;
    };
    let digest = Kind::Page.digest(bytes);
    let opened = Chunk::open(bytes.to_vec(), digest, object.workspace, object.name);
    let Ok(chunk) = opened else {
        return false;
    };
    let mut choices = Choices::new(choices);
    for _ in 0..VISITORS {
        visit(&chunk, object.workspace, &mut choices);
    }
    true
}

/// The same question served and explained: the same answer, but for the trace.
fn visit(chunk: &Chunk, workspace: &str, choices: &mut Choices<'_>) {
    let now_ms = instant_ms(choices);
    let visitor = Visitor::draw(chunk, choices);
    let locale = [0, 1, 2, 63, 64, u32::MAX][choices.below(6)];
    let defaults_only = choices.below(8) == 7;
    let shard = shard(chunk, workspace, visitor.hash(chunk), choices);
    let ask = |explain: bool| {
        let context = visitor.context(explain);
        let input = Input {
            context: &context,
            locale,
            now_ms,
            tallies: Tallies::read(chunk, |name| visitor.counter(chunk, name)),
            ids: shard.as_ref(),
            defaults_only,
        };
        let answer = answer(chunk, input, "en", &RELEASE, None);
        // What explains tells of one visitor; all else belongs to a class.
        assert_eq!(answer.class_key.is_none(), explain);
        String::from_utf8(answer.body).expect("an answer is UTF-8")
    };
    let (served, explained) = (ask(false), ask(true));
    // Explaining asks all rules, serving asks the index: where a mutation made them disagree, nobody can
    // say who is right.
    assert!(served.ends_with('}'), "{served}");
    assert!(explained.ends_with('}'), "{explained}");
    if contents_are_json(chunk) {
        for text in [&served, &explained] {
            let read = serde_json::from_str::<serde::de::IgnoredAny>(text);
            assert!(read.is_ok(), "{read:?}: {text}");
        }
    }
}

/// Opening looks only at the ends of contents, so an answer is JSON where they are.
fn contents_are_json(chunk: &Chunk) -> bool {
    let fragments = chunk.table::<skyful::snapshot::records::Fragment>();
    fragments
        .iter()
        .all(|f| serde_json::from_str::<serde::de::IgnoredAny>(chunk.text(f.json)).is_ok())
}

/// Some lists have the unit, some don't; sometimes there is no shard at all.
fn shard(chunk: &Chunk, workspace: &str, hash: u64, choices: &mut Choices<'_>) -> Option<IdShard> {
    if !chunk.uses_ids() || choices.below(4) == 3 {
        return None;
    }
    let (with, without) = ([hash], [!hash]);
    let lists: BTreeMap<u64, &[u64]> = chunk
        .table::<Segment>()
        .iter()
        .take(16)
        .map(|segment| {
            let members: &[u64] = if choices.below(2) == 0 {
                &with
            } else {
                &without
            };
            (segment.list, members)
        })
        .collect();
    let bytes = id_shard::encode(workspace, 0, &lists);
    let digest = Kind::Ids.digest(&bytes);
    IdShard::open(bytes, digest, workspace, 0).ok()
}

pub fn mutate(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    theirs: Fallback<'_>,
) -> usize {
    let mut draw = Draw::new(u64::from(seed));
    let bytes = data.get(..size).unwrap_or_default();
    let mutant = split(bytes).and_then(|(choices, chunk)| {
        if draw.chance(5) {
            return None;
        }
        let mut choices = choices.to_vec();
        for _ in 0..draw.below(4) {
            let at = draw.below(choices.len() as u64 + 1) as usize;
            let drawn = draw.any() as u8;
            match (at < choices.len(), draw.below(4)) {
                (true, 1..) => choices[at] = drawn,
                _ if choices.len() < 200 => choices.insert(at, drawn),
                _ => choices.truncate(at),
            }
        }
        let chunk = match draw.chance(70) {
            true => surgery::mutate(chunk, &mut draw)?,
            false => chunk.to_vec(),
        };
        Some(input(&choices, &chunk))
    });
    settle(
        mutant.map_or(Mutant::Theirs(0), Mutant::Ours),
        data,
        size,
        max_size,
        theirs,
    )
}
