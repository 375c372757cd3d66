//! `skyful check`.

use std::path::PathBuf;

use crate::document::Document;
use crate::failure::{FAULT, Failure};
use crate::{caps, output, report};

#[derive(clap::Args)]
pub struct Args {
    /// Workspace document, YAML or JSON
    file: PathBuf,
    /// Also say how far each cap can be overshot where an edge runs
    #[arg(long)]
    target: Option<caps::Target>,
    #[command(flatten)]
    assumed: caps::Assumed,
}

pub fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let mut document = Document::read(&args.file)?;
    // Sizes are known only once it is compiled.
    let mut bounded = None;
    let compiled = document.compile(&mut |_, _| ()).map(|(workspace, _)| {
        let bounds = |target| caps::bounds(workspace, target, &args.assumed);
        bounded = args.target.map(|target| (target, bounds(target)));
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
        let mut report = report::as_json(&document);
        if let (Some(object), Some((_, bounded))) = (report.as_object_mut(), &bounded) {
            object.insert("caps".into(), serde_json::json!(bounded));
        }
        output::json(&report)?;
    } else {
        report::problems(&document);
    }
    match compiled {
        Some(found) if !json => {
            output::text(&format!("{}: {found}\n", args.file.display()))?;
            let table =
                bounded.map(|(target, bounded)| caps::table(&bounded, target, &args.assumed));
            table.map_or(Ok(()), |table| output::text(&table))
        }
        Some(_) => Ok(()),
        None => Err(Failure::said(FAULT)),
    }
}
