//! Content: localized, held against its schema in every supported locale, and written as JSON.

mod faults;

use serde_json::{Map, Number, Value};

use super::at::At;
use super::locales::LocaleTable;
use super::reader::{Reader, shortened};
use super::schemas::{self, ContentSchema};
use crate::document::{self, Entry, Node, json_number};
use crate::limits;
use crate::model::Content;
use crate::model::locales::fold;
use crate::problem::Severity;
use faults::Faults;

pub(crate) use faults::descend;

/// A content whose localized fields are known but not yet chosen.
enum Part<'a> {
    Whole(Value),
    List(Vec<Part<'a>>),
    Map(Vec<(&'a Entry, Part<'a>)>),
    /// By folded tag.
    Locales(Vec<(String, &'a Entry, Part<'a>)>),
}

pub(crate) fn content(r: &mut Reader<'_>, at: &At<'_>, schema: &ContentSchema) -> Option<Content> {
    if !matches!(at.node.value, document::Value::Map(_)) {
        r.wrong_type(at, "content (an object)");
        return None;
    }
    let table = r.locales.clone()?;
    let mut localizer = Localizer {
        table: &table,
        root: &schema.schema,
        budget: limits::CONTENT_BYTES,
        chosen: false,
    };
    let part = if schema.localizable {
        let own = schemas::alternatives(&schema.schema, [&schema.schema]);
        localizer.part(r, at, at.node, &own)
    } else {
        localizer.plain(r, at).map(Part::Whole)
    };
    if localizer.budget == 0 {
        too_large(r, at, "content");
    }
    let part = part?;
    let chosen = localizer.chosen;
    let mut faults = Faults::default();
    let mut fragments = Vec::new();
    for (chain, locale) in table.chains.iter().zip(&table.locales.supported) {
        if !chosen && let Some(same) = fragments.last().cloned() {
            fragments.push(same);
            continue;
        }
        let value = project(&part, chain);
        let locale = chosen.then_some(locale.as_str());
        let seen = faults::Seen {
            part: &part,
            chain,
            locale,
        };
        faults.find(r, at, schema, &value, &seen);
        let fragment = value.to_string();
        if fragment.len() > limits::CONTENT_BYTES {
            too_large(r, at, "content");
            return None;
        }
        fragments.push(fragment);
    }
    let fine = faults.list.is_empty();
    faults.report(r, table.locales.supported.len());
    fine.then_some(Content { fragments })
}

/// A value as JSON, as it is.
pub(crate) fn json(r: &mut Reader<'_>, at: &At<'_>, noun: &str) -> Option<Value> {
    let mut budget = limits::CONTENT_BYTES;
    let value = plain(r, at, &mut budget);
    if value.is_none() && budget == 0 {
        too_large(r, at, noun);
    }
    value
}

fn too_large(r: &mut Reader<'_>, at: &At<'_>, noun: &str) {
    let message = format!(
        "{noun} is at most {} bytes (CONTENT_BYTES) of JSON in one locale; this is more",
        limits::CONTENT_BYTES
    );
    r.error_intro("limit", at, message);
}

/// `budget` is spent by nodes and text, so that an alias bomb is not unfolded.
fn plain(r: &mut Reader<'_>, at: &At<'_>, budget: &mut usize) -> Option<Value> {
    let weight = match &at.node.value {
        document::Value::Text(text) => text.len(),
        _ => 1,
    };
    if weight >= *budget {
        *budget = 0;
        return None;
    }
    *budget = budget.saturating_sub(weight.max(1));
    Some(match &at.node.value {
        document::Value::Unusable => return None,
        document::Value::Null => Value::Null,
        document::Value::Bool(value) => Value::Bool(*value),
        document::Value::Number(literal) => Value::Number(number(r, at, literal)?),
        document::Value::Text(text) => Value::String(text.as_ref().to_owned()),
        document::Value::List(_) => {
            let items: Option<Vec<Value>> =
                at.items().map(|item| plain(r, &item, budget)).collect();
            Value::Array(items?)
        }
        document::Value::Map(_) => {
            let mut map = Map::new();
            for entry in at.entries() {
                let value = plain(r, &at.field(entry), budget)?;
                map.insert(entry.key.as_ref().to_owned(), value);
            }
            Value::Object(map)
        }
    })
}

/// Whole literals are exact as far as 64 bits go; the rest are doubles.
fn number(r: &mut Reader<'_>, at: &At<'_>, literal: &str) -> Option<Number> {
    let literal = json_number(literal);
    let exact = literal.parse::<i64>().map(Number::from);
    let exact = exact.or_else(|_| literal.parse::<u64>().map(Number::from));
    let number = match exact {
        Ok(number) => Some(number),
        Err(_) => literal.parse::<f64>().ok().and_then(Number::from_f64),
    };
    if number.is_none() {
        let message = format!("{} is too large a number", shortened(&literal));
        r.error("invalid_value", at, message);
    }
    number
}

struct Localizer<'s> {
    table: &'s LocaleTable,
    root: &'s Value,
    budget: usize,
    /// Whether there is any choice by locale.
    chosen: bool,
}

