//! `skyful diff`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::archive::Archive;
use crate::diff::{self, Change, Kind};
use crate::document::Document;
use crate::failure::{FAULT, Failure};
use crate::outline::{self, text};
use crate::output::{self, DIM, GREEN, PLAIN, RED, YELLOW};

/// What visitors can see or not see is compared, not the text: comments, the order of keys, and
/// modules that no page places make no difference.
#[derive(clap::Args)]
pub struct Args {
    /// Document or snapshot directory
    before: PathBuf,
    /// Document or snapshot directory
    after: PathBuf,
    /// Exit with 1 if something differs
    #[arg(long)]
    exit_code: bool,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let before = tree(&args.before, json)?;
    let after = tree(&args.after, json)?;
    let changes = diff::between(&before, &after);
    if json {
        output::json(&json!({"equal": changes.is_empty(), "changes": changes}))?;
    } else {
        let lines: String = changes.iter().map(line).collect();
        output::text(&lines)?;
        output::say(&summary(&changes));
    }
    if args.exit_code && !changes.is_empty() {
        return Err(Failure::said(FAULT));
    }
    Ok(())
}

/// The outline of either form, without what says nothing about answers.
fn tree(path: &Path, json: bool) -> Result<Value, Failure> {
    let (outline, archive) = if path.is_dir() {
        let archive = Archive::open(path, None)?;
        (outline::of(&archive.load()?, None), Some(archive))
    } else {
        let mut document = Document::read(path)?;
        let snapshot = super::compiled(&mut document, json)?;
        (outline::of(&snapshot, None), None)
    };
    let mut tree = outline.map_err(|(digest, error)| match archive {
        Some(archive) => archive.broken(&digest, error),
        None => Failure::fault(format!("{}: {error}", path.display())),
    })?;
    outline::forget_storage(&mut tree);
    Ok(tree)
}

/// One line, or three where it is long.
pub fn line(change: &Change) -> String {
    let place = place(&change.path);
    let last = change.path.last().map_or("", String::as_str);
    let show = |value: &Option<Value>| shown(last, value.as_ref().unwrap_or(&Value::Null));
    match change.kind {
        Kind::Added => format!("{GREEN}+{PLAIN} {place}{}\n", tail(&show(&change.after))),
        Kind::Removed => format!("{RED}-{PLAIN} {place}{}\n", tail(&show(&change.before))),
        Kind::Moved => {
            let position =
                |value: &Option<Value>| value.as_ref().and_then(Value::as_u64).unwrap_or(0) + 1;
            let (was, now) = (position(&change.before), position(&change.after));
            format!("{YELLOW}~{PLAIN} {place}: moved from place {was} to {now}\n")
        }
        Kind::Changed => {
            let (was, now) = (show(&change.before), show(&change.after));
            if was.chars().count() + now.chars().count() > 70 {
                return format!("{YELLOW}~{PLAIN} {place}\n    {was}\n  {DIM}→{PLAIN} {now}\n");
            }
            format!("{YELLOW}~{PLAIN} {place}: {was} {DIM}→{PLAIN} {now}\n")
        }
    }
}

fn tail(shown: &str) -> String {
    if shown.is_empty() {
        String::new()
    } else {
        format!(": {shown}")
    }
}

/// `page home, plan senior, audience`.
fn place(path: &[String]) -> String {
    const COLLECTIONS: [(&str, &str); 8] = [
        ("pages", "page"),
        ("modules", "module"),
        ("plans", "plan"),
        ("segments", "segment"),
        ("experiments", "experiment"),
        ("attributes", "attribute"),
        ("slots", "slot"),
        ("variants", "variant"),
    ];
    let mut parts = Vec::new();
    let mut names = path.iter().peekable();
    let mut inside_page_plan = false;
    while let Some(name) = names.next() {
        // In an arrangement, what follows `modules` is a slot and then a module.
        if name == "modules" && inside_page_plan {
            if let Some(slot) = names.next() {
                parts.push(format!("slot {slot}"));
            }
            if let Some(module) = names.next() {
                parts.push(format!("module {module}"));
            }
            continue;
        }
        inside_page_plan |= name == "pages";
        match COLLECTIONS.iter().find(|(many, _)| many == name) {
            Some((_, one)) if names.peek().is_some() => {
                let key = names.next().map_or("", String::as_str);
                parts.push(format!("{one} {key}"));
            }
            _ => parts.push(name.clone()),
        }
    }
    parts.join(", ")
}

/// A value on one line. What was added or removed as a whole is named by what bounds it.
fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(plan) if plan.contains_key("key") => {
            let constraints = text::CONSTRAINTS.iter().filter_map(|name| {
                let said = text::constraint(name, plan.get(*name)?);
                Some(format!("{name} {said}"))
            });
            constraints.collect::<Vec<_>>().join("; ")
        }
        _ if text::CONSTRAINTS.contains(&name) || name == "rule" => text::constraint(name, value),
        Value::Object(map) if map.contains_key("plans") || map.contains_key("ids") => String::new(),
        Value::String(text) if text == name => String::new(),
        Value::String(text) => format!("\"{text}\""),
        other => text::plain(other),
    }
}

/// How many of which kind.
pub fn summary(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "no differences".to_owned();
    }
    let of = |kind| changes.iter().filter(|change| change.kind == kind).count();
    format!(
        "{} added, {} removed, {} changed, {} moved",
        of(Kind::Added),
        of(Kind::Removed),
        of(Kind::Changed),
        of(Kind::Moved)
    )
}
