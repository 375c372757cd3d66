//! The meaning check of the index. Whether it says the same as the rules can't be seen from here: that
//! is the compiler's promise, kept by the tests against a second reader.

use super::Chunk;
use crate::limits;
use crate::snapshot::keys;
use crate::snapshot::records::{
    Attribute, BLOCK_BITS, BLOCK_WORDS, Class, ClassRange, Condition, ConditionKind, Dense, Flip,
    Key, Meta, Module, Plan, Posting, RowWord, VersionConstant,
};
use crate::snapshot::table::{Field, Record, Ref, Span, Table};
use crate::value::Type;

impl Chunk {
    /// Nobody writes these runs twice. If they overlapped, looking at all of them would cost the square of the chunk's
    /// size.
    pub(super) fn runs_are_apart(&self) -> bool {
        fn fit<R: Record>(runs: impl Iterator<Item = Span<R>>, chunk: &Chunk) -> bool {
            let rows = runs.fold(0_usize, |sum, run| sum.saturating_add(run.len as usize));
            rows <= chunk.table::<R>().len()
        }
        let modules = || self.table::<Module>().iter();
        let own = core::iter::once(self.meta.plans);
        let own_dense = core::iter::once(self.meta.dense);
        fit(modules().map(|m| m.plans).chain(own), self)
            && fit(modules().map(|m| m.dense).chain(own_dense), self)
            && fit(self.table::<Class>().iter().map(|c| c.posted), self)
            && fit(self.table::<Class>().iter().map(|c| c.flips), self)
            && fit(self.table::<Attribute>().iter().map(|a| a.cuts), self)
            && fit(self.table::<Attribute>().iter().map(|a| a.classes), self)
    }

    pub(super) fn index_fits(&self) -> bool {
        self.keys_fit()
            && self.rows_fit()
            && self.table::<Attribute>().iter().all(|a| self.cuts_fit(&a))
            && self
                .table::<Condition>()
                .iter()
                .all(|c| self.condition_fits(&c))
            && self.lists_fit()
    }

    /// Half of the slots are free, so that a search ends soon.
    fn keys_fit(&self) -> bool {
        let keys = self.table::<Key>();
        let taken = keys.iter().filter(|key| key.space != keys::FREE).count();
        (keys.is_empty() || keys.len().is_power_of_two()) && taken.saturating_mul(2) <= keys.len()
    }

    fn rows_fit(&self) -> bool {
        let bits = self.table::<Dense>().len();
        let words = bits
            .div_ceil(BLOCK_BITS as usize)
            .saturating_mul(BLOCK_WORDS);
        let rows = self
            .table::<RowWord>()
            .len()
            .checked_div(words)
            .unwrap_or(0);
        let row = |class: Class| class.row == u32::MAX || (class.row as usize) < rows;
        let ascending = |class: Class| {
            rising(self.rows(class.posted).map(|p: Posting| p.plan.index))
                && rising(self.rows(class.flips).map(|flip| flip.bit))
        };
        self.table::<Class>()
            .iter()
            .all(|class| row(class) && ascending(class))
            && self
                .table::<Flip>()
                .iter()
                .all(|flip| (flip.bit as usize) < bits)
            && self.table::<Posting>().iter().all(|posting| {
                let plan = self.row(posting.plan);
                // Reaching one is told in order, and postings are not asked in order.
                plan.is_some_and(|plan| plan.experiment.get().is_none())
            })
    }

    fn cuts_fit(&self, attribute: &Attribute) -> bool {
        let versions = self.table::<VersionConstant>().len();
        let kind = u8::try_from(attribute.kind).ok().and_then(Type::from_u8);
        self.rows(attribute.cuts).all(|cut| {
            let known = match kind {
                Some(Type::Version) => usize::try_from(cut.value).is_ok_and(|row| row < versions),
                Some(Type::Integer | Type::Number | Type::Datetime | Type::Boolean) => true,
                _ => false,
            };
            known && cut.after <= 1
        })
    }

    fn condition_fits(&self, condition: &Condition) -> bool {
        match ConditionKind::from_code(condition.kind) {
            Some(ConditionKind::Within) => true,
            Some(ConditionKind::Ranges | ConditionKind::AnyWord | ConditionKind::NoWord) => {
                Span::<ClassRange>::new(condition.a, condition.b).valid(self)
            }
            None => false,
        }
    }

    /// The bits of a list stand for plans of the list, each at most once and in order.
    fn lists_fit(&self) -> bool {
        let own = |plans: Span<Plan>, dense: Span<Dense>| {
            let end = plans.start.saturating_add(plans.len);
            let inside = |plan: Ref<Plan>| plans.start <= plan.index && plan.index < end;
            let told = |bit: Dense| {
                let plan = self.row(bit.plan);
                plan.is_some_and(|p| bit.verdict == p.verdict() as u32 && bit.target == p.target)
            };
            self.rows(dense).all(|bit| inside(bit.plan) && told(bit))
                && rising(self.rows(dense).map(|bit| bit.plan.index))
        };
        let Meta { plans, dense, .. } = self.meta;
        let few = |table: Table<'_, Condition>| {
            table.len() <= limits::PLANS.saturating_mul(limits::CONDITIONS_A_PLAN)
        };
        few(self.table())
            && own(plans, dense)
            && self
                .table::<Module>()
                .iter()
                .all(|module| own(module.plans, module.dense))
            && self
                .table::<Plan>()
                .iter()
                .all(|plan| plan.conditions.len as usize <= limits::CONDITIONS_A_PLAN)
    }
}

fn rising(numbers: impl Iterator<Item = u32>) -> bool {
    let mut next = 0;
    numbers.into_iter().all(|number| {
        let later = number >= next;
        next = number.saturating_add(1);
        later
    })
}
