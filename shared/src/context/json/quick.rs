//! The request as nearly all clients write it, read in one pass over its bytes. Knows only what is right: at anything
//! else (a mistake, a nested value, counters, events) it gives up, and the thorough reader starts again and says what is meant or
//! what is wrong. So mistakes are described in one place, and what costs time for their sake costs it only then.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{Context, Fact, Text};
use crate::limits;
use crate::value::datetime;
use crate::value::quote::plain;

/// Up to so many attributes each new name is compared with those before; of more, the names are put into a set.
const FEW: usize = 16;

/// None: ask the thorough reader.
pub(super) fn read(text: &str) -> Option<Context<'_>> {
    let mut reader = Reader { text, at: 0 };
    let mut context = Context::default();
    let mut given = 0_u32;
    reader.object(|reader, name| {
        let field = match &*name {
            "page" => {
                context.page = reader.optional_text()?;
                0
            }
            "unit" => {
                context.unit = reader.optional_text()?;
                1
            }
            "device" => {
                context.device = reader.optional_text()?;
                2
            }
            "locale" => {
                context.locale = reader.optional_text()?;
                3
            }
            "have" => {
                context.have = reader.optional_text()?;
                4
            }
            "attributes" => {
                context.attributes = reader.attributes()?;
                5
            }
            "now" => {
                if let Some(text) = reader.optional_text()? {
                    context.now_ms = Some(datetime::parse(&text)?);
                }
                6
            }
            "explain" => {
                let Fact::Boolean(explain) = reader.fact()? else {
                    return None;
                };
                context.explain = explain;
                7
            }
            "previous_unit" => {
                context.previous_unit = reader.optional_text()?;
                8
            }
            _ => return None,
        };
        let bit = 1 << field;
        let twice = given & bit != 0;
        given |= bit;
        (!twice).then_some(())
    })?;
    reader.token().is_none().then_some(context)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn from(&self, at: usize) -> &'a [u8] {
        self.text.as_bytes().get(at..).unwrap_or(&[])
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// The next byte that isn't white space; stays before it.
    fn token(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.skip(1);
        }
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        let found = self.token()? == wanted;
        self.skip(1);
        found.then_some(())
    }

    /// After an element: whether another follows.
    fn comma(&mut self, close: u8) -> Option<bool> {
        let token = self.token()?;
        self.skip(1);
        match token {
            b',' => Some(true),
            _ => (token == close).then_some(false),
        }
    }

    fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.token()? == b'}' {
            self.skip(1);
            return Some(());
        }
        loop {
            let name = self.string()?;
            self.take(b':')?;
            field(self, name)?;
            if !self.comma(b'}')? {
                return Some(());
            }
        }
    }

    fn attributes(&mut self) -> Option<Vec<(Cow<'a, str>, Fact<'a>)>> {
        let mut attributes: Vec<(Cow<'a, str>, Fact<'a>)> = Vec::with_capacity(FEW);
        // A name whose bit is new is new.
        let mut bits = 0_u64;
        self.object(|reader, name| {
            let last = name.as_bytes().last().copied().unwrap_or(0);
            let mixed = (name.len().wrapping_mul(7) as u8).wrapping_add(last);
            let bit = 1_u64 << (mixed % 64);
            let known = bits & bit != 0
                && attributes.len() < FEW
                && attributes.iter().any(|(given, _)| *given == name);
            bits |= bit;
            if known || attributes.len() >= limits::REQUEST_ATTRIBUTES {
                return None;
            }
            attributes.push((name, reader.fact()?));
            Some(())
        })?;
        if attributes.len() > FEW {
            let mut names = BTreeSet::new();
            if !attributes
                .iter()
                .all(|(name, _)| names.insert(name.as_bytes()))
            {
                return None;
            }
        }
        Some(attributes)
    }

    fn fact(&mut self) -> Option<Fact<'a>> {
        match self.token()? {
            b'"' => self.string().map(Fact::Text),
            b'[' => self.texts().map(Fact::Texts),
            b't' => self.word("true").map(|()| Fact::Boolean(true)),
            b'f' => self.word("false").map(|()| Fact::Boolean(false)),
            b'n' => self.word("null").map(|()| Fact::Null),
            _ => self.number().map(Fact::Number),
        }
    }

    fn optional_text(&mut self) -> Option<Option<Cow<'a, str>>> {
        if self.token()? == b'n' {
            return self.word("null").map(|()| None);
        }
        self.string().map(Some)
    }

    fn texts(&mut self) -> Option<Vec<Cow<'a, str>>> {
        self.take(b'[')?;
        let mut texts = Vec::new();
        if self.token()? == b']' {
            self.skip(1);
            return Some(texts);
        }
        loop {
            texts.push(self.string()?);
            if !self.comma(b']')? {
                return Some(texts);
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let found = self.from(self.at).starts_with(word.as_bytes());
        self.skip(word.len());
        found.then_some(())
    }

    /// The literal, by the grammar of RFC 8259, section 6.
    fn number(&mut self) -> Option<&'a str> {
        let start = self.at;
        if self.here() == Some(b'-') {
            self.skip(1);
        }
        // A digit after a leading zero is no comma, so it is refused where that is wanted.
        match self.here()? {
            b'0' => self.skip(1),
            _ => self.digits()?,
        }
        if self.here() == Some(b'.') {
            self.skip(1);
            self.digits()?;
        }
        if matches!(self.here(), Some(b'e' | b'E')) {
            self.skip(1);
            if matches!(self.here(), Some(b'+' | b'-')) {
                self.skip(1);
            }
            self.digits()?;
        }
        self.text.get(start..self.at)
    }

    fn here(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// One at least.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.here().is_some_and(|byte| byte.is_ascii_digit()) {
            self.skip(1);
        }
        (self.at > start).then_some(())
    }

    /// A text without escapes is a piece of the request.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.take(b'"')?;
        let start = self.at;
        self.skip(plain(self.from(start)));
        let end = self.at;
        match self.from(end).first()? {
            b'"' => {
                self.skip(1);
                self.text.get(start..end).map(Cow::Borrowed)
            }
            b'\\' => self.escaped(start.checked_sub(1)?),
            _ => None,
        }
    }

    /// Finds the end, and leaves the meaning of escapes to the one that knows about surrogates.
    fn escaped(&mut self, start: usize) -> Option<Cow<'a, str>> {
        loop {
            match self.from(self.at).first()? {
                b'"' => break,
                b'\\' => self.skip(2),
                _ => return None,
            }
            self.skip(plain(self.from(self.at)));
        }
        self.skip(1);
        let quoted = self.text.get(start..self.at)?;
        serde_json::from_str(quoted).ok().map(|Text(text)| text)
    }
}
