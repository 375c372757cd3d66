//! Making a page of a scene template: the one place that does. A page comes out only if the document with it in has no
//! errors there, so whoever takes it can release it. Lacks any place to put it: drafts and files are others' business.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value as Json;

use super::at::At;
use super::names::Names;
use super::reader::Reader;
use super::templates::{Piece, pieces};
use super::{Options, check_tree, content, locales, scenes};
use crate::document::{self, Entry, Node, Place, Value};
use crate::limits;
use crate::problem::{Problem, Problems, Severity};

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub template: &'a str,
    /// The key of the page.
    pub page: &'a str,
    /// What the keys of its modules begin with; the page's key and `_` unless given.
    pub prefix: Option<&'a str>,
    /// An object of values by field.
    pub fields: &'a Json,
}

/// A page and the modules that are its own, by their keys, as they stand in a document.
#[derive(Clone, Debug)]
pub struct Made {
    pub page: Entry,
    pub modules: Vec<Entry>,
    /// What the document has under the same keys: `pages/spring`, `modules/spring_hero`.
    pub taken: Vec<String>,
}

/// Why nothing was made.
#[derive(Debug)]
pub enum Refused {
    /// With what may have been meant.
    NoTemplate(Option<String>),
    /// Paths are JSON Pointers: into what was asked for (`/page`, `/prefix`, `/fields/title`), or else into the document.
    Faulty(Vec<Problem>),
}

impl Made {
    /// As the sections of a document.
    pub fn document(&self) -> Node {
        let pages = section("pages", vec![self.page.clone()]);
        let modules = section("modules", self.modules.clone());
        let sections = [modules, pages].into_iter();
        map(sections.filter(|section| !is_empty(section)).collect())
    }
}

/// Makes a page of a template of a document, YAML or JSON in UTF-8.
pub fn invoke(text: &[u8], ask: &Ask<'_>, options: &Options<'_>) -> Result<Made, Refused> {
    let mut problems = Problems::default();
    let root = document::read(text, &mut problems);
    let Some(root) = root.filter(|_| !problems.has_errors()) else {
        return Err(Refused::Faulty(problems.finish().0));
    };
    let mut r = Reader::new(problems, options, Names::declared(&root));
    let at = At::root(&root);
    let section = at.get("templates");
    let Some(template) = section.as_ref().and_then(|at| at.get(ask.template)) else {
        let known = section
            .iter()
            .flat_map(At::entries)
            .map(|entry| &*entry.key);
        return Err(Refused::NoTemplate(r.did_you_mean(ask.template, known)));
    };
    let keys = keys(&mut r, &template, ask);
    let made = filled(&mut r, &at, &template, ask)?;
    let made = put_together(&root, &made, &keys, ask);
    let checked = check_tree(Some(&with(&root, &made)), Problems::default(), options);
    let asked = Asked {
        ask,
        keys: &keys,
        template: &template,
    };
    let errors = checked.problems.into_iter();
    let errors = errors.filter(|problem| problem.severity == Severity::Error);
    let mut faults: Vec<Problem> = Vec::new();
    for fault in errors.filter_map(|problem| asked.placed(problem)) {
        // What is wrong with the template itself is wrong with the page as well.
        let same = |known: &Problem| known.path == fault.path && known.message == fault.message;
        if !faults.iter().any(same) {
            faults.push(fault);
        }
    }
    if faults.is_empty() {
        Ok(made)
    } else {
        Err(Refused::Faulty(faults))
    }
}

/// What the modules of the template are called on this page. Faulty keys are reported.
fn keys(r: &mut Reader<'_>, template: &At<'_>, ask: &Ask<'_>) -> BTreeMap<Rc<str>, Rc<str>> {
    r.key_grammar(ask.page, "a page", Place::default(), || "/page".to_owned());
    let own = format!("{}_", ask.page);
    let prefix = ask.prefix.unwrap_or(&own);
    let at = if ask.prefix.is_some() {
        "/prefix"
    } else {
        "/page"
    };
    let modules = template.get("modules");
    let mut keys = BTreeMap::new();
    for entry in modules.iter().flat_map(At::entries) {
        let key = format!("{prefix}{}", entry.key);
        if !r.problems.has_errors() {
            r.key_grammar(&key, "a module", Place::default(), || at.to_owned());
        }
        keys.insert(Rc::clone(&entry.key), Rc::from(key));
    }
    keys
}

/// The template with what was given, if keys and values can be that.
fn filled(
    r: &mut Reader<'_>,
    root: &At<'_>,
    template: &At<'_>,
    ask: &Ask<'_>,
) -> Result<Node, Refused> {
    let table = root.get("locales").and_then(|at| locales::locales(r, &at));
    r.locales = table.map(Rc::new);
    let fields = match template.get("fields") {
        Some(at) => scenes::fields::read(r, &at),
        None => Some(scenes::fields::Fields::none()),
    };
    let Some(fields) = fields.filter(|_| !r.problems.has_errors()) else {
        return Err(refused(r));
    };
    let text = ask.fields.to_string();
    let asked = document::read(text.as_bytes(), &mut r.problems);
    let Some(asked) = asked.filter(|node| matches!(node.value, Value::Map(_))) else {
        let message = "the fields are an object of values by name".to_owned();
        r.report(
            Severity::Error,
            "wrong_type",
            Place::default(),
            "/fields".into(),
            message,
            None,
        );
        return Err(refused(r));
    };
    let values = scenes::fields::given(r, &fields, &asked).map_err(Refused::Faulty)?;
    scenes::filled(template.node, &values).ok_or_else(|| {
        let message = format!(
            "with these fields the page takes more than {} bytes (SCENE_BYTES)",
            limits::SCENE_BYTES
        );
        r.report(
            Severity::Error,
            "limit",
            Place::default(),
            "/fields".into(),
            message,
            None,
        );
        refused(r)
    })
}

