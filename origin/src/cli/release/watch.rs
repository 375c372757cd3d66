//! `skyful release watch`, and `--wait` elsewhere: a release as it happens, a line for whatever happens to it, until it is
//! decided.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::words;
use crate::app::releases::state::State;
use crate::document::now_ms;
use crate::failure::{FAULT, Failure};
use crate::output;
use crate::remote::Place;
use crate::remote::events::{Event, Heard};
use crate::remote::wire::{Happened, Member, Release};

/// How long an origin may be away, for example to be replaced by its next version.
const AWAY: Duration = Duration::from_secs(120);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// Counters alone are told no more often.
const QUIET: Duration = Duration::from_secs(30);

/// One who watches.
struct Watcher<'a> {
    place: &'a Place,
    json: bool,
    members: Vec<Member>,
    /// Number of the last thing heard.
    last: Option<String>,
    /// As it was told last, and when.
    shown: Option<(String, Instant)>,
}

/// Where a release ends for whoever waits for it.
enum End {
    Shown,
    /// Why, and what can be done.
    Not(String, String),
}

pub fn watch(place: &Place, id: i64, json: bool) -> Result<(), Failure> {
    let mut watcher = Watcher {
        place,
        json,
        members: place.members()?,
        last: None,
        shown: None,
    };
    let path = place.path(&format!("releases/{id}/events"));
    let (mut heard, mut wait) = (Instant::now(), FIRST_WAIT);
    loop {
        match place.origin.events(&path, watcher.last.as_deref())? {
            Heard::Stream(events) => {
                for event in events {
                    (heard, wait) = (Instant::now(), FIRST_WAIT);
                    if let Some(end) = watcher.take(&event)? {
                        return end.told(id, json);
                    }
                }
            }
            Heard::Over => {
                let release: Value = place.origin.get(&place.path(&format!("releases/{id}")))?;
                if let Some(end) = watcher.release(&release)? {
                    return end.told(id, json);
                }
            }
            Heard::Away(failure) if heard.elapsed() > AWAY => return Err(failure),
            Heard::Away(failure) => {
                if wait == FIRST_WAIT {
                    output::warning(&format!("{failure}; asking again for {} s", AWAY.as_secs()));
                }
            }
        }
        if heard.elapsed() > AWAY {
            return Err(Failure::usage(format!(
                "nothing is heard of release {id} any more"
            )));
        }
        std::thread::sleep(wait);
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

impl Watcher<'_> {
    fn take(&mut self, event: &Event) -> Result<Option<End>, Failure> {
        let data: Value = serde_json::from_str(&event.data).unwrap_or(Value::Null);
        match event.kind.as_str() {
            "happened" => {
                self.last.clone_from(&event.id);
                self.happened(&data)?;
                Ok(None)
            }
            "release" => self.release(&data),
            // What comes after it is told by the release itself.
            _ => Ok(None),
        }
    }

    fn happened(&self, data: &Value) -> Result<(), Failure> {
        if self.json {
            return output::json(&json!({"happened": data}));
        }
        let one: Happened = self.place.origin.understood(data)?;
        let sequence = one
            .sequence
            .map_or_else(String::new, |n| format!(", sequence {n}"));
        let words = words::happened(&one, &self.members);
        output::text(&format!("{}  {words}{sequence}\n", words::clock(&one.at)))
    }

    fn release(&mut self, data: &Value) -> Result<Option<End>, Failure> {
        if self.json {
            output::json(&json!({"release": data}))?;
        }
        let release: Release = self.place.origin.understood(data)?;
        if !self.json {
            self.tell(&release)?;
        }
        Ok(End::of(&release, &self.place.env.key))
    }

    fn tell(&mut self, release: &Release) -> Result<(), Failure> {
        let halted = release.halted.as_ref().map(|halted| &halted.words);
        let key = format!(
            "{:?} {} {:?} {halted:?}",
            release.state, release.share, release.step
        );
        let again = match &self.shown {
            Some((shown, _)) if *shown != key => true,
            Some((_, when)) => when.elapsed() >= QUIET,
            None => true,
        };
        if !again {
            return Ok(());
        }
        self.shown = Some((key, Instant::now()));
        let now_ms = now_ms();
        let clock = words::clock(&skyful::value::datetime::format(now_ms)).to_owned();
        let mut line = format!("{clock}  {}", words::standing(release, now_ms));
        if release.state == State::Checked {
            let approvers = words::approvers(&self.members, &self.place.env.key, &release.author);
            line = format!("{line}: {approvers}");
        }
        if let Some(health) = &release.health {
            line = format!("{line}; {}", words::health(health));
        }
        output::text(&format!("{line}\n"))
    }
}

impl End {
    fn of(release: &Release, env: &str) -> Option<Self> {
        let id = release.id;
        let look = format!("`skyful release show {id} --env {env}` says what happened");
        Some(match release.state {
            State::Full => Self::Shown,
            State::Halted => {
                let halted = release.halted.as_ref();
                let words = halted.map_or("nobody says why", |halted| &halted.words);
                let hint = halted.map_or("", |halted| &halted.hint);
                Self::Not(format!("is halted: {words}"), hint.to_owned())
            }
            State::RolledBack => Self::Not("was taken back".to_owned(), look),
            State::Rejected => Self::Not("was rejected".to_owned(), look),
            State::Cancelled => Self::Not("was cancelled".to_owned(), look),
            State::Superseded => Self::Not("made room for another release".to_owned(), look),
            State::Checked | State::Approved | State::Gray | State::Paused => return None,
        })
    }

    fn told(self, id: i64, json: bool) -> Result<(), Failure> {
        match self {
            Self::Shown => Ok(()),
            Self::Not(..) if json => Err(Failure::said(FAULT)),
            Self::Not(why, hint) => Err(Failure::fault(format!("release {id} {why}")).hint(hint)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exit code and last words, if it is over.
    fn check(state: &str, expected: Option<(u8, &str)>) {
        let release = json!({"id": 7, "state": state, "version": 1, "snapshot": "b3-1", "author": "u", "created_at": "",
            "share": 100, "halted": {"words": "no reports", "hint": "look at edges"}});
        let release: Release = serde_json::from_value(release).expect("a release");
        let end = End::of(&release, "prod").map(|end| match end.told(7, false) {
            Ok(()) => (0, String::new()),
            Err(failure) => (failure.code, failure.message),
        });
        let expected = expected.map(|(code, words)| (code, words.to_owned()));
        assert_eq!(end, expected, "{state}");
    }

    #[test]
    fn a_watch_ends_where_a_release_does_and_where_it_needs_somebody() {
        for state in ["checked", "approved", "gray", "paused"] {
            check(state, None);
        }
        check("full", Some((0, "")));
        check("halted", Some((FAULT, "release 7 is halted: no reports")));
        check("rolled_back", Some((FAULT, "release 7 was taken back")));
        check("rejected", Some((FAULT, "release 7 was rejected")));
        check("cancelled", Some((FAULT, "release 7 was cancelled")));
        let superseded = "release 7 made room for another release";
        check("superseded", Some((FAULT, superseded)));
    }
}