impl<'s> Localizer<'s> {
    fn plain(&mut self, r: &mut Reader<'_>, at: &At<'_>) -> Option<Value> {
        plain(r, at, &mut self.budget)
    }

    /// `at` tells where `node` stands; the node itself outlives it.
    fn part<'n>(
        &mut self,
        r: &mut Reader<'_>,
        at: &At<'_>,
        node: &'n Node,
        own: &[&'s Value],
    ) -> Option<Part<'n>> {
        if schemas::is_localizable(own) && self.is_locale_map(at, own) {
            self.chosen = true;
            return self.locales(r, at, node, own);
        }
        self.inside(r, at, node, own)
    }

    /// An object is a map of locales, unless the schema allows objects and no key is a known tag.
    fn is_locale_map(&self, at: &At<'_>, own: &[&Value]) -> bool {
        let known = |entry: &Entry| self.table.known.contains_key(&fold(&entry.key));
        let allows = || {
            let marked = own.iter().filter(|s| schemas::is_localizable(&[s]));
            let mut allowing =
                marked.map(|s| schemas::allows_objects(self.root, s, &mut Vec::new()));
            allowing.any(|allows| allows)
        };
        matches!(at.node.value, document::Value::Map(_))
            && (at.entries().iter().any(known) || !allows())
    }

    fn locales<'n>(
        &mut self,
        r: &mut Reader<'_>,
        at: &At<'_>,
        node: &'n Node,
        own: &[&'s Value],
    ) -> Option<Part<'n>> {
        let document::Value::Map(entries) = &node.value else {
            return None;
        };
        let mut parts: Vec<(String, &Entry, Part<'n>)> = Vec::new();
        let mut whole = true;
        for entry in entries.iter() {
            let here = at.field(entry);
            let tag = fold(&entry.key);
            if !self.table.known.contains_key(&tag) {
                let message = format!("`{}` is no locale of this workspace", entry.key);
                let hint =
                    r.did_you_mean(&entry.key, self.table.known.values().map(String::as_str));
                r.report(
                    Severity::Error,
                    "unknown_locale",
                    entry.place,
                    here.path(),
                    message,
                    hint,
                );
                whole = false;
            } else if parts.iter().any(|(known, _, _)| *known == tag) {
                let message = format!("the locale `{}` stands twice", entry.key);
                r.error_intro("duplicate", &here, message);
                whole = false;
            }
            match self.inside(r, &here, &entry.value, own) {
                Some(part) => parts.push((tag, entry, part)),
                None => whole = false,
            }
        }
        let default = self
            .table
            .locales
            .supported
            .get(self.table.locales.default)?;
        if !entries.iter().any(|e| fold(&e.key) == fold(default)) {
            let message = format!("a text by locale needs the default locale `{default}`");
            r.error_intro("missing_locale", at, message);
            whole = false;
        }
        whole.then_some(Part::Locales(parts))
    }

    fn inside<'n>(
        &mut self,
        r: &mut Reader<'_>,
        at: &At<'_>,
        node: &'n Node,
        own: &[&'s Value],
    ) -> Option<Part<'n>> {
        match &node.value {
            _ if own.is_empty() => self.plain(r, at).map(Part::Whole),
            document::Value::List(items) => {
                let mut parts = Vec::new();
                let mut whole = true;
                for (index, item) in items.iter().enumerate() {
                    let below = schemas::item_schemas(self.root, own, index);
                    let part = self.part(r, &at.item(index, item), item, &below);
                    whole &= part.is_some();
                    parts.extend(part);
                    if self.budget == 0 {
                        return None;
                    }
                }
                whole.then_some(Part::List(parts))
            }
            document::Value::Map(entries) => {
                let mut parts = Vec::new();
                let mut whole = true;
                for entry in entries.iter() {
                    let below = schemas::field_schemas(self.root, own, &entry.key);
                    let part = self.part(r, &at.field(entry), &entry.value, &below);
                    whole &= part.is_some();
                    parts.extend(part.map(|part| (entry, part)));
                    if self.budget == 0 {
                        return None;
                    }
                }
                whole.then_some(Part::Map(parts))
            }
            _ => self.plain(r, at).map(Part::Whole),
        }
    }
}

/// The content that a locale sees.
fn project(part: &Part<'_>, chain: &[String]) -> Value {
    match part {
        Part::Whole(value) => value.clone(),
        Part::List(parts) => parts.iter().map(|part| project(part, chain)).collect(),
        Part::Map(parts) => {
            let fields = parts
                .iter()
                .map(|(entry, part)| (entry.key.as_ref().to_owned(), project(part, chain)));
            Value::Object(fields.collect())
        }
        Part::Locales(parts) => {
            choose(parts, chain).map_or(Value::Null, |(_, _, part)| project(part, chain))
        }
    }
}

type Localized<'n> = (String, &'n Entry, Part<'n>);

/// The default stands in every map and at the end of every chain, so there always is one.
fn choose<'p, 'n>(parts: &'p [Localized<'n>], chain: &[String]) -> Option<&'p Localized<'n>> {
    chain
        .iter()
        .find_map(|tag| parts.iter().find(|(known, _, _)| known == tag))
}
