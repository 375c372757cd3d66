//! Who: rules over typed facts. Missing facts make every predicate false but `missing`.

use core::cmp::Ordering;

use super::facts::Value;
use super::memory::Known;
use super::session::Session;
use super::trace::Visitor;
use crate::limits;
use crate::snapshot::records::{
    Attribute, Child, Constant, NetworkConstant, Operator, Predicate, Rule, RuleKind, Segment,
    VersionConstant, Word,
};
use crate::snapshot::rule_size::is_remembered;
use crate::snapshot::table::{Ref, Span};
use crate::snapshot::{Chunk, automaton};
use crate::value::version::Version;
use crate::value::{Type, network};

/// Whether a rule holds. `depth` guards against chunks that nobody validated.
pub fn holds<V: Visitor>(
    session: &Session<'_, V>,
    visitor: &mut V,
    rule: Ref<Rule>,
    depth: usize,
) -> bool {
    let chunk = session.chunk;
    let Some(row) = chunk.row(rule).filter(|_| depth <= limits::RULE_DEPTH * 2) else {
        return false;
    };
    let Some(kind) = RuleKind::from_code(row.kind) else {
        return false;
    };
    let depth = depth.saturating_add(1);
    visitor.enter_rule(chunk, kind, row.a);
    let result = match kind {
        RuleKind::All => !any_is(session, visitor, false, Span::new(row.a, row.b), depth),
        RuleKind::Any => any_is(session, visitor, true, Span::new(row.a, row.b), depth),
        RuleKind::Not => !holds(session, visitor, Ref::new(row.a), depth),
        RuleKind::Predicate => asked(session, visitor, Ref::new(row.a)).unwrap_or(false),
        RuleKind::Segment => chunk
            .row(Ref::<Segment>::new(row.a))
            .is_some_and(|segment| match segment.rule.get() {
                Some(inner) => holds(session, visitor, inner, depth),
                None => session.on_list(segment.list),
            }),
    };
    visitor.exit_rule(result);
    result
}

/// Whether a child comes out as wanted; looks at the others too only if somebody listens.
fn any_is<V: Visitor>(
    session: &Session<'_, V>,
    visitor: &mut V,
    wanted: bool,
    children: Span<Child>,
    depth: usize,
) -> bool {
    let mut found = false;
    for child in session.chunk.rows(children) {
        found |= holds(session, visitor, child.rule, depth) == wanted;
        if found && !visitor.wants_all() {
            break;
        }
    }
    found
}

fn asked<V: Visitor>(
    session: &Session<'_, V>,
    visitor: &mut V,
    at: Ref<Predicate>,
) -> Option<bool> {
    let chunk = session.chunk;
    let predicate = chunk.row(at)?;
    let operator = Operator::from_code(predicate.operator)?;
    let known = session.fact(predicate.attribute)?;
    visitor.found(known.value);
    let ask = || predicate_holds(chunk, operator, &predicate, known);
    Some(match is_remembered(operator, predicate.len) {
        true => session.memory.once(chunk, at, ask),
        false => ask(),
    })
}

fn predicate_holds(
    chunk: &Chunk,
    operator: Operator,
    predicate: &Predicate,
    known: &Known<'_>,
) -> bool {
    let constants = Constants { chunk, predicate };
    match (operator, known.value) {
        (Operator::Missing, value) => matches!(value, Value::Missing),
        (_, Value::Missing) => false,
        (Operator::Exists, _) => true,
        (_, Value::Text(text)) => text_holds(&constants, operator, text),
        (operator, Value::Texts(_)) => {
            let has = |word: &[u8]| known.has(word);
            match operator {
                Operator::ContainsAny => constants.word_bytes().any(has),
                Operator::ContainsAll => constants.word_bytes().all(has),
                Operator::ContainsNone => !constants.word_bytes().any(has),
                _ => false,
            }
        }
        (_, Value::Integer(value) | Value::Datetime(value)) => ordered(
            operator,
            constants
                .integers()
                .map(|constant| Some(value.cmp(&constant))),
        ),
        (_, Value::Number(value)) => {
            let doubles = constants
                .integers()
                .map(|bits| f64::from_bits(bits.cast_unsigned()));
            ordered(
                operator,
                doubles.map(|constant| value.partial_cmp(&constant)),
            )
        }
        (_, Value::Version(value)) => ordered(
            operator,
            constants
                .versions()
                .map(|constant| Some(value.precedence(&constant))),
        ),
        (_, Value::Boolean(value)) => ordered(
            operator,
            constants
                .integers()
                .map(|constant| Some(i64::from(value).cmp(&constant))),
        ),
    }
}

