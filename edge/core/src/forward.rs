//! Between an edge and the collector: what an answer to a batch means, and how long to wait. Whoever sends, on whatever
//! platform, does as this says. Delivery is at least once and in any order, since the collector counts an id once.

use serde::Deserialize;

/// What is put behind a collector's address.
pub const PATH: &str = "/v1/collect";

/// What becomes of a batch after the collector's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it is settled. These will never be accepted, whoever sends them again.
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
