//! Releases as they are: the list, one of them, what an environment shows.

use serde_json::{Value, json};

use super::{line, steer, words};
use crate::cli::diff;
use crate::cli::origin::In;
use crate::failure::Failure;
use crate::output::{self, BOLD, DIM, PLAIN};
use crate::remote::Place;
use crate::remote::wire::{Changes, Delivery, Detailed, Listed, Live, Release};

#[derive(clap::Args)]
pub struct List {
    /// All of them, not only the newest
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: In,
}

pub fn list(args: &List, json: bool) -> Result<(), Failure> {
    let place = args.place.open()?;
    let path = place.path("releases");
    let (found, more) = match args.all {
        true => (place.origin.all::<Value>(&path)?, false),
        false => {
            let newest: Listed<Value> = place.origin.get(&path)?;
            (newest.items, newest.next.is_some())
        }
    };
    if json {
        return output::json(&json!({"items": found, "more": more}));
    }
    let members = place.members()?;
    let mut text = String::new();
    for found in &found {
        let release: Release = place.origin.understood(found)?;
        let state = release.state.name();
        let share = match release.state.under_way() {
            true => words::share(release.share),
            false => String::new(),
        };
        let author = words::person(&release.author, &members);
        let (id, created) = (release.id, words::instant(&release.created_at));
        let row = format!(
            "{id:>5}  {state:<11} {share:>7}  {created}  {author}  {}",
            release.note
        );
        text.push_str(row.trim_end());
        text.push('\n');
    }
    output::text(&text)?;
    if found.is_empty() {
        output::say(&format!("nothing was released in {place} yet"));
    }
    if more {
        output::say("older ones: --all");
    }
    Ok(())
}

pub fn show(place: &Place, id: i64, json: bool) -> Result<(), Failure> {
    let (found, _) = steer::one(place, id)?;
    let changes: Value = place
        .origin
        .get(&place.path(&format!("releases/{id}/changes")))?;
    if json {
        let mut all = found;
        all["changes"] = changes;
        return output::json(&all);
    }
    let Detailed { release, timeline } = place.origin.understood(&found)?;
    let members = place.members()?;
    let mut text = line(place, &release);
    let mut field = |name: &str, value: &str| {
        text.push_str(&format!("{DIM}{name:<10}{PLAIN} {value}\n"));
    };
    field("snapshot", &release.snapshot);
    field("version", &release.version.to_string());
    let author = words::person(&release.author, &members);
    let created = words::instant(&release.created_at);
    field("author", &format!("{author}, {created}"));
    if let Some(approver) = &release.approved_by {
        field("approved", &words::person(approver, &members));
    }
    if !release.note.is_empty() {
        field("note", &release.note);
    }
    if let Some(health) = &release.health {
        field("health", &words::health(health));
    }
    if let Some(halted) = &release.halted {
        field("to do", &halted.hint);
    }
    text.push_str(&changed(place, &changes)?);
    text.push_str(&format!("\n{BOLD}what happened{PLAIN}\n"));
    for one in &timeline {
        let at = words::instant(&one.at);
        let words = words::happened(one, &members);
        text.push_str(&format!("{DIM}{at}{PLAIN}  {words}\n"));
    }
    output::text(&text)
}

fn changed(place: &Place, changes: &Value) -> Result<String, Failure> {
    let changes: Changes = place.origin.understood(changes)?;
    if changes.before.is_none() {
        return Ok("\nthe first one: all of it is new\n".to_owned());
    }
    let shown = changes.changes.len();
    let lines: String = changes.changes.iter().map(diff::line).collect();
    let more = match changes.total.saturating_sub(shown) {
        0 => String::new(),
        more => format!("… and {more} more\n"),
    };
    Ok(match changes.total {
        0 => "\nnothing changes for visitors\n".to_owned(),
        _ => format!("\n{BOLD}what changes for visitors{PLAIN}\n{lines}{more}"),
    })
}

pub fn live(place: &Place, json: bool) -> Result<(), Failure> {
    let live = place.live_as_it_came()?;
    let delivery: Value = place.origin.get(&place.path("delivery"))?;
    if json {
        return output::json(&json!({"live": live, "delivery": delivery}));
    }
    let Some(live) = live else {
        return output::text(&format!("nothing is released in {place} yet\n"));
    };
    let live: Live = place.origin.understood(&live)?;
    let mode = match live.mode.as_str() {
        "run" => String::new(),
        other => format!("; it {}", words::mode(other)),
    };
    let mut text = format!("{place} shows sequence {}{mode}\n", live.sequence);
    let of = |id: Option<i64>| id.map_or_else(String::new, |id| format!(", release {id}"));
    text.push_str(&format!(
        "{DIM}stable{PLAIN}  {}{}\n",
        live.stable,
        of(live.release)
    ));
    if let Some(gray) = &live.gray {
        text.push_str(&format!(
            "{DIM}gray{PLAIN}    {gray}{}\n",
            of(live.under_way)
        ));
    }
    let delivery: Delivery = place.origin.understood(&delivery)?;
    for target in &delivery.targets {
        let has = match target.delivered {
            Some(sequence) => format!("has sequence {sequence}"),
            None => "has nothing yet".to_owned(),
        };
        let error = target.error.as_ref();
        let error = error.map_or_else(String::new, |error| format!(": {error}"));
        let (name, kind, state) = (&target.target, &target.kind, &target.state);
        text.push_str(&format!(
            "{DIM}target{PLAIN}  {name} ({kind}) is {state}, {has}{error}\n"
        ));
    }
    if delivery.targets.is_empty() {
        text.push_str("it is delivered nowhere: docs/delivery.md says how to add a target\n");
    }
    output::text(&text)
}
