//! `skyful apply`: an environment is to show what a document says. The document becomes the draft, with the lists of ids that
//! it names, and the draft is released; where everybody sees it already, nothing is done.

mod against;
mod lists;

use std::path::PathBuf;

use serde_json::{Value, json};
use ureq::http::Method;

use super::export::revision;
use super::origin::In;
use super::release::{self, Already, Click};
use super::{compiled, diff};
use crate::app::drafts::import;
use crate::deliver::api::Call;
use crate::diff::Change;
use crate::document::Document;
use crate::failure::Failure;
use crate::remote::Place;
use crate::remote::wire::Live;
use crate::{output, report};
use lists::Lists;

#[derive(clap::Args)]
pub struct Args {
    /// Workspace document, YAML or JSON
    file: PathBuf,
    /// Only if the draft is still at this revision, as `export` said it
    #[arg(long, value_name = "NUMBER")]
    revision: Option<i64>,
    /// Show what is wrong and what would change for visitors, and change nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    #[command(flatten)]
    click: Click,
    #[command(flatten)]
    place: In,
}

/// What is known before anything is changed.
struct Plan {
    document: Document,
    lists: Lists,
    live: Option<Live>,
    /// Of the draft.
    revision: i64,
    /// Whether the draft is what the document says.
    same_draft: bool,
    /// Of what the document compiles to, if all of its ids are known here.
    snapshot: Option<String>,
    changes: Vec<Change>,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let text =
        std::fs::read(&args.file).map_err(|error| Failure::io("read", &args.file, &error))?;
    // What isn't one is told with its place, by the check.
    let value = import::read(&text).unwrap_or(Value::Null);
    let place = open(args, value["workspace"].as_str())?;
    let plan = Plan::of(args, &place, &value, json)?;
    if !json {
        report::problems(&plan.document);
    }
    if let Some(already) = plan.already(&place)? {
        if !json && !plan.same_draft {
            output::say("the draft says something else, and stays as it is");
        }
        return shown(&place, &already, args, json);
    }
    if !json {
        output::text(&plan.told(&place))?;
    }
    if args.dry_run {
        if json {
            return output::json(&plan.as_json(None));
        }
        output::say("nothing was changed: leave out --dry-run to apply it");
        return Ok(());
    }
    release::in_the_way(&place, plan.live.as_ref(), args.click.supersede)?;
    let revision = plan.put(&place)?;
    // Where ids are known to the origin alone, only it can say what the draft compiles to.
    if plan.snapshot.is_none() {
        let draft = release::draft_digest(&place)?;
        if let Some(already) = release::already(&place, plan.live.as_ref(), &draft)? {
            return shown(&place, &already, args, json);
        }
    }
    let more = json!({"revision": revision});
    let made = release::click(&place, plan.live.as_ref(), &args.click, more)?;
    if json {
        output::json(&plan.as_json(Some((revision, &made))))?;
    }
    release::follow(&place, &made, args.click.wait, json)
}

/// The document names its workspace.
fn open(args: &Args, named: Option<&str>) -> Result<Place, Failure> {
    let asked = args.place.reach.workspace.as_deref();
    match (asked, named) {
        (Some(asked), Some(named)) if asked != named => {
            let file = args.file.display();
            let failure = Failure::usage(format!(
                "{file} is the document of `{named}`, not of `{asked}`"
            ));
            Err(failure.hint("leave out --workspace (SKYFUL_WORKSPACE), or name another document"))
        }
        _ => args.place.open_workspace(named.or(asked)),
    }
}

fn shown(place: &Place, already: &Already, args: &Args, json: bool) -> Result<(), Failure> {
    match already {
        Already::Shown => release::nothing_new(place, json),
        Already::Released(found) => release::found(place, found, args.click.wait, json),
    }
}

impl Plan {
    fn of(args: &Args, place: &Place, value: &Value, json: bool) -> Result<Self, Failure> {
        let known = lists::known(place)?;
        let mut document =
            Document::read_beside(&args.file, &|name| lists::elsewhere(&known, name))?;
        let snapshot = compiled(&mut document, json)?;
        let lists = Lists::of(&args.file, value, (&place.workspace, known))?;
        let call = Call::new(Method::GET, place.draft("document"));
        let draft = place.origin.send(call)?;
        let at = revision(draft.header("etag"));
        if args.revision.is_some_and(|expected| expected != at) {
            let failure = Failure::fault(format!("the draft is at revision {at}"));
            return Err(failure.hint("export it again, and put your changes on top"));
        }
        let same = import::same(&place.workspace, &document.text, &draft.body);
        let live = place.live()?;
        let mut changes = against::live(place, live.as_ref(), &snapshot)?;
        // Of lists that aren't here nobody can say here what changed.
        changes.retain(|change| !lists.is_elsewhere(&change.path));
        let exact = lists.all_here();
        Ok(Self {
            same_draft: same && lists.changed.is_empty(),
            snapshot: exact.then(|| snapshot.listing.digest().to_string()),
            document,
            lists,
            live,
            revision: at,
            changes,
        })
    }

    /// None: something is to be done.
    fn already(&self, place: &Place) -> Result<Option<Already>, Failure> {
        let snapshot = match (&self.snapshot, self.same_draft) {
            (Some(snapshot), _) => snapshot.clone(),
            (None, true) => release::draft_digest(place)?,
            (None, false) => return Ok(None),
        };
        release::already(place, self.live.as_ref(), &snapshot)
    }

    /// What changes, for people.
    fn told(&self, place: &Place) -> String {
        let uploads: String = self
            .lists
            .changed
            .iter()
            .map(lists::Changed::line)
            .collect();
        if self.live.is_none() {
            return format!("{uploads}the first release of {place}: all of it is new\n");
        }
        let lines: String = self.changes.iter().map(diff::line).collect();
        let summary = diff::summary(&self.changes);
        format!("{uploads}{lines}what changes for visitors of {place}: {summary}\n")
    }

    fn as_json(&self, done: Option<(i64, &Value)>) -> Value {
        let uploaded: Vec<&str> = self.lists.changed.iter().map(|list| &*list.name).collect();
        let mut told = report::as_json(&self.document);
        told["changes"] = json!(self.changes);
        told["id_lists"] = json!(uploaded);
        told["draft_changed"] = json!(!self.same_draft);
        told["revision"] = json!(done.map_or(self.revision, |(revision, _)| revision));
        told["released"] = json!(done.is_some());
        told["release"] = done.map_or(Value::Null, |(_, release)| release.clone());
        told
    }

    /// Makes the draft what the document says. Gives its revision.
    fn put(&self, place: &Place) -> Result<i64, Failure> {
        if self.same_draft {
            return Ok(self.revision);
        }
        // What it names may come after it: a draft is allowed to have errors.
        let call = Call::new(Method::PUT, place.draft("document"))
            .attempts(1)
            .header("if-match", format!("\"{}\"", self.revision))
            .body("application/yaml", self.document.text.clone());
        let reply = place.origin.send(call)?;
        let mut at = revision(reply.header("etag"));
        for list in &self.lists.changed {
            at = list.put(place)?;
        }
        Ok(at)
    }
}
