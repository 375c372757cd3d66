//! From the checked model to a snapshot. Only sizes can still be at fault here. The same model always
//! compiles to the same bytes.

mod builder;
mod id_lists;
mod index;
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

/// A compiled workspace: the listing, and all objects it names.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub listing: Listing,
    pub objects: BTreeMap<Digest, Vec<u8>>,
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
    let mut objects = BTreeMap::new();
    let mut pages = Vec::new();
    let mut problems = Vec::new();
    let locales = locales(workspace);
    let all = all_locales(&locales);
    for (done, key) in workspace.pages.keys().enumerate() {
        progress(done, workspace.pages.len());
        match chunks(workspace, key, all) {
            Ok(chunks) => {
                for (locale_mask, bytes) in chunks {
                    let chunk = Kind::Page.digest(&bytes);
                    pages.push(PageEntry {
                        page: page_hash(key),
                        locale_mask,
                        chunk,
                    });
                    objects.insert(chunk, bytes);
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    pages.sort_unstable();
    let mut id_shards = Vec::new();
    match id_lists::shards(workspace) {
        Ok(shards) => {
            for bytes in shards {
                let digest = Kind::Ids.digest(&bytes);
                id_shards.push(digest);
                objects.insert(digest, bytes);
            }
        }
        Err(problem) => problems.push(problem),
    }
    progress(workspace.pages.len(), workspace.pages.len());
    if !problems.is_empty() {
        return Err(problems);
    }
    let listing = Listing {
        workspace: workspace.key.clone(),
        locales,
        pages,
        id_shards,
        ofrep: workspace.ofrep.clone(),
    };
    Ok(Snapshot { listing, objects })
}

/// The chunk of a page, or several with fewer locales each if one is too large for an edge store.
fn chunks(workspace: &Workspace, page: &str, mask: u64) -> Result<Vec<(u64, Vec<u8>)>, Problem> {
    let bytes = page::chunk(workspace, page, mask);
    let one_locale = mask.count_ones() <= 1;
    if bytes.len() <= limits::PORTABLE_BYTES || (one_locale && bytes.len() <= limits::OBJECT_BYTES)
    {
        return opens(workspace, page, bytes).map(|bytes| [(mask, bytes)].into());
    }
    if one_locale {
        let message = format!(
            "page `{page}` takes {} bytes, an edge store holds at most {}",
            bytes.len(),
            limits::OBJECT_BYTES
        );
        return Err(too_large(
            format!("/pages/{page}"),
            message,
            "move modules to another page, or shorten contents",
        ));
    }
    let (low, high) = halves(mask);
    let mut parts = chunks(workspace, page, low)?;
    parts.extend(chunks(workspace, page, high)?);
    Ok(parts)
}

/// What no edge would open must not be published. Check has the same limits, so this says something only where a page
/// is beyond one in a way that check doesn't see.
fn opens(workspace: &Workspace, page: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let digest = Kind::Page.digest(&bytes);
    match Chunk::open(bytes, digest, &workspace.key, page) {
        Ok(chunk) => Ok(chunk.into_bytes()),
        Err(why) => Err(too_large(
            format!("/pages/{page}"),
            format!("page `{page}` makes a chunk that no edge opens: {why}"),
            "move modules or plans to another page",
        )),
    }
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

fn too_large(path: String, message: String, hint: &str) -> Problem {
    let hint = Some(hint.to_string());
    Problem {
        severity: Severity::Error,
        code: "limit",
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

fn all_locales(locales: &Locales) -> u64 {
    1_u64
        .checked_shl(locales.supported.len() as u32)
        .map_or(u64::MAX, |bit| bit.wrapping_sub(1))
}
