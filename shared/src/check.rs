//! From the text of a workspace document to the checked model, or to every problem it has, at once.
//! Whatever is wrong is an error with a stable code, a JSON Pointer, a place, a sentence and, where
//! there is one, a hint; only warnings leave the model standing. Lacks any I/O: files of ids are
//! read by the caller, and the time is an argument.

mod at;
mod attributes;
mod caps;
mod constants;
mod content;
mod costs;
mod experiments;
mod id_lines;
pub mod invoke;
mod locales;
mod modules;
mod names;
mod operators;
mod pages;
mod pipelines;
mod plans;
mod reader;
mod rules;
mod scalars;
mod scenes;
mod schedules;
mod schemas;
mod segments;
pub mod shapes;
mod suggest;
mod templates;
mod warnings;

use std::collections::HashMap;
use std::rc::Rc;

use xxhash_rust::xxh3::xxh3_64;

use crate::document::{self, Node, Value};
use crate::limits;
use crate::model::Workspace;
use crate::problem::{Problem, Problems};
pub use id_lines::{BadLine, IdFile, IdLines, TooMany};

use at::At;
use costs::Costs;
use names::Names;
use reader::Reader;

/// What a check needs from outside.
pub struct Options<'a> {
    /// Unix milliseconds, for warnings about what is over; none gives no such warnings.
    pub now_ms: Option<i64>,
    /// The ids of a file named by an id list, or why they cannot be had. The path is relative to
    /// the document's folder and never leaves it.
    pub read_file: &'a dyn Fn(&str) -> Result<IdFile, String>,
}

pub struct Checked {
    /// Some if and only if no problem is an error.
    pub workspace: Option<Workspace>,
    /// Errors and warnings in the order of the document, at most [`limits::PROBLEMS`].
    pub problems: Vec<Problem>,
    /// Problems beyond those listed.
    pub suppressed: usize,
}

/// Reads and checks a document, YAML or JSON in UTF-8.
pub fn check(text: &[u8], options: &Options<'_>) -> Checked {
    let mut problems = Problems::default();
    let root = document::read(text, &mut problems);
    check_tree(root.as_ref(), problems, options)
}

/// Checks what was read, with the problems that reading it had.
fn check_tree(root: Option<&Node>, mut problems: Problems, options: &Options<'_>) -> Checked {
    let mut workspace = None;
    if let Some(root) = root {
        let mut reader = Reader::new(problems, options, Names::declared(root));
        workspace = read(&mut reader, &At::root(root));
        problems = reader.problems;
    }
    let fine = !problems.has_errors();
    let (problems, suppressed) = problems.finish();
    Checked {
        workspace: workspace.filter(|_| fine),
        problems,
        suppressed,
    }
}

/// Sections are read in the order in which they need each other.
fn read(r: &mut Reader<'_>, root: &At<'_>) -> Option<Workspace> {
    let object = r.object(root, shapes::WORKSPACE)?;
    version(r, object);
    empty(r, object, "assertions", "assertions");
    let key = object.get("workspace").and_then(|at| workspace_key(r, &at));
    let table = object
        .get("locales")
        .and_then(|at| locales::locales(r, &at));
    r.locales = table.map(Rc::new);

    let section = ("attributes", "an attribute", limits::ATTRIBUTES);
    let attributes = r.section(object, section, |r, _, at| attributes::attribute(r, at));
    r.names.attribute = attributes
        .iter()
        .map(|(key, attribute)| (key.clone(), Rc::new(attribute.clone())))
        .collect();
    let segments = segments::segments(r, object, key);
    let section = ("cap_groups", "a cap group", limits::CAP_GROUPS);
    let cap_groups = r.section(object, section, |r, _, at| caps::group(r, at));
    let section = ("layers", "a layer", limits::LAYERS);
    let layers = r.section(object, section, |r, _, at| experiments::layer(r, at));
    let section = ("experiments", "an experiment", limits::EXPERIMENTS);
    let experiments = r.section(object, section, |r, _, at| experiments::experiment(r, at));
    experiments::overlaps(r, object, &layers, &experiments);
    r.names.experiment = experiments
        .iter()
        .map(|(key, experiment)| (key.clone(), Rc::new(experiment.clone())))
        .collect();
    let section = ("pages", "a page", limits::PAGES);
    let pages = r.section(object, section, pages::page);
    pages::at_least_one(r, object);
    page_hashes(r, object);
    let section = ("module_types", "a module type", limits::MODULE_TYPES);
    let module_types = r.section(object, section, modules::module_type);
    let section = ("modules", "a module", limits::MODULES);
    let modules = r.section(object, section, modules::module);
    let costs = Costs::of(r, &segments, &modules);
    costs::pages(r, object, &pages, &costs);
    scenes::templates(r, object, &costs);
    let ofrep = object.get("ofrep").map(|at| pipelines::ofrep(r, &at));
    let section = ("pipelines", "a pipeline", limits::PIPELINES);
    let pipelines = r.section(object, section, |r, _, at| pipelines::pipeline(r, at));
    warnings::unused_experiments(r, object);

    Some(Workspace {
        key: key?.to_owned(),
        locales: r.locales.as_ref()?.locales.clone(),
        attributes,
        module_types,
        segments,
        cap_groups,
        layers,
        experiments,
        modules,
        pages,
        ofrep: plans::given(ofrep)?.unwrap_or_default(),
        pipelines,
    })
}

fn version(r: &mut Reader<'_>, object: &At<'_>) {
    if let Some(at) = object.get("skyful")
        && let Some(version) = r.whole(&at)
        && version != 1
    {
        let message = format!("this reads documents of version 1, not {version}");
        r.error("unsupported_version", &at, message);
    }
}

/// A section whose name is taken but that cannot hold anything yet.
fn empty(r: &mut Reader<'_>, object: &At<'_>, field: &str, noun: &str) {
    let Some(at) = object.get(field) else { return };
    let is_empty = match &at.node.value {
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    };
    if !is_empty {
        let message = format!("{noun} are not supported in this version; `{field}` must be empty");
        r.error_intro("not_supported", &at, message);
    }
}

fn workspace_key<'a>(r: &mut Reader<'_>, at: &At<'a>) -> Option<&'a str> {
    let key = r.text(at)?;
    let fits = (1..=limits::NAME_BYTES).contains(&key.len())
        && key
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !fits {
        let message = format!(
            "the name of a workspace is 1 to {} characters of a–z, 0–9 and -",
            limits::NAME_BYTES
        );
        r.error("invalid_key", at, message);
        return None;
    }
    Some(key)
}

/// Snapshots find pages by the hash of their key.
fn page_hashes(r: &mut Reader<'_>, object: &At<'_>) {
    let Some(section) = object.get("pages") else {
        return;
    };
    let mut hashes: HashMap<u64, &str> = HashMap::new();
    for entry in section.entries().iter().take(limits::PAGES) {
        if let Some(other) = hashes.insert(xxh3_64(entry.key.as_bytes()), &entry.key) {
            let message = format!(
                "the keys `{other}` and `{}` have the same hash; rename one",
                entry.key
            );
            r.error_intro("hash_collision", &section.field(entry), message);
        }
    }
}
