//! One visitor's way through the plans of a page.

use alloc::vec::Vec;
use core::cell::OnceCell;
use core::marker::PhantomData;

use super::candidates::Candidates;
use super::experiment::{self, Subjects};
use super::fatigue::Tallies;
use super::memory::{Known, Memory};
use super::standing::Standing;
use super::trace::Visitor;
use super::{Enrolment, Input, Placed, Reason, Resolved, audience, schedule};
use crate::context::Context;
use crate::snapshot::records::{
    Attribute, Dense, Experiment, Module, Plan, Slot, SlotArrangement, Verdict,
};
use crate::snapshot::table::{Ref, Span, Table};
use crate::snapshot::{Chunk, IdShard};

/// What matters of a plan that has won.
#[derive(Clone, Copy)]
struct Won {
    plan: Ref<Plan>,
    target: u32,
    reason: Reason,
    capped: bool,
}

/// One visitor at one instant.
pub struct Session<'a, V> {
    pub chunk: &'a Chunk,
    plans: Table<'a, Plan>,
    modules: Table<'a, Module>,
    standing: &'a Standing,
    pub memory: Memory<'a>,
    pub subjects: Subjects<'a>,
    context: &'a Context<'a>,
    /// Keyed hash of the unit, if a list was asked.
    unit_id: OnceCell<u64>,
    ids: Option<&'a IdShard>,
    now_ms: i64,
    tallies: Tallies,
    defaults_only: bool,
    visitor: PhantomData<fn() -> V>,
}

impl<'a, V: Visitor> Session<'a, V> {
    pub fn of(chunk: &'a Chunk, standing: &'a Standing, input: Input<'a>) -> Self {
        let context = input.context;
        Self {
            chunk,
            plans: chunk.table(),
            modules: chunk.table(),
            standing,
            memory: Memory::default(),
            subjects: Subjects::of(context.unit.as_deref(), context.device.as_deref()),
            context,
            unit_id: OnceCell::new(),
            ids: input.ids,
            now_ms: input.now_ms,
            tallies: input.tallies,
            defaults_only: input.defaults_only,
            visitor: PhantomData,
        }
    }

