//! Writing compact JSON straight into a body.

use alloc::vec::Vec;
use core::fmt;

use crate::value::quote::quote;

/// A writer that puts the commas.
pub struct Json<'a> {
    out: &'a mut Vec<u8>,
    /// Whether the next element of the innermost open list or object needs a comma before it.
    comma: bool,
}

impl<'a> Json<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, comma: false }
    }

    /// Goes on in a body that was left off, see [`Json::needs_comma`].
    pub fn resume(out: &'a mut Vec<u8>, comma: bool) -> Self {
        Self { out, comma }
    }

    pub fn needs_comma(&self) -> bool {
        self.comma
    }

    /// Bytes of the body so far.
    pub fn written(&self) -> usize {
        self.out.len()
    }

    /// Opens with `{` or `[`.
    pub fn open(&mut self, bracket: u8) -> &mut Self {
        self.separate();
        self.out.push(bracket);
        self.comma = false;
        self
    }

    pub fn close(&mut self, bracket: u8) -> &mut Self {
        self.out.push(bracket);
        self.comma = true;
        self
    }

    /// Keys are names of ours, in which nothing is escaped.
    pub fn key(&mut self, key: &'static str) -> &mut Self {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.comma = false;
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.separate();
        quote(self.out, text);
        self.comma = true;
        self
    }

    /// A value that already is JSON.
    pub fn raw(&mut self, json: &[u8]) -> &mut Self {
        self.separate();
        self.out.extend_from_slice(json);
        self.comma = true;
        self
    }

    pub fn boolean(&mut self, value: bool) -> &mut Self {
        self.raw(if value { b"true" } else { b"false" })
    }

    pub fn display(&mut self, value: impl fmt::Display) -> &mut Self {
        self.separate();
        // A vector takes whatever it is given.
        let _ = fmt::Write::write_fmt(&mut Body(self.out), format_args!("{value}"));
        self.comma = true;
        self
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
    }
}

/// Formatting goes straight into the body.
struct Body<'a>(&'a mut Vec<u8>);

impl fmt::Write for Body<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
