//! A page for a visitor: reading who asks, choosing the release, answering.

use std::borrow::Cow;
use std::fmt::Write;

use skyful::context::{BadRequest, Context, Fact};
use skyful::limits;
use skyful::resolve::fatigue::Tallies;
use skyful::resolve::{Input, Reason, answer_with_reason, write};
use skyful::snapshot::Chunk;
use skyful::snapshot::records::{Attribute, Source};

use super::{Call, bad_request, no_snapshot};
use crate::http::{Problem, Request};
use crate::load::{Loaded, Parts, Wanted, plausible};
use crate::{Edge, Response, SnapshotStore};

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

        let looked = self.look_if_due(store, call.moment).await;
        let mut view = self.view().ok_or_else(no_snapshot)?;
        let mut held = view.0.manifest.sequence();
        let seen = seen(call.request).filter(|seen| plausible(*seen, held));
        if seen.is_some_and(|seen| seen > held) && !looked {
            self.look_for(store, call.moment).await;
            view = self.view().unwrap_or(view);
            held = view.0.manifest.sequence();
        }
        let newest = held.max(seen.unwrap_or(0));

        let wanted = Wanted {
            page,
            locale: context.locale.as_deref(),
            unit: &unit,
        };
        let loaded = self.load(store, &view, &wanted, call.moment).await;
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
                let body = self.answer(call, &mut context, &parts, &release, defaults_only);
                (release.sequence, Response::json(200, body))
            }
        };
        Ok(self.addressed(response, sequence, newest, minted))
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
        context: &mut Context<'_>,
        parts: &Parts,
        release: &write::Release,
        defaults_only: bool,
    ) -> Vec<u8> {
        fill_in(&parts.chunk, context, call.request);
        let input = Input {
            context,
            locale: parts.locale,
            now_ms: context.now_ms.unwrap_or(call.moment.now_ms),
            tallies: Tallies::read(&parts.chunk, |counter| context.tally(counter)),
            ids: parts.ids.as_deref(),
            defaults_only,
        };
        let (body, reason) = answer_with_reason(&parts.chunk, input, &parts.tag, release);
        self.count_answer(reason);
        body
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
            // Until answers carry their cache class, no shared cache may keep one.
            let caching = if sequence < newest {
                "no-store"
            } else {
                "private, no-store"
            };
            response = response.with("cache-control", caching);
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
    let mut unit = String::from("anon-");
    for byte in random {
        // Writing into a string doesn't fail.
        let _ = write!(unit, "{byte:02x}");
    }
    unit
}

/// The highest sequence that the client says it has seen. What isn't a number is no hint.
fn seen(request: &Request<'_>) -> Option<u64> {
    (request.header)("skyful-sequence")?.trim().parse().ok()
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