fn text_holds(constants: &Constants<'_>, operator: Operator, text: &str) -> bool {
    let bytes = text.as_bytes();
    let first = || constants.word_bytes().next();
    match operator {
        Operator::Contains => constants.words().next().is_some_and(|w| text.contains(w)),
        Operator::StartsWith => first().is_some_and(|word| bytes.starts_with(word)),
        Operator::EndsWith => first().is_some_and(|word| bytes.ends_with(word)),
        Operator::Matches => constants.matches(text),
        Operator::InCidr => network::address(text).is_some_and(|address| {
            constants
                .networks()
                .any(|network| network.contains(address))
        }),
        _ => ordered(operator, constants.word_bytes().map(|w| Some(bytes.cmp(w)))),
    }
}

/// Comparisons of a value with each constant, in order, decide all operators of ordered types.
fn ordered(operator: Operator, mut comparisons: impl Iterator<Item = Option<Ordering>>) -> bool {
    let mut next = || comparisons.next().flatten();
    match operator {
        Operator::Eq => next() == Some(Ordering::Equal),
        Operator::Ne => next().is_some_and(Ordering::is_ne),
        Operator::Lt => next().is_some_and(Ordering::is_lt),
        Operator::Lte => next().is_some_and(Ordering::is_le),
        Operator::Gt => next().is_some_and(Ordering::is_gt),
        Operator::Gte => next().is_some_and(Ordering::is_ge),
        Operator::Between => {
            next().is_some_and(Ordering::is_ge) && next().is_some_and(Ordering::is_le)
        }
        Operator::In => comparisons.any(|c| c == Some(Ordering::Equal)),
        Operator::NotIn => !comparisons.any(|c| c == Some(Ordering::Equal)),
        _ => false,
    }
}

/// The constants of one predicate, in whichever table its operator and type say.
pub(super) struct Constants<'a> {
    pub chunk: &'a Chunk,
    pub predicate: &'a Predicate,
}

impl<'a> Constants<'a> {
    pub fn kind(&self) -> Option<Type> {
        let attribute: Attribute = self.chunk.row(self.predicate.attribute)?;
        Type::from_u8(u8::try_from(attribute.kind).ok()?)
    }

    pub fn words(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let chunk = self.chunk;
        self.rows::<Word>().map(|word| chunk.text(word.text))
    }

    /// For whoever only compares: reading them as text looks at each byte.
    fn word_bytes(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let chunk = self.chunk;
        self.rows::<Word>().map(|word| chunk.text_bytes(word.text))
    }

    pub fn integers(&self) -> impl Iterator<Item = i64> + use<'a> {
        self.rows::<Constant>().map(|constant| constant.value)
    }

    pub fn versions(&self) -> impl Iterator<Item = Version<'a>> + use<'a> {
        let chunk = self.chunk;
        self.rows::<VersionConstant>().map(|v| Version {
            components: [v.c0, v.c1, v.c2, v.c3],
            pre: chunk.text(v.pre),
        })
    }

    pub fn networks(&self) -> impl Iterator<Item = network::Network> + use<'a> {
        self.rows::<NetworkConstant>().map(|n| network::Network {
            first: (u128::from(n.high) << 64) | u128::from(n.low),
            prefix: u8::try_from(n.prefix).unwrap_or(128),
        })
    }

    fn matches(&self, text: &str) -> bool {
        let automaton = self
            .chunk
            .automaton(self.predicate.start, self.predicate.len);
        automaton.is_some_and(|automaton| automaton::matches(automaton, text))
    }

    fn rows<R: crate::snapshot::table::Record>(&self) -> impl Iterator<Item = R> + use<'a, R> {
        self.chunk
            .rows(Span::new(self.predicate.start, self.predicate.len))
    }
}