fn refused(r: &mut Reader<'_>) -> Refused {
    let mut problems = std::mem::take(&mut r.problems).finish().0;
    problems.retain(|problem| problem.severity == Severity::Error);
    Refused::Faulty(problems)
}

fn put_together(
    root: &Node,
    filled: &Node,
    keys: &BTreeMap<Rc<str>, Rc<str>>,
    ask: &Ask<'_>,
) -> Made {
    let names = Names::declared(root);
    let page_is = names.pages.contains(ask.page);
    let page_is = page_is.then(|| format!("pages/{}", ask.page));
    let modules_are = keys.values().filter(|key| names.modules.contains(&***key));
    let modules_are = modules_are.map(|key| format!("modules/{key}"));
    let at = At::root(filled);
    let page = at.get("page").map(|at| scenes::renamed(at.node, keys));
    let own = at.get("modules");
    let own = own.iter().flat_map(At::entries).map(|entry| Entry {
        key: Rc::clone(keys.get(&entry.key).unwrap_or(&entry.key)),
        ..entry.clone()
    });
    let page = page.unwrap_or_else(|| map(Vec::new()));
    Made {
        taken: page_is.into_iter().chain(modules_are).collect(),
        modules: own.collect(),
        page: Entry {
            key: Rc::from(ask.page),
            place: page.place,
            value: page,
        },
    }
}

/// The document with a page in it, which takes the place of one that is there.
fn with(root: &Node, made: &Made) -> Node {
    let mut sections = At::root(root).entries().to_vec();
    let mut add = |name: &str, new: &[Entry]| {
        let known = sections.iter().position(|entry| &*entry.key == name);
        let mut entries = match known.and_then(|at| sections.get(at)) {
            Some(entry) => At::root(&entry.value).entries().to_vec(),
            None => Vec::new(),
        };
        entries.retain(|entry| new.iter().all(|new| new.key != entry.key));
        entries.extend_from_slice(new);
        match known.and_then(|at| sections.get_mut(at)) {
            Some(entry) => entry.value.value = Value::Map(entries.into()),
            None => sections.push(section(name, entries)),
        }
    };
    add("pages", std::slice::from_ref(&made.page));
    add("modules", &made.modules);
    map(sections)
}

struct Asked<'a> {
    ask: &'a Ask<'a>,
    keys: &'a BTreeMap<Rc<str>, Rc<str>>,
    template: &'a At<'a>,
}

impl Asked<'_> {
    /// A problem where whoever asked can do something about it. None: it isn't about this page.
    fn placed(&self, mut problem: Problem) -> Option<Problem> {
        let (part, rest) = self.part(&problem.path)?;
        let template = self.template.path();
        if let Some(part) = part {
            let (_, path) = content::descend(self.template, &format!("{part}{rest}"));
            let inner = path.strip_prefix(&template).unwrap_or_default();
            let beyond = format!("{part}{rest}");
            let beyond = beyond.get(inner.len()..).unwrap_or_default().to_owned();
            problem.path = match self.field(inner) {
                Some(name) => format!("/fields/{name}{beyond}"),
                None => path,
            };
        }
        Some(problem)
    }

    /// Which part of the template made what stands at a path of the document, and the rest of that path. The inner none: no
    /// part did, and it stands in the way all the same.
    fn part<'p>(&self, path: &'p str) -> Option<(Option<String>, &'p str)> {
        if let Some(rest) = below(path, &self.template.path()) {
            return Some((None, rest));
        }
        if matches!(path, "/pages" | "/modules") {
            return Some((None, ""));
        }
        if let Some(rest) = below(path, &format!("/pages/{}", self.ask.page)) {
            return Some((Some("/page".to_owned()), rest));
        }
        self.keys.iter().find_map(|(own, key)| {
            let rest = below(path, &format!("/modules/{key}"))?;
            Some((Some(format!("/modules/{own}")), rest))
        })
    }

    /// The first field that stands at a place of the template.
    fn field(&self, inner: &str) -> Option<String> {
        let mut node = self.template.node;
        for step in inner.split('/').skip(1) {
            node = child(node, &step.replace("~1", "/").replace("~0", "~"))?;
        }
        let Value::Text(text) = &node.value else {
            return None;
        };
        pieces(text).into_iter().find_map(|piece| match piece {
            Piece::Field(name) => Some(name.trim().to_owned()),
            _ => None,
        })
    }
}

fn child<'n>(node: &'n Node, step: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => {
            let entry = entries.iter().find(|entry| &*entry.key == step)?;
            Some(&entry.value)
        }
        Value::List(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// What follows a place in a path of something in it.
fn below<'p>(path: &'p str, place: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(place)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn map(entries: Vec<Entry>) -> Node {
    Node {
        value: Value::Map(entries.into()),
        place: Place::default(),
    }
}

fn section(name: &str, entries: Vec<Entry>) -> Entry {
    Entry {
        key: Rc::from(name),
        place: Place::default(),
        value: map(entries),
    }
}

fn is_empty(section: &Entry) -> bool {
    matches!(&section.value.value, Value::Map(entries) if entries.is_empty())
}
