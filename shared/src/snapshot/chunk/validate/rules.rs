//! Rules refer downwards, and what a request may visit stays bounded although rows are shared. One pass over each
//! table, whatever the references say: opening must not cost more than what it prevents.

use alloc::vec::Vec;

use crate::limits;
use crate::snapshot::records::{
    Child, Condition, ConditionKind, Entry, Module, Operator, Plan, Predicate, Rule, RuleKind,
    Segment, SlotArrangement, VersionConstant, Word,
};
use crate::snapshot::rule_size::{Asked, Excess, RuleSize, VERSION_BYTE};
use crate::snapshot::table::{Field, OptRef, Ref, Span};
use crate::snapshot::{Chunk, DecodeError};
use crate::value::Type;

pub(super) fn fit(chunk: &Chunk) -> Result<(), DecodeError> {
    let texts = Texts::of(chunk);
    let predicates = chunk.table::<Predicate>().iter();
    let predicates: Vec<Option<Asked>> = predicates.map(|row| texts.asked(chunk, &row)).collect();
    let sizes = sizes(chunk, &predicates)?;
    let once = predicates.into_iter().flatten().map(Asked::once);
    let once = once.fold(0, u64::saturating_add);
    if cost(chunk, &sizes).saturating_add(once) > limits::CHUNK_RULE_COST {
        return Err(DecodeError::Meaning("beyond CHUNK_RULE_COST"));
    }
    // What the index leaves of a rule is a part of it; a `not` may come before each of its members, and a condition
    // stands for at least one of them.
    // A condition about words is as much work as it has runs of them.
    let conditions =
        Sums::of(chunk.table::<Condition>().iter().map(
            |condition| match ConditionKind::from_code(condition.kind) {
                Some(ConditionKind::AnyWord | ConditionKind::NoWord) => {
                    u64::from(condition.b).max(1)
                }
                _ => 1,
            },
        ));
    let left_fits = |plan: Plan| {
        let whole = work(&sizes, plan.placement).saturating_add(work(&sizes, plan.audience));
        let left = work(&sizes, plan.residual).saturating_add(conditions.over(plan.conditions));
        left <= whole.saturating_mul(2)
    };
    if chunk.table::<Plan>().iter().all(left_fits) {
        Ok(())
    } else {
        Err(DecodeError::Meaning("index"))
    }
}

fn work(sizes: &[RuleSize], rule: OptRef<Rule>) -> u64 {
    let size = rule.get().and_then(|rule| sizes.get(rule.index as usize));
    size.map_or(0, |size| size.work())
}

/// Of each rule, in order.
fn sizes(chunk: &Chunk, predicates: &[Option<Asked>]) -> Result<Vec<RuleSize>, DecodeError> {
    // Equal runs of children are written once, and only an `all` and an `any` can share one.
    let mut room = chunk.table::<Child>().len().saturating_mul(2);
    let mut sizes: Vec<RuleSize> = Vec::with_capacity(chunk.table::<Rule>().len());
    for rule in chunk.table::<Rule>().iter() {
        let size = size(chunk, predicates, &rule, &sizes, &mut room)
            .ok_or(DecodeError::Meaning("rule"))?;
        if let Some(excess) = size.excess() {
            return Err(DecodeError::Meaning(match excess {
                Excess::Depth(_) => "beyond RULE_DEPTH",
                Excess::Levels(_) => "beyond RULE_LEVELS",
                Excess::Predicates(_) => "beyond RULE_COST",
                Excess::Nodes(_) => "beyond RULE_NODES",
            }));
        }
        sizes.push(size);
    }
    Ok(sizes)
}

