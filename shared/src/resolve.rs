//! From a chunk and a context to what stands where, and why. Total: whatever a chunk says, there is an
//! answer. Has no clock, reads nothing, and never looks at a document.

pub mod audience;
pub mod candidates;
pub mod class;
pub mod experiment;
pub mod facts;
pub mod fatigue;
mod json;
pub mod ordering;
pub mod schedule;
pub mod standing;
pub mod trace;
pub mod write;

use alloc::vec::Vec;
use core::cell::OnceCell;

use candidates::Candidates;
use experiment::Subjects;
use facts::Value;
use fatigue::Tallies;
use standing::Standing;
pub use trace::{Silent, Visitor};

use crate::context::Context;
use crate::snapshot::records::{
    Attribute, Dense, Experiment, Module, Plan, Slot, SlotArrangement, Variant,
};
use crate::snapshot::table::{Ref, Span};
use crate::snapshot::{Chunk, IdShard};

/// What a resolution depends on besides the chunk. All of it are values.
pub struct Input<'a> {
    pub context: &'a Context<'a>,
    /// Of [`crate::locale::Locales::negotiate`].
    pub locale: u32,
    pub now_ms: i64,
    pub tallies: Tallies,
    /// The unit's id shard, if the chunk uses id lists and there is a unit.
    pub ids: Option<&'a IdShard>,
    /// No plan counts: what a manifest's mode `defaults` asks for.
    pub defaults_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Static,
    TargetingMatch,
    Split,
    Default,
    Error,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Default => "DEFAULT",
            Self::Error => "ERROR",
        }
    }
}

/// A unit counted in a variant, whether or not it then saw it.
#[derive(Clone, Copy)]
pub struct Enrolment {
    pub experiment: Ref<Experiment>,
    pub variant: Ref<Variant>,
}

/// A decided page or module.
#[derive(Clone)]
pub struct Resolved {
    /// None: the default.
    pub plan: Option<Ref<Plan>>,
    pub reason: Reason,
    pub enrolments: Vec<Enrolment>,
}

/// What matters of a plan that has won.
#[derive(Clone, Copy)]
struct Won {
    plan: Ref<Plan>,
    target: u32,
    reason: Reason,
    capped: bool,
}

/// A module in its place.
pub struct Placed {
    pub slot: Ref<Slot>,
    pub module: Ref<Module>,
    /// For the draw of its place.
    weight: u32,
    draw_salt: u64,
    pub content: u32,
    pub resolved: Resolved,
}

/// A decided page, in terms of its chunk.
pub struct Resolution {
    pub page: Resolved,
    /// Of the page's plan, or its default.
    pub arrangement: u32,
    pub locale: u32,
    pub modules: Vec<Placed>,
    pub valid_until_ms: Option<i64>,
}

/// Decides a page. The visitor only listens.
pub fn resolve<V: Visitor>(chunk: &Chunk, input: Input<'_>, visitor: &mut V) -> Resolution {
    if V::EXHAUSTIVE {
        facts::tell_ignored(chunk, input.context, visitor);
    }
    let standing = Standing::of(chunk, input.context);
    decide(chunk, &standing, input, visitor)
}

/// The same for a visitor whose standing in this chunk is known.
pub fn decide<V: Visitor>(
    chunk: &Chunk,
    standing: &Standing<'_>,
    input: Input<'_>,
    visitor: &mut V,
) -> Resolution {
    let context = input.context;
    let mut candidates = Candidates::of(chunk, standing);
    let mut session = Session {
        chunk,
        standing,
        subjects: Subjects::of(context.unit.as_deref(), context.device.as_deref()),
        unit: context.unit.as_deref(),
        unit_id: OnceCell::new(),
        ids: input.ids,
        now_ms: input.now_ms,
        tallies: input.tallies,
        defaults_only: input.defaults_only,
        visitor: core::marker::PhantomData,
    };
    let meta = chunk.meta();
    visitor.enter_page(chunk.text(meta.page));
    let (page, winner) = session.decide(meta.plans, meta.dense, &mut candidates, visitor);
    visitor.exit_owner();
    let arrangement = winner.map_or(meta.default_arrangement, |won| won.target);
    let mut modules = Vec::new();
    let slots = chunk.table::<Slot>().len() as u32;
    for (index, slot) in (0..).zip(chunk.table::<Slot>().iter()) {
        let row = arrangement.saturating_mul(slots).saturating_add(index);
        let Some(placing) = chunk.row(Ref::<SlotArrangement>::new(row)) else {
            continue;
        };
        let begun = modules.len();
        session.fill(
            (Ref::new(index), slot),
            &placing,
            &mut candidates,
            &mut modules,
            visitor,
        );
        ordering::rank(
            &session,
            &placing,
            modules.get_mut(begun..).unwrap_or_default(),
        );
        modules.truncate(begun.saturating_add(slot.max as usize));
    }
    let own = chunk.own_locale(input.locale);
    modules.retain_mut(|placed| find_content(chunk, own, placed));
    Resolution {
        page,
        arrangement,
        locale: input.locale,
        modules,
        valid_until_ms: schedule::next_change(chunk, input.now_ms),
    }
}

