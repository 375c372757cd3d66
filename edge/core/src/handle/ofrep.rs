//! OpenFeature Remote Evaluation Protocol 0.3: pages and their modules as flags, for stock clients. Their only memory is
//! the `ETag` of their last answer, so that says what a client holds and for which context. What a flag is decided to
//! be comes from the one way in which pages are decided.

mod failure;
mod flag;

use std::borrow::Cow;

use serde::Serialize;
use skyful::context::Context;
use skyful::resolve::write::Release;
use xxhash_rust::xxh3::xxh3_64;

use self::failure::{Code, Failure};
use self::flag::{Flag, ReleaseData};
use super::Call;
use super::visit::Outcome;
use crate::http::percent_decode;
use crate::{Edge, Ports, Request, Response};

#[derive(Serialize)]
struct Flags<'a> {
    flags: Vec<Flag<'a>>,
    metadata: ReleaseData,
}

/// An answer about to be given.
struct Evaluated {
    body: Vec<u8>,
    sequence: u64,
    newest: u64,
    /// What the visitor carries from now on.
    headers: Headers,
}

type Headers = Vec<(&'static str, Cow<'static, str>)>;

impl Edge {
    /// One flag: a page, or a module of one as `page.module`.
    pub(super) async fn flag<P: Ports>(&self, call: &Call<'_, P>, key: &str) -> Response {
        let Some(key) = percent_decode(key) else {
            return Failure::unknown(key).response();
        };
        let evaluated = match self.evaluate(call, &key).await {
            Ok(evaluated) => evaluated,
            Err(failure) => return failure.of(&key).response(),
        };
        self.conditional(evaluated)
    }

    /// All pages that the release lists for this, of one release.
    pub(super) async fn flags<P: Ports>(&self, call: &Call<'_, P>) -> Response {
        match self.evaluate_all(call).await {
            Ok(evaluated) => self.conditional(evaluated),
            Err(failure) => failure.response(),
        }
    }

    async fn evaluate<P: Ports>(
        &self,
        call: &Call<'_, P>,
        key: &str,
    ) -> Result<(Evaluated, Held), Failure> {
        let mut context = context(call.request)?;
        context.page = Some(key.into());
        let held = Held::of(call.request, &context);
        let (page, module) = match key.split_once('.') {
            Some((page, module)) => (page, Some(module)),
            None => (key, None),
        };
        let mut visit = self.visit_as_is(call, context, page).await?;
        let headers = carried(&mut visit.outcome);
        let flag = match &visit.outcome {
            Outcome::UnknownPage | Outcome::Keep => None,
            Outcome::Empty { body } => Flag::of(key, module, body, None),
            Outcome::Page(page) => Flag::of(key, module, &page.answer.body, Some(&page.chunk)),
        };
        let evaluated = Evaluated {
            body: written(&flag.ok_or_else(|| Failure::unknown(key))?),
            sequence: visit.sequence,
            newest: visit.newest,
            headers,
        };
        Ok((evaluated, held))
    }

    async fn evaluate_all<P: Ports>(
        &self,
        call: &Call<'_, P>,
    ) -> Result<(Evaluated, Held), Failure> {
        let context = context(call.request)?;
        let held = Held::of(call.request, &context);
        self.state().counters.requests += 1;
        let (view, newest) = self.catch_up(call, &context).await?;
        let (locale, unit) = (context.locale.as_deref(), context.unit.as_deref());
        let bulk = self
            .load_bulk(&call.store, &view, locale, unit, call.moment)
            .await;
        let mut outcomes: Vec<(String, Outcome)> = Vec::new();
        let mut headers = Headers::new();
        for (page, loaded) in bulk.pages {
            // Nothing here names what the client holds of a single page.
            let asked = (&*page, 0);
            let outcome = self.outcome(call, &view, context.clone(), asked, loaded);
            let mut outcome = outcome.await;
            // All pages have the same grant, and each goes on in the book of the one before.
            for (name, value) in carried(&mut outcome) {
                headers.retain(|(known, _)| *known != name);
                headers.push((name, value));
            }
            outcomes.push((page.clone(), outcome));
        }
        let flags = outcomes.iter().filter_map(|(page, outcome)| match outcome {
            Outcome::UnknownPage | Outcome::Keep => None,
            Outcome::Empty { body } => Flag::of(page, None, body, None),
            Outcome::Page(found) => Flag::of(page, None, &found.answer.body, Some(&found.chunk)),
        });
        let flags = Flags {
            flags: flags.collect(),
            metadata: ReleaseData::of(&bulk.release),
        };
        let Release { sequence, .. } = bulk.release;
        let evaluated = Evaluated {
            body: written(&flags),
            sequence,
            newest,
            headers,
        };
        Ok((evaluated, held))
    }

