//! A context's values, typed by the chunk's declarations. What doesn't fit is missing.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::trace::Visitor;
use crate::context::{Context, Fact};
use crate::snapshot::Chunk;
use crate::snapshot::records::{self, Attribute};
use crate::value::version::Version;
use crate::value::{Type, datetime, number};

#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Missing,
    Text(&'a str),
    Texts(&'a [Cow<'a, str>]),
    Integer(i64),
    Number(f64),
    Version(Version<'a>),
    Datetime(i64),
    Boolean(bool),
}

/// One value a declared attribute, in the order of the attribute table.
pub fn read<'a, V: Visitor>(
    chunk: &Chunk,
    context: &'a Context<'_>,
    visitor: &mut V,
) -> Vec<Value<'a>> {
    if V::EXHAUSTIVE {
        for (name, _) in &context.attributes {
            if !chunk
                .table::<Attribute>()
                .iter()
                .any(|a| chunk.text(a.name) == name)
            {
                visitor.ignored_attribute(name, "not declared");
            }
        }
    }
    chunk
        .table::<Attribute>()
        .iter()
        .map(|attribute| {
            let name = chunk.text(attribute.name);
            let Some(fact) = context.attribute(name) else {
                return Value::Missing;
            };
            let value = typed(chunk, &attribute, fact).unwrap_or(Value::Missing);
            if matches!(value, Value::Missing) && *fact != Fact::Null {
                visitor.ignored_attribute(name, "doesn't fit its type");
            }
            value
        })
        .collect()
}

fn typed<'a>(chunk: &Chunk, attribute: &Attribute, fact: &'a Fact<'_>) -> Option<Value<'a>> {
    let kind = Type::from_u8(u8::try_from(attribute.kind).ok()?)?;
    let text = || match fact {
        Fact::Text(text) => Some(&**text),
        Fact::Untyped(texts) => match texts.as_slice() {
            [one] => Some(&**one),
            _ => None,
        },
        _ => None,
    };
    let literal = || match fact {
        Fact::Number(literal) => Some(*literal),
        Fact::Untyped(_) => text(),
        _ => None,
    };
    Some(match kind {
        Type::String => Value::Text(text()?),
        Type::Enum => {
            let text = text()?;
            let known = |word: records::Word| chunk.text(word.text) == text;
            chunk
                .rows(attribute.values)
                .any(known)
                .then_some(Value::Text(text))?
        }
        Type::StringList => match fact {
            Fact::Texts(texts) | Fact::Untyped(texts) => Value::Texts(texts),
            _ => return None,
        },
        Type::Integer => {
            let value = number::integer(literal()?)?;
            (attribute.min..=attribute.max)
                .contains(&value)
                .then_some(Value::Integer(value))?
        }
        Type::Number => {
            let value = number::double(literal()?)?;
            let bound = |bits: i64| f64::from_bits(bits.cast_unsigned());
            (bound(attribute.min) <= value && value <= bound(attribute.max))
                .then_some(Value::Number(value))?
        }
        Type::Version => Value::Version(Version::parse(text()?)?),
        Type::Datetime => Value::Datetime(datetime::parse(text()?)?),
        Type::Boolean => match fact {
            Fact::Boolean(value) => Value::Boolean(*value),
            Fact::Untyped(_) => match text()? {
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                _ => return None,
            },
            _ => return None,
        },
    })
}
