//! The one click: from the draft, or a snapshot from before, to a release that is under way or waits for what it needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use skyful::bucket::SaltHash;
use skyful::check::{self, IdFile, Options};
use skyful::limits;
use skyful::model::pipeline::Pipeline;
use skyful::problem::{Problem, Severity};
use skyful::snapshot::Digest;

use super::desk::{Desk, shown};
use super::plan::Plan;
use super::state::State;
use super::view::Release;
use crate::app::access::{Action, Actor};
use crate::app::drafts::compiled::Draft;
use crate::app::{App, Error};
use crate::failpoint::{self, Point};
use crate::store::StoreError;
use crate::store::sqlite::releases::{self as rows, ReleaseRow};
use crate::store::sqlite::snapshots::{self, HeadRow, SnapshotRow};
use crate::store::sqlite::workspaces::{self, EnvironmentRow};

pub const NOTE_BYTES: usize = 1_000;
/// Releases of an environment that have not begun.
const PENDING: usize = 20;
/// Answers are kept for whoever asks twice.
pub const ONCE_MS: i64 = 24 * 3_600_000;
pub const ONCE_KEY_BYTES: usize = 200;
/// Begins may be planned this far ahead.
const AHEAD_MS: i64 = 366 * 86_400_000;

/// What to release. Empty: the draft as it is, by the pipeline of the environment, now.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of an earlier release.
    pub snapshot: Option<String>,
    /// That was looked at.
    pub revision: Option<i64>,
    /// Sequence that the environment shows; 0 for nothing.
    pub expected_head: Option<i64>,
    pub pipeline: Option<String>,
    pub note: String,
    pub start_ms: Option<i64>,
    /// Takes the place of a release that is under way.
    pub supersede: bool,
}

/// A request that may come twice: its key, and the hash of what it asks.
#[derive(Clone, Debug)]
pub struct Once {
    pub key: String,
    pub request: [u8; 32],
}

/// What is to be released, before the transaction.
enum Source {
    Draft(Arc<Draft>),
    Stored(SnapshotRow),
}

/// Everything that the transaction needs.
struct Ready {
    wanted: Wanted,
    snapshot: String,
    revision: i64,
    source: Source,
    pipelines: BTreeMap<String, Pipeline>,
}

impl App {
    /// As JSON, since a repeated request gets the very answer of the first.
    pub async fn release(
        &self,
        actor: &Actor,
        place: (&str, &str),
        wanted: Wanted,
        once: Option<Once>,
    ) -> Result<Value, Error> {
        actor.need(Action::Release, place.0, Some(place.1))?;
        checked(&wanted, self.now_ms())?;
        if let Some(once) = &once {
            if once.key.is_empty() || once.key.len() > ONCE_KEY_BYTES {
                let detail = format!("an idempotency key has 1 to {ONCE_KEY_BYTES} bytes");
                return Err(Error::invalid(detail).at("Idempotency-Key"));
            }
            let mut tx = self.store.read().await?;
            let since_ms = self.now_ms() - ONCE_MS;
            let key = (&*actor.user, &*once.key);
            if let Some(answer) = rows::answered(&mut tx, place, key, since_ms).await? {
                return repeated(answer, once);
            }
        }
        let source = self.source(place.0, &wanted).await?;
        let ready = self.prepare(source, wanted).await?;
        failpoint::reach(Point::SnapshotCompiled);
        self.at_desk(Some((actor, Action::Release)), place, move |desk| {
            Box::pin(async move { create(desk, ready, once).await })
        })
        .await
    }

    async fn source(&self, workspace: &str, wanted: &Wanted) -> Result<Source, Error> {
        if let Some(named) = &wanted.snapshot {
            let hex = named.strip_prefix("b3-").unwrap_or(named);
            if Digest::from_hex(hex).is_none() {
                let wrong = Error::invalid("a snapshot is named b3- and 64 hex digits");
                return Err(wrong.at("/snapshot"));
            }
            let mut tx = self.store.read().await?;
            let row = snapshots::get(&mut tx, workspace, hex).await?;
            return row.map(Source::Stored).ok_or_else(|| not_kept(hex));
        }
        let draft = self.draft(workspace).await?;
        if let Some(revision) = wanted
            .revision
            .filter(|revision| *revision != draft.revision)
        {
            let mut tx = self.store.read().await?;
            let row = snapshots::of_revision(&mut tx, workspace, revision).await?;
            return row.map(Source::Stored).ok_or_else(|| Error::Moved {
                detail: format!(
                    "the draft is at revision {}, not {revision}",
                    draft.revision
                ),
                hint: "look at what was changed since, and release that".into(),
            });
        }
        if draft.snapshot.is_none() {
            let errors = |problem: &&Problem| problem.severity == Severity::Error;
            let errors = draft.problems.iter().filter(errors).cloned().collect();
            return Err(Error::Faulty(errors));
        }
        Ok(Source::Draft(draft))
    }

