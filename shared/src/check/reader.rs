//! What every part of the check reads with: objects by their shape, scalars by their kind, keys, and
//! references that must name something. Whatever doesn't fit is reported here and becomes `None`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::Options;
use super::at::{At, kind};
use super::locales::LocaleTable;
use super::names::{NameKind, Names};
use super::schemas::ContentSchema;
use super::shapes::Shape;
use super::suggest::Suggestions;
use crate::document::{Entry, Place, Value};
use crate::limits;
use crate::problem::{Problem, Problems, Severity};
use crate::snapshot::rule_size::RuleSize;

pub(crate) struct Reader<'t> {
    pub problems: Problems,
    pub options: &'t Options<'t>,
    pub names: Names<'t>,
    pub suggestions: Suggestions,
    /// Automata by pattern: plans repeat patterns, and building one takes milliseconds.
    pub automata: HashMap<String, Result<Vec<u8>, String>>,
    /// Ids of all lists so far, duplicates counted.
    pub ids: usize,
    pub locales: Option<Rc<LocaleTable>>,
    /// By module type.
    pub schemas: BTreeMap<String, Rc<ContentSchema>>,
    /// Of segments that are neither faulty nor in a circle.
    pub segment_sizes: BTreeMap<String, RuleSize>,
    /// Modules of the scene template that is tried out.
    pub own_modules: BTreeSet<String>,
    /// Modules that some page places, and experiments that some plan names.
    pub placed: BTreeSet<String>,
    pub used_experiments: BTreeSet<String>,
}

impl<'t> Reader<'t> {
    pub fn new(problems: Problems, options: &'t Options<'t>, names: Names<'t>) -> Self {
        Self {
            problems,
            options,
            names,
            suggestions: Suggestions::default(),
            automata: HashMap::new(),
            ids: 0,
            locales: None,
            schemas: BTreeMap::new(),
            segment_sizes: BTreeMap::new(),
            own_modules: BTreeSet::new(),
            placed: BTreeSet::new(),
            used_experiments: BTreeSet::new(),
        }
    }

    pub fn report(
        &mut self,
        severity: Severity,
        code: &'static str,
        place: Place,
        path: String,
        message: String,
        hint: Option<String>,
    ) {
        self.problems.push(Problem {
            severity,
            code,
            path,
            line: place.line,
            column: place.column,
            message,
            hint,
        });
    }

    pub fn error(&mut self, code: &'static str, at: &At<'_>, message: impl Into<String>) {
        self.report(
            Severity::Error,
            code,
            at.place(),
            at.path(),
            message.into(),
            None,
        );
    }

