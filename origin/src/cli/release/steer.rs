//! What people do with one release, and the emergency switch. What was looked at is named, so that nobody decides about
//! something else.

use serde_json::{Value, json};
use ureq::http::Method;

use super::{line, words};
use crate::cli::origin::In;
use crate::deliver::api::Call;
use crate::failure::Failure;
use crate::output;
use crate::remote::wire::{Live, Release};
use crate::remote::{self, Place};

#[derive(clap::Args)]
pub struct Decide {
    /// Number of the release
    #[arg(value_name = "RELEASE")]
    pub id: i64,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Only if it is still at this version, as `show` said it [default: as it is now]
    #[arg(long, value_name = "NUMBER")]
    if_version: Option<i64>,
    #[command(flatten)]
    place: In,
}

#[derive(clap::Args)]
pub struct Approve {
    /// Only if it is of this snapshot, as `show` said it [default: the one that it is of]
    #[arg(long, value_name = "b3-…")]
    snapshot: Option<String>,
    #[command(flatten)]
    decide: Decide,
}

#[derive(clap::Args)]
pub struct Mode {
    /// run, hold (nobody sees the gray release), defaults (no plan counts), off (empty pages)
    #[arg(value_parser = ["run", "hold", "defaults", "off"])]
    mode: String,
    #[command(flatten)]
    place: In,
}

pub fn steer(verb: &str, args: &Decide, json: bool) -> Result<(), Failure> {
    let place = args.place.open()?;
    let (_, seen) = one(&place, args.id)?;
    done(
        &place,
        &decided(&place, verb, args, &seen, json!({}))?,
        json,
    )
}

pub fn approve(args: &Approve, json: bool) -> Result<(), Failure> {
    let place = args.decide.place.open()?;
    let (_, seen) = one(&place, args.decide.id)?;
    let digest = args.snapshot.as_ref().unwrap_or(&seen.snapshot);
    let body = json!({"digest": digest});
    done(
        &place,
        &decided(&place, "approve", &args.decide, &seen, body)?,
        json,
    )
}

/// A release as it came, and as it is read.
pub fn one(place: &Place, id: i64) -> Result<(Value, Release), Failure> {
    let found: Value = place.origin.get(&place.path(&format!("releases/{id}")))?;
    let release = place.origin.understood(&found)?;
    Ok((found, release))
}

fn decided(
    place: &Place,
    verb: &str,
    args: &Decide,
    seen: &Release,
    mut body: Value,
) -> Result<Value, Failure> {
    body["why"] = json!(args.why.as_deref().unwrap_or_default());
    let version = args.if_version.unwrap_or(seen.version);
    let path = place.path(&format!("releases/{}/{verb}", args.id));
    // Once: the answer to a second time would be that it is so already.
    let call = Call::new(Method::POST, path).attempts(1);
    let call = call.header("if-match", format!("\"{version}\""));
    let reply = place.origin.send(remote::json(call, &body))?;
    place.origin.read(&reply)
}

fn done(place: &Place, release: &Value, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(release);
    }
    let release: Release = place.origin.understood(release)?;
    output::text(&line(place, &release))
}

pub fn mode(args: &Mode, json: bool) -> Result<(), Failure> {
    let place = args.place.open()?;
    let call = Call::new(Method::POST, place.path("mode"));
    let reply = place
        .origin
        .send(remote::json(call, &json!({"mode": args.mode})))?;
    let answer: Value = place.origin.read(&reply)?;
    if json {
        return output::json(&answer);
    }
    let live: Live = place.origin.understood(&answer)?;
    output::text(&format!("{place} {}\n", words::mode(&live.mode)))
}
