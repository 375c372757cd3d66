//! The locales of a workspace.

use std::collections::BTreeMap;

use super::at::At;
use super::reader::{Reader, shortened};
use super::shapes;
use crate::document::Value;
use crate::limits;
use crate::model::Locales;
use crate::model::locales::{chain, fold};

/// The locales with what reading content needs of them.
pub(crate) struct LocaleTable {
    pub locales: Locales,
    /// Every tag that stands anywhere under `locales`: folded → as written.
    pub known: BTreeMap<String, String>,
    /// A chain of folded tags for each supported locale.
    pub chains: Vec<Vec<String>>,
}

pub(crate) fn locales(r: &mut Reader<'_>, at: &At<'_>) -> Option<LocaleTable> {
    let object = r.object(at, shapes::LOCALES)?;
    let supported = object.get("supported").map(|at| {
        let tags = tags(r, &at, "supported locales", limits::LOCALES);
        if tags.as_ref().is_some_and(Vec::is_empty) {
            r.error("invalid_value", &at, "at least one locale is needed");
            return None;
        }
        tags
    });
    let fallback = object.get("fallback").map(|at| fallback(r, &at));
    let default = object.get("default").map(|at| (tag(r, &at), at));
    let (supported, fallback) = (supported??, fallback.unwrap_or(Some(BTreeMap::new()))?);
    let (default, default_at) = default?;
    let default = fold(default?);
    let Some(index) = supported.iter().position(|tag| fold(tag) == default) else {
        let candidates = supported.iter().map(String::as_str);
        let message = "the default locale must be among `supported`".to_owned();
        r.not_among("unknown_locale", &default_at, message, candidates);
        return None;
    };
    let locales = Locales {
        supported,
        default: index,
        fallback,
    };
    let all = locales.supported.iter().chain(
        locales
            .fallback
            .iter()
            .flat_map(|(from, list)| std::iter::once(from).chain(list)),
    );
    let known = all.map(|tag| (fold(tag), tag.clone())).collect();
    let chains = (0..locales.supported.len())
        .map(|found| chain(&locales, found))
        .collect();
    Some(LocaleTable {
        locales,
        known,
        chains,
    })
}

fn fallback(r: &mut Reader<'_>, at: &At<'_>) -> Option<BTreeMap<String, Vec<String>>> {
    if !matches!(at.node.value, Value::Map(_)) {
        r.wrong_type(at, "an object of fallback lists by locale");
        return None;
    }
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut whole = r.within(
        at,
        at.entries().len(),
        limits::LOCALES,
        "locales with fallbacks",
    );
    for entry in at.entries() {
        let list = at.field(entry);
        if !is_tag(&entry.key) {
            not_a_tag(r, &list, &entry.key, true);
            whole = false;
        } else if out.keys().any(|tag| fold(tag) == fold(&entry.key)) {
            let message = format!("the locale `{}` stands twice", entry.key);
            r.error_intro("duplicate", &list, message);
            whole = false;
        }
        match tags(r, &list, "fallback locales", limits::FALLBACKS) {
            Some(list) => {
                out.insert(entry.key.as_ref().to_owned(), list);
            }
            None => whole = false,
        }
    }
    whole.then_some(out)
}

/// Tags, none twice.
fn tags(r: &mut Reader<'_>, at: &At<'_>, noun: &str, max: usize) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    let mut whole = true;
    for item in r.list(at, noun, max)? {
        match tag(r, &item) {
            None => whole = false,
            Some(tag) if out.iter().any(|other| fold(other) == fold(tag)) => {
                let message = format!("the locale `{tag}` stands twice");
                r.error("duplicate", &item, message);
                whole = false;
            }
            Some(tag) => out.push(tag.to_owned()),
        }
    }
    whole.then_some(out)
}

fn tag<'a>(r: &mut Reader<'_>, at: &At<'a>) -> Option<&'a str> {
    let tag = r.text(at)?;
    if !is_tag(tag) {
        not_a_tag(r, at, tag, false);
        return None;
    }
    Some(tag)
}

fn not_a_tag(r: &mut Reader<'_>, at: &At<'_>, tag: &str, at_key: bool) {
    let message = format!("`{}` is no locale tag", shortened(tag));
    if at_key {
        r.error_intro("invalid_locale", at, message);
    } else {
        let hint = "for example en, zh-HK or zh-Hant-TW".to_owned();
        r.error_hint("invalid_locale", at, message, hint);
    }
}

/// Subtags of 1 to 8 letters or digits, the first of 2 to 8 letters (BCP 47, loosely).
fn is_tag(tag: &str) -> bool {
    let mut subtags = tag.split(['-', '_']);
    let first = subtags.next().unwrap_or_default();
    tag.len() <= limits::LOCALE_BYTES
        && (2..=8).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && std::iter::once(first)
            .chain(subtags)
            .all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()))
}
