//! From the checked model to a snapshot. Only sizes can still be at fault here. The same model always
//! compiles to the same bytes.

mod again;
mod builder;
mod id_lists;
mod index;
mod inputs;
mod page;
mod plans;
pub mod regex;
mod rules;
mod times;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::limits;
use crate::locale::Locales;
use crate::model::{WeeklyWindow, Workspace};
use crate::problem::{Problem, Severity};
use crate::snapshot::listing::{PageEntry, page_hash};
use crate::snapshot::{Chunk, Digest, Kind, Listing};
use page::Parts;

pub use again::Compiler;

/// A compiled workspace: the listing, and all objects it names.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub listing: Listing,
    pub objects: BTreeMap<Digest, Vec<u8>>,
    /// Of what not every edge store takes.
    pub warnings: Vec<Problem>,
}

/// Tells the progress of long work: pages done, pages in all.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// The weekly windows of a schedule as they lie in a chunk: minutes of the week, from and until.
pub(crate) fn windows(weekly: &[WeeklyWindow]) -> Vec<(u32, u32)> {
    let merged = times::windows(weekly).into_iter();
    merged.map(|w| (w.from_min, w.until_min)).collect()
}

/// Compiles every page. Fails only if something is too large for an edge store.
pub fn compile(workspace: &Workspace, progress: Progress<'_>) -> Result<Snapshot, Vec<Problem>> {
    let all = all_locales(workspace);
    let mut pages = Vec::new();
    let mut problems = Vec::new();
    for (done, (key, page)) in workspace.pages.iter().enumerate() {
        progress(done, workspace.pages.len());
        match chunks(&Parts::of(workspace, key, page), all) {
            Ok(chunks) => pages.push((key.as_str(), chunks)),
            Err(problem) => problems.push(problem),
        }
    }
    let shards = id_lists::shards(workspace).unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    progress(workspace.pages.len(), workspace.pages.len());
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(snapshot(workspace, pages, shards))
}

/// One of the chunks of a page.
struct Part {
    locale_mask: u64,
    digest: Digest,
    bytes: Vec<u8>,
}

fn snapshot(
    workspace: &Workspace,
    pages: Vec<(&str, Vec<Part>)>,
    shards: Vec<Vec<u8>>,
) -> Snapshot {
    let mut objects = BTreeMap::new();
    let mut entries = Vec::new();
    let mut warnings = Vec::new();
    for (key, parts) in pages {
        warnings.extend(not_portable(key, &parts));
        for part in parts {
            entries.push(PageEntry {
                page: page_hash(key),
                locale_mask: part.locale_mask,
                chunk: part.digest,
            });
            objects.insert(part.digest, part.bytes);
        }
    }
    entries.sort_unstable();
    let mut id_shards = Vec::new();
    for bytes in shards {
        let digest = Kind::Ids.digest(&bytes);
        id_shards.push(digest);
        objects.insert(digest, bytes);
    }
    let listing = Listing {
        workspace: workspace.key.clone(),
        locales: locales(workspace),
        pages: entries,
        id_shards,
        ofrep: workspace.ofrep.clone(),
    };
    Snapshot {
        listing,
        objects,
        warnings,
    }
}

/// The chunk of a page, or several with fewer locales each if one is too large for an edge store.
fn chunks(page: &Parts<'_>, mask: u64) -> Result<Vec<Part>, Problem> {
    let bytes = page.chunk(mask);
    let one_locale = mask.count_ones() <= 1;
    if bytes.len() <= limits::PORTABLE_BYTES || (one_locale && bytes.len() <= limits::OBJECT_BYTES)
    {
        return opens(page, mask, bytes).map(|part| [part].into());
    }
    if one_locale {
        let message = format!(
            "page `{}` takes {} bytes, an edge store holds at most {}",
            page.key,
            bytes.len(),
            limits::OBJECT_BYTES
        );
        return Err(limit(
            Severity::Error,
            format!("/pages/{}", page.key),
            message,
            "move modules to another page, or shorten contents",
        ));
    }
    // The halves are as large together.
    drop(bytes);
    let (low, high) = halves(mask);
    let mut parts = chunks(page, low)?;
    parts.extend(chunks(page, high)?);
    Ok(parts)
}

/// What no edge would open must not be published. Check has the same limits, so this says something only where a page
/// is beyond one in a way that check doesn't see.
fn opens(page: &Parts<'_>, locale_mask: u64, bytes: Vec<u8>) -> Result<Part, Problem> {
    let digest = Kind::Page.digest(&bytes);
    match Chunk::open(bytes, digest, &page.workspace.key, page.key) {
        Ok(chunk) => Ok(Part {
            locale_mask,
            digest,
            bytes: chunk.into_bytes(),
        }),
        Err(why) => Err(limit(
            Severity::Error,
            format!("/pages/{}", page.key),
            format!(
                "page `{}` makes a chunk that no edge opens: {why}",
                page.key
            ),
            "move modules or plans to another page",
        )),
    }
}

/// A page that has been split as far as it can be, and still some stores refuse it.
fn not_portable(page: &str, parts: &[Part]) -> Option<Problem> {
    let bytes = parts.iter().map(|part| part.bytes.len()).max()?;
    (bytes > limits::PORTABLE_BYTES).then(|| {
        let message = format!(
            "page `{page}` takes {bytes} bytes in one locale; an edge whose store holds at most {} a value, such as Spin's, refuses it",
            limits::PORTABLE_BYTES
        );
        let hint = "move modules to another page or shorten contents, or publish to edges whose store takes more";
        limit(Severity::Warning, format!("/pages/{page}"), message, hint)
    })
}

fn halves(mask: u64) -> (u64, u64) {
    let mut low = 0;
    let mut rest = mask;
    for _ in 0..mask.count_ones() / 2 {
        let bit = rest & rest.wrapping_neg();
        low |= bit;
        rest ^= bit;
    }
    (low, rest)
}

fn limit(severity: Severity, path: String, message: String, hint: &str) -> Problem {
    let hint = Some(hint.to_string());
    Problem {
        severity,
        code: if severity == Severity::Error {
            "limit"
        } else {
            "large_page"
        },
        path,
        line: 0,
        column: 0,
        message,
        hint,
    }
}

fn locales(workspace: &Workspace) -> Locales {
    Locales {
        supported: workspace.locales.supported.clone(),
        default: workspace.locales.default as u32,
        fallback: workspace
            .locales
            .fallback
            .iter()
            .map(|(from, to)| (from.clone(), to.clone()))
            .collect(),
    }
}

/// A bit for each supported locale.
fn all_locales(workspace: &Workspace) -> u64 {
    1_u64
        .checked_shl(workspace.locales.supported.len() as u32)
        .map_or(u64::MAX, |bit| bit.wrapping_sub(1))
}
