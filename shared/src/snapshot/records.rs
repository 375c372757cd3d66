//! The rows of a page chunk. Their order and fields are the format: changing one is a new
//! [`super::object::FORMAT`].

use alloc::vec::Vec;

use super::chunk::Chunk;
use super::table::{Field, OptRef, Record, Ref, Span, Text};
use crate::value::Type;

macro_rules! records {
    ($( $(#[$doc:meta])* $section:literal $name:ident { $( $(#[$field_doc:meta])* $field:ident: $ty:ty, )* } )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $name { $( $(#[$field_doc])* pub $field: $ty, )* }

            impl Record for $name {
                const SECTION: usize = $section;
                const SIZE: usize = 0 $( + <$ty as Field>::SIZE )*;
                // Whoever asks for one field should not pay for the others.
                #[inline(always)]
                fn read(bytes: &[u8]) -> Option<Self> {
                    // Of known length, so that no field is looked for in vain.
                    let row = bytes.first_chunk::<{ Self::SIZE }>()?;
                    let mut bytes = row.as_slice();
                    Some(Self { $( $field: Field::read(&mut bytes)?, )* })
                }
                fn write(self, out: &mut Vec<u8>) {
                    $( Field::write(self.$field, out); )*
                }
                fn valid(self, chunk: &Chunk) -> bool {
                    $( Field::valid(self.$field, chunk) )&&*
                }
            }
        )*

        /// Whether all rows of all tables point inside the chunk, and each section is whole rows.
        pub(super) fn all_valid(chunk: &Chunk) -> bool {
            $( chunk.section($section).len().is_multiple_of($name::SIZE)
                && chunk.table::<$name>().iter().all(|row| row.valid(chunk)) )&&*
        }
    };
}

/// Sections of plain bytes.
pub const HEAP: usize = 0;
pub const AUTOMATA: usize = 1;
/// Rows of the table of logarithms: both ends of 256 intervals.
pub const LOG2_ROWS: usize = 257;
/// Rows of bits are whole blocks of so many words.
pub const BLOCK_WORDS: usize = 4;
pub const BLOCK_BITS: u32 = 256;
/// The class of a missing value; of one that is there, but named by no rule (or below all cuts).
pub const MISSING: u32 = 0;
pub const OTHER: u32 = 1;
/// Sections in a chunk.
pub const SECTIONS: usize = 40;

records! {
    /// One row: the page itself.
    2 Meta {
        page: Text,
        plans: Span<Plan>,
        /// Arrangement `i` is the rows `i × slots ..` of [`SlotArrangement`].
        default_arrangement: u32,
        /// Bit `i` is set if contents of locale `i` are in this chunk.
        locale_mask: u64,
        id_key_0: u64,
        id_key_1: u64,
        id_key_2: u64,
        id_key_3: u64,
        /// 1 if a rule asks for an id list.
        uses_ids: u32,
        /// Of the page's own plans.
        dense: Span<Dense>,
    }
    /// A supported tag, as written.
    3 Locale { tag: Text, }
    /// A declared attribute; sorted by name.
    4 Attribute {
        name: Text,
        /// [`crate::value::Type`].
        kind: u32,
        /// [`Source`].
        source: u32,
        header: Text,
        values: Span<Word>,
        /// Integers as they are, numbers as bits of a double; ends of the type if not given.
        min: i64,
        max: i64,
        /// Of an ordered type: what rules tell apart, sorted. A value's class is one more than the cuts
        /// that it has passed.
        cuts: Span<Cut>,
        /// Row `c` is class `c`: 0 the missing, 1 what no rule names (or is below all cuts). None if no
        /// rule asks.
        classes: Span<Class>,
    }
    /// A text constant.
    5 Word { text: Text, }
    /// An integer, an instant, or the bits of a double.
    6 Constant { value: i64, }
    7 VersionConstant { c0: u32, c1: u32, c2: u32, c3: u32, pre: Text, }
    8 NetworkConstant { high: u64, low: u64, prefix: u32, }
    9 Predicate {
        attribute: Ref<Attribute>,
        /// [`Operator`].
        operator: u32,
        /// A run of constants in the table that operator and type say.
        start: u32,
        len: u32,
    }
    10 Rule {
        /// [`RuleKind`].
        kind: u32,
        /// All, any: run of [`Child`]. Not: rule. Predicate, segment: row. Always a lower row number
        /// than this one's where it is a rule, so that there are no circles.
        a: u32,
        b: u32,
    }
    11 Child { rule: Ref<Rule>, }
    12 Segment {
        key: Text,
        rule: OptRef<Rule>,
        /// If there is no rule: the list's id in the shards.
        list: u64,
    }
    13 Zone {
        name: Text,
        /// Before the first transition.
        first_offset_secs: i64,
        transitions: Span<Transition>,
    }
    /// From this instant on, local time is UTC plus the offset.
    14 Transition { at_secs: i64, offset_secs: i64, }
    15 Schedule {
        /// i64::MIN, i64::MAX if open.
        from_ms: i64,
        until_ms: i64,
        zone: Ref<Zone>,
        /// Disjoint, not touching, sorted minutes of the local week.
        windows: Span<Window>,
        /// 0: windows don't bound.
        weekly: u32,
    }
    16 Window { from_min: u32, until_min: u32, }
    17 Experiment {
        key: Text,
        layer_salt: u64,
        salt: u64,
        /// [`Subject`].
        by: u32,
        ranges: Span<BucketRange>,
        variants: Span<Variant>,
    }
    18 BucketRange { from: u32, to: u32, }
    /// Owns draws below `upto_bps` that no earlier variant owns.
    19 Variant { key: Text, upto_bps: u32, }
    20 Cap {
        counter: Ref<Counter>,
        /// Reached at this count, if not `u32::MAX`.
        limit: u32,
        /// Reached while younger, if not 0.
        cooldown_ms: i64,
        /// 1 if a winner adds one within its answer.
        adds: u32,
    }
    /// What has to be known about the visitor's past.
    21 Counter {
        name: Text,
        /// [`Counted`].
        count: u32,
        by: u32,
        /// [`WindowKind`].
        window: u32,
        window_secs: u64,
        zone: OptRef<Zone>,
    }
    22 Plan {
        key: Text,
        schedule: OptRef<Schedule>,
        placement: OptRef<Rule>,
        audience: OptRef<Rule>,
        caps: Span<Cap>,
        /// u32::MAX if there is no rollout.
        rollout_share: u32,
        rollout_salt: u64,
        rollout_by: u32,
        experiment: OptRef<Experiment>,
        variant: OptRef<Variant>,
        /// A page plan's arrangement, a module plan's content.
        target: u32,
        /// What of placement and audience the index has not settled for whoever it offers the plan to:
        /// all of these, and the rule.
        conditions: Span<Condition>,
        residual: OptRef<Rule>,
    }
    /// Content `c` in the chunk's `l`-th own locale is row `c × own locales + l`.
    23 Fragment { json: Text, }
    24 Module {
        key: Text,
        kind: Text,
        plans: Span<Plan>,
        /// u32::MAX if there is no default.
        default_content: u32,
        dense: Span<Dense>,
        /// Of [`super::opening::module`].
        opening: Text,
    }
    25 Slot {
        key: Text,
        max: u32,
        /// Of [`super::opening::slot`].
        opening: Text,
    }
    26 SlotArrangement {
        entries: Span<Entry>,
        /// [`OrderingKind`].
        ordering: u32,
        metric: Text,
    }
    27 Entry { module: Ref<Module>, weight: u32, draw_salt: u64, }
    /// floor(log2(1 + k/256) × 2^24), k in 0..=256; there if a slot is drawn.
    28 Log2 { value: u32, }
    /// A point between values of an ordered type: before a value, or (1) after it. Integers and instants as they are,
    /// numbers as bits of a double, versions as the row of a [`VersionConstant`].
    29 Cut { value: i64, after: u32, }
    /// What is known of the plans of this page once a value's class is.
    30 Class {
        /// A row of bits, one a dense plan: whether a value of the class may let it be. u32::MAX: every plan.
        row: u32,
        /// Bits that differ from that row, ascending.
        flips: Span<Flip>,
        /// Plans that only values of this class can reach, in order.
        posted: Span<Posting>,
    }
    31 Flip { bit: u32, }
    32 Posting {
        plan: Ref<Plan>,
        /// Of what the plan still asks of single values, the two terms with the smallest share of their attribute's
        /// classes (all between the first and the last): it can't be for whoever's are not within both.
        first: Within,
        second: Within,
    }
    /// A slot of the hash table of names and words, with linear probing.
    33 Key {
        /// 0: attribute names; otherwise one more than the attribute. u32::MAX if the slot is free.
        space: u32,
        /// High half of the hash.
        tag: u32,
        text: Text,
        /// The attribute, or the class.
        value: u32,
    }
    /// Which plan a bit of a row stands for. Lists follow each other as in the table of plans.
    34 Dense {
        plan: Ref<Plan>,
        /// [`Verdict`] and target of the plan: of one that wins without being asked, no more is read.
        verdict: u32,
        target: u32,
    }
    35 Condition {
        attribute: Ref<Attribute>,
        /// [`ConditionKind`].
        kind: u32,
        /// Within: first and last class. Others: a run of [`ClassRange`].
        a: u32,
        b: u32,
    }
    /// First and last class; sorted and apart within a run.
    36 ClassRange { from: u32, to: u32, }
    /// Row `r` is the blocks `r × ceil(dense plans / BLOCK_BITS) ..`.
    37 RowWord { bits: u64, }
    /// An instant at which a schedule without windows starts or stops holding; ascending.
    38 Boundary { at_ms: i64, }
    /// A schedule whose windows have to be asked when it changes next; each once.
    39 Windowed { schedule: Ref<Schedule>, }
}

/// Classes of an attribute.
#[derive(Clone, Copy)]
pub struct Within {
    pub attribute: Ref<Attribute>,
    pub from: u32,
    pub to: u32,
}

impl Within {
    /// Whoever's class is within.
    pub const ANY: Self = Self {
        attribute: Ref::FIRST,
        from: 0,
        to: u32::MAX,
    };
}

impl Field for Within {
    const SIZE: usize = 12;
    #[inline]
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            attribute: Field::read(bytes)?,
            from: Field::read(bytes)?,
            to: Field::read(bytes)?,
        })
    }
    fn write(self, out: &mut Vec<u8>) {
        self.attribute.write(out);
        self.from.write(out);
        self.to.write(out);
    }
    fn valid(self, chunk: &Chunk) -> bool {
        self.attribute.valid(chunk)
    }
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident { $($variant:ident = $code:literal),* $(,)? } )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum $name { $($variant = $code),* }
        impl $name {
            pub fn from_code(code: u32) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    )*};
}

