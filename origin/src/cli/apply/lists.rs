//! Lists of ids that a document names: which are beside it, which only the origin has, and which have to go there. An origin
//! keeps hashes, so both sides are compared by them.

use std::path::{Path, PathBuf};

use serde_json::Value;
use skyful::check::{IdFile, IdLines};
use skyful::ids::IdKey;
use skyful::limits;
use ureq::http::Method;

use crate::app::Error;
use crate::app::drafts::{id_lists, path};
use crate::cli::export::{self, revision};
use crate::deliver::api::Call;
use crate::failure::Failure;
use crate::output;
use crate::remote::Place;
use crate::remote::wire::IdList;

pub struct Lists {
    /// Those beside the document that the origin doesn't have like this.
    pub changed: Vec<Changed>,
    /// Segments whose list only the origin has.
    elsewhere: Vec<String>,
}

pub struct Changed {
    pub name: String,
    file: PathBuf,
    ids: usize,
    /// Ids and version of what the origin has.
    before: Option<(usize, i64)>,
}

/// What the origin has.
pub fn known(place: &Place) -> Result<Vec<IdList>, Failure> {
    place.origin.all(&place.draft("id_lists"))
}

/// As many ids as the origin has: which ones it tells nobody.
pub fn elsewhere(known: &[IdList], name: &str) -> Option<IdFile> {
    let list = known.iter().find(|list| list.key == name)?;
    Some(IdFile::Hashes((0..list.value.ids as u64).collect()))
}

impl Lists {
    /// Of a document that was read without errors.
    pub fn of(
        document: &Path,
        value: &Value,
        (workspace, known): (&str, Vec<IdList>),
    ) -> Result<Self, Failure> {
        let mut lists = Self {
            changed: Vec::new(),
            elsewhere: Vec::new(),
        };
        for (segment, name) in export::lists(value) {
            let before = known.iter().find(|list| list.key == name);
            let file = document.with_file_name(&name);
            if before.is_some() && !file.exists() {
                lists.elsewhere.push(segment);
                continue;
            }
            path::id_list(&name).map_err(unnameable)?;
            let (digest, ids) = digest(&file, workspace)?;
            let same = before.is_some_and(|before| before.value.digest == digest);
            if same || lists.changed.iter().any(|list| list.name == name) {
                continue;
            }
            lists.changed.push(Changed {
                before: before.map(|before| (before.value.ids, before.version)),
                name,
                file,
                ids,
            });
        }
        Ok(lists)
    }

    pub fn all_here(&self) -> bool {
        self.elsewhere.is_empty()
    }

    /// Whether a change is about ids that aren't known here.
    pub fn is_elsewhere(&self, path: &[String]) -> bool {
        match path {
            [segments, key, ..] => segments == "segments" && self.elsewhere.contains(key),
            _ => false,
        }
    }
}

impl Changed {
    pub fn line(&self) -> String {
        let now = output::count(self.ids, "id");
        match self.before {
            Some((before, _)) => format!("upload {}: {now}, {before} before\n", self.name),
            None => format!("upload {}: {now}\n", self.name),
        }
    }

    /// Gives the revision of the draft that has it.
    pub fn put(&self, place: &Place) -> Result<i64, Failure> {
        let text =
            std::fs::read(&self.file).map_err(|error| Failure::io("read", &self.file, &error))?;
        let call = Call::new(Method::PUT, place.draft(&format!("id_lists/{}", self.name)));
        let call = match self.before {
            Some((_, version)) => call.header("if-match", format!("\"{version}\"")),
            None => call.header("if-none-match", "*"),
        };
        let reply = place.origin.upload(call.body("text/csv", text))?;
        Ok(revision(reply.header("etag")))
    }
}

fn digest(file: &Path, workspace: &str) -> Result<(String, usize), Failure> {
    let text = std::fs::read(file).map_err(|error| Failure::io("read", file, &error))?;
    let mut lines = IdLines::new(IdKey::of_workspace(workspace), limits::IDS);
    let read = lines.push(&text).and_then(|()| lines.finish());
    let (hashes, ..) =
        read.map_err(|_| Failure::fault(format!("{} is too long", file.display())))?;
    Ok((id_lists::digest(&hashes), hashes.len()))
}

fn unnameable(error: Error) -> Failure {
    let Error::Invalid { detail, hint, .. } = error else {
        return Failure::fault("this is no name for a list of ids");
    };
    let failure = Failure::fault(detail);
    match hint {
        Some(hint) => failure.hint(format!("an origin keeps lists without folders: {hint}")),
        None => failure,
    }
}
