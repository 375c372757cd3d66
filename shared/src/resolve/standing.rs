//! Where a visitor stands: for each attribute the value that was given, and the class that the page's
//! rules put it in. All that matching needs, found once a request.

use alloc::collections::BTreeSet;
use core::cmp::Ordering;

use smallvec::SmallVec;

use super::facts::{self, Value};
use crate::context::{Context, Fact};
use crate::snapshot::Chunk;
use crate::snapshot::keys::{self, Keys};
use crate::snapshot::records::{
    Attribute, ClassRange, Condition, ConditionKind, Cut, MISSING, OTHER, VersionConstant, Within,
};
use crate::snapshot::table::{Ref, Span, Table};
use crate::value::version::Version;

/// More than workspaces usually declare.
const ATTRIBUTES: usize = 16;

#[derive(Clone, Copy)]
struct Place {
    /// Position among the context's attributes.
    fact: u32,
    class: u32,
}

const NOWHERE: Place = Place {
    fact: u32::MAX,
    class: MISSING,
};

/// Of one context in one chunk. Both are asked for again where they are needed, so that this can be kept beside them.
pub struct Standing {
    /// One for each attribute of the chunk.
    places: SmallVec<[Place; ATTRIBUTES]>,
    /// Attribute and class of each list element that a rule names.
    words: BTreeSet<(u32, u32)>,
}

impl Standing {
    pub fn of(chunk: &Chunk, context: &Context<'_>) -> Self {
        let classifier = Classifier::of(chunk);
        let mut places = SmallVec::<[Place; ATTRIBUTES]>::new();
        places.resize(classifier.attributes.len(), NOWHERE);
        let mut words = BTreeSet::new();
        for (position, (name, fact)) in (0..).zip(&context.attributes) {
            let Some(number) = classifier.keys.find(keys::NAMES, name) else {
                continue;
            };
            // What was given twice counts as it was given first.
            if let Some(place) = places.get_mut(number as usize)
                && place.fact == NOWHERE.fact
            {
                *place = Place {
                    fact: position,
                    class: classifier.class(number, fact, &mut words),
                };
            }
        }
        Self { places, words }
    }

    /// The value, if it was given and fits.
    pub fn value<'a>(
        &self,
        chunk: &Chunk,
        context: &'a Context<'_>,
        attribute: Ref<Attribute>,
    ) -> Value<'a> {
        let place = self.places.get(attribute.index as usize);
        let fact = place.and_then(|place| context.attributes.get(place.fact as usize));
        let value = fact.and_then(|(_, fact)| {
            let row = chunk.row(attribute)?;
            facts::typed(&Keys::of(chunk), attribute.index, &row, fact)
        });
        value.unwrap_or(Value::Missing)
    }

    /// The class of each attribute, in the order of the chunk's attributes.
    pub fn classes(&self) -> impl Iterator<Item = u32> {
        self.places.iter().map(|place| place.class)
    }

    pub fn class(&self, attribute: u32) -> u32 {
        let place = self.places.get(attribute as usize);
        place.map_or(MISSING, |place| place.class)
    }

    /// Whether the class is one of these.
    pub fn within(&self, classes: &Within) -> bool {
        let class = self.class(classes.attribute.index);
        classes.from <= class && class <= classes.to
    }

    /// Whether any list has an element that a rule names.
    pub fn has_words(&self) -> bool {
        !self.words.is_empty()
    }

    /// The classes of an attribute's elements.
    pub fn words(&self, attribute: u32) -> impl Iterator<Item = u32> {
        let own = self.words.range((attribute, 0)..=(attribute, u32::MAX));
        own.map(|(_, class)| *class)
    }

    /// Whether an element's class is in one of some ranges. Goes through what is shorter: a request may name a thousand
    /// words, and a hundred thousand plans may ask for one.
    fn names_any(&self, chunk: &Chunk, attribute: u32, ranges: Span<ClassRange>) -> bool {
        if self.words.len() <= ranges.len as usize {
            return self
                .words(attribute)
                .any(|class| in_ranges(chunk, ranges, class));
        }
        // Ranges the wrong way round are in hand-made chunks only, and searching for them would be an error.
        let mut ranges = chunk.rows(ranges).filter(|range| range.from <= range.to);
        ranges.any(|ClassRange { from, to }| {
            let mut named = self.words.range((attribute, from)..=(attribute, to));
            named.next().is_some()
        })
    }

    pub fn meets(&self, chunk: &Chunk, condition: &Condition) -> bool {
        let attribute = condition.attribute.index;
        let class = self.class(attribute);
        let ranges = Span::new(condition.a, condition.b);
        match ConditionKind::from_code(condition.kind) {
            Some(ConditionKind::Within) => condition.a <= class && class <= condition.b,
            Some(ConditionKind::Ranges) => in_ranges(chunk, ranges, class),
            Some(ConditionKind::AnyWord) => self.names_any(chunk, attribute, ranges),
            Some(ConditionKind::NoWord) => {
                class != MISSING && !self.names_any(chunk, attribute, ranges)
            }
            None => false,
        }
    }
}