codes! {
    Source { Request = 0, EdgeCountry = 1, EdgeRegion = 2, EdgeIp = 3, Header = 4, Signed = 5 }
    Operator {
        Exists = 0, Missing = 1, Eq = 2, Ne = 3, Lt = 4, Lte = 5, Gt = 6, Gte = 7, Between = 8,
        In = 9, NotIn = 10, Contains = 11, StartsWith = 12, EndsWith = 13, Matches = 14, InCidr = 15,
        ContainsAny = 16, ContainsAll = 17, ContainsNone = 18,
    }
    RuleKind { All = 0, Any = 1, Not = 2, Predicate = 3, Segment = 4 }
    Subject { Unit = 0, Device = 1 }
    Counted { Served = 0, Exposure = 1, Click = 2, Dismiss = 3, Conversion = 4 }
    WindowKind { Sliding = 0, Day = 1, Week = 2, Month = 3, Lifetime = 4 }
    /// What is left to ask of a plan that the index offers: why it wins if nothing is.
    Verdict { Ask = 0, Static = 1, TargetingMatch = 2 }
    ConditionKind { Within = 0, Ranges = 1, AnyWord = 2, NoWord = 3 }
    OrderingKind { Manual = 0, Newest = 1, Weighted = 2, Learned = 3 }
}

