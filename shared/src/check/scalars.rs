//! Reading one scalar: text that must not have been meant as something else, whole numbers within
//! bounds, words of a fixed set.

use std::ops::RangeInclusive;

use super::at::At;
use super::reader::Reader;
use crate::document::{Value, json_number};
use crate::value::number;

impl Reader<'_> {
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
}
