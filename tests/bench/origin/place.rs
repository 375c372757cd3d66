//! Where the section about the origin stands in the report. `tests/bench/report.rs` has this file as well.

pub const TITLE: &str = "## The origin, as people wait for it";
const PEERS: &str = "## Beside the peers";

/// What stands before the section, the section, and what comes after it. Without one: where it belongs.
pub fn parts(report: &str) -> (&str, &str, &str) {
    let place = report.find(TITLE).or_else(|| report.find(PEERS));
    let (before, rest) = report.split_at(place.unwrap_or(report.len()));
    let length = match rest.strip_prefix(TITLE) {
        Some(more) => more
            .find("\n## ")
            .map_or(rest.len(), |at| TITLE.len() + at + 1),
        None => 0,
    };
    let (section, after) = rest.split_at(length);
    (before, section, after)
}
