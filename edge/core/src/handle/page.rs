//! A page for a visitor: reading who asks, choosing the release, answering.

use std::borrow::Cow;

use skyful::context::{BadRequest, Context, Fact};
use skyful::limits;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::write::Track;
use skyful::resolve::{Answer, Input, Reason, answer, write};
use skyful::snapshot::Chunk;
use skyful::snapshot::records::{Attribute, Counter, Source};

use xxhash_rust::xxh3::xxh3_64;

use super::{Call, bad_request, no_snapshot};
use crate::http::{Problem, Request};
use crate::load::{Loaded, Parts, View, Wanted, plausible};
use crate::{Edge, Response, SnapshotStore};

/// A visitor's own cache may keep what it then asks for again by its `ETag`. No shared cache may: the
/// address doesn't name everything that an answer depends on.
const VISITORS_OWN: &str = "private, no-cache";
/// What depends on how often the visitor has seen something is old as soon as it is shown.
const COUNTED: &str = "private, no-store";

impl Edge {
    pub(super) async fn resolve_body<S: SnapshotStore>(
        &self,
        store: &S,
        call: &Call<'_>,
    ) -> Result<Response, Problem> {
        let body = call.request.body;
        if body.len() > limits::REQUEST_BYTES {
            return Err(Problem::new(
                413,
                "too-large",
                "The request is too large",
                format!("a request is at most {} bytes", limits::REQUEST_BYTES),
            ));
        }
        let mut context = Context::from_json(body).map_err(unreadable)?;
        let page = context.page.take().filter(|page| !page.is_empty());
        let Some(page) = page else {
            return Err(bad_request("the body doesn't say which page")
                .at("/page")
                .hint("name a page, for example {\"page\":\"home\"}"));
        };
        self.resolve_page(store, call, context, &page).await
    }

    pub(super) async fn resolve_query<S: SnapshotStore>(
        &self,
        store: &S,
        call: &Call<'_>,
        page: &str,
    ) -> Result<Response, Problem> {
        let context = Context::from_query(call.request.query).map_err(unreadable)?;
        self.resolve_page(store, call, context, page).await
    }

