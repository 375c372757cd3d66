//! From a chunk and a context to what stands where, and why. Total: whatever a chunk says, there is an
//! answer. Has no clock, reads nothing, and never looks at a document.

pub mod audience;
pub mod candidates;
pub mod class;
pub mod experiment;
pub mod facts;
pub mod fatigue;
mod json;
pub mod matters;
mod memory;
pub mod ordering;
pub mod schedule;
mod session;
pub mod standing;
pub mod trace;
pub mod write;

use alloc::vec::Vec;

use candidates::Candidates;
use fatigue::Tallies;
use session::Session;
use standing::Standing;
pub use trace::{Silent, Visitor};

use crate::context::Context;
use crate::receipt::Receipt;
use crate::secret::Sealer;
use crate::snapshot::records::{Experiment, Module, Plan, Slot, SlotArrangement, Variant};
use crate::snapshot::table::Ref;
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
    standing: &Standing,
    input: Input<'_>,
    visitor: &mut V,
) -> Resolution {
    let meta = chunk.meta();
    let mut candidates = Candidates::of(chunk, standing);
    let locale = input.locale;
    let now_ms = input.now_ms;
    let mut session = Session::of(chunk, standing, input);
    if V::EXHAUSTIVE {
        visitor.enter_page(chunk.text(meta.page));
    }
    let (page, target) = session.decide(meta.plans, meta.dense, &mut candidates, visitor);
    visitor.exit_owner();
    let arrangement = target.unwrap_or(meta.default_arrangement);
    let mut modules = Vec::new();
    let slots = chunk.table::<Slot>();
    let placings = chunk.table::<SlotArrangement>();
    let own = chunk.own_locale(locale);
    for (index, slot) in (0..).zip(slots.iter()) {
        let row = arrangement.saturating_mul(slots.len() as u32);
        let Some(placing) = placings.get(Ref::new(row.saturating_add(index))) else {
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
    modules.retain_mut(|placed| find_content(chunk, own, placed));
    Resolution {
        page,
        arrangement,
        locale,
        modules,
        valid_until_ms: schedule::next_change(chunk, now_ms),
    }
}

/// A page's body, and what an edge says about it.
pub struct Answer {
    pub body: Vec<u8>,
    pub reason: Reason,
    /// Of the [`class`]; none of an answer that explains, since that tells of one visitor.
    pub class_key: Option<u64>,
}

/// A decided page that is not written yet.
pub struct Decided {
    pub resolution: Resolution,
    trace: Option<Vec<u8>>,
}

impl Decided {
    /// With a trace if the context asks for one.
    pub fn of(chunk: &Chunk, input: Input<'_>) -> Self {
        let mut explain = input.context.explain.then(trace::Explain::default);
        let resolution = match &mut explain {
            Some(explain) => resolve(chunk, input, explain),
            None => resolve(chunk, input, &mut Silent),
        };
        Self {
            resolution,
            trace: explain.map(trace::Explain::finish),
        }
    }

    /// The body. Without a sealer there is no receipt in it.
    pub fn write(
        self,
        chunk: &Chunk,
        locale: &str,
        release: &write::Release,
        sealer: Option<Sealer<'_>>,
    ) -> Answer {
        let Self { resolution, trace } = self;
        let class = class::vector(chunk, &resolution);
        let receipt = sealer.map(|sealer| {
            let page = chunk.text(chunk.meta().page);
            Receipt::of(release, page, resolution.locale, &class).seal(sealer)
        });
        let beside = write::Beside {
            receipt: receipt.as_deref(),
            trace: trace.as_deref(),
        };
        let mut body = Vec::new();
        write::body(chunk, &resolution, locale, release, beside, &mut body);
        Answer {
            body,
            reason: resolution.page.reason,
            class_key: trace.is_none().then(|| class::key(&class)),
        }
    }
}

/// Decides a page and writes the answer's body. Edges, command line and preview all come this way from a chunk to bytes.
pub fn answer(
    chunk: &Chunk,
    input: Input<'_>,
    locale: &str,
    release: &write::Release,
    sealer: Option<Sealer<'_>>,
) -> Answer {
    Decided::of(chunk, input).write(chunk, locale, release, sealer)
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