    pub fn fact(&self, attribute: Ref<Attribute>) -> Option<&Known<'a>> {
        let typed = || self.standing.value(self.chunk, self.context, attribute);
        self.memory.value(self.chunk, attribute, typed)
    }

    pub fn on_list(&self, list: u64) -> bool {
        let (Some(unit), Some(shard)) = (self.context.unit.as_deref(), self.ids) else {
            return false;
        };
        shard.contains(
            list,
            *self.unit_id.get_or_init(|| self.chunk.id_key().hash(unit)),
        )
    }

    /// Adds the modules of one slot that have something to show, in written order. Each winner uses up
    /// room in its caps before the next module is decided.
    pub fn fill(
        &mut self,
        (number, slot): (Ref<Slot>, Slot),
        placing: &SlotArrangement,
        candidates: &mut Candidates<'_>,
        modules: &mut Vec<Placed>,
        visitor: &mut V,
    ) {
        let chunk = self.chunk;
        modules.reserve(placing.entries.len as usize);
        for entry in chunk.rows(placing.entries) {
            let Some(module) = self.modules.get(entry.module) else {
                continue;
            };
            if V::EXHAUSTIVE {
                visitor.enter_module(chunk.text(slot.key), chunk.text(module.key));
            }
            let (resolved, target) = self.decide(module.plans, module.dense, candidates, visitor);
            visitor.exit_owner();
            let content = target.unwrap_or(module.default_content);
            if resolved.plan.is_some() || content != u32::MAX {
                modules.push(Placed {
                    slot: number,
                    module: entry.module,
                    weight: entry.weight,
                    draw_salt: entry.draw_salt,
                    content,
                    resolved,
                });
            }
        }
    }

    /// The first plan whose constraints all hold, and its target.
    pub fn decide(
        &mut self,
        plans: Span<Plan>,
        dense: Span<Dense>,
        candidates: &mut Candidates<'_>,
        visitor: &mut V,
    ) -> (Resolved, Option<u32>) {
        let mut enrolments = Vec::new();
        let winner = if self.defaults_only {
            None
        } else if V::EXHAUSTIVE {
            let mut plans = plans.refs();
            plans.find_map(|plan| self.won(plan, &mut enrolments, visitor))
        } else {
            self.first_offered(plans, dense, candidates, &mut enrolments, visitor)
        };
        if let Some(won) = winner
            && won.capped
            && let Some(row) = self.plans.get(won.plan)
        {
            self.tallies.add(self.chunk, &row);
        }
        let resolved = Resolved {
            reason: winner.map_or(Reason::Default, |won| won.reason),
            plan: winner.map(|won| won.plan),
            enrolments,
        };
        (resolved, winner.map(|won| won.target))
    }

    /// The same among the plans that the index offers. Posted plans enrol nobody, so that they can be
    /// asked out of order.
    fn first_offered(
        &self,
        plans: Span<Plan>,
        dense: Span<Dense>,
        candidates: &mut Candidates<'_>,
        enrolments: &mut Vec<Enrolment>,
        visitor: &mut V,
    ) -> Option<Won> {
        let posted = match dense.len < plans.len {
            true => candidates.find_posted(plans, |posting| {
                let may_hold =
                    self.standing.within(&posting.first) && self.standing.within(&posting.second);
                may_hold
                    .then(|| self.won(posting.plan, enrolments, visitor))
                    .flatten()
            }),
            false => None,
        };
        let end = posted.map_or(u32::MAX, |(plan, _)| plan);
        let bits = dense.start.saturating_add(dense.len);
        let mut from = dense.start;
        while let Some((bit, dense)) = candidates.next_dense(from, bits) {
            if dense.plan.index >= end {
                break;
            }
            let won = unasked(&dense).or_else(|| self.won(dense.plan, enrolments, visitor));
            if won.is_some() {
                return won;
            }
            from = bit.saturating_add(1);
        }
        posted.map(|(_, won)| won)
    }

    fn won(
        &self,
        plan: Ref<Plan>,
        enrolments: &mut Vec<Enrolment>,
        visitor: &mut V,
    ) -> Option<Won> {
        let row = self.plans.get(plan)?;
        self.plan_holds(&row, enrolments, visitor).then(|| Won {
            plan,
            target: row.target,
            reason: reason(&row),
            capped: row.caps.len != 0,
        })
    }

    fn plan_holds(&self, plan: &Plan, enrolments: &mut Vec<Enrolment>, visitor: &mut V) -> bool {
        let chunk = self.chunk;
        if V::EXHAUSTIVE {
            visitor.enter_plan(chunk.text(plan.key));
        }
        let mut holds = true;
        if let Some(schedule) = plan.schedule.get().and_then(|s| chunk.row(s)) {
            constrain(&mut holds, "schedule", visitor, |_| {
                schedule::holds(chunk, &schedule, self.now_ms)
            });
        }
        if V::EXHAUSTIVE {
            for (name, rule) in [("placement", plan.placement), ("audience", plan.audience)] {
                if let Some(rule) = rule.get() {
                    constrain(&mut holds, name, visitor, |visitor| {
                        audience::holds(self, visitor, rule, 0)
                    });
                }
            }
        } else {
            // The index has settled the rest of both.
            let mut conditions = chunk.rows(plan.conditions);
            holds = holds && conditions.all(|condition| self.standing.meets(chunk, &condition));
            if let (true, Some(rule)) = (holds, plan.residual.get()) {
                holds = audience::holds(self, visitor, rule, 0);
            }
        }
        if plan.caps.len != 0 {
            constrain(&mut holds, "caps", visitor, |_| {
                !chunk
                    .rows(plan.caps)
                    .any(|cap| self.tallies.reached(&cap, self.now_ms))
            });
        }
        if plan.rollout_share != u32::MAX {
            constrain(&mut holds, "rollout", visitor, |_| {
                self.subjects.bucket(plan.rollout_by, plan.rollout_salt) < plan.rollout_share
            });
        }
        // Last, and only if all others hold: reaching it is what enrols.
        if let (true, Some(experiment)) = (holds, plan.experiment.get()) {
            visitor.enter_constraint("experiment");
            holds = self.enrol(plan, experiment, enrolments, visitor);
            visitor.exit_constraint(holds);
        }
        visitor.exit_plan(holds);
        holds
    }

    /// Whether the unit draws the plan's variant. Whoever is inside the experiment is enrolled.
    fn enrol(
        &self,
        plan: &Plan,
        experiment: Ref<Experiment>,
        enrolments: &mut Vec<Enrolment>,
        visitor: &mut V,
    ) -> bool {
        let Some(row) = self.chunk.row(experiment) else {
            return false;
        };
        let Some(variant) = experiment::draw(self.chunk, &row, &self.subjects) else {
            return false;
        };
        if V::EXHAUSTIVE
            && let Some(drawn) = self.chunk.row(variant)
        {
            visitor.enrolled(self.chunk.text(row.key), self.chunk.text(drawn.key));
        }
        if !enrolments
            .iter()
            .any(|e| e.experiment.index == experiment.index)
        {
            enrolments.push(Enrolment {
                experiment,
                variant,
            });
        }
        plan.variant
            .get()
            .is_some_and(|wanted| wanted.index == variant.index)
    }
}

/// Asks the next constraint only if it can matter, or if somebody wants to see them all.
fn constrain<V: Visitor>(
    holds: &mut bool,
    name: &'static str,
    visitor: &mut V,
    test: impl FnOnce(&mut V) -> bool,
) {
    if *holds || visitor.wants_all() {
        visitor.enter_constraint(name);
        let result = test(visitor);
        visitor.exit_constraint(result);
        *holds &= result;
    }
}

/// A plan that wins if it is offered.
fn unasked(bit: &Dense) -> Option<Won> {
    let reason = match Verdict::from_code(bit.verdict)? {
        Verdict::Ask => return None,
        Verdict::Static => Reason::Static,
        Verdict::TargetingMatch => Reason::TargetingMatch,
    };
    Some(Won {
        plan: bit.plan,
        target: bit.target,
        reason,
        capped: false,
    })
}

fn reason(plan: &Plan) -> Reason {
    match (plan.is_split(), plan.is_targeted()) {
        (true, _) => Reason::Split,
        (false, true) => Reason::TargetingMatch,
        (false, false) => Reason::Static,
    }
}
