//! Writing compact JSON straight into a body.

use alloc::vec::Vec;

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

    pub fn key(&mut self, key: &str) -> &mut Self {
        self.text(key);
        self.out.push(b':');
        self.comma = false;
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.separate();
        escape(self.out, text);
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

    pub fn display(&mut self, value: impl core::fmt::Display) -> &mut Self {
        self.raw(alloc::format!("{value}").as_bytes())
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
    }
}

/// RFC 8259 strings: quotation mark, reverse solidus and control characters are escaped. What lies between two of them
/// is copied in one piece.
fn escape(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0x00..=0x1F);
    while let Some((plain, byte, after)) = rest
        .iter()
        .position(special)
        .and_then(|at| rest.split_at_checked(at))
        .and_then(|(plain, from)| Some((plain, from.first()?, from.get(1..)?)))
    {
        out.extend_from_slice(plain);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.extend_from_slice(alloc::format!("\\u{byte:04x}").as_bytes()),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
