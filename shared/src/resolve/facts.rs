//! A context's values, typed by the chunk's declarations. What doesn't fit is missing.

use alloc::borrow::Cow;

use super::trace::Visitor;
use crate::context::{Context, Fact};
use crate::snapshot::Chunk;
use crate::snapshot::keys::{self, Keys};
use crate::snapshot::records::Attribute;
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

/// Tells of given attributes that count for nothing.
pub fn tell_ignored<V: Visitor>(chunk: &Chunk, context: &Context<'_>, visitor: &mut V) {
    let declared = chunk.table::<Attribute>();
    let keys = Keys::of(chunk);
    for (name, why) in &context.dropped {
        visitor.ignored_attribute(name, why);
    }
    for (name, _) in &context.attributes {
        if !declared.iter().any(|a| chunk.text(a.name) == name) {
            visitor.ignored_attribute(name, "not declared");
        }
    }
    for (number, attribute) in (0..).zip(declared.iter()) {
        let name = chunk.text(attribute.name);
        if let Some(fact) = context.attribute(name)
            && *fact != Fact::Null
            && typed(&keys, number, &attribute, fact).is_none()
        {
            visitor.ignored_attribute(name, "doesn't fit its type");
        }
    }
}

/// What was given as a value of the attribute's type; none if it doesn't fit.
pub fn typed<'a>(
    keys: &Keys<'_>,
    number: u32,
    attribute: &Attribute,
    fact: &'a Fact<'_>,
) -> Option<Value<'a>> {
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
            keys.find(keys::space(number), text)?;
            Value::Text(text)
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
