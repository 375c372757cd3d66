//! Which supported locale a visitor gets. Tags compare after ASCII case folding and `_` → `-`.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits;
use crate::snapshot::DecodeError;
use crate::snapshot::wire::{Reader, put_count, put_text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locales {
    /// As written; answers spell a tag like this.
    pub supported: Vec<String>,
    pub default: u32,
    /// Declared lists, sorted by tag.
    pub fallback: Vec<(String, Vec<String>)>,
}

impl Locales {
    /// The requested tag if supported, else the first supported of its declared list, else the nearest
    /// supported parent, else the default.
    pub fn negotiate(&self, requested: Option<&str>) -> u32 {
        let found = requested
            .filter(|tag| tag.len() <= limits::LOCALE_BYTES)
            .and_then(|tag| {
                self.position(tag)
                    .or_else(|| self.declared(tag).iter().find_map(|to| self.position(to)))
                    .or_else(|| parents(tag).find_map(|parent| self.position(parent)))
            });
        found.unwrap_or(self.default)
    }

    /// The declared fallbacks of a tag, in order.
    pub fn declared(&self, tag: &str) -> &[String] {
        self.fallback
            .iter()
            .find(|(from, _)| same_tag(from, tag))
            .map_or(&[], |(_, to)| to)
    }

    pub fn tag(&self, locale: u32) -> &str {
        self.supported
            .get(locale as usize)
            .map_or("", String::as_str)
    }

    fn position(&self, tag: &str) -> Option<u32> {
        let at = self
            .supported
            .iter()
            .position(|supported| same_tag(supported, tag))?;
        u32::try_from(at).ok()
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_count(out, self.supported.len());
        self.supported.iter().for_each(|tag| put_text(out, tag));
        out.extend_from_slice(&self.default.to_le_bytes());
        put_count(out, self.fallback.len());
        for (from, to) in &self.fallback {
            put_text(out, from);
            put_count(out, to.len());
            to.iter().for_each(|tag| put_text(out, tag));
        }
    }

    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count(limits::LOCALES, "too many locales")?;
        let supported: Vec<String> = (0..count)
            .map(|_| reader.owned_text())
            .collect::<Result<_, _>>()?;
        let default = reader.u32()?;
        if default as usize >= supported.len() {
            return Err(DecodeError::Meaning("no default locale"));
        }
        let lists = reader.count(limits::FALLBACK_LISTS, "too many locale fallbacks")?;
        let mut fallback = Vec::with_capacity(lists);
        for _ in 0..lists {
            let from = reader.owned_text()?;
            let count = reader.count(limits::FALLBACKS, "too many locale fallbacks")?;
            fallback.push((
                from,
                (0..count)
                    .map(|_| reader.owned_text())
                    .collect::<Result<_, _>>()?,
            ));
        }
        Ok(Self {
            supported,
            default,
            fallback,
        })
    }
}

/// `zh-Hant-HK` → `zh-Hant`, `zh`: by cutting the last subtag.
pub fn parents(tag: &str) -> impl Iterator<Item = &str> {
    core::iter::successors(Some(tag), |tag| {
        tag.rfind(['-', '_']).and_then(|at| tag.get(..at))
    })
    .skip(1)
}

pub fn same_tag(a: &str, b: &str) -> bool {
    let fold = |byte: u8| {
        if byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    a.len() == b.len() && a.bytes().map(fold).eq(b.bytes().map(fold))
}
