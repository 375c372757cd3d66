//! Whether two requests ask the same: a hash of everything that a visitor says.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use xxhash_rust::xxh3::xxh3_64;

use super::{Context, Fact};

impl Context<'_> {
    /// Equal for equal requests, whatever the order of their attributes; otherwise different, but for
    /// chance. Leaves out what the client holds, and the time.
    pub fn fingerprint(&self) -> u64 {
        let mut bytes = Vec::with_capacity(256);
        for text in [&self.page, &self.unit, &self.device, &self.locale] {
            put_optional(&mut bytes, text.as_deref());
        }
        bytes.push(u8::from(self.explain));
        let mut attributes: Vec<&(Cow<'_, str>, Fact<'_>)> = self.attributes.iter().collect();
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, fact) in attributes {
            put(&mut bytes, name);
            put_fact(&mut bytes, fact);
        }
        xxh3_64(&bytes)
    }
}

/// Lengths come first, so that no two different lists of texts give the same bytes.
fn put(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn put_optional(bytes: &mut Vec<u8>, text: Option<&str>) {
    bytes.push(u8::from(text.is_some()));
    put(bytes, text.unwrap_or(""));
}

fn put_fact(bytes: &mut Vec<u8>, fact: &Fact<'_>) {
    let (kind, texts): (u8, &[Cow<'_, str>]) = match fact {
        Fact::Null => (0, &[]),
        Fact::Boolean(value) => (1 + u8::from(*value), &[]),
        Fact::Number(literal) => (3, &[Cow::Borrowed(literal)]),
        Fact::Text(text) => (4, core::slice::from_ref(text)),
        Fact::Texts(texts) => (5, texts),
        Fact::Other => (6, &[]),
        Fact::Untyped(texts) => (7, texts),
    };
    bytes.push(kind);
    bytes.extend_from_slice(&(texts.len() as u64).to_le_bytes());
    for text in texts {
        put(bytes, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> u64 {
        Context::from_json(body.as_bytes()).unwrap().fingerprint()
    }

    #[test]
    fn the_order_of_attributes_and_what_is_held_do_not_matter() {
        let a = of(r#"{"page":"home","attributes":{"a":1,"b":"x"}}"#);
        let b = of(r#"{"have":"1.2","attributes":{"b":"x","a":1},"page":"home"}"#);
        assert_eq!(a, b);
    }

    #[test]
    fn everything_else_matters() {
        let bodies = [
            r#"{}"#,
            r#"{"unit":"u"}"#,
            r#"{"device":"u"}"#,
            r#"{"locale":"u"}"#,
            r#"{"page":"u"}"#,
            r#"{"explain":true}"#,
            r#"{"attributes":{"a":"b"}}"#,
            r#"{"attributes":{"a":["b"]}}"#,
            r#"{"attributes":{"a":["b","c"]}}"#,
            r#"{"attributes":{"a":["bc"]}}"#,
            r#"{"attributes":{"a":true}}"#,
            r#"{"attributes":{"a":false}}"#,
            r#"{"attributes":{"a":null}}"#,
            r#"{"attributes":{"a":1}}"#,
            r#"{"attributes":{"a":"1"}}"#,
            r#"{"attributes":{"ab":""}}"#,
        ];
        for (i, a) in bodies.iter().enumerate() {
            for b in &bodies[i + 1..] {
                assert_ne!(of(a), of(b), "{a} {b}");
            }
        }
    }
}
