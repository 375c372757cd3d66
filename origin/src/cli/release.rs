//! `skyful release`: the one click, and everything that people do with a release afterwards. What `apply` and `rollback` do
//! with releases goes through here too.

mod look;
mod steer;
mod watch;
pub mod words;

use clap::Subcommand;
use serde_json::{Value, json};
use ureq::http::Method;

use super::origin::In;
use crate::deliver::api::Call;
use crate::document::now_ms;
use crate::failure::Failure;
use crate::output;
use crate::remote::wire::{Listed, Live, Release};
use crate::remote::{self, Place};
pub use watch::watch;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    click: Click,
    /// Only if the draft is still at this revision
    #[arg(long, value_name = "NUMBER")]
    revision: Option<i64>,
    /// Release this snapshot of an earlier release instead of the draft
    #[arg(long, value_name = "b3-…", conflicts_with = "revision")]
    snapshot: Option<String>,
    #[command(flatten)]
    place: In,
}

/// What can be said of a release that is to be.
#[derive(clap::Args)]
pub struct Click {
    /// What it is about, for the history
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Pipeline of the document to go by [default: that of the environment]
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Don't begin before this instant, for example 2026-12-01T09:00:00+08:00
    #[arg(long, value_name = "INSTANT")]
    start_at: Option<String>,
    /// Take the place of a release that is under way
    #[arg(long)]
    pub supersede: bool,
    /// Watch it until everybody sees it; exit code 1 if it is halted or doesn't come to that
    #[arg(long)]
    pub wait: bool,
}

#[derive(Subcommand)]
enum Command {
    /// The releases of an environment, the newest first
    List(look::List),
    /// One release: how it stands, what it changes for visitors, what happened to it
    Show(One),
    /// What an environment shows, and how far that is delivered
    Live(In),
    /// Follow a release until everybody sees it; exit code 1 if it is halted or doesn't come to that
    Watch(One),
    /// Let a release of somebody else go out
    Approve(steer::Approve),
    /// Send a release back to its author
    Reject(steer::Decide),
    /// Give a release up before it begins
    Cancel(steer::Decide),
    /// Stop a release where it is
    Pause(steer::Decide),
    /// Let a release go on that was paused or halted
    Resume(steer::Decide),
    /// Take a release to its next step, whatever gates say
    Skip(steer::Decide),
    /// The emergency switch: what edges of an environment do with what is released
    Mode(steer::Mode),
}

#[derive(clap::Args)]
struct One {
    /// Number of the release
    #[arg(value_name = "RELEASE")]
    id: i64,
    #[command(flatten)]
    place: In,
}

impl Click {
    /// At once: whatever is under way makes room.
    pub fn back(note: String) -> Self {
        Self {
            note: Some(note),
            pipeline: None,
            start_at: None,
            supersede: true,
            wait: false,
        }
    }
}

/// What is there of a snapshot before it is released.
pub enum Already {
    Shown,
    /// On its way, or waiting for its approval or its time.
    Released(Value),
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    match &args.command {
        None => one_click(args, json),
        Some(Command::List(args)) => look::list(args, json),
        Some(Command::Show(one)) => look::show(&one.place.open()?, one.id, json),
        Some(Command::Live(place)) => look::live(&place.open()?, json),
        Some(Command::Watch(one)) => watch(&one.place.open()?, one.id, json),
        Some(Command::Approve(args)) => steer::approve(args, json),
        Some(Command::Reject(args)) => steer::steer("reject", args, json),
        Some(Command::Cancel(args)) => steer::steer("cancel", args, json),
        Some(Command::Pause(args)) => steer::steer("pause", args, json),
        Some(Command::Resume(args)) => steer::steer("resume", args, json),
        Some(Command::Skip(args)) => steer::steer("skip", args, json),
        Some(Command::Mode(args)) => steer::mode(args, json),
    }
}

fn one_click(args: &Args, json: bool) -> Result<(), Failure> {
    let place = args.place.open()?;
    let live = place.live()?;
    if args.snapshot.is_none() {
        let draft = draft_digest(&place)?;
        match already(&place, live.as_ref(), &draft)? {
            Some(Already::Shown) => return nothing_new(&place, json),
            Some(Already::Released(release)) => {
                return found(&place, &release, args.click.wait, json);
            }
            None => {}
        }
    }
    let more = json!({"snapshot": args.snapshot, "revision": args.revision});
    let release = click(&place, live.as_ref(), &args.click, more)?;
    made(&place, &release, args.click.wait, json)
}

