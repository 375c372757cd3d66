//! Rules, bottom up: a row only ever refers to rows before it.

use alloc::string::String;
use alloc::vec::Vec;
use hashbrown::HashMap;

use super::builder::Builder;
use super::id_lists::list_id;
use crate::model::{self, Comparison, Scalar, Test, Workspace};
use crate::snapshot::records::{
    Attribute, Child, Constant, NetworkConstant, Operator, Predicate, Rule, RuleKind, Segment,
    VersionConstant, Word,
};
use crate::snapshot::table::{OptRef, Ref, Text};
use crate::value::version::Version;

/// Rules of one chunk.
pub struct Rules<'a> {
    workspace: &'a Workspace,
    /// In the order of the chunk's attribute table.
    attributes: HashMap<&'a str, Ref<Attribute>>,
    segments: HashMap<&'a str, Ref<Segment>>,
    pub uses_ids: bool,
}

impl<'a> Rules<'a> {
    pub fn new(workspace: &'a Workspace) -> Self {
        let attributes = workspace.attributes.keys().map(String::as_str);
        let attributes = attributes.zip((0..).map(Ref::new)).collect();
        Self {
            workspace,
            attributes,
            segments: HashMap::new(),
            uses_ids: false,
        }
    }

    pub fn rule(&mut self, builder: &mut Builder, rule: &'a model::Rule) -> Ref<Rule> {
        let (kind, a, b) = match rule {
            model::Rule::All(children) => self.children(builder, RuleKind::All, children),
            model::Rule::Any(children) => self.children(builder, RuleKind::Any, children),
            model::Rule::Not(inner) => (RuleKind::Not, self.rule(builder, inner).index, 0),
            model::Rule::Predicate(predicate) => (
                RuleKind::Predicate,
                self.predicate(builder, predicate).index,
                0,
            ),
            model::Rule::Segment(key) => (RuleKind::Segment, self.segment(builder, key).index, 0),
        };
        builder.intern(Rule {
            kind: kind as u32,
            a,
            b,
        })
    }

    fn children(
        &mut self,
        builder: &mut Builder,
        kind: RuleKind,
        children: &'a [model::Rule],
    ) -> (RuleKind, u32, u32) {
        let rows: Vec<Child> = children
            .iter()
            .map(|child| Child {
                rule: self.rule(builder, child),
            })
            .collect();
        let span = builder.intern_run(rows);
        (kind, span.start, span.len)
    }

    fn segment(&mut self, builder: &mut Builder, key: &'a str) -> Ref<Segment> {
        if let Some(known) = self.segments.get(key) {
            return *known;
        }
        let (rule, list) = match self.workspace.segments.get(key) {
            Some(model::Segment::Rule(rule)) => (OptRef::some(self.rule(builder, rule)), 0),
            _ => {
                self.uses_ids = true;
                (OptRef::NONE, list_id(key))
            }
        };
        let text = builder.text(key);
        let row = builder.push(Segment {
            key: text,
            rule,
            list,
        });
        self.segments.insert(key, row);
        row
    }

    fn predicate(&mut self, builder: &mut Builder, predicate: &model::Predicate) -> Ref<Predicate> {
        let attribute = self
            .attributes
            .get(&*predicate.attribute)
            .copied()
            .unwrap_or(Ref::new(0));
        let (operator, (start, len)) = match &predicate.test {
            Test::Exists => (Operator::Exists, (0, 0)),
            Test::Missing => (Operator::Missing, (0, 0)),
            Test::Compare(comparison, scalar) => (
                operator(*comparison),
                scalars(builder, core::slice::from_ref(scalar)),
            ),
            Test::Between(low, high) => (
                Operator::Between,
                scalars(builder, &[low.clone(), high.clone()]),
            ),
            Test::In(values) => (Operator::In, scalars(builder, values)),
            Test::NotIn(values) => (Operator::NotIn, scalars(builder, values)),
            Test::Contains(text) => (
                Operator::Contains,
                words(builder, core::slice::from_ref(text)),
            ),
            Test::StartsWith(text) => (
                Operator::StartsWith,
                words(builder, core::slice::from_ref(text)),
            ),
            Test::EndsWith(text) => (
                Operator::EndsWith,
                words(builder, core::slice::from_ref(text)),
            ),
            Test::Matches { automaton, .. } => (Operator::Matches, builder.automaton(automaton)),
            Test::InCidr(networks) => {
                let rows = networks.iter().map(|n| NetworkConstant {
                    high: (n.first >> 64) as u64,
                    low: n.first as u64,
                    prefix: u32::from(n.prefix),
                });
                let span = builder.intern_run(rows);
                (Operator::InCidr, (span.start, span.len))
            }
            Test::ContainsAny(list) => (Operator::ContainsAny, words(builder, list)),
            Test::ContainsAll(list) => (Operator::ContainsAll, words(builder, list)),
            Test::ContainsNone(list) => (Operator::ContainsNone, words(builder, list)),
        };
        builder.intern(Predicate {
            attribute,
            operator: operator as u32,
            start,
            len,
        })
    }
}

fn operator(comparison: Comparison) -> Operator {
    match comparison {
        Comparison::Eq => Operator::Eq,
        Comparison::Ne => Operator::Ne,
        Comparison::Lt => Operator::Lt,
        Comparison::Lte => Operator::Lte,
        Comparison::Gt => Operator::Gt,
        Comparison::Gte => Operator::Gte,
    }
}

fn words(builder: &mut Builder, texts: &[String]) -> (u32, u32) {
    let rows: Vec<Word> = texts
        .iter()
        .map(|text| Word {
            text: builder.text(text),
        })
        .collect();
    let span = builder.intern_run(rows);
    (span.start, span.len)
}

/// Constants of one type; they go where their type's constants are kept.
fn scalars(builder: &mut Builder, values: &[Scalar]) -> (u32, u32) {
    match values.first() {
        None => (0, 0),
        Some(Scalar::Text(_)) => {
            let texts = values.iter().filter_map(|v| {
                if let Scalar::Text(text) = v {
                    Some(text)
                } else {
                    None
                }
            });
            let rows: Vec<Word> = texts
                .map(|text| Word {
                    text: builder.text(text),
                })
                .collect();
            let span = builder.intern_run(rows);
            (span.start, span.len)
        }
        Some(Scalar::Version(_)) => {
            let rows: Vec<VersionConstant> = values.iter().map(|v| version(builder, v)).collect();
            let span = builder.intern_run(rows);
            (span.start, span.len)
        }
        Some(_) => {
            let span = builder.intern_run(values.iter().map(|v| Constant { value: bits(v) }));
            (span.start, span.len)
        }
    }
}

fn version(builder: &mut Builder, value: &Scalar) -> VersionConstant {
    let text = if let Scalar::Version(text) = value {
        text
    } else {
        ""
    };
    match Version::parse(text) {
        Some(Version {
            components: [c0, c1, c2, c3],
            pre,
        }) => VersionConstant {
            c0,
            c1,
            c2,
            c3,
            pre: builder.text(pre),
        },
        // Check refused it.
        None => VersionConstant {
            c0: 0,
            c1: 0,
            c2: 0,
            c3: 0,
            pre: Text::default(),
        },
    }
}

/// How a scalar without text lies in the table of constants.
pub fn bits(value: &Scalar) -> i64 {
    match value {
        Scalar::Integer(value) | Scalar::Datetime(value) => *value,
        Scalar::Number(value) => value.to_bits().cast_signed(),
        Scalar::Boolean(value) => i64::from(*value),
        Scalar::Text(_) | Scalar::Version(_) => 0,
    }
}
