//! `skyful inspect`.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::archive::Archive;
use crate::document;
use crate::failure::Failure;
use crate::outline::{self, matters, text};
use crate::output::{self, BOLD, DIM, PLAIN};

#[derive(clap::Args)]
pub struct Args {
    /// Snapshot directory
    snapshot: PathBuf,
    /// Show one page in full
    #[arg(long)]
    page: Option<String>,
    /// Instant from which on times are told, RFC 3339; the clock's if not given
    #[arg(long, value_name = "RFC3339", value_parser = super::instant)]
    now: Option<i64>,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let archive = Archive::open(&args.snapshot, None)?;
    let snapshot = archive.load()?;
    let mut tree = outline::of(&snapshot, args.page.as_deref())
        .map_err(|(digest, error)| archive.broken(&digest, error))?;
    if let (Some(page), Some(pages)) = (&args.page, tree["pages"].as_object())
        && pages.is_empty()
    {
        let pages = outline::pages(&snapshot).unwrap_or_default();
        let failure = Failure::fault(format!("no page `{page}` in this snapshot"));
        return Err(failure.hint(format!("there are {}", pages.join(", "))));
    }
    if let Some(header) = &archive.header {
        tree["manifest"] = json!({
            "sequence": header.sequence,
            "env": header.env,
            "key_id": format!("{:016x}", header.key_id),
            "issued": skyful::value::datetime::format(header.issued_ms),
        });
    }
    let now = args.now.unwrap_or_else(document::now_ms);
    matters::add(&mut tree, &snapshot, now)
        .map_err(|(digest, error)| archive.broken(&digest, error))?;
    if json {
        output::json(&tree)
    } else {
        output::text(&describe(&tree, args.page.is_some()))
    }
}

fn describe(tree: &Value, one_page: bool) -> String {
    let mut out = head(tree);
    for (key, page) in entries(tree, "pages") {
        let bytes: u64 = items(page, "chunks")
            .iter()
            .filter_map(|chunk| chunk["bytes"].as_u64())
            .sum();
        let size = output::size(usize::try_from(bytes).unwrap_or(usize::MAX));
        _ = writeln!(out, "\n{BOLD}page {key}{PLAIN}  {DIM}{size}{PLAIN}");
        for plan in items(page, "plans") {
            _ = writeln!(out, "  {}", plan_line(plan));
            if one_page {
                arrangement(&mut out, plan);
            }
        }
        _ = writeln!(out, "  default");
        if one_page {
            arrangement(&mut out, &page["default"]);
        }
        matters::describe(&mut out, &page["depends_on"]);
    }
    if one_page {
        modules(&mut out, tree);
    } else {
        summary(&mut out, tree);
    }
    out
}

fn head(tree: &Value) -> String {
    let mut out = String::new();
    let (storage, locales) = (&tree["storage"], &tree["locales"]);
    let bytes = usize::try_from(storage["bytes"].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
    let mut row = |name: &str, value: String| _ = writeln!(out, "{name:<10} {value}");
    row("workspace", text::plain(&tree["workspace"]));
    row("snapshot", text::plain(&tree["snapshot"]));
    if let Some(manifest) = tree.get("manifest") {
        row(
            "manifest",
            format!(
                "sequence {}, {}, issued {}, key {}",
                manifest["sequence"],
                text::plain(&manifest["env"]),
                text::plain(&manifest["issued"]),
                text::plain(&manifest["key_id"])
            ),
        );
    }
    let (objects, shards) = (&storage["objects"], &storage["id_shards"]);
    row(
        "objects",
        format!("{objects}, {shards} of id lists, {}", output::size(bytes)),
    );
    row(
        "locales",
        format!(
            "{} (default {})",
            text::plain(&locales["supported"]),
            text::plain(&locales["default"])
        ),
    );
    out
}

/// The key of a plan and everything that bounds it.
fn plan_line(plan: &Value) -> String {
    let mut line = text::plain(&plan["key"]);
    for name in text::CONSTRAINTS {
        if let Some(constraint) = plan.get(name) {
            let said = text::constraint(name, constraint);
            _ = write!(line, "\n      {DIM}{name:<11}{PLAIN}{said}");
        }
    }
    line
}

fn arrangement(out: &mut String, owner: &Value) {
    for (slot, modules) in entries(owner, "modules") {
        let ordering = match &owner["ordering"][slot]["by"] {
            Value::Null => String::new(),
            by => format!("  {DIM}({}){PLAIN}", text::plain(by)),
        };
        let modules: Vec<String> = modules
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .map(text::plain)
            .collect();
        _ = writeln!(out, "      {slot}: {}{ordering}", modules.join(", "));
    }
}

fn modules(out: &mut String, tree: &Value) {
    for (key, module) in entries(tree, "modules") {
        let kind = text::plain(&module["type"]);
        _ = writeln!(out, "\n{BOLD}module {key}{PLAIN}  {DIM}{kind}{PLAIN}");
        for plan in items(module, "plans") {
            _ = writeln!(out, "  {}", plan_line(plan));
        }
        if module.get("default").is_some() {
            _ = writeln!(out, "  default");
        }
    }
}

fn summary(out: &mut String, tree: &Value) {
    _ = writeln!(out, "\n{BOLD}segments{PLAIN}");
    for (key, segment) in entries(tree, "segments") {
        let said = match segment.get("ids") {
            Some(count) => format!("{count} ids"),
            None => text::rule(&segment["rule"]),
        };
        _ = writeln!(out, "  {key}: {said}");
    }
    _ = writeln!(out, "\n{BOLD}experiments{PLAIN}");
    for (key, experiment) in entries(tree, "experiments") {
        let variants: Vec<String> = items(experiment, "variants")
            .iter()
            .map(|variant| {
                let weight = text::percent(variant.get("weight"));
                format!("{} {weight}", text::plain(&variant["key"]))
            })
            .collect();
        let buckets = text::plain(&experiment["buckets"]);
        _ = writeln!(out, "  {key}: {} in buckets {buckets}", variants.join(", "));
    }
    let modules = entries(tree, "modules").count();
    _ = writeln!(
        out,
        "\n{}; `--page KEY` shows one page with its modules",
        output::count(modules, "module")
    );
}

fn entries<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value
        .get(field)
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::iter)
}

fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value
        .get(field)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
