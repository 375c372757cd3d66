//! Between an edge and the collector: what an answer to a batch means, and how long to wait. Whoever sends, on whatever
//! platform, does as this says. Delivery is at least once and in any order, since the collector counts an id once.

pub mod aside;

use serde::Deserialize;
use skyful::event::{Event, Why};

/// What is put behind a collector's address.
pub const PATH: &str = "/v1/collect";

/// What becomes of a batch after the collector's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it is settled but these, see [`left`].
    Settled(Vec<Refused>),
    /// The collector, or the way to it, or its settings are at fault: the same batch again, later.
    Later,
    /// This very batch will never be accepted: its halves, and what is left alone is set aside.
    Poison,
}

/// A line that the collector refused, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refused {
    pub line: usize,
    pub why: String,
}

/// For how long an event is sent again whose receipt the collector takes for forged. The edge opened it, so their secrets
/// differ, and somebody is about to put that right.
pub const FORGED_MS: i64 = 3 * 86_400_000;

/// What is left of a batch that the collector settled.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Lines to be sent again, later.
    pub again: Vec<u8>,
    /// Letters about events that will never be counted, for a person.
    pub dead: Vec<u8>,
}

/// Sorts what was refused of lines that have waited for so long. Each letter is told of.
pub fn left(lines: &[u8], refused: &[Refused], age_ms: i64, tell: impl Fn(&str)) -> Left {
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').collect();
    let mut left = Left::default();
    for Refused { line, why } in refused {
        let Some(line) = lines.get(*line).filter(|line| !line.is_empty()) else {
            continue;
        };
        if may_pass(why, age_ms) {
            left.again.extend_from_slice(line);
            left.again.push(b'\n');
        } else if is_made_up(why) {
            tell(&letter(&mut Vec::new(), why, line));
        } else {
            tell(&letter(&mut left.dead, why, line));
        }
    }
    left
}

/// Whether the collector may take later what it refused for this reason.
pub fn may_pass(why: &str, age_ms: i64) -> bool {
    why == Why::ForgedReceipt.name() && age_ms < FORGED_MS
}

/// Whether nothing is lost with it: an edge that has the page in memory refuses it itself. Whoever has a receipt can send
/// any number of them, and must not fill a store.
pub fn is_made_up(why: &str) -> bool {
    [Why::UnknownModule, Why::UnknownPage]
        .map(Why::name)
        .contains(&why)
}

/// Writes a letter about an event that will never be counted, and gives what to say of it.
pub fn letter(out: &mut Vec<u8>, why: &str, line: &[u8]) -> String {
    // Only letters, digits and `_`, whatever a collector says.
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let why: String = why.chars().filter(plain).take(64).collect();
    for part in [
        b"{\"why\":\"",
        why.as_bytes(),
        b"\",\"event\":",
        line,
        b"}\n",
    ] {
        out.extend_from_slice(part);
    }
    let text = str::from_utf8(line).unwrap_or_default();
    let id = Event::id_of(text).unwrap_or_default();
    format!("event {id} will never be counted: {why}")
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    refused: Vec<Refused>,
}

/// A success without the collector's own words may come from anybody on the way, so it settles nothing.
pub fn verdict(status: u16, body: &[u8]) -> Verdict {
    match status {
        200..=299 => match serde_json::from_slice(body) {
            Ok(Answer { refused }) => Verdict::Settled(refused),
            Err(_) => Verdict::Later,
        },
        // Wrong tokens, addresses and versions are put right, and then everything is delivered.
        400 | 413 | 422 => Verdict::Poison,
        _ => Verdict::Later,
    }
}

const FIRST_MS: u64 = 200;
const LAST_MS: u64 = 60_000;

/// How long to wait after so many failures in a row: anything up to a bound that doubles, so that edges that failed
/// together don't return together.
pub fn pause_ms(failures: u32, random: u64) -> u64 {
    let doubled = FIRST_MS.saturating_mul(1_u64.checked_shl(failures.min(16)).unwrap_or(u64::MAX));
    random % doubled.min(LAST_MS).saturating_add(1)
}

const FIRST_SECS: u32 = 10;
const LAST_SECS: u32 = 43_200;

/// When a queue shall try again what has waited so long: half to all of that once more, up to twelve hours, the longest
/// that Cloudflare's takes. So an outage of two weeks costs some fifty attempts, of the hundred there are.
pub fn again_secs(age_ms: i64, random: u32) -> u32 {
    let age_secs = u32::try_from(age_ms / 1_000).unwrap_or(if age_ms < 0 { 0 } else { u32::MAX });
    let most = age_secs.clamp(FIRST_SECS, LAST_SECS);
    let half = most / 2;
    half.saturating_add(random % half.saturating_add(1))
}