    /// The answer, unless the client holds these very bytes, or what is newer: an older answer never takes its place.
    fn conditional(&self, (evaluated, held): (Evaluated, Held)) -> Response {
        let Evaluated {
            body,
            sequence,
            newest,
            headers,
        } = evaluated;
        let etag = format!(
            "\"{sequence}.{:016x}.{:016x}\"",
            held.context,
            xxh3_64(&body)
        );
        let behind = sequence < newest;
        if behind {
            self.state().counters.behind += 1;
        }
        // A tag that no release can have had is no reason to answer nothing for ever.
        let newer = |held: u64| sequence < held && held <= newest;
        let holds = if held.sequence.is_some_and(newer) {
            held.tag
        } else {
            held.all
                .filter(|all| all.split(',').any(|tag| bare(tag) == etag))
                .map(|_| etag.clone())
        };
        let response = match holds {
            Some(tag) => Response::new(304).with("etag", tag),
            None => Response::json(200, body).with("etag", etag),
        };
        let mut response = response.with("cache-control", "private, no-store");
        response.headers.extend(headers);
        if behind {
            response.with("skyful-behind", newest.to_string())
        } else {
            response
        }
    }
}

fn carried(outcome: &mut Outcome) -> Headers {
    match outcome {
        Outcome::Page(page) => std::mem::take(&mut page.headers),
        Outcome::Keep | Outcome::UnknownPage | Outcome::Empty { .. } => Vec::new(),
    }
}

/// What the client's cache says about itself.
struct Held {
    /// The hash of the context that is asked for.
    context: u64,
    /// All that it says.
    all: Option<String>,
    /// The highest release of an answer that it holds for this context, and what that is called.
    sequence: Option<u64>,
    tag: Option<String>,
}

impl Held {
    fn of(request: &Request<'_>, context: &Context<'_>) -> Self {
        let hash = context.fingerprint();
        let all = (request.header)("if-none-match");
        let tags = all.iter().flat_map(|all| all.split(',').map(bare));
        let newest = tags
            .filter_map(|tag| Some((for_context(tag, hash)?, tag.to_owned())))
            .max();
        let (sequence, tag) = newest.unzip();
        Self {
            context: hash,
            all,
            sequence,
            tag,
        }
    }
}

/// Caches compare weakly, so what a proxy made weak is still the same.
fn bare(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/")
}

/// The sequence in a tag of this protocol, if it is of an answer for this context.
fn for_context(tag: &str, context: u64) -> Option<u64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let (sequence, rest) = inner.split_once('.')?;
    let (hash, _) = rest.split_once('.')?;
    let same = u64::from_str_radix(hash, 16).ok()? == context;
    sequence.parse().ok().filter(|_| same)
}

fn context<'r>(request: &Request<'r>) -> Result<Context<'r>, Failure> {
    if request.body.len() > skyful::limits::REQUEST_BYTES {
        return Err(super::page::too_large().into());
    }
    Context::from_ofrep(request.body).map_err(|error| {
        let code = if error.place.is_empty() {
            Code::Parse
        } else {
            Code::InvalidContext
        };
        Failure::new(400, code, error.to_string())
    })
}

fn written(what: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(what).unwrap_or_default()
}
