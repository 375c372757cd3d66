//! Files of the log. A record is a line: the checksum of an event in 16 hex digits, a space, the event as JSON. A segment
//! is named by its number, so that names sort as they were written, and is never changed once another was begun.

use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

/// From here on a new one is begun: small enough to be deleted soon, large enough to be few.
pub const SEGMENT_BYTES: u64 = 8 << 20;
const HEX: usize = 16;
const ENDING: &str = "events";

/// Where something stands in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub segment: u64,
    pub offset: u64,
}

/// Records of a batch of lines.
pub fn records(batch: &[u8]) -> Vec<u8> {
    let lines = batch
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let mut records = Vec::with_capacity(batch.len() + batch.len() / 8);
    for line in lines {
        records.extend_from_slice(format!("{:016x} ", xxh3_64(line)).as_bytes());
        records.extend_from_slice(line);
        records.push(b'\n');
    }
    records
}

/// The event of a record without its end, if it is whole.
pub fn event(record: &[u8]) -> Option<&[u8]> {
    let (sum, event) = record.split_at_checked(HEX)?;
    let event = event.strip_prefix(b" ")?;
    let sum = u64::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == xxh3_64(event)).then_some(event)
}

pub fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.{ENDING}"))
}

/// Numbers of all segments, the oldest first.
pub fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let ours = path.extension().is_some_and(|ending| ending == ENDING);
        numbers.extend(
            stem.filter(|_| ours)
                .and_then(|stem| stem.parse::<u64>().ok()),
        );
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_lost_or_changed_a_byte_is_none() {
        let records = records(b"{\"id\":1}\n\n{\"id\":2}\n");
        let lines: Vec<&[u8]> = records.split(|byte| *byte == b'\n').collect();
        assert_eq!(event(lines[0]), Some(&b"{\"id\":1}"[..]));
        assert_eq!(event(lines[1]), Some(&b"{\"id\":2}"[..]));
        assert_eq!(lines.len(), 3);
        for at in 0..lines[0].len() {
            assert_eq!(event(&lines[0][..at]), None, "cut at {at}");
            let mut changed = lines[0].to_vec();
            changed[at] ^= 0x41;
            assert_eq!(event(&changed), None, "changed at {at}");
        }
    }
}
