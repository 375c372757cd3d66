//! One visitor's page: from who asks to what is answered, before it becomes HTTP of one protocol or another.

use std::borrow::Cow;
use std::sync::Arc;

use skyful::context::Context;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::{self, Release, Track};
use skyful::resolve::{Answer, Decided, Input, Reason};
use skyful::snapshot::Chunk;
use skyful::snapshot::records::Counter;

use xxhash_rust::xxh3::xxh3_64;

use super::fatigue::Fatigued;
use super::{Call, no_snapshot};
use crate::http::Problem;
use crate::load::{Loaded, Parts, View, Wanted, plausible};
use crate::{CapMode, Edge, Ports};

/// What a visitor gets.
pub(super) struct Visit {
    pub outcome: Outcome,
    /// The sequence that answered.
    pub sequence: u64,
    /// The highest that this edge or its client knows of.
    pub newest: u64,
    /// The unit that was made for a visitor without one.
    pub minted: Option<String>,
}

pub(super) enum Outcome {
    /// The client holds this page from a newer release than the one that would answer.
    Keep,
    UnknownPage,
    /// A page without modules, from no chunk.
    Empty {
        body: Vec<u8>,
    },
    Page(Page),
}

pub(super) struct Page {
    pub answer: Answer,
    pub release: Release,
    /// The locale that was found.
    pub locale: String,
    /// Names this answer to this client ([`Context::have`]).
    pub have: String,
    /// What the visitor carries from now on.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// Whether it depends on how often the visitor has seen something.
    pub counted: bool,
    pub chunk: Arc<Chunk>,
}

impl Visit {
    pub fn is_behind(&self) -> bool {
        self.sequence < self.newest
    }
}

impl Edge {
    /// Decides `page` for whoever asks. A visitor without a unit gets one.
    pub(super) async fn visit<P: Ports>(
        &self,
        call: &Call<'_, P>,
        mut context: Context<'_>,
        page: &str,
    ) -> Result<Visit, Problem> {
        let minted = context.unit.is_none().then(|| anonymous(call.random));
        if let Some(minted) = &minted {
            context.unit = Some(Cow::Owned(minted.clone()));
        }
        let visit = self.visit_as_is(call, context, page).await?;
        Ok(Visit { minted, ..visit })
    }

    /// The same for whoever the request says, also if that is nobody: then no unit is drawn for, counted or listed.
    pub(super) async fn visit_as_is<P: Ports>(
        &self,
        call: &Call<'_, P>,
        mut context: Context<'_>,
        page: &str,
    ) -> Result<Visit, Problem> {
        self.refuse_preview(&context)?;
        self.state().counters.requests += 1;

        let fingerprint = named(&mut context, page).fingerprint();
        let (view, newest) = self.catch_up(call, &context).await?;
        let wanted = Wanted {
            page,
            locale: context.locale.as_deref(),
            unit: context.unit.as_deref(),
        };
        let loaded = self.load(&call.store, &view, &wanted, call.moment).await;
        let sequence = match &loaded {
            Loaded::UnknownPage => view.0.manifest.sequence(),
            Loaded::Empty { release, .. } | Loaded::Page { release, .. } => release.sequence,
        };
        let keeps = sequence < newest && holds_newer(&context, sequence, fingerprint);
        let outcome = match loaded {
            Loaded::UnknownPage => Outcome::UnknownPage,
            _ if keeps => Outcome::Keep,
            loaded => {
                self.outcome(call, &view, context, (page, fingerprint), loaded)
                    .await
            }
        };
        Ok(Visit {
            outcome,
            sequence,
            newest,
            minted: None,
        })
    }

