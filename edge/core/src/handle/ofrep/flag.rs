//! An answer as flags. It is read from the body that every client gets: what a flag's value is can't differ from that,
//! and the copying of contents stays in one place.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use skyful::resolve::Reason;
use skyful::resolve::write::Release;
use skyful::snapshot::Chunk;
use skyful::snapshot::records::Module as Row;

/// The variant of a module that this visitor doesn't see. No plan is called so by check: it is `default` that is reserved.
const NONE: &str = "none";
/// OpenFeature's reason for a flag without a value: clients take the default in their code.
const DISABLED: &str = "DISABLED";

/// What a flag is read from.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    plan: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow)]
    locale: Cow<'a, str>,
    #[serde(borrow)]
    release: Told<'a>,
    #[serde(borrow)]
    modules: Vec<Module<'a>>,
    #[serde(borrow)]
    receipt: Option<Cow<'a, str>>,
    #[serde(borrow)]
    valid_until: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Told<'a> {
    sequence: u64,
    #[serde(borrow)]
    snapshot: Cow<'a, str>,
    #[serde(borrow)]
    track: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Module<'a> {
    #[serde(borrow)]
    module: Cow<'a, str>,
    #[serde(borrow)]
    plan: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// As clients get it.
#[derive(Serialize)]
pub(super) struct Flag<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    reason: Cow<'a, str>,
    variant: Cow<'a, str>,
    metadata: Metadata<'a>,
}

/// Flat, since OpenFeature's metadata are texts, numbers and truth values.
#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(rename = "release.sequence")]
    sequence: u64,
    #[serde(rename = "release.snapshot")]
    snapshot: Cow<'a, str>,
    #[serde(rename = "release.track")]
    track: Cow<'a, str>,
    locale: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Cow<'a, str>>,
}

/// Of all flags of an answer.
#[derive(Serialize)]
pub(super) struct ReleaseData {
    #[serde(rename = "release.sequence")]
    sequence: u64,
    #[serde(rename = "release.snapshot")]
    snapshot: String,
    #[serde(rename = "release.track")]
    track: &'static str,
}

impl ReleaseData {
    pub fn of(release: &Release) -> Self {
        Self {
            sequence: release.sequence,
            snapshot: release.snapshot.to_string(),
            track: release.track.name(),
        }
    }
}

impl<'a> Flag<'a> {
    /// The page, or one of its modules. Without a chunk nobody knows which modules it has. None: there is no such flag.
    pub fn of(
        key: &'a str,
        module: Option<&str>,
        body: &'a [u8],
        chunk: Option<&Chunk>,
    ) -> Option<Self> {
        let answer: Answer<'a> = serde_json::from_slice(body).ok()?;
        let metadata = Metadata {
            sequence: answer.release.sequence,
            snapshot: answer.release.snapshot,
            track: answer.release.track,
            locale: answer.locale,
            valid_until: answer.valid_until,
            receipt: answer.receipt,
        };
        let (value, reason, variant) = match module {
            None => {
                let whole = serde_json::from_slice(body).ok()?;
                (Some(whole), answer.reason, answer.plan)
            }
            Some(name) => {
                let placed = answer.modules.into_iter().find(|m| m.module == name);
                match placed {
                    Some(placed) => (Some(placed.content), placed.reason, placed.plan),
                    None if chunk.is_none_or(|chunk| has(chunk, name)) => {
                        let failed = answer.reason == Reason::Error.name();
                        let reason = if failed {
                            Reason::Error.name()
                        } else {
                            DISABLED
                        };
                        (None, reason.into(), NONE.into())
                    }
                    None => return None,
                }
            }
        };
        Some(Self {
            key,
            value,
            reason,
            variant,
            metadata,
        })
    }
}

fn has(chunk: &Chunk, module: &str) -> bool {
    let modules = chunk.table::<Row>();
    modules.iter().any(|row| chunk.text(row.key) == module)
}
