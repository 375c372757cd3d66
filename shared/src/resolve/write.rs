//! A resolution as the body of an answer. Contents were serialized at compile time and are copied.

use alloc::vec::Vec;

use super::json::Json;
use super::{Enrolment, Placed, Reason, Resolution, Resolved};
use crate::snapshot::records::{Fragment, HEAP, Module, Plan, Slot};
use crate::snapshot::table::{Ref, Table, Text};
use crate::snapshot::{Chunk, Digest};
use crate::value::datetime;
use crate::value::quote::{escape, quote};

const HEAD_BYTES: usize = 512;
/// Around a content: constant text, four keys and a reason.
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

/// What stands in an answer beside its decisions.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    pub receipt: Option<&'a str>,
    /// What an [`super::trace::Explain`] wrote.
    pub trace: Option<&'a [u8]>,
}

/// Appends the body. `locale` is the found tag.
pub fn body(
    chunk: &Chunk,
    resolution: &Resolution,
    locale: &str,
    release: &Release,
    Beside { receipt, trace }: Beside<'_>,
    out: &mut Vec<u8>,
) {
    let tables = Tables::of(chunk, resolution.locale);
    let modules = &resolution.modules;
    let contents = modules.iter().map(|placed| tables.content(placed).len());
    // What is around them fits nearly always, so that the body isn't moved while it grows.
    let around = HEAD_BYTES.saturating_add(MODULE_BYTES.saturating_mul(modules.len()));
    let trace_bytes = trace.map_or(0, <[u8]>::len);
    out.reserve(contents.fold(around.saturating_add(trace_bytes), usize::saturating_add));
    out.extend_from_slice(b"{\"page\":\"");
    escape(out, chunk.text_bytes(chunk.meta().page));
    out.extend_from_slice(b"\",\"plan\":\"");
    escape(out, tables.plan_key(&resolution.page));
    out.extend_from_slice(b"\",\"reason\":\"");
    head(out, resolution.page.reason, locale, release);
    experiments(chunk, out, &resolution.page.enrolments);
    out.extend_from_slice(b"],\"modules\":[");
    for (index, placed) in modules.iter().enumerate() {
        if index != 0 {
            out.push(b',');
        }
        tables.module(out, placed);
        experiments(chunk, out, &placed.resolved.enrolments);
        out.extend_from_slice(b"]}");
    }
    out.push(b']');
    if let Some(receipt) = receipt {
        // Of letters that need no escape.
        out.extend_from_slice(b",\"receipt\":\"");
        out.extend_from_slice(receipt.as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(b",\"valid_until\":");
    match resolution.valid_until_ms {
        Some(at) => {
            out.push(b'"');
            datetime::write(out, at);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
    if let Some(trace) = trace {
        out.extend_from_slice(b",\"trace\":");
        out.extend_from_slice(trace);
    }
    out.push(b'}');
}

/// A page without modules: `Error` from an edge that has no chunk to answer from, `Default` where a
/// manifest switched pages off.
pub fn empty(page: &str, reason: Reason, locale: &str, release: &Release, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"page\":");
    quote(out, page);
    out.extend_from_slice(b",\"plan\":\"default\",\"reason\":\"");
    head(out, reason, locale, release);
    out.extend_from_slice(b"],\"modules\":[],\"valid_until\":null}");
}

/// From the reason's name to the list of experiments, which is left open.
fn head(out: &mut Vec<u8>, reason: Reason, locale: &str, release: &Release) {
    out.extend_from_slice(reason.name().as_bytes());
    out.extend_from_slice(b"\",\"locale\":");
    quote(out, locale);
    out.extend_from_slice(b",\"release\":{\"sequence\":");
    number(out, release.sequence);
    out.extend_from_slice(b",\"snapshot\":\"b3-");
    out.extend_from_slice(release.snapshot.digits().as_flattened());
    out.extend_from_slice(b"\",\"track\":\"");
    out.extend_from_slice(release.track.name().as_bytes());
    out.extend_from_slice(b"\"},\"experiments\":[");
}

/// Where everything around a content lies. Found once an answer: finding it for each module anew cost as much as copying
/// what is found.
struct Tables<'a> {
    heap: &'a [u8],
    slots: Table<'a, Slot>,
    modules: Table<'a, Module>,
    plans: Table<'a, Plan>,
    fragments: Table<'a, Fragment>,
    /// Counting bits is slow where no instruction does it.
    own_locale: Option<(u32, u32)>,
}

impl<'a> Tables<'a> {
    fn of(chunk: &'a Chunk, locale: u32) -> Self {
        Self {
            heap: chunk.section(HEAP),
            slots: chunk.table(),
            modules: chunk.table(),
            plans: chunk.table(),
            fragments: chunk.table(),
            own_locale: chunk.own_locale(locale),
        }
    }

    fn text(&self, text: Text) -> &'a [u8] {
        text.within(self.heap)
    }

    fn content(&self, placed: &Placed) -> &'a [u8] {
        let row = self.own_locale.and_then(|(own, locales)| {
            let row = placed.content.checked_mul(locales)?.checked_add(own)?;
            self.fragments.get(Ref::new(row))
        });
        row.map_or(b"{}", |row| self.text(row.json))
    }

    /// Up to the list of experiments, which is left open. In few pieces, as there are many of these in an answer. (In Wasm,
    /// copying the short ones word by word was no faster than one instruction each.)
    fn module(&self, out: &mut Vec<u8>, placed: &Placed) {
        let slot = self.slots.get(placed.slot).map(|slot| slot.opening);
        let module = self.modules.get(placed.module).map(|module| module.opening);
        out.extend_from_slice(self.text(slot.unwrap_or_default()));
        out.extend_from_slice(self.text(module.unwrap_or_default()));
        escape(out, self.plan_key(&placed.resolved));
        out.extend_from_slice(b"\",\"content\":");
        out.extend_from_slice(self.content(placed));
        out.extend_from_slice(match placed.resolved.reason {
            Reason::Static => b",\"reason\":\"STATIC\",\"experiments\":[".as_slice(),
            Reason::TargetingMatch => b",\"reason\":\"TARGETING_MATCH\",\"experiments\":[",
            Reason::Split => b",\"reason\":\"SPLIT\",\"experiments\":[",
            Reason::Default => b",\"reason\":\"DEFAULT\",\"experiments\":[",
            Reason::Error => b",\"reason\":\"ERROR\",\"experiments\":[",
        });
    }

    /// A default is named by a reserved key.
    fn plan_key(&self, resolved: &Resolved) -> &'a [u8] {
        let plan = resolved.plan.and_then(|plan| self.plans.get(plan));
        plan.map_or(b"default", |plan| self.text(plan.key))
    }
}

fn experiments(chunk: &Chunk, out: &mut Vec<u8>, enrolments: &[Enrolment]) {
    if enrolments.is_empty() {
        return;
    }
    let mut json = Json::new(out);
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
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut unused = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.wrapping_add((number % 10) as u8);
        unused = unused.saturating_sub(1);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(unused..).unwrap_or(&[]));
}