/// A page's body, and what an edge says about it.
pub struct Answer {
    pub body: Vec<u8>,
    pub reason: Reason,
    /// Of the [`class`]; none of an answer that explains, since that tells of one visitor.
    pub class_key: Option<u64>,
}

/// Decides a page and writes the answer's body, with a trace if the context asks for one. The one way
/// from a chunk to bytes: edges, command line and preview all come through here.
pub fn answer(chunk: &Chunk, input: Input<'_>, locale: &str, release: &write::Release) -> Answer {
    let mut explain = input.context.explain.then(trace::Explain::default);
    let resolution = match &mut explain {
        Some(explain) => resolve(chunk, input, explain),
        None => resolve(chunk, input, &mut Silent),
    };
    let class_key = match &explain {
        Some(_) => None,
        None => Some(class::key(&class::vector(chunk, &resolution))),
    };
    let trace = explain.map(trace::Explain::finish);
    let mut body = Vec::new();
    write::body(
        chunk,
        &resolution,
        locale,
        release,
        trace.as_deref(),
        &mut body,
    );
    Answer {
        body,
        reason: resolution.page.reason,
        class_key,
    }
}

/// Whether there is a content. If a winner's is not there, the default stands in and the reason says so.
fn find_content(chunk: &Chunk, own: Option<(u32, u32)>, placed: &mut Placed) -> bool {
    let there = |content: u32| own.is_some_and(|own| chunk.has_content(content, own));
    if there(placed.content) {
        return true;
    }
    let Some(module) = chunk.row(placed.module) else {
        return false;
    };
    placed.content = module.default_content;
    placed.resolved.plan = None;
    placed.resolved.reason = Reason::Error;
    there(placed.content)
}

/// One visitor at one instant.
pub struct Session<'a, V> {
    chunk: &'a Chunk,
    standing: &'a Standing<'a>,
    subjects: Subjects,
    unit: Option<&'a str>,
    /// Keyed hash of the unit, if a list was asked.
    unit_id: OnceCell<u64>,
    ids: Option<&'a IdShard>,
    now_ms: i64,
    tallies: Tallies,
    defaults_only: bool,
    visitor: core::marker::PhantomData<fn() -> V>,
}

impl<V: Visitor> Session<'_, V> {
    fn fact(&self, attribute: Ref<Attribute>) -> Value<'_> {
        self.standing.value(attribute)
    }

    fn on_list(&self, list: u64) -> bool {
        let (Some(unit), Some(shard)) = (self.unit, self.ids) else {
            return false;
        };
        shard.contains(
            list,
            *self.unit_id.get_or_init(|| self.chunk.id_key().hash(unit)),
        )
    }

    /// Adds the modules of one slot that have something to show, in written order. Each winner uses up
    /// room in its caps before the next module is decided.
    fn fill(
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
            let Some(module) = chunk.row(entry.module) else {
                continue;
            };
            if V::EXHAUSTIVE {
                visitor.enter_module(chunk.text(slot.key), chunk.text(module.key));
            }
            let (resolved, winner) = self.decide(module.plans, module.dense, candidates, visitor);
            visitor.exit_owner();
            let content = winner.map_or(module.default_content, |won| won.target);
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

    /// The first plan whose constraints all hold.
    fn decide(
        &mut self,
        plans: Span<Plan>,
        dense: Span<Dense>,
        candidates: &mut Candidates<'_>,
        visitor: &mut V,
    ) -> (Resolved, Option<Won>) {
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
            && let Some(row) = self.chunk.row(won.plan)
        {
            self.tallies.add(self.chunk, &row);
        }
        let resolved = Resolved {
            reason: winner.map_or(Reason::Default, |won| won.reason),
            plan: winner.map(|won| won.plan),
            enrolments,
        };
        (resolved, winner)
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
        let mut winner = None;
        let mut end = plans.start.saturating_add(plans.len);
        if dense.len < plans.len {
            for run in candidates.posted(plans) {
                for plan in run.take_while(|plan| plan.index < end) {
                    if let Some(won) = self.won(plan, enrolments, visitor) {
                        winner = Some(won);
                        end = plan.index;
                        break;
                    }
                }
            }
        }
        let earlier = candidates.find_dense(dense, |plan| {
            if plan.index >= end {
                return Some(None);
            }
            self.won(plan, enrolments, visitor).map(Some)
        });
        earlier.flatten().or(winner)
    }

    fn won(
        &self,
        plan: Ref<Plan>,
        enrolments: &mut Vec<Enrolment>,
        visitor: &mut V,
    ) -> Option<Won> {
        let row = self.chunk.row(plan)?;
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
            holds = holds && conditions.all(|condition| self.standing.meets(&condition));
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
    if *holds || V::EXHAUSTIVE {
        visitor.enter_constraint(name);
        let result = test(visitor);
        visitor.exit_constraint(result);
        *holds &= result;
    }
}

fn reason(plan: &Plan) -> Reason {
    if plan.rollout_share != u32::MAX || plan.experiment.get().is_some() {
        Reason::Split
    } else if plan.schedule.get().is_some()
        || plan.placement.get().is_some()
        || plan.audience.get().is_some()
        || plan.caps.len != 0
    {
        Reason::TargetingMatch
    } else {
        Reason::Static
    }
}