impl Plan {
    /// Whether a draw decides.
    pub fn is_split(&self) -> bool {
        self.rollout_share != u32::MAX || self.experiment.get().is_some()
    }

    /// Whether it is not for everybody at all times.
    pub fn is_targeted(&self) -> bool {
        self.schedule.get().is_some()
            || self.placement.get().is_some()
            || self.audience.get().is_some()
            || self.caps.len != 0
    }

    pub fn verdict(&self) -> Verdict {
        let asks = self.is_split()
            || self.schedule.get().is_some()
            || self.caps.len != 0
            || self.conditions.len != 0
            || self.residual.get().is_some();
        match (asks, self.is_targeted()) {
            (true, _) => Verdict::Ask,
            (false, true) => Verdict::TargetingMatch,
            (false, false) => Verdict::Static,
        }
    }
}

impl Operator {
    /// Whether an attribute of this type may be asked so.
    pub fn takes(self, kind: Type) -> bool {
        match self {
            Self::Exists | Self::Missing => true,
            Self::Eq | Self::Ne => kind != Type::StringList,
            Self::In | Self::NotIn => !matches!(kind, Type::StringList | Type::Boolean),
            Self::Lt | Self::Lte | Self::Gt | Self::Gte | Self::Between => {
                matches!(
                    kind,
                    Type::Integer | Type::Number | Type::Version | Type::Datetime
                )
            }
            Self::Contains | Self::StartsWith | Self::EndsWith | Self::Matches | Self::InCidr => {
                matches!(kind, Type::String | Type::Enum)
            }
            Self::ContainsAny | Self::ContainsAll | Self::ContainsNone => kind == Type::StringList,
        }
    }

    /// The name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::Missing => "missing",
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Between => "between",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::Matches => "matches",
            Self::InCidr => "in_cidr",
            Self::ContainsAny => "contains_any",
            Self::ContainsAll => "contains_all",
            Self::ContainsNone => "contains_none",
        }
    }
}
