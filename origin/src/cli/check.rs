//! `skyful check`.

use std::path::PathBuf;

use crate::document::Document;
use crate::failure::{FAULT, Failure};
use crate::{output, report};

#[derive(clap::Args)]
pub struct Args {
    /// Workspace document, YAML or JSON
    file: PathBuf,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let mut document = Document::read(&args.file)?;
    // Sizes are known only once it is compiled.
    let compiled = document.compile(&mut |_, _| ()).map(|(workspace, _)| {
        let plans = workspace.pages.values().map(|page| page.plans.len());
        let module_plans = workspace.modules.values().map(|module| module.plans.len());
        format!(
            "{}, {}, {}",
            output::count(workspace.pages.len(), "page"),
            output::count(workspace.modules.len(), "module"),
            output::count(plans.sum::<usize>() + module_plans.sum::<usize>(), "plan"),
        )
    });
    if json {
        output::json(&report::as_json(&document))?;
    } else {
        report::problems(&document);
    }
    match compiled {
        Some(found) if !json => output::text(&format!("{}: {found}\n", args.file.display())),
        Some(_) => Ok(()),
        None => Err(Failure::said(FAULT)),
    }
}
