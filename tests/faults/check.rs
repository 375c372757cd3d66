//! Whether one answer is right, by the record of what was published and by what the store handed to the
//! instance. Shares no code with the edge.

use serde_json::Value as Json;
use skyful::manifest::Mode;
use skyful_edge::Response;

use crate::books::{Books, Edition, Release, Track, Visitor};
use crate::mirror::{Cause, Mirror, View};

/// A question, and what it was asked of.
pub struct Asked {
    pub visitor: Visitor,
    pub page: &'static str,
    pub seen: Option<u64>,
    pub instance: usize,
    /// The instance's clock.
    pub local_ms: i64,
    /// No other request ran at the same time, so reads can be counted.
    pub alone: bool,
    /// The instance's first request, and nothing was in its own copy.
    pub first: bool,
}

/// What an answer turned out to be, for the coverage table and for clients.
pub struct Verdict {
    pub kinds: Vec<&'static str>,
    /// None: not a page.
    pub sequence: Option<u64>,
    pub error: bool,
    pub behind: bool,
    /// How many candidates were passed over.
    pub passed: usize,
}

type Judged = Result<Verdict, String>;

pub fn judge(response: &Response, asked: &Asked, mirror: &Mirror, books: &Books) -> Judged {
    let views: &[View] = if asked.alone {
        // Whatever was handed over was so before the page was loaded.
        std::slice::from_ref(&mirror.view)
    } else {
        &mirror.views
    };
    let mut why = String::from("no view");
    for view in views {
        let case = Case {
            response,
            asked,
            mirror,
            books,
            view,
        };
        match case.judge() {
            Ok(mut verdict) => {
                tagged_if_whole(response, &verdict)?;
                reads_are_few(asked, mirror, &mut verdict)?;
                return Ok(verdict);
            }
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// Only a page with its contents, from what is current, may be kept and asked for again by its tag.
fn tagged_if_whole(response: &Response, verdict: &Verdict) -> Result<(), String> {
    let empty = verdict.error || verdict.kinds.contains(&"mode off");
    let whole = response.status == 200 && !empty && !verdict.behind;
    let tagged = response.header("etag").is_some();
    require(tagged == whole, || {
        format!("tagged is {tagged}, whole and current is {whole}")
    })
}

/// Manifest, chunk, id shard: three reads, and two more at most for each one that failed (another
/// candidate's chunk and shard, or `settled`). A chunk alone says whether it needs its shard, so one is
/// also read in vain for each candidate whose shard is known to be missing.
fn reads_are_few(asked: &Asked, mirror: &Mirror, verdict: &mut Verdict) -> Result<(), String> {
    let tally = mirror.tally;
    if !asked.alone {
        return Ok(());
    }
    let in_vain = if asked.page == "lists" {
        verdict.passed as u32
    } else {
        0
    };
    if tally.gets > (3 + 2 * tally.failed + in_vain).min(10) {
        return Err(format!("too many reads: {tally:?}"));
    }
    if tally.manifest_gets > 1 {
        return Err(format!("the manifest was read twice: {tally:?}"));
    }
    let page = verdict.sequence.is_some() && !verdict.kinds.contains(&"mode off");
    if asked.first && page && tally.failed == 0 && tally.recalled == 0 {
        let exact = 2 + u32::from(asked.page == "lists");
        if tally.gets != exact {
            return Err(format!("a cold page takes {exact} reads: {tally:?}"));
        }
        verdict.kinds.push("cold, undisturbed");
    }
    Ok(())
}

struct Case<'a> {
    response: &'a Response,
    asked: &'a Asked,
    mirror: &'a Mirror,
    books: &'a Books,
    view: &'a View,
}

struct Candidate<'a> {
    sequence: u64,
    track: Track,
    edition: &'a Edition,
}

fn require(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

impl Case<'_> {
    fn judge(&self) -> Judged {
        let Some(held) = self.view.held else {
            return self.unavailable();
        };
        let release = &self.books.issued[&held.current];
        let track = release.track(self.asked.visitor.unit);
        match self.response.status {
            200 => {}
            404 => {
                let has = release.edition(track).has(self.asked.page);
                require(!has, || "404 for a page that the release has".into())?;
                self.marked(held.current, held.current)?;
                return Ok(Verdict {
                    kinds: vec!["404"],
                    sequence: None,
                    error: false,
                    behind: false,
                    passed: 0,
                });
            }
            status => return Err(format!("status {status} while {} is held", held.current)),
        }
        require(release.edition(track).has(self.asked.page), || {
            "200 for a page that the release doesn't have".into()
        })?;
        let json: Json = serde_json::from_slice(&self.response.body)
            .map_err(|error| format!("not JSON: {error}"))?;
        require(json["page"] == self.asked.page, || "another page".into())?;
        self.page(release, track, &json)
    }

    /// Only what was never handed a manifest may have none, and it has to look each time it is asked.
    fn unavailable(&self) -> Judged {
        let status = self.response.status;
        require(status == 503, || format!("{status} without any manifest"))?;
        require(self.mirror.tally.manifest_gets > 0, || {
            "503 without having looked".into()
        })?;
        Ok(Verdict {
            kinds: vec!["503 before anything was seen"],
            sequence: None,
            error: false,
            behind: false,
            passed: 0,
        })
    }

    fn page(&self, release: &Release, track: Track, json: &Json) -> Judged {
        let held = release.sequence;
        let sequence = json["release"]["sequence"].as_u64().unwrap_or(0);
        let said = match json["release"]["track"].as_str() {
            Some("stable") => Track::Stable,
            Some("gray") => Track::Gray,
            other => return Err(format!("track {other:?}")),
        };
        let mut verdict = Verdict {
            kinds: Vec::new(),
            sequence: Some(sequence),
            error: json["reason"] == "ERROR",
            behind: self.marked(held, sequence)?,
            passed: 0,
        };
        let empty = json["modules"].as_array().is_some_and(Vec::is_empty);
        let whole = |edition: &Edition| {
            require(json["release"]["snapshot"] == edition.name, || {
                "the snapshot isn't that release's".into()
            })
        };
        if release.mode == Mode::Off {
            whole(release.edition(track))?;
            require(empty && !verdict.error && sequence == held, || {
                "switched off, and answered".into()
            })?;
            verdict.kinds.push("mode off");
            return Ok(verdict);
        }
        let candidates = self.candidates(release, track);
        if verdict.error {
            whole(release.edition(track))?;
            verdict.passed = candidates.len();
            require(empty && sequence == held && said == track, || {
                "ERROR isn't an empty page of what is held".into()
            })?;
            verdict
                .kinds
                .push(self.error_is_allowed(release, &candidates)?);
            return Ok(verdict);
        }
        let at = candidates
            .iter()
            .position(|candidate| (candidate.sequence, candidate.track) == (sequence, said));
        let at = at.ok_or_else(|| format!("{sequence} {said:?} isn't a candidate"))?;
        verdict.passed = at;
        for skipped in &candidates[..at] {
            self.excuse(skipped)?;
        }
        let edition = candidates[at].edition;
        whole(edition)?;
        let defaults = release.mode == Mode::Defaults;
        let expected = edition.expected(self.asked.page, &self.asked.visitor, defaults);
        let found = contents(json);
        require(found == expected, || {
            format!("{found:?} instead of {expected:?}")
        })?;
        verdict
            .kinds
            .extend(self.kinds(release, track, &candidates[at]));
        Ok(verdict)
    }

    fn candidates(&self, release: &Release, track: Track) -> Vec<Candidate<'_>> {
        let held = release.sequence;
        let mut named = vec![(held, track), (held, Track::Stable)];
        if !release.no_fallback {
            let fallback = self.view.held.and_then(|held| held.fallback);
            let older = [self.view.previous, fallback].into_iter().flatten();
            named.extend(older.map(|sequence| (sequence, Track::Stable)));
        }
        named.dedup();
        let candidate = |(sequence, track)| Candidate {
            sequence,
            track,
            edition: self.books.issued[&sequence].edition(track),
        };
        named.into_iter().map(candidate).collect()
    }

    /// Why a better candidate was passed over. None: it has no such page.
    fn excuse(&self, skipped: &Candidate<'_>) -> Result<Option<Cause>, String> {
        let page = self.asked.page;
        if !skipped.edition.has(page) {
            return Ok(None);
        }
        let needs = skipped.edition.needs(page);
        let excuses = needs
            .iter()
            .filter_map(|key| self.mirror.excuse(key, self.asked.local_ms));
        // An injected failure explains more than lag does.
        let excuse = excuses.max_by_key(|failure| failure.cause == Cause::Injected);
        let Some(excuse) = excuse else {
            return Err(format!(
                "{} {:?} was passed over, and nothing of it failed lately",
                skipped.sequence, skipped.track
            ));
        };
        let settled = self.books.settled(skipped.sequence, excuse.at_ms);
        require(!settled || excuse.cause == Cause::Injected, || {
            format!("{} has settled and isn't visible", skipped.sequence)
        })?;
        Ok(Some(excuse.cause))
    }

    /// The only ways to an empty page. Lag alone is none of them once something has settled.
    fn error_is_allowed(
        &self,
        release: &Release,
        candidates: &[Candidate<'_>],
    ) -> Result<&'static str, String> {
        let mut causes = Vec::new();
        for candidate in candidates {
            causes.push(self.excuse(candidate)?);
        }
        let held = self.view.held;
        if causes.contains(&Some(Cause::Injected)) {
            Ok("ERROR: reads failed")
        } else if release.no_fallback {
            Ok("ERROR: no_fallback")
        } else if causes.contains(&None) {
            Ok("ERROR: a page that only the new release has")
        } else if held.is_some_and(|held| held.damaged) {
            Ok("ERROR: the fallback was torn")
        } else if held.is_some_and(|held| held.fallback.is_none()) {
            Ok("ERROR: nothing had settled yet")
        } else {
            Err(format!("ERROR although {held:?} has a fallback"))
        }
    }

    /// An answer below what the edge or its client knows of says so and is stored nowhere; no other does.
    fn marked(&self, held: u64, sequence: u64) -> Result<bool, String> {
        let seen = self.asked.seen.filter(|seen| plausible(*seen, held));
        let newest = held.max(seen.unwrap_or(0));
        let header = self.response.header("skyful-behind");
        let behind = sequence < newest;
        let expected = behind.then(|| newest.to_string());
        require(header == expected.as_deref(), || {
            format!("{sequence} of {newest} is marked {header:?}")
        })?;
        if self.response.status == 200 {
            let caching = self.response.header("cache-control");
            let tagged = self.response.header("etag").is_some();
            let expected = if tagged {
                "private, no-cache"
            } else {
                "no-store"
            };
            require(caching == Some(expected), || {
                format!("{caching:?} while behind is {behind}")
            })?;
        }
        Ok(behind)
    }

    fn kinds(&self, release: &Release, track: Track, found: &Candidate<'_>) -> Vec<&'static str> {
        let held = release.sequence;
        let fallback = self.view.held.and_then(|held| held.fallback);
        let mut kinds = vec!["answered"];
        let mut is = |holds: bool, kind| {
            if holds {
                kinds.push(kind);
            }
        };
        is(found.track == Track::Gray, "gray");
        is(
            found.sequence == held && found.track != track,
            "stable for gray",
        );
        let older = found.sequence < held;
        let previous = self.view.previous == Some(found.sequence);
        is(older && previous, "previous");
        is(
            older && !previous && fallback == Some(found.sequence),
            "fallback",
        );
        let ahead = self.asked.seen.is_some_and(|seen| seen > held);
        let plausible = self.asked.seen.is_some_and(|seen| plausible(seen, held));
        is(ahead && plausible, "client ahead");
        is(ahead && !plausible, "implausible claim");
        is(release.mode == Mode::Defaults, "mode defaults");
        is(release.mode == Mode::Hold, "mode hold");
        is(
            older && release.mode == Mode::Defaults,
            "mode defaults on an older release",
        );
        is(
            older && release.mode == Mode::Hold,
            "mode hold on an older release",
        );
        is(self.asked.page == "lists", "id list");
        kinds
    }
}

/// Same era and not too far ahead, or the next era.
fn plausible(seen: u64, held: u64) -> bool {
    let era = |sequence: u64| sequence >> 40;
    (era(seen) == era(held) && seen <= held + 65_536) || era(seen) == era(held) + 1
}

pub fn contents(json: &Json) -> Vec<String> {
    let text = |value: &Json| value.as_str().unwrap_or("?").to_owned();
    let mut found = vec![text(&json["plan"])];
    for module in json["modules"].as_array().into_iter().flatten() {
        found.push(format!(
            "{} {} {}",
            text(&module["module"]),
            text(&module["plan"]),
            text(&module["content"]["mark"])
        ));
    }
    found
}
