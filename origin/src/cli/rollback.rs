//! `skyful rollback`: what an environment showed before comes again, under a new sequence.

use serde_json::{Value, json};
use ureq::http::Method;

use super::origin::In;
use super::release::{self, words};
use crate::deliver::api::Call;
use crate::failure::Failure;
use crate::output;
use crate::remote::wire::{Live, Release};
use crate::remote::{self, Place};

#[derive(clap::Args)]
pub struct Args {
    /// Release to take back [default: the one that is under way, otherwise the one that everybody sees]
    #[arg(value_name = "RELEASE")]
    id: Option<i64>,
    /// Go back to what this release showed, by its number or its snapshot (b3-…). That is a release of its own: it takes the
    /// place of what is under way, waits for approval where that is asked for, and goes by the pipeline
    #[arg(long, value_name = "RELEASE", conflicts_with = "id")]
    to: Option<String>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    place: In,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let place = args.place.open()?;
    let nothing = || Failure::fault(format!("nothing is released in {place} yet"));
    let live = place.live()?.ok_or_else(nothing)?;
    let why = args.why.as_deref().unwrap_or_default();
    if let Some(to) = &args.to {
        return go_back(&place, &live, to, why, json);
    }
    let Some(id) = args.id.or(live.under_way).or(live.release) else {
        let failure = Failure::fault(format!("no release of {place} can be taken back"));
        return Err(failure.hint("--to names an earlier one to go back to"));
    };
    let call = Call::new(Method::POST, place.path(&format!("releases/{id}/rollback")));
    let reply = place
        .origin
        .send(remote::json(call.attempts(1), &json!({"why": why})))?;
    let release: Value = place.origin.read(&reply)?;
    if json {
        return output::json(&release);
    }
    let release: Release = place.origin.understood(&release)?;
    let mut text = format!(
        "release {id} of {place}: {}\n",
        words::standing(&release, crate::document::now_ms())
    );
    if let Some(live) = place.live()? {
        let of = live
            .release
            .map_or_else(String::new, |id| format!(", release {id}"));
        text.push_str(&format!(
            "sequence {} shows {}{of}\n",
            live.sequence, live.stable
        ));
    }
    output::text(&text)
}

fn go_back(place: &Place, live: &Live, to: &str, why: &str, json: bool) -> Result<(), Failure> {
    let (snapshot, name) = match to.parse::<i64>() {
        Ok(id) => {
            let path = place.path(&format!("releases/{id}"));
            let release: Release = place.origin.get(&path)?;
            (release.snapshot, format!("release {id}"))
        }
        Err(_) => (to.to_owned(), to.to_owned()),
    };
    let note = match why {
        "" => format!("back to {name}"),
        why => format!("back to {name}: {why}"),
    };
    if let Some(release::Already::Shown) = release::already(place, Some(live), &snapshot)? {
        return release::nothing_new(place, json);
    }
    let click = release::Click::back(note);
    let made = release::click(place, Some(live), &click, json!({"snapshot": snapshot}))?;
    release::made(place, &made, false, json)
}