    /// What was loaded of a page, decided for this visitor. The fingerprint is that of the context for this page.
    pub(super) async fn outcome<'c, P: Ports>(
        &self,
        call: &'c Call<'_, P>,
        view: &View,
        mut context: Context<'c>,
        (page, fingerprint): (&str, u64),
        loaded: Loaded,
    ) -> Outcome {
        let assigned = view.0.manifest.track(context.unit.as_deref());
        let assigned = view.0.manifest.release(assigned);
        match loaded {
            Loaded::UnknownPage => Outcome::UnknownPage,
            Loaded::Empty {
                release,
                locale,
                fault,
            } => {
                let reason = if fault {
                    Reason::Error
                } else {
                    Reason::Default
                };
                self.count_answer(&assigned, &release, reason);
                let mut body = Vec::new();
                write::empty(page, reason, &locale, &release, &mut body);
                Outcome::Empty { body }
            }
            Loaded::Page {
                parts,
                release,
                defaults_only,
            } => {
                self.fill_in(call, &parts.chunk, &mut context);
                let (answer, headers) = self
                    .answer(call, &context, &parts, &release, defaults_only)
                    .await;
                self.count_answer(&assigned, &release, answer.reason);
                Outcome::Page(Page {
                    answer,
                    headers,
                    have: format!("{}.{fingerprint:016x}", release.sequence),
                    counted: !parts.chunk.table::<Counter>().is_empty(),
                    locale: parts.tag,
                    release,
                    chunk: parts.chunk,
                })
            }
        }
    }

    /// What is held by now, and the highest sequence that this edge or its client knows of.
    pub(super) async fn catch_up<P: Ports>(
        &self,
        call: &Call<'_, P>,
        context: &Context<'_>,
    ) -> Result<(View, u64), Problem> {
        let seen = seen(call, context);
        // One look is enough: where one is due anyway, it goes to the freshest source at once.
        let looked = self.look_if_due(&call.store, call.moment, seen).await;
        let mut view = self.view().ok_or_else(no_snapshot)?;
        let mut held = view.0.manifest.sequence();
        let seen = seen.filter(|seen| plausible(*seen, held));
        if seen.is_some_and(|seen| seen > held) && !looked {
            self.look_for(&call.store, call.moment).await;
            view = self.view().unwrap_or(view);
            held = view.0.manifest.sequence();
        }
        Ok((view, held.max(seen.unwrap_or(0))))
    }

    /// Only previews may choose the time and the visitor's past.
    fn refuse_preview(&self, context: &Context<'_>) -> Result<(), Problem> {
        let place = match (context.now_ms, context.caps.as_slice()) {
            _ if self.config.preview => return Ok(()),
            (Some(_), _) => "now",
            (None, [_, ..]) => "caps",
            (None, []) => return Ok(()),
        };
        Err(Problem::new(
            400,
            "preview-only",
            "Only a preview takes this",
            format!("this edge serves visitors and doesn't let a request choose `{place}`"),
        )
        .at(place)
        .hint("leave it out, or ask the command line or a preview edge"))
    }

    async fn answer<P: Ports>(
        &self,
        call: &Call<'_, P>,
        context: &Context<'_>,
        parts: &Parts,
        release: &Release,
        defaults_only: bool,
    ) -> (Answer, Vec<(&'static str, Cow<'static, str>)>) {
        let chunk = &*parts.chunk;
        let decide = |tallies| {
            let input = Input {
                context,
                locale: parts.locale,
                now_ms: context.now_ms.unwrap_or(call.moment.now_ms),
                tallies,
                ids: parts.ids.as_deref(),
                defaults_only,
            };
            Decided::of(chunk, input)
        };
        // Nobody has no past: all who say no unit would otherwise share one.
        let somebody = context.unit.is_some();
        let counted = !chunk.table::<Counter>().is_empty() && !defaults_only && somebody;
        // A preview that says how caps stand gets its answer from that.
        let fatigued = if counted && self.config.caps != CapMode::Off && context.caps.is_empty() {
            self.fatigued(call, chunk, context, decide).await
        } else {
            Fatigued {
                decided: decide(Tallies::read(chunk, |counter| context.tally(counter))),
                headers: Vec::new(),
            }
        };
        let sealer = self.config.secrets.sealer();
        let answer = fatigued.decided.write(chunk, &parts.tag, release, sealer);
        (answer, fatigued.headers)
    }

    /// `assigned` is what the visitor would have got if everything were readable.
    fn count_answer(&self, assigned: &Release, release: &Release, reason: Reason) {
        let mut state = self.state();
        state.health.count(assigned, release, reason);
        state.counters.answers.count(reason);
    }
}

impl Page {
    /// Same release, locale and class, same bytes. The sequence tells an edge what the holder has seen.
    pub fn etag(&self) -> String {
        let (sequence, locale) = (self.release.sequence, &self.locale);
        match self.answer.class_key {
            Some(key) => {
                let track = match self.release.track {
                    Track::Stable => 's',
                    Track::Gray => 'g',
                };
                format!("\"{sequence}-{track}-{locale}-{key:016x}\"")
            }
            None => format!("\"{sequence}-x-{:016x}\"", xxh3_64(&self.answer.body)),
        }
    }
}

/// 128 random bits: two visitors never share one.
fn anonymous(random: [u8; 16]) -> String {
    format!("anon-{:032x}", u128::from_be_bytes(random))
}

/// The page belongs to what a client holds, whether it stood in the body or in the path.
fn named<'c, 'a>(context: &'c mut Context<'a>, page: &str) -> &'c Context<'a> {
    context.page = Some(Cow::Owned(page.to_owned()));
    context
}

/// Whether the client says that it holds this very page for this very context from a newer release than
/// the one that would answer. It is its own loss if that is not true.
fn holds_newer(context: &Context<'_>, sequence: u64, fingerprint: u64) -> bool {
    held_page(context).is_some_and(|(held, hash)| held > sequence && hash == fingerprint)
}

/// Sequence and fingerprint of what the client says it holds, as `Skyful-Have` named them.
fn held_page(context: &Context<'_>) -> Option<(u64, u64)> {
    let (sequence, hash) = context.have.as_deref()?.split_once('.')?;
    Some((sequence.parse().ok()?, u64::from_str_radix(hash, 16).ok()?))
}

/// The highest sequence that the client says it has seen, also by what its cache holds. What isn't a
/// number is no hint.
fn seen<P: Ports>(call: &Call<'_, P>, context: &Context<'_>) -> Option<u64> {
    let header = call.request.header;
    let said = header("skyful-sequence").and_then(|said| said.trim().parse().ok());
    let cached = header("if-none-match").and_then(|tag| {
        let (sequence, _) = tag
            .trim()
            .trim_start_matches("W/")
            .strip_prefix('"')?
            .split_once(['-', '.'])?;
        sequence.parse().ok()
    });
    let held = held_page(context).map(|(sequence, _)| sequence);
    said.max(cached).max(held)
}