fn size(
    chunk: &Chunk,
    predicates: &[Option<Asked>],
    rule: &Rule,
    before: &[RuleSize],
    room: &mut usize,
) -> Option<RuleSize> {
    let below = |to: Ref<Rule>| before.get(to.index as usize).copied();
    match RuleKind::from_code(rule.kind)? {
        RuleKind::All | RuleKind::Any => {
            let span = Span::<Child>::new(rule.a, rule.b);
            if !Field::valid(span, chunk) {
                return None;
            }
            *room = room.checked_sub(span.len as usize)?;
            RuleSize::group(chunk.rows(span).map(|child| below(child.rule)))
        }
        RuleKind::Not => RuleSize::group(core::iter::once(below(Ref::new(rule.a)))),
        RuleKind::Predicate => {
            let asked = predicates.get(rule.a as usize).copied().flatten();
            asked.map(RuleSize::predicate)
        }
        RuleKind::Segment => {
            let segment = chunk.row(Ref::<Segment>::new(rule.a))?;
            let inner = match segment.rule.get() {
                Some(inner) => below(inner)?,
                None => chunk.uses_ids().then(RuleSize::id_list)?,
            };
            Some(inner.segment())
        }
    }
}

/// How long the texts of predicates are.
struct Texts {
    words: Sums,
    versions: Sums,
}

impl Texts {
    fn of(chunk: &Chunk) -> Self {
        let versions = chunk.table::<VersionConstant>().iter();
        Self {
            words: Sums::of(chunk.table::<Word>().iter().map(|w| u64::from(w.text.len))),
            versions: Sums::of(versions.map(|v| u64::from(v.pre.len))),
        }
    }

    fn asked(&self, chunk: &Chunk, predicate: &Predicate) -> Option<Asked> {
        let Predicate { start, len, .. } = *predicate;
        let operator = Operator::from_code(predicate.operator)?;
        let bytes = match (operator, chunk.kind_of(predicate)?) {
            (Operator::Exists | Operator::Missing | Operator::Matches | Operator::InCidr, _) => 0,
            (_, Type::String | Type::Enum | Type::StringList) => {
                self.words.over(Span::<Word>::new(start, len))
            }
            (_, Type::Version) => {
                let bytes = self.versions.over(Span::<VersionConstant>::new(start, len));
                bytes.saturating_mul(VERSION_BYTE)
            }
            _ => 0,
        };
        Some(Asked {
            operator,
            len,
            bytes,
        })
    }
}

/// What the dearest request may cost, without what it remembers: see [`limits::CHUNK_RULE_COST`].
fn cost(chunk: &Chunk, sizes: &[RuleSize]) -> u64 {
    let plans = Sums::of(chunk.table::<Plan>().iter().map(|plan| {
        let rules = work(sizes, plan.placement).saturating_add(work(sizes, plan.audience));
        rules.saturating_add(1)
    }));
    let modules: Vec<u64> = chunk
        .table::<Module>()
        .iter()
        .map(|module| plans.over(module.plans).saturating_add(1))
        .collect();
    let entries = Sums::of(chunk.table::<Entry>().iter().map(|entry| {
        let module = modules.get(entry.module.index as usize);
        module.copied().unwrap_or(0)
    }));
    let slots = chunk.table::<crate::snapshot::records::Slot>().len();
    let mut dearest = 0;
    let mut arrangement: u64 = 0;
    for (row, placing) in chunk.table::<SlotArrangement>().iter().enumerate() {
        if slots != 0 && row.is_multiple_of(slots) {
            arrangement = 0;
        }
        arrangement = arrangement.saturating_add(entries.over(placing.entries));
        dearest = dearest.max(arrangement);
    }
    plans.over(chunk.meta().plans).saturating_add(dearest)
}

/// Sums over any run of rows at the price of one: hand-made runs may overlap.
struct Sums(Vec<u64>);

impl Sums {
    fn of(values: impl Iterator<Item = u64>) -> Self {
        let mut sums = Vec::with_capacity(values.size_hint().0.saturating_add(1));
        let mut sum: u64 = 0;
        sums.push(sum);
        for value in values {
            sum = sum.saturating_add(value);
            sums.push(sum);
        }
        Self(sums)
    }

    fn over<R>(&self, span: Span<R>) -> u64 {
        let at = |row: u32| self.0.get(row as usize).copied();
        let (start, end) = (at(span.start), at(span.start.saturating_add(span.len)));
        match (start, end) {
            (Some(start), Some(end)) => end.saturating_sub(start),
            _ => u64::MAX,
        }
    }
}
