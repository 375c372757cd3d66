//! A resolution as the body of an answer. Contents were serialized at compile time and are copied.

use alloc::vec::Vec;

use super::json::Json;
use super::{Enrolment, Placed, Reason, Resolution, Resolved};
use crate::snapshot::{Chunk, Digest};
use crate::value::datetime;

const HEAD_BYTES: usize = 512;
const MODULE_BYTES: usize = 256;

/// From which release an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    pub sequence: u64,
    pub snapshot: Digest,
    pub track: Track,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    Stable,
    Gray,
}

impl Track {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Gray => "gray",
        }
    }
}

/// Appends the body. `locale` is the found tag, `trace` what an [`super::trace::Explain`] wrote.
pub fn body(
    chunk: &Chunk,
    resolution: &Resolution,
    locale: &str,
    release: &Release,
    trace: Option<&[u8]>,
    out: &mut Vec<u8>,
) {
    // Most answers fit, so that they aren't moved again and again while they grow.
    out.reserve(HEAD_BYTES + MODULE_BYTES * resolution.modules.len());
    let mut json = Json::new(out);
    json.open(b'{')
        .key("page")
        .text(chunk.text(chunk.meta().page));
    json.key("plan").text(plan_key(chunk, &resolution.page));
    head(&mut json, resolution.page.reason, locale, release);
    experiments(chunk, &mut json, &resolution.page.enrolments);
    json.key("modules").open(b'[');
    for placed in &resolution.modules {
        module(chunk, &mut json, placed, resolution.locale);
    }
    json.close(b']').key("valid_until");
    match resolution.valid_until_ms {
        Some(at) => json.text(&datetime::format(at)),
        None => json.raw(b"null"),
    };
    if let Some(trace) = trace {
        json.key("trace").raw(trace);
    }
    json.close(b'}');
}

/// A page without modules: `Error` from an edge that has no chunk to answer from, `Default` where a
/// manifest switched pages off.
pub fn empty(page: &str, reason: Reason, locale: &str, release: &Release, out: &mut Vec<u8>) {
    let mut json = Json::new(out);
    json.open(b'{')
        .key("page")
        .text(page)
        .key("plan")
        .text("default");
    head(&mut json, reason, locale, release);
    json.key("experiments")
        .raw(b"[]")
        .key("modules")
        .raw(b"[]")
        .key("valid_until")
        .raw(b"null")
        .close(b'}');
}

fn head(json: &mut Json<'_>, reason: Reason, locale: &str, release: &Release) {
    json.key("reason")
        .text(reason.name())
        .key("locale")
        .text(locale);
    json.key("release")
        .open(b'{')
        .key("sequence")
        .display(release.sequence);
    json.key("snapshot")
        .text(&alloc::format!("{}", release.snapshot));
    json.key("track").text(release.track.name()).close(b'}');
}

fn module(chunk: &Chunk, json: &mut Json<'_>, placed: &Placed, locale: u32) {
    let (Some(slot), Some(module)) = (chunk.row(placed.slot), chunk.row(placed.module)) else {
        return;
    };
    json.open(b'{').key("slot").text(chunk.text(slot.key));
    json.key("module")
        .text(chunk.text(module.key))
        .key("type")
        .text(chunk.text(module.kind));
    json.key("plan").text(plan_key(chunk, &placed.resolved));
    json.key("content")
        .raw(chunk.fragment(placed.content, locale).unwrap_or(b"{}"));
    json.key("reason").text(placed.resolved.reason.name());
    experiments(chunk, json, &placed.resolved.enrolments);
    json.close(b'}');
}

fn experiments(chunk: &Chunk, json: &mut Json<'_>, enrolments: &[Enrolment]) {
    json.key("experiments").open(b'[');
    for enrolment in enrolments {
        let (Some(experiment), Some(variant)) = (
            chunk.row(enrolment.experiment),
            chunk.row(enrolment.variant),
        ) else {
            continue;
        };
        json.open(b'{').key("key").text(chunk.text(experiment.key));
        json.key("variant")
            .text(chunk.text(variant.key))
            .close(b'}');
    }
    json.close(b']');
}

/// A default is named by a reserved key.
pub fn plan_key<'a>(chunk: &'a Chunk, resolved: &Resolved) -> &'a str {
    resolved
        .plan
        .and_then(|plan| chunk.row(plan))
        .map_or("default", |plan| chunk.text(plan.key))
}
