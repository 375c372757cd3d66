//! `skyful page`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use skyful::check::invoke::{self, Ask, Refused};
use skyful::check::{IdFile, Options};
use skyful::problem::Problems;

use crate::failure::{FAULT, Failure};
use crate::{output, report};

#[derive(clap::Args)]
pub struct Args {
    /// Workspace document, YAML or JSON
    file: PathBuf,
    /// Template of the document
    #[arg(long)]
    template: String,
    /// Key of the page that is made
    #[arg(long)]
    page: String,
    /// What the keys of its modules begin with; the page's key and `_` unless given
    #[arg(long)]
    prefix: Option<String>,
    /// A field of the template: NAME=TEXT, or NAME:=JSON for what isn't a text
    #[arg(long = "set", value_name = "FIELD", value_parser = field)]
    fields: Vec<(String, Value)>,
    /// Fields as an object, YAML or JSON; `--set` comes before them
    #[arg(long = "fields", value_name = "FILE")]
    from: Option<PathBuf>,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| Failure::io("read", path, &error));
    let text = read(&args.file)?;
    let mut fields = match &args.from {
        Some(path) => object(&read(path)?, path)?,
        None => Map::new(),
    };
    fields.extend(args.fields.iter().cloned());
    let fields = Value::Object(fields);
    let ask = Ask {
        template: &args.template,
        page: &args.page,
        prefix: args.prefix.as_deref(),
        fields: &fields,
    };
    let options = Options {
        now_ms: None,
        // Lists of ids are not what is looked at here.
        read_file: &|_| Ok(IdFile::Hashes(Vec::new())),
    };
    let made = match invoke::invoke(&text, &ask, &options) {
        Ok(made) => made,
        Err(Refused::NoTemplate(hint)) => {
            let failure =
                Failure::usage(format!("the document has no template `{}`", args.template));
            return Err(Failure { hint, ..failure });
        }
        Err(Refused::Faulty(problems)) => {
            if json {
                output::json(&serde_json::json!({"problems": problems}))?;
            } else {
                report::listed(&problems, &args.file, &text);
            }
            return Err(Failure::said(FAULT));
        }
    };
    if !made.taken.is_empty() {
        let taken = made.taken.join(", ");
        let failure = Failure::fault(format!("the document has these already: {taken}"));
        return Err(failure.hint("take another `--page`, or another `--prefix` for its modules"));
    }
    let document = made.document();
    if json {
        let document = skyful::document::json(&document);
        return output::json(&document.map_err(Failure::fault)?);
    }
    output::text(&skyful::document::yaml(&document))
}

/// `title=Spring` or `count:=3`.
fn field(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=TEXT or NAME:=JSON")?;
    match name.strip_suffix(':') {
        None => Ok((name.to_owned(), Value::String(value.to_owned()))),
        Some(name) => {
            let read = serde_json::from_str(value);
            let value = read.map_err(|error| format!("what follows `:=` is no JSON: {error}"))?;
            Ok((name.to_owned(), value))
        }
    }
}

fn object(text: &[u8], path: &Path) -> Result<Map<String, Value>, Failure> {
    let mut problems = Problems::default();
    let read = skyful::document::read(text, &mut problems);
    let Some(read) = read.filter(|_| !problems.has_errors()) else {
        report::listed(&problems.finish().0, path, text);
        return Err(Failure::said(FAULT));
    };
    match skyful::document::json(&read) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => {
            let wrong = format!("{}: an object of values by field is wanted", path.display());
            Err(Failure::fault(wrong))
        }
    }
}
