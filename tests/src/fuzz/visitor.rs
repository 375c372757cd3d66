//! A visitor made of choices and of what a chunk asks about: values are mostly the constants of its rules or next to
//! them, so that both sides of a comparison are reached.

use skyful::bucket::UnitHash;
use skyful::context::{Context, Fact, Tally};
use skyful::snapshot::Chunk;
use skyful::snapshot::records::{Attribute, Constant, Counter, VersionConstant, Word};
use skyful::value::Type;

use super::choices::Choices;

const INSTANTS_MS: [i64; 8] = [
    1_764_032_400_000,
    i64::MIN,
    i64::MAX,
    0,
    -1,
    i64::MIN + 1,
    i64::MAX - 1,
    253_402_300_800_000,
];
const LITERALS: [&str; 12] = [
    "0",
    "-0",
    "67",
    "6.7e1",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1e999",
    "-1e999",
    "1e-999",
    "0.1",
    "123456789012345678901234567890e-10",
];
const TEXTS: [&str; 12] = [
    "",
    "a",
    "2026-11-22T09:00:00Z",
    "9999-12-31T23:59:60+23:59",
    "v1.2.3-rc.1+x",
    "4294967295.4294967295.4294967295.4294967295",
    "::ffff:10.0.0.1",
    "10.0.0.1",
    "\u{10ffff}\u{0}\u{fffd}",
    "true",
    "İ",
    "\"\\\n",
];

/// The instant of a request.
pub fn instant_ms(choices: &mut Choices<'_>) -> i64 {
    match choices.below(16) {
        drawn @ 0..8 => INSTANTS_MS[drawn],
        8..12 => INSTANTS_MS[0].saturating_add(i64::from(choices.word()) * 1_000),
        _ => choices.long().cast_signed(),
    }
}

/// Owned parts of a context, which borrows.
pub struct Visitor {
    pub unit: Option<String>,
    pub device: Option<String>,
    facts: Vec<(String, Value)>,
    /// What every counter of the chunk says, if anything.
    pub tally: Option<Tally>,
}

enum Value {
    Null,
    Boolean(bool),
    Number(String),
    Text(String),
    Texts(Vec<String>),
    Untyped(Vec<String>),
    Other,
}

impl Visitor {
    pub fn draw(chunk: &Chunk, choices: &mut Choices<'_>) -> Self {
        let id = |choices: &mut Choices<'_>| match choices.below(4) {
            0 => Some(String::from("u-25")),
            1 => None,
            _ => Some(format!("u-{}", choices.byte())),
        };
        let (unit, device) = (id(choices), id(choices));
        let tally = (choices.below(2) == 1).then(|| Tally {
            count: [0, 1, 5, u32::MAX][choices.below(4)],
            last_ms: (choices.below(2) == 1).then(|| instant_ms(choices)),
        });
        let attributes = chunk.table::<Attribute>();
        let mut facts: Vec<(String, Value)> = attributes
            .iter()
            .filter_map(|attribute| {
                let value = value(chunk, &attribute, choices)?;
                Some((chunk.text(attribute.name).to_owned(), value))
            })
            .take(64)
            .collect();
        if choices.below(4) == 1 {
            facts.push((String::from("undeclared"), Value::Null));
        }
        Self {
            unit,
            device,
            facts,
            tally,
        }
    }

    pub fn context(&self, explain: bool) -> Context<'_> {
        let borrowed = |texts: &'_ [String]| texts.iter().map(|t| t.clone().into()).collect();
        let fact = |value: &'_ Value| match value {
            Value::Null => Fact::Null,
            Value::Boolean(value) => Fact::Boolean(*value),
            Value::Number(_) => unreachable!("literals are borrowed below"),
            Value::Text(text) => Fact::Text(text.clone().into()),
            Value::Texts(texts) => Fact::Texts(borrowed(texts)),
            Value::Untyped(texts) => Fact::Untyped(borrowed(texts)),
            Value::Other => Fact::Other,
        };
        let attributes = self.facts.iter().map(|(name, value)| {
            let fact = match value {
                Value::Number(literal) => Fact::Number(literal),
                other => fact(other),
            };
            (name.as_str().into(), fact)
        });
        Context {
            unit: self.unit.as_deref().map(Into::into),
            device: self.device.as_deref().map(Into::into),
            attributes: attributes.collect(),
            explain,
            ..Context::default()
        }
    }

    /// What the tallies of this visitor say, whichever counter is asked for.
    pub fn counter(&self, chunk: &Chunk, name: &str) -> Option<Tally> {
        let known = chunk
            .table::<Counter>()
            .iter()
            .any(|c| chunk.text(c.name) == name);
        assert!(known, "only counters of the chunk are asked for");
        self.tally
    }

    pub fn hash(&self, chunk: &Chunk) -> u64 {
        let unit = self.unit.as_deref().unwrap_or_default();
        let _ = UnitHash::of(unit);
        chunk.id_key().hash(unit)
    }
}

