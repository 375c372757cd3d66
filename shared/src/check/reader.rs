//! What every part of the check reads with: objects by their shape, scalars by their kind, keys, and
//! references that must name something. Whatever doesn't fit is reported here and becomes `None`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::rc::Rc;

use super::at::{At, kind};
use super::locales::LocaleTable;
use super::rules::Size;
use super::schemas::ContentSchema;
use super::shapes::Shape;
use super::suggest::Suggestions;
use super::{Options, names::Names};
use crate::document::{Entry, Place, Value, json_number};
use crate::limits;
use crate::problem::{Problem, Problems, Severity};
use crate::value::number;

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
    pub segment_sizes: BTreeMap<String, Size>,
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

    pub fn text<'a>(&mut self, at: &At<'a>) -> Option<&'a str> {
        match &at.node.value {
            Value::Text(text) => Some(text),
            Value::Number(literal) => {
                self.quote_it(at, "a number", literal);
                None
            }
            Value::Bool(value) => {
                self.quote_it(at, "a boolean", if *value { "true" } else { "false" });
                None
            }
            _ => {
                self.wrong_type(at, "text");
                None
            }
        }
    }

    fn quote_it(&mut self, at: &At<'_>, read_as: &str, literal: &str) {
        let message = format!("text is wanted here, but `{literal}` reads as {read_as}");
        self.error_hint("quote_it", at, message, format!("quote it: \"{literal}\""));
    }

    /// Text of 1..=`max` bytes.
    pub fn short_text<'a>(&mut self, at: &At<'a>, noun: &str, max: usize) -> Option<&'a str> {
        let text = self.text(at)?;
        if text.is_empty() {
            self.error("invalid_value", at, format!("{noun} must not be empty"));
            return None;
        }
        self.text_within(at, text, noun, max)
    }

    pub fn text_within<'a>(
        &mut self,
        at: &At<'_>,
        text: &'a str,
        noun: &str,
        max: usize,
    ) -> Option<&'a str> {
        if text.len() > max {
            let message = format!("{noun} has {} bytes; at most {max} are allowed", text.len());
            self.error("limit", at, message);
            return None;
        }
        Some(text)
    }

    pub fn boolean(&mut self, at: &At<'_>) -> Option<bool> {
        if let Value::Bool(value) = at.node.value {
            return Some(value);
        }
        self.wrong_type(at, "true or false");
        None
    }

    /// A number literal in JSON's grammar.
    pub fn number(&mut self, at: &At<'_>, wanted: &str) -> Option<String> {
        if let Value::Number(literal) = &at.node.value {
            return Some(json_number(literal).into_owned());
        }
        let unquoted = match &at.node.value {
            Value::Text(text) if number::double(text).is_some() => {
                Some(format!("write it without quotes: {text}"))
            }
            _ => None,
        };
        match unquoted {
            Some(hint) => {
                let message = format!("{wanted} is wanted here, not text");
                self.error_hint("wrong_type", at, message, hint);
            }
            None => self.wrong_type(at, wanted),
        }
        None
    }

    pub fn whole(&mut self, at: &At<'_>) -> Option<i64> {
        let literal = self.number(at, "a whole number")?;
        let value = number::integer(&literal);
        if value.is_none() {
            let message = format!("a whole number within 64 bits is wanted here, not {literal}");
            self.error("wrong_type", at, message);
        }
        value
    }

    /// A whole number that must be in `range` by its meaning.
    pub fn whole_in(&mut self, at: &At<'_>, noun: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.whole(at)?;
        let fitting = u32::try_from(value).ok().filter(|v| range.contains(v));
        if fitting.is_none() {
            let (low, high) = (range.start(), range.end());
            let message = format!("{noun} is {low} to {high}, not {value}");
            self.error("out_of_range", at, message);
        }
        fitting
    }

    /// A whole number with a maximum that `limits` sets.
    pub fn whole_limited(
        &mut self,
        at: &At<'_>,
        noun: &str,
        min: u32,
        limit: (&str, u32),
    ) -> Option<u32> {
        let value = self.whole(at)?;
        let (name, max) = limit;
        if value > i64::from(max) {
            let message = format!("{noun} is {value}; at most {max} ({name}) is allowed");
            self.error("limit", at, message);
            return None;
        }
        let fitting = u32::try_from(value).ok().filter(|v| *v >= min);
        if fitting.is_none() {
            let message = format!("{noun} is at least {min}, not {value}");
            self.error("out_of_range", at, message);
        }
        fitting
    }

    /// One of a fixed set of words.
    pub fn word<T: Copy>(&mut self, at: &At<'_>, noun: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(at)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let hint = self
                .did_you_mean(text, all.iter().copied())
                .unwrap_or_else(|| format!("possible are {}", all.join(", ")));
            let message = format!("`{text}` is no {noun}");
            self.error_hint("invalid_value", at, message, hint);
        }
        found.map(|(_, value)| *value)
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

    /// Reports a name that nothing has.
    pub fn unknown<'c>(
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
