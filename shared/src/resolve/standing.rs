//! Where a visitor stands: for each attribute the value that was given, and the class that the page's
//! rules put it in. All that matching needs, found once a request.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::facts::{self, Value};
use crate::context::{Context, Fact};
use crate::snapshot::records::{
    Attribute, ClassRange, Condition, ConditionKind, Constant, Cut, VersionConstant,
};
use crate::snapshot::table::{Ref, Span};
use crate::snapshot::{Chunk, keys};
use crate::value::version::Version;

const MISSING: u32 = 0;
const OTHER: u32 = 1;
const NOT_GIVEN: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Place {
    /// Position among the context's attributes.
    fact: u32,
    class: u32,
}

pub struct Standing<'a> {
    chunk: &'a Chunk,
    context: &'a Context<'a>,
    /// One for each attribute of the chunk.
    places: Vec<Place>,
    /// Attribute and class of each list element that a rule names.
    words: Vec<(u32, u32)>,
}

impl<'a> Standing<'a> {
    pub fn of(chunk: &'a Chunk, context: &'a Context<'_>) -> Self {
        let nowhere = Place {
            fact: NOT_GIVEN,
            class: MISSING,
        };
        let attributes = chunk.table::<Attribute>();
        let mut standing = Self {
            chunk,
            context,
            places: vec![nowhere; attributes.len()],
            words: Vec::new(),
        };
        for (position, (name, fact)) in (0..).zip(&context.attributes) {
            let Some(number) = chunk.key(keys::NAMES, name) else {
                continue;
            };
            let class = match attributes.get(Ref::new(number)) {
                Some(attribute) if attribute.classes.len != 0 => {
                    standing.classify(number, &attribute, fact)
                }
                _ => MISSING,
            };
            if let Some(place) = standing.places.get_mut(number as usize)
                && place.fact == NOT_GIVEN
            {
                *place = Place {
                    fact: position,
                    class,
                };
            }
        }
        standing
    }

    /// The value, if it was given and fits.
    pub fn value(&self, attribute: Ref<Attribute>) -> Value<'a> {
        let place = self.places.get(attribute.index as usize);
        let fact = place.and_then(|place| self.context.attributes.get(place.fact as usize));
        fact.and_then(|(_, fact)| {
            facts::typed(
                self.chunk,
                attribute.index,
                &self.chunk.row(attribute)?,
                fact,
            )
        })
        .unwrap_or(Value::Missing)
    }

    /// The class of each attribute, in the order of the chunk's attributes.
    pub fn classes(&self) -> impl Iterator<Item = u32> {
        self.places.iter().map(|place| place.class)
    }

    pub fn class(&self, attribute: u32) -> u32 {
        let place = self.places.get(attribute as usize);
        place.map_or(MISSING, |place| place.class)
    }

    /// The classes of an attribute's elements.
    pub fn words(&self, attribute: u32) -> impl Iterator<Item = u32> {
        let own = self.words.iter().filter(move |(of, _)| *of == attribute);
        own.map(|(_, class)| *class)
    }

    pub fn meets(&self, condition: &Condition) -> bool {
        let attribute = condition.attribute.index;
        let class = self.class(attribute);
        let ranges = Span::new(condition.a, condition.b);
        let named = |class| in_ranges(self.chunk, ranges, class);
        match ConditionKind::from_code(condition.kind) {
            Some(ConditionKind::Within) => condition.a <= class && class <= condition.b,
            Some(ConditionKind::Ranges) => named(class),
            Some(ConditionKind::AnyWord) => self.words(attribute).any(named),
            Some(ConditionKind::NoWord) => class != MISSING && !self.words(attribute).any(named),
            None => false,
        }
    }

    fn classify(&mut self, number: u32, attribute: &Attribute, fact: &Fact<'_>) -> u32 {
        let chunk = self.chunk;
        match facts::typed(chunk, number, attribute, fact) {
            None | Some(Value::Missing) => MISSING,
            Some(Value::Text(text)) => chunk.key(keys::space(number), text).unwrap_or(OTHER),
            Some(Value::Texts(texts)) => {
                let space = keys::space(number);
                let named = texts.iter().filter_map(|text| chunk.key(space, text));
                let begun = self.words.len();
                self.words.extend(named.map(|class| (number, class)));
                // A list may say a word a thousand times; once is enough.
                self.words
                    .get_mut(begun..)
                    .unwrap_or_default()
                    .sort_unstable();
                self.words.dedup();
                OTHER
            }
            Some(Value::Integer(value) | Value::Datetime(value)) => {
                passed(chunk, attribute.cuts, |constant| {
                    let constant = chunk.row(Ref::<Constant>::new(constant))?;
                    Some(value.cmp(&constant.value))
                })
            }
            Some(Value::Boolean(value)) => passed(chunk, attribute.cuts, |constant| {
                let constant = chunk.row(Ref::<Constant>::new(constant))?;
                Some(i64::from(value).cmp(&constant.value))
            }),
            Some(Value::Number(value)) => passed(chunk, attribute.cuts, |constant| {
                let bits = chunk.row(Ref::<Constant>::new(constant))?.value;
                value.partial_cmp(&f64::from_bits(bits.cast_unsigned()))
            }),
            Some(Value::Version(value)) => passed(chunk, attribute.cuts, |constant| {
                let row = chunk.row(Ref::<VersionConstant>::new(constant))?;
                Some(value.precedence(&Version {
                    components: [row.c0, row.c1, row.c2, row.c3],
                    pre: chunk.text(row.pre),
                }))
            }),
        }
    }
}

/// The class of an ordered value: one more than the cuts before it.
fn passed(chunk: &Chunk, cuts: Span<Cut>, compare: impl Fn(u32) -> Option<Ordering>) -> u32 {
    let beyond = |cut: Cut| match compare(cut.constant) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => cut.after == 0,
        _ => false,
    };
    OTHER.saturating_add(chunk.table::<Cut>().before(cuts, beyond))
}

fn in_ranges(chunk: &Chunk, ranges: Span<ClassRange>, class: u32) -> bool {
    let table = chunk.table::<ClassRange>();
    let ended = table.before(ranges, |range| range.to < class);
    ended < ranges.len
        && table
            .get(Ref::new(ranges.start.saturating_add(ended)))
            .is_some_and(|range| range.from <= class)
}