    async fn prepare(&self, source: Source, wanted: Wanted) -> Result<Ready, Error> {
        let (snapshot, revision, pipelines) = match &source {
            Source::Draft(draft) => {
                let digest = draft
                    .snapshot
                    .as_ref()
                    .map(|snapshot| snapshot.listing.digest().hex());
                let model = draft.model.as_ref().map(|model| model.pipelines.clone());
                (
                    digest.unwrap_or_default(),
                    draft.revision,
                    model.unwrap_or_default(),
                )
            }
            Source::Stored(row) => {
                let document = row.document.clone();
                let read = self.heavy.run(move || pipelines(&document)).await??;
                (row.digest.clone(), row.revision, read)
            }
        };
        Ok(Ready {
            wanted,
            snapshot,
            revision,
            source,
            pipelines,
        })
    }
}

fn checked(wanted: &Wanted, now_ms: i64) -> Result<(), Error> {
    if wanted.note.len() > NOTE_BYTES {
        return Err(Error::invalid(format!("a note has at most {NOTE_BYTES} bytes")).at("/note"));
    }
    if wanted
        .start_ms
        .is_some_and(|start_ms| start_ms > now_ms + AHEAD_MS)
    {
        return Err(Error::invalid("a release starts within a year").at("/start_at"));
    }
    Ok(())
}

fn not_kept(snapshot: &str) -> Error {
    let snapshot = shown(snapshot);
    Error::NotFound(format!("no snapshot {snapshot} of a release is kept here"))
}

fn repeated((request, answer): (Vec<u8>, String), once: &Once) -> Result<Value, Error> {
    if request != once.request {
        return Err(Error::Unfit {
            detail: "this idempotency key was used for another request".into(),
            hint: "take a new key for a new release".into(),
        });
    }
    let read = serde_json::from_str(&answer);
    read.map_err(|error| StoreError(error.to_string()).into())
}

/// Of a document that was in order when it was released. One that isn't any more has no pipeline that anybody knows, which
/// must not mean everybody at once.
fn pipelines(document: &str) -> Result<BTreeMap<String, Pipeline>, Error> {
    let options = Options {
        now_ms: None,
        // Who is on a list is in the snapshot already.
        read_file: &|_| Ok(IdFile::Hashes(Vec::new())),
    };
    let checked = check::check(document.as_bytes(), &options);
    checked
        .workspace
        .map(|model| model.pipelines)
        .ok_or_else(|| {
            let problem = checked.problems.first();
            let why = problem.map_or_else(String::new, |problem| format!(": {}", problem.message));
            Error::conflict(
                format!("the document of that snapshot isn't in order any more{why}"),
                "import its document, mend it, and release the draft",
            )
        })
}

async fn create(mut desk: Desk<'_>, ready: Ready, once: Option<Once>) -> Result<Value, Error> {
    let (workspace, env) = desk.place;
    if let Some(once) = &once {
        let key = (&*desk.actor.user, &*once.key);
        let since_ms = desk.now_ms - ONCE_MS;
        if let Some(answer) = rows::answered(desk.tx, desk.place, key, since_ms).await? {
            return repeated(answer, once);
        }
    }
    let environment = workspaces::environment(desk.tx, workspace, env).await?;
    let environment =
        environment.ok_or_else(|| Error::NotFound(format!("no environment `{env}`")))?;
    let (name, pipeline) = chosen(&ready, &environment)?;
    let head = desk.head().await?;
    fits_head(&ready, head.as_ref())?;
    let states = [State::Checked, State::Approved];
    if rows::in_states(desk.tx, desk.place, &states).await?.len() >= PENDING {
        let detail = format!("{PENDING} releases of `{env}` have not begun");
        return Err(Error::conflict(
            detail,
            "cancel those that are not wanted any more",
        ));
    }
    desk.keep(&ready).await?;
    let full = rows::in_states(desk.tx, desk.place, &[State::Full]).await?;
    let id = rows::next_id(desk.tx, desk.place).await?;
    let plan = Plan::of(pipeline);
    let mut row = ReleaseRow {
        workspace: workspace.to_owned(),
        env: env.to_owned(),
        id,
        version: 0,
        state: if environment.protected {
            State::Checked
        } else {
            State::Approved
        },
        salt: SaltHash::of(&format!("gray/{workspace}/{env}/{id}/{}", ready.snapshot))
            .0
            .cast_signed(),
        snapshot: ready.snapshot,
        revision: ready.revision,
        note: ready.wanted.note,
        base: head.map(|head| head.stable),
        base_release: full.first().map(|row| row.id),
        pipeline: name,
        plan: serde_json::to_string(&plan).map_err(|error| StoreError(error.to_string()))?,
        supersede: ready.wanted.supersede,
        start_ms: ready.wanted.start_ms,
        step: None,
        step_ms: None,
        sequence: None,
        halted: None,
        halted_ms: None,
        alarmed_ms: None,
        author: desk.actor.user.clone(),
        author_name: desk.actor.name.clone(),
        approver: None,
        approved_ms: None,
        created_ms: desk.now_ms,
        ended_ms: None,
    };
    let detail =
        json!({"snapshot": shown(&row.snapshot), "revision": row.revision, "note": row.note});
    desk.happened(&mut row, None, "create", detail).await?;
    failpoint::reach(Point::ReleaseCreated);
    desk.begin_if_due(&mut row).await?;
    let staff = desk.staff().await?;
    let answer = Release::of(&row, None, !staff.is_empty(), desk.now_ms);
    let answer = serde_json::to_value(answer).map_err(|error| StoreError(error.to_string()))?;
    if let Some(once) = &once {
        let key = (&*desk.actor.user, &*once.key);
        let kept = (&once.request[..], &*answer.to_string());
        let times = (desk.now_ms, desk.now_ms - ONCE_MS);
        rows::answer(desk.tx, desk.place, key, kept, times).await?;
    }
    Ok(answer)
}