fn value(chunk: &Chunk, attribute: &Attribute, choices: &mut Choices<'_>) -> Option<Value> {
    let kind = Type::from_u8(u8::try_from(attribute.kind).ok()?)?;
    let text = |choices: &mut Choices<'_>| word(chunk, choices);
    Some(match choices.below(12) {
        0 => return None,
        1 => Value::Null,
        2 => Value::Boolean(choices.below(2) == 1),
        3 => Value::Untyped((0..choices.below(4)).map(|_| text(choices)).collect()),
        4 => Value::Other,
        _ => match kind {
            Type::String | Type::Enum => Value::Text(text(choices)),
            Type::StringList => {
                Value::Texts((0..choices.below(5)).map(|_| text(choices)).collect())
            }
            Type::Integer | Type::Number => Value::Number(number(chunk, kind, choices)),
            Type::Boolean => Value::Boolean(choices.below(2) == 1),
            Type::Version => Value::Text(version(chunk, choices)),
            Type::Datetime => Value::Text(datetime(chunk, choices)),
        },
    })
}

/// A constant of the chunk, maybe with something around it.
fn word(chunk: &Chunk, choices: &mut Choices<'_>) -> String {
    let words = chunk.table::<Word>();
    let drawn = choices.below(words.len().max(1));
    let constant = words.iter().nth(drawn).map_or("", |w| chunk.text(w.text));
    match choices.below(8) {
        0..4 => constant.to_owned(),
        4 => TEXTS[choices.below(TEXTS.len())].to_owned(),
        5 => format!("x{constant}"),
        6 => format!("{constant}x"),
        _ => String::from_utf8_lossy(choices.bytes(16)).into_owned(),
    }
}

fn constant(chunk: &Chunk, choices: &mut Choices<'_>) -> i64 {
    let constants = chunk.table::<Constant>();
    let drawn = choices.below(constants.len().max(1));
    constants.iter().nth(drawn).map_or(0, |c| c.value)
}

fn number(chunk: &Chunk, kind: Type, choices: &mut Choices<'_>) -> String {
    let near = constant(chunk, choices).wrapping_add(choices.below(3) as i64 - 1);
    match choices.below(4) {
        0 => LITERALS[choices.below(LITERALS.len())].to_owned(),
        _ if kind == Type::Integer => near.to_string(),
        _ => {
            let double = f64::from_bits(near.cast_unsigned());
            if double.is_finite() {
                format!("{double:e}")
            } else {
                String::from("0")
            }
        }
    }
}

fn version(chunk: &Chunk, choices: &mut Choices<'_>) -> String {
    let versions = chunk.table::<VersionConstant>();
    let drawn = choices.below(versions.len().max(1));
    match versions.iter().nth(drawn) {
        Some(v) if choices.below(8) != 0 => {
            let last = v.c3.wrapping_add(choices.below(3) as u32).wrapping_sub(1);
            let dash = if choices.below(2) == 1 { "-rc.1" } else { "" };
            format!("{}.{}.{}.{last}{dash}", v.c0, v.c1, v.c2)
        }
        _ => TEXTS[choices.below(TEXTS.len())].to_owned(),
    }
}

fn datetime(chunk: &Chunk, choices: &mut Choices<'_>) -> String {
    match choices.below(4) {
        0 => TEXTS[choices.below(TEXTS.len())].to_owned(),
        _ => skyful::value::datetime::format(constant(chunk, choices)),
    }
}