/// The snapshot that the draft is, as the origin compiled it.
pub fn draft_digest(place: &Place) -> Result<String, Failure> {
    let reply = place
        .origin
        .send(Call::new(Method::GET, place.draft("preview/listing")))?;
    let etag = reply.header("etag").unwrap_or_default();
    Ok(etag.trim_matches('"').to_owned())
}

/// Whether a snapshot needs no release any more.
pub fn already(
    place: &Place,
    live: Option<&Live>,
    snapshot: &str,
) -> Result<Option<Already>, Failure> {
    if live.is_some_and(|live| live.stable == snapshot && live.under_way.is_none()) {
        return Ok(Some(Already::Shown));
    }
    let newest: Listed<Value> = place.origin.get(&place.path("releases"))?;
    for found in newest.items {
        let release: Release = place.origin.understood(&found)?;
        let coming = release.state.pending() || release.state.under_way();
        if coming && release.snapshot == snapshot {
            return Ok(Some(Already::Released(found)));
        }
    }
    Ok(None)
}

pub fn nothing_new(place: &Place, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&json!({"released": false, "release": null}));
    }
    output::text(&format!("{place} shows this already: nothing to release\n"))
}

/// Releases what `more` says, only if the environment still shows what was looked at.
pub fn click(
    place: &Place,
    live: Option<&Live>,
    click: &Click,
    more: Value,
) -> Result<Value, Failure> {
    in_the_way(place, live, click.supersede)?;
    if let Some(live) = live.filter(|live| live.mode != "run") {
        output::warning(&format!("{place} {}", words::mode(&live.mode)));
    }
    let mut body = json!({"expected_head": live.map_or(0, |live| live.sequence), "supersede": click.supersede,
        "note": click.note.as_deref().unwrap_or_default(), "pipeline": click.pipeline, "start_at": click.start_at});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    // An answer that is lost is asked for again, and the release isn't made again.
    let call = Call::new(Method::POST, place.path("releases")).header("idempotency-key", key()?);
    let reply = place.origin.send(remote::json(call, &body))?;
    place.origin.read(&reply)
}

/// Told before anything is changed.
pub fn in_the_way(place: &Place, live: Option<&Live>, supersede: bool) -> Result<(), Failure> {
    match live.and_then(|live| live.under_way).filter(|_| !supersede) {
        None => Ok(()),
        Some(id) => {
            let failure = Failure::fault(format!("release {id} of {place} is under way"));
            let env = &place.env.key;
            Err(failure.hint(format!(
                "wait for it (`skyful release watch {id} --env {env}`), take it back (`skyful rollback --env {env}`), \
                 or say --supersede to take its place"
            )))
        }
    }
}

fn key() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::usage(format!("no randomness to be had: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// One that was made before needs no second one.
pub fn found(place: &Place, release: &Value, wait: bool, json: bool) -> Result<(), Failure> {
    match json {
        true => output::json(&json!({"released": false, "release": release}))?,
        false => output::say("a release of this is there already"),
    }
    follow(place, release, wait, json)
}

/// One that was made now.
pub fn made(place: &Place, release: &Value, wait: bool, json: bool) -> Result<(), Failure> {
    if json {
        output::json(&json!({"released": true, "release": release}))?;
    }
    follow(place, release, wait, json)
}

/// What became of a release, and on request what becomes of it.
pub fn follow(place: &Place, release: &Value, wait: bool, json: bool) -> Result<(), Failure> {
    let release: Release = place.origin.understood(release)?;
    if !json {
        output::text(&line(place, &release))?;
        next(place, &release, wait)?;
    }
    match wait {
        true => watch(place, release.id, json),
        false => Ok(()),
    }
}

/// `release 7 of wallet/prod: …`.
fn line(place: &Place, release: &Release) -> String {
    let standing = words::standing(release, now_ms());
    let id = release.id;
    match release.sequence.filter(|_| !release.state.pending()) {
        Some(sequence) => format!("release {id} of {place}: {standing} (sequence {sequence})\n"),
        None => format!("release {id} of {place}: {standing}\n"),
    }
}

/// What waits for whom.
fn next(place: &Place, release: &Release, waits: bool) -> Result<(), Failure> {
    let (id, env) = (release.id, &place.env.key);
    if release.state == crate::app::releases::state::State::Checked {
        let approvers = words::approvers(&place.members()?, env, &release.author);
        output::say(&format!(
            "{approvers}: `skyful release approve {id} --env {env}`"
        ));
    } else if !release.state.ended() && !waits {
        output::say(&format!(
            "`skyful release watch {id} --env {env}` follows it"
        ));
    }
    Ok(())
}