/// What the environment shows must be what its releaser saw, and leave room for this one.
fn fits_head(ready: &Ready, head: Option<&HeadRow>) -> Result<(), Error> {
    let sequence = head.map_or(0, |head| head.sequence);
    if ready
        .wanted
        .expected_head
        .is_some_and(|expected| expected != sequence)
    {
        return Err(Error::Moved {
            detail: format!("the environment shows sequence {sequence}"),
            hint: "look at what is live now, and release again".into(),
        });
    }
    if let Some(under_way) = head
        .and_then(|head| head.release)
        .filter(|_| !ready.wanted.supersede)
    {
        let detail = format!("release {under_way} is under way");
        let hint =
            "finish, pause or roll it back first, or send \"supersede\": true to take its place";
        return Err(Error::conflict(detail, hint));
    }
    if head.is_some_and(|head| head.stable == ready.snapshot && head.release.is_none()) {
        let detail = "everybody sees this snapshot already";
        return Err(Error::conflict(
            detail,
            "there is nothing to release until the draft changes what visitors see",
        ));
    }
    Ok(())
}

/// The pipeline that was named, or the environment's, or the one of its name, or none.
fn chosen(
    ready: &Ready,
    environment: &EnvironmentRow,
) -> Result<(Option<String>, Pipeline), Error> {
    let named = ready
        .wanted
        .pipeline
        .as_ref()
        .or(environment.pipeline.as_ref());
    if let Some(name) = named {
        let Some(pipeline) = ready.pipelines.get(name) else {
            let known: Vec<&str> = ready.pipelines.keys().map(String::as_str).collect();
            let wrong = Error::invalid(format!("the document has no pipeline `{name}`"));
            let hint = match known.as_slice() {
                [] => "it has none: add one under `pipelines`".to_owned(),
                known => format!("it has {}", known.join(", ")),
            };
            return Err(wrong.at("/pipeline").hint(hint));
        };
        return Ok((Some(name.clone()), pipeline.clone()));
    }
    // Keys of a document have no dashes.
    let own = environment.key.replace('-', "_");
    Ok(match ready.pipelines.get(&own) {
        Some(pipeline) => (Some(own), pipeline.clone()),
        None => (None, Pipeline::at_once()),
    })
}

impl Desk<'_> {
    /// The snapshot with all its parts, and the document that it was compiled from.
    async fn keep(&mut self, ready: &Ready) -> Result<(), Error> {
        let kept = snapshots::get(self.tx, self.place.0, &ready.snapshot).await?;
        let Source::Draft(draft) = &ready.source else {
            // It may have been let go since it was looked for.
            return kept.map_or_else(|| Err(not_kept(&ready.snapshot)), |_| Ok(()));
        };
        let Some(snapshot) = draft.snapshot.as_ref().filter(|_| kept.is_none()) else {
            return Ok(());
        };
        if draft.text.len() > limits::DOCUMENT_BYTES {
            return Err(Error::invalid("the document is larger than allowed"));
        }
        let row = SnapshotRow {
            digest: ready.snapshot.clone(),
            revision: draft.revision,
            document: draft.text.clone(),
            listing: snapshot.listing.to_object(),
            created_ms: self.now_ms,
        };
        snapshots::add(self.tx, self.place.0, &row).await?;
        for (digest, bytes) in &snapshot.objects {
            let chunk = (&*digest.hex(), &**bytes);
            snapshots::add_chunk(self.tx, self.place.0, &row.digest, chunk).await?;
            failpoint::reach(Point::SnapshotPartKept);
        }
        Ok(())
    }
}