/// The tables that classes are found with.
struct Classifier<'a> {
    chunk: &'a Chunk,
    keys: Keys<'a>,
    attributes: Table<'a, Attribute>,
    cuts: Table<'a, Cut>,
    versions: Table<'a, VersionConstant>,
}

impl<'a> Classifier<'a> {
    fn of(chunk: &'a Chunk) -> Self {
        Self {
            chunk,
            keys: Keys::of(chunk),
            attributes: chunk.table(),
            cuts: chunk.table(),
            versions: chunk.table(),
        }
    }

    /// The class of a value. Those of a list's elements are put to the others, with the attribute.
    fn class(&self, number: u32, fact: &Fact<'_>, words: &mut BTreeSet<(u32, u32)>) -> u32 {
        let attribute = self.attributes.get(Ref::new(number));
        let Some(attribute) = attribute.filter(|attribute| attribute.classes.len != 0) else {
            return MISSING;
        };
        let space = keys::space(number);
        match facts::typed(&self.keys, number, &attribute, fact) {
            None | Some(Value::Missing) => MISSING,
            Some(Value::Text(text)) => self.keys.find(space, text).unwrap_or(OTHER),
            Some(Value::Texts(texts)) => {
                let named = texts.iter().filter_map(|text| self.keys.find(space, text));
                named.for_each(|class| _ = words.insert((number, class)));
                OTHER
            }
            Some(Value::Integer(value) | Value::Datetime(value)) => {
                self.passed(&attribute, |cut| (value > cut, value == cut))
            }
            Some(Value::Boolean(value)) => self.passed(&attribute, |cut| {
                (i64::from(value) > cut, i64::from(value) == cut)
            }),
            Some(Value::Number(value)) => self.passed(&attribute, |cut| {
                let cut = f64::from_bits(cut.cast_unsigned());
                (value > cut, value == cut)
            }),
            Some(Value::Version(value)) => self.passed(&attribute, |cut| {
                let row = u32::try_from(cut).unwrap_or(u32::MAX);
                let order = self.versions.get(Ref::new(row)).map(|row| {
                    value.precedence(&Version {
                        components: [row.c0, row.c1, row.c2, row.c3],
                        pre: self.chunk.text(row.pre),
                    })
                });
                (
                    order == Some(Ordering::Greater),
                    order == Some(Ordering::Equal),
                )
            }),
        }
    }

    /// The class of an ordered value: one more than the cuts that it has passed. Told of a cut's value whether it is
    /// above, and whether it is the same.
    fn passed(&self, attribute: &Attribute, compare: impl Fn(i64) -> (bool, bool)) -> u32 {
        let beyond = |cut: Cut| {
            let (above, same) = compare(cut.value);
            above | (same & (cut.after == 0))
        };
        OTHER.saturating_add(self.cuts.before(attribute.cuts, beyond))
    }
}

fn in_ranges(chunk: &Chunk, ranges: Span<ClassRange>, class: u32) -> bool {
    let table = chunk.table::<ClassRange>();
    let ended = table.before(ranges, |range| range.to < class);
    ended < ranges.len
        && table
            .get(Ref::new(ranges.start.saturating_add(ended)))
            .is_some_and(|range| range.from <= class)
}