    async fn resolve_page<S: SnapshotStore>(
        &self,
        store: &S,
        call: &Call<'_>,
        mut context: Context<'_>,
        page: &str,
    ) -> Result<Response, Problem> {
        self.refuse_preview(&context)?;
        let minted = context.unit.is_none().then(|| anonymous(call.random));
        let unit = match &minted {
            Some(minted) => minted.clone(),
            None => context.unit.as_deref().unwrap_or_default().to_owned(),
        };
        context.unit = Some(Cow::Owned(unit.clone()));
        self.state().counters.requests += 1;

        let fingerprint = named(&mut context, page).fingerprint();
        let (view, newest) = self.catch_up(store, call, &context).await?;
        let held = view.0.manifest.sequence();

        let wanted = Wanted {
            page,
            locale: context.locale.as_deref(),
            unit: &unit,
        };
        let loaded = self.load(store, &view, &wanted, call.moment).await;
        if let Loaded::Empty { release, .. } | Loaded::Page { release, .. } = &loaded
            && release.sequence < newest
            && holds_newer(&context, release, fingerprint)
        {
            return Ok(keep(newest));
        }
        let (sequence, response) = match loaded {
            Loaded::UnknownPage => (held, unknown_page(page).response()),
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
                self.count_answer(reason);
                let mut body = Vec::new();
                write::empty(page, reason, &locale, &release, &mut body);
                (release.sequence, Response::json(200, body))
            }
            Loaded::Page {
                parts,
                release,
                defaults_only,
            } => {
                fill_in(&parts.chunk, &mut context, call.request);
                let answer = self.answer(call, &context, &parts, &release, defaults_only);
                let have = format!("{}.{fingerprint:016x}", release.sequence);
                let etag = etag(&release, &parts.tag, &answer);
                let counted = !parts.chunk.table::<Counter>().is_empty();
                let caching = if counted { COUNTED } else { VISITORS_OWN };
                let response = Response::json(200, answer.body)
                    .with("skyful-have", have)
                    .with("etag", etag)
                    .with("cache-control", caching);
                (release.sequence, response)
            }
        };
        let response = self.addressed(response, sequence, newest, minted);
        Ok(unless_matched(call.request, response))
    }

    /// What is held by now, and the highest sequence that this edge or its client knows of.
    async fn catch_up<S: SnapshotStore>(
        &self,
        store: &S,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<(View, u64), Problem> {
        let seen = seen(call.request, context);
        // One look is enough: where one is due anyway, it goes to the freshest source at once.
        let looked = self.look_if_due(store, call.moment, seen).await;
        let mut view = self.view().ok_or_else(no_snapshot)?;
        let mut held = view.0.manifest.sequence();
        let seen = seen.filter(|seen| plausible(*seen, held));
        if seen.is_some_and(|seen| seen > held) && !looked {
            self.look_for(store, call.moment).await;
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

    fn answer(
        &self,
        call: &Call<'_>,
        context: &Context<'_>,
        parts: &Parts,
        release: &write::Release,
        defaults_only: bool,
    ) -> Answer {
        let input = Input {
            context,
            locale: parts.locale,
            now_ms: context.now_ms.unwrap_or(call.moment.now_ms),
            tallies: Tallies::read(&parts.chunk, |counter| context.tally(counter)),
            ids: parts.ids.as_deref(),
            defaults_only,
        };
        let answer = answer(&parts.chunk, input, &parts.tag, release);
        self.count_answer(answer.reason);
        answer
    }

    fn count_answer(&self, reason: Reason) {
        let answers = &mut self.state().counters.answers;
        match reason {
            Reason::Static | Reason::TargetingMatch | Reason::Split => answers.plan += 1,
            Reason::Default => answers.default += 1,
            Reason::Error => answers.error += 1,
        }
    }

    /// What belongs to one visitor travels in headers.
    fn addressed(
        &self,
        response: Response,
        sequence: u64,
        newest: u64,
        minted: Option<String>,
    ) -> Response {
        let problem = response.status != 200;
        let mut response = if sequence < newest {
            self.state().counters.behind += 1;
            response.with("skyful-behind", newest.to_string())
        } else {
            response
        };
        if !problem {
            let behind = sequence < newest;
            if behind {
                response
                    .headers
                    .retain(|(name, _)| !matches!(*name, "etag" | "cache-control"));
            }
            if response.header("cache-control").is_none() {
                response = response.with("cache-control", "no-store");
            }
            if let Some(unit) = minted {
                response = response.with("skyful-unit", unit);
            }
        }
        response
    }
}

fn unreadable(error: BadRequest) -> Problem {
    bad_request(error.message).at(error.place)
}

fn unknown_page(page: &str) -> Problem {
    let detail = if page.len() <= limits::KEY_BYTES {
        format!("the current release has no page `{page}`")
    } else {
        "the current release has no such page".into()
    };
    Problem::new(404, "unknown-page", "No such page", detail).at("page")
}

/// 128 random bits: two visitors never share one.
fn anonymous(random: [u8; 16]) -> String {
    format!("anon-{}", hex(random))
}

pub(super) fn hex(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// The page belongs to what a client holds, whether it stood in the body or in the path.
fn named<'c, 'a>(context: &'c mut Context<'a>, page: &str) -> &'c Context<'a> {
    context.page = Some(Cow::Owned(page.to_owned()));
    context
}

/// Whether the client says that it holds this very page for this very context from a newer release than
/// the one that would answer. It is its own loss if that is not true.
fn holds_newer(context: &Context<'_>, release: &write::Release, fingerprint: u64) -> bool {
    held_page(context)
        .is_some_and(|(sequence, hash)| sequence > release.sequence && hash == fingerprint)
}

/// Sequence and fingerprint of what the client says it holds, as `Skyful-Have` named them.
fn held_page(context: &Context<'_>) -> Option<(u64, u64)> {
    let (sequence, hash) = context.have.as_deref()?.split_once('.')?;
    Some((sequence.parse().ok()?, u64::from_str_radix(hash, 16).ok()?))
}

/// Keep what you hold: this edge lags behind it.
fn keep(newest: u64) -> Response {
    Response::json(200, br#"{"keep":true}"#.to_vec())
        .with("skyful-behind", newest.to_string())
        .with("cache-control", "no-store")
}

/// Same release, locale and class, same bytes. The sequence tells an edge what the holder has seen.
fn etag(release: &write::Release, locale: &str, answer: &Answer) -> String {
    let sequence = release.sequence;
    match answer.class_key {
        Some(key) => {
            let track = match release.track {
                Track::Stable => 's',
                Track::Gray => 'g',
            };
            format!("\"{sequence}-{track}-{locale}-{key:016x}\"")
        }
        None => format!("\"{sequence}-x-{:016x}\"", xxh3_64(&answer.body)),
    }
}

/// Nothing but headers for a client that holds the very bytes already.
fn unless_matched(request: &Request<'_>, mut response: Response) -> Response {
    let reads = matches!(request.method, "GET" | "HEAD");
    let held = (request.header)("if-none-match").filter(|_| reads);
    let matched = response.header("etag").is_some_and(|etag| {
        held.is_some_and(|held| {
            held.split(',')
                .map(|one| one.trim().trim_start_matches("W/"))
                .any(|one| one == etag || one == "*")
        })
    });
    if matched {
        response.status = 304;
        response.body.clear();
        // They describe a body that isn't sent.
        response
            .headers
            .retain(|(name, _)| !name.starts_with("content-"));
    }
    response
}

/// The highest sequence that the client says it has seen, also by what its cache holds. What isn't a
/// number is no hint.
fn seen(request: &Request<'_>, context: &Context<'_>) -> Option<u64> {
    let said = (request.header)("skyful-sequence").and_then(|said| said.trim().parse().ok());
    let cached = (request.header)("if-none-match").and_then(|tag| {
        let (sequence, _) = tag
            .trim()
            .trim_start_matches("W/")
            .strip_prefix('"')?
            .split_once('-')?;
        sequence.parse().ok()
    });
    let held = held_page(context).map(|(sequence, _)| sequence);
    said.max(cached).max(held)
}

/// Fills in what attributes are declared to come from, unless the client says it itself, and drops
/// claims to signed ones.
fn fill_in(chunk: &Chunk, context: &mut Context<'_>, request: &Request<'_>) {
    for attribute in chunk.table::<Attribute>().iter() {
        let name = chunk.text(attribute.name);
        let facts = &request.facts;
        let value = match Source::from_code(attribute.source) {
            Some(Source::Signed) => {
                context.attributes.retain(|(given, _)| given != name);
                continue;
            }
            _ if context.attribute(name).is_some() => continue,
            Some(Source::EdgeCountry) => facts.country.clone(),
            Some(Source::EdgeRegion) => facts.region.clone(),
            Some(Source::EdgeIp) => facts.ip.clone(),
            Some(Source::Header) => (request.header)(chunk.text(attribute.header)),
            Some(Source::Request) | None => continue,
        };
        if let Some(value) = value.filter(|value| value.len() <= limits::REQUEST_TEXT_BYTES) {
            let fact = Fact::Untyped(vec![Cow::Owned(value)]);
            context.attributes.push((Cow::Owned(name.to_owned()), fact));
        }
    }
}