    pub fn error_hint(
        &mut self,
        code: &'static str,
        at: &At<'_>,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.report(
            Severity::Error,
            code,
            at.place(),
            at.path(),
            message.into(),
            hint.into(),
        );
    }

    /// At the key that introduces a value, for what concerns the value as a whole.
    pub fn error_intro(&mut self, code: &'static str, at: &At<'_>, message: impl Into<String>) {
        self.report(
            Severity::Error,
            code,
            at.intro(),
            at.path(),
            message.into(),
            None,
        );
    }

    pub fn warn(&mut self, code: &'static str, at: &At<'_>, message: impl Into<String>) {
        self.report(
            Severity::Warning,
            code,
            at.intro(),
            at.path(),
            message.into(),
            None,
        );
    }

    pub fn did_you_mean<'c>(
        &self,
        word: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<String> {
        if !self.problems.listens(Severity::Error) {
            return None;
        }
        let nearest = self.suggestions.nearest(word, candidates)?;
        Some(format!("did you mean `{nearest}`?"))
    }

    pub fn wrong_type(&mut self, at: &At<'_>, wanted: &str) {
        let hint = match &at.node.value {
            Value::Unusable => return,
            Value::Null => Some("write a value, or leave the field out".to_owned()),
            _ => None,
        };
        let message = format!("{wanted} is wanted here, not {}", kind(at.node));
        self.error_hint("wrong_type", at, message, hint);
    }

    /// An object: reports what it has too much and what it lacks.
    pub fn object<'a>(&mut self, at: &'a At<'a>, shape: &Shape) -> Option<&'a At<'a>> {
        if !matches!(at.node.value, Value::Map(_)) {
            self.wrong_type(at, &format!("{} (an object)", shape.noun));
            return None;
        }
        for entry in at.entries() {
            if !shape.has(&entry.key) {
                self.unknown_field(at, entry, shape);
            }
        }
        for field in shape.required {
            if !at.entries().iter().any(|e| &*e.key == *field) {
                let message = format!("{} needs the field `{field}`", shape.noun);
                self.error_intro("missing_field", at, message);
            }
        }
        Some(at)
    }

    fn unknown_field(&mut self, at: &At<'_>, entry: &Entry, shape: &Shape) {
        let hint = self
            .did_you_mean(&entry.key, shape.fields())
            .unwrap_or_else(|| {
                let fields: Vec<_> = shape.fields().collect();
                format!("its fields are {}", fields.join(", "))
            });
        let message = format!("{} has no field `{}`", shape.noun, entry.key);
        self.report(
            Severity::Error,
            "unknown_field",
            entry.place,
            at.field(entry).path(),
            message,
            Some(hint),
        );
    }

    /// A list of at most `max` elements.
    pub fn list<'a>(
        &mut self,
        at: &'a At<'a>,
        noun: &str,
        max: usize,
    ) -> Option<impl Iterator<Item = At<'a>> + use<'a>> {
        let Value::List(items) = &at.node.value else {
            self.wrong_type(at, &format!("a list of {noun}"));
            return None;
        };
        self.within(at, items.len(), max, noun).then(|| at.items())
    }

    /// Reports more than `max` of something.
    pub fn within(&mut self, at: &At<'_>, count: usize, max: usize, noun: &str) -> bool {
        if count > max {
            let message = format!("{count} {noun} are too many; at most {max} are allowed");
            self.error_intro("limit", at, message);
        }
        count <= max
    }

    pub fn description(&mut self, object: &At<'_>) {
        if let Some(at) = object.get("description")
            && let Some(text) = self.text(&at)
        {
            self.text_within(&at, text, "a description", limits::DESCRIPTION_BYTES);
        }
    }

    /// A key as the grammar of the document has it, else reported at `place`.
    pub fn key_grammar(
        &mut self,
        key: &str,
        noun: &str,
        place: Place,
        path: impl FnOnce() -> String,
    ) {
        let fits = (1..=limits::KEY_BYTES).contains(&key.len())
            && key
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if fits {
            return;
        }
        let better: String = key
            .chars()
            .map(|c| c.to_ascii_lowercase())
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .take(limits::KEY_BYTES)
            .collect();
        let hint = (!better.is_empty()).then(|| format!("for example `{better}`"));
        let message = format!(
            "the key of {noun} is 1 to {} characters of a–z, 0–9 and _, not `{}`",
            limits::KEY_BYTES,
            shortened(key)
        );
        self.report(Severity::Error, "invalid_key", place, path(), message, hint);
    }

    /// A key written as a value, for example of a plan.
    pub fn key_value<'a>(&mut self, at: &At<'a>, noun: &str) -> Option<&'a str> {
        let key = self.text(at)?;
        self.key_grammar(key, noun, at.place(), || at.path());
        Some(key)
    }

    /// A section of the document: keys and what they name.
    pub fn section<T>(
        &mut self,
        parent: &At<'_>,
        section: (&str, &str, usize),
        mut read: impl FnMut(&mut Self, &str, &At<'_>) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let (field, noun, max) = section;
        let mut out = BTreeMap::new();
        let Some(at) = parent.get(field) else {
            return out;
        };
        let Value::Map(entries) = &at.node.value else {
            self.wrong_type(&at, &format!("an object of `{field}` by key"));
            return out;
        };
        if !self.within(&at, entries.len(), max, &field.replace('_', " ")) {
            return out;
        }
        for entry in at.entries() {
            let value = at.field(entry);
            self.key_grammar(&entry.key, noun, entry.place, || value.path());
            if let Some(item) = read(self, &entry.key, &value) {
                out.insert(entry.key.as_ref().to_owned(), item);
            }
        }
        out
    }

    /// A name that must have been declared.
    pub fn reference<'a>(&mut self, at: &At<'a>, kind: NameKind) -> Option<&'a str> {
        let name = self.text(at)?;
        if self.names.of(kind).contains(name) {
            return Some(name);
        }
        self.no_such(at, kind, name);
        None
    }

    /// Whether a page can place a module of that key.
    pub fn has_module(&self, key: &str) -> bool {
        self.names.modules.contains(key) || self.own_modules.contains(key)
    }

    /// Reports a name that nothing has.
    pub fn no_such(&mut self, at: &At<'_>, kind: NameKind, name: &str) {
        let (code, noun) = kind.words();
        // The name is the value, or the key of one.
        let place = match at.node.value {
            Value::Text(_) => at.place(),
            _ => at.intro(),
        };
        let hint = self.did_you_mean(name, self.names.of(kind).iter().copied());
        self.report(
            Severity::Error,
            code,
            place,
            at.path(),
            format!("there is no {noun} `{}`", shortened(name)),
            hint,
        );
    }

    /// Reports a value that an enum or list of variants doesn't have.
    pub fn not_among<'c>(
        &mut self,
        code: &'static str,
        at: &At<'_>,
        message: String,
        candidates: impl IntoIterator<Item = &'c str>,
    ) {
        let hint = match &at.node.value {
            Value::Text(word) => self.did_you_mean(word, candidates),
            _ => None,
        };
        self.error_hint(code, at, message, hint);
    }
}

/// Long texts are cut in messages.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.chars().count() <= SHOWN {
        text.to_owned()
    } else {
        text.chars().take(SHOWN).chain(['…']).collect()
    }
}
