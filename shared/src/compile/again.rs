//! Compiling versions of one document, one after the other: what a save doesn't touch is kept.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::inputs::{AllInputs, Inputs};
use super::page::Parts;
use super::{Part, Progress, Snapshot, all_locales, chunks, id_lists, snapshot};
use crate::model::Workspace;
use crate::problem::Problem;
use crate::snapshot::Digest;

/// Keeps the last snapshot, and what its pages were made of.
#[derive(Debug, Default)]
pub struct Compiler {
    last: Option<Snapshot>,
    pages: BTreeMap<String, Kept>,
    compiled: usize,
}

#[derive(Debug)]
struct Kept {
    inputs: Inputs,
    /// Locales and digest of each chunk.
    parts: Vec<(u64, Digest)>,
}

impl Compiler {
    /// What [`super::compile`] gives, to the byte. If that fails, the last snapshot is kept for the next version.
    pub fn compile(
        &mut self,
        workspace: &Workspace,
        progress: Progress<'_>,
    ) -> Result<&Snapshot, Vec<Problem>> {
        let all = all_locales(workspace);
        let mut inputs = AllInputs::of(workspace);
        let mut pages = Vec::with_capacity(workspace.pages.len());
        let mut problems = Vec::new();
        self.compiled = 0;
        for (done, (key, page)) in workspace.pages.iter().enumerate() {
            progress(done, workspace.pages.len());
            let inputs = inputs.page(key, page);
            let known = self.pages.get(key).filter(|kept| kept.inputs == inputs);
            let fresh = match known {
                Some(_) => None,
                None => {
                    self.compiled += 1;
                    match chunks(&Parts::of(workspace, key, page), all) {
                        Ok(parts) => Some(parts),
                        Err(problem) => {
                            problems.push(problem);
                            continue;
                        }
                    }
                }
            };
            pages.push((key, inputs, fresh));
        }
        let shards = id_lists::shards(workspace).unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        });
        progress(workspace.pages.len(), workspace.pages.len());
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut objects = self
            .last
            .take()
            .map(|last| last.objects)
            .unwrap_or_default();
        let mut before = core::mem::take(&mut self.pages);
        let mut parts_of_pages = Vec::with_capacity(pages.len());
        for (key, inputs, fresh) in pages {
            let parts = fresh.unwrap_or_else(|| {
                let kept = before.remove(key);
                let kept = kept.into_iter().flat_map(|kept| kept.parts);
                kept.filter_map(|(locale_mask, digest)| {
                    Some(Part {
                        locale_mask,
                        digest,
                        bytes: objects.remove(&digest)?,
                    })
                })
                .collect()
            });
            let places = parts.iter().map(|part| (part.locale_mask, part.digest));
            let kept = Kept {
                inputs,
                parts: places.collect(),
            };
            self.pages.insert(key.to_string(), kept);
            parts_of_pages.push((key.as_str(), parts));
        }
        Ok(self
            .last
            .insert(snapshot(workspace, parts_of_pages, shards)))
    }

    /// How many pages the last version has made it compile.
    pub fn compiled(&self) -> usize {
        self.compiled
    }
}