/// Cuts lines into parts of at most so many bytes. A line that is longer is a part of its own.
pub fn parts(lines: &[u8], limit: usize) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let room = rest.get(..limit).unwrap_or(rest);
        let end = room.iter().rposition(|byte| *byte == b'\n');
        let end = end.or_else(|| rest.iter().position(|byte| *byte == b'\n'));
        let length = end.map_or(rest.len(), |at| at.saturating_add(1));
        let (part, after) = rest.split_at(length.min(rest.len()));
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_collectors_own_word_settles_a_batch() {
        let refused = Refused {
            line: 3,
            why: "too_late".into(),
        };
        let said =
            br#"{"stored":1,"duplicates":0,"refused":[{"line":3,"id":"e","why":"too_late"}]}"#;
        assert_eq!(verdict(200, said), Verdict::Settled(vec![refused]));
        assert_eq!(verdict(200, b"{}"), Verdict::Settled(Vec::new()));
        assert_eq!(verdict(200, b"<html>"), Verdict::Later);
        for status in [401, 403, 404, 408, 429, 500, 503, 302] {
            assert_eq!(verdict(status, b""), Verdict::Later, "{status}");
        }
        for status in [400, 413, 422] {
            assert_eq!(verdict(status, b""), Verdict::Poison, "{status}");
        }
    }

    #[test]
    fn what_is_refused_comes_again_or_is_kept_for_a_person() {
        let lines = b"{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"c\"}\n";
        let refused = |line, why: &str| Refused {
            line,
            why: why.into(),
        };
        let all = [
            refused(0, "forged_receipt"),
            refused(2, "too \"late\"\n"),
            refused(3, "too_late"),
            refused(9, "too_late"),
            refused(1, "unknown_module"),
        ];
        let told = std::cell::RefCell::new(Vec::new());
        let tell = |text: &str| told.borrow_mut().push(text.to_owned());
        let young = left(lines, &all, FORGED_MS - 1, tell);
        assert_eq!(young.again, b"{\"id\":\"a\"}\n");
        assert_eq!(
            young.dead,
            b"{\"why\":\"toolate\",\"event\":{\"id\":\"c\"}}\n"
        );
        let made_up = "event b will never be counted: unknown_module";
        assert_eq!(
            told.take(),
            ["event c will never be counted: toolate", made_up]
        );
        let old = left(lines, &all, FORGED_MS, tell);
        assert!(old.again.is_empty());
        assert_eq!(old.dead.split(|byte| *byte == b'\n').count(), 3);
        assert_eq!(told.take().len(), 3);
    }

    #[test]
    fn pauses_are_spread_over_a_bound_that_doubles_to_a_minute() {
        for (failures, bound) in [
            (0, 200),
            (1, 400),
            (5, 6_400),
            (9, 60_000),
            (4_000_000_000, 60_000),
        ] {
            assert_eq!(pause_ms(failures, bound), bound, "{failures}");
            assert_eq!(pause_ms(failures, bound + 1), 0, "{failures}");
        }
    }

    #[test]
    fn a_queue_gets_through_two_weeks_in_fewer_attempts_than_it_has() {
        for seed in 0..50_u32 {
            let (mut age_ms, mut attempts) = (0, 0);
            while age_ms < 14 * 86_400_000 {
                let random = seed
                    .wrapping_mul(2_654_435_761)
                    .wrapping_add(attempts * 40_503);
                let again = again_secs(age_ms, random);
                assert!((5..=43_200).contains(&again), "{again}");
                age_ms += i64::from(again) * 1_000;
                attempts += 1;
            }
            assert!(attempts < 100, "{attempts}");
        }
        assert!(again_secs(-1, 7) <= 10);
    }

    #[test]
    fn parts_end_where_lines_end_and_lose_nothing() {
        let lines = b"aa\nbbb\n\ncccccccccc\nd";
        for limit in 0..30 {
            let parts = parts(lines, limit);
            assert_eq!(parts.concat(), lines, "{limit}");
            for part in &parts {
                let count = part.iter().filter(|byte| **byte == b'\n').count();
                assert!(part.len() <= limit || count <= 1, "{limit}: {part:?}");
            }
        }
    }
}
