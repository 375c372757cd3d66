//! Reads the log from where the collector's word ends. What a crash left half-written was never acknowledged and is
//! passed over; a damaged record between whole ones is told of.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skyful::limits;

use super::log::Shared;
use super::segment::{self, Position};

/// Bytes read at once. A record is a few kilobytes at most.
const READ_BYTES: u64 = 512 << 10;
const NOTE: &str = "forwarded";

pub struct Reader {
    folder: PathBuf,
    at: Position,
    shared: Arc<Shared>,
}

/// Lines to be sent, and where the log goes on after them.
#[derive(Debug, Default)]
pub struct Batch {
    pub lines: Vec<Vec<u8>>,
    pub end: Position,
}

impl Reader {
    pub fn open(folder: &Path, shared: Arc<Shared>) -> Self {
        Self {
            folder: folder.to_owned(),
            at: noted(folder).unwrap_or_default(),
            shared,
        }
    }

    /// The next lines, as many as a collector takes at once. None: there is nothing more for now.
    pub fn more(&mut self) -> io::Result<Option<Batch>> {
        loop {
            // In this order: a segment is told of before there is a file, so one that is listed and not open is whole.
            let segments = segment::list(&self.folder)?;
            let open = self.shared.open();
            let Some(number) = segments.into_iter().find(|n| *n >= self.at.segment) else {
                return Ok(None);
            };
            if number != self.at.segment {
                self.at = Position {
                    segment: number,
                    offset: 0,
                };
            }
            let open = open.filter(|open| open.segment == number);
            let path = segment::path(&self.folder, number);
            let end = match open {
                Some(open) => open.offset,
                None => std::fs::metadata(&path)?.len(),
            };
            if self.at.offset >= end {
                if open.is_some() {
                    return Ok(None);
                }
                self.pass(number)?;
                continue;
            }
            let batch = self.read(&path, end, open.is_none())?;
            if batch.lines.is_empty() {
                self.at = batch.end;
                continue;
            }
            return Ok(Some(batch));
        }
    }

    /// The collector has, or will never take, everything up to here.
    pub fn settle(&mut self, end: Position) -> io::Result<()> {
        self.at = end;
        note(&self.folder, end)
    }

    /// Goes on to the next segment and lets go of this one.
    fn pass(&mut self, number: u64) -> io::Result<()> {
        self.settle(Position {
            segment: number + 1,
            offset: 0,
        })?;
        for number in segment::list(&self.folder)? {
            if number < self.at.segment {
                let path = segment::path(&self.folder, number);
                let bytes = std::fs::metadata(&path)?.len();
                std::fs::remove_file(&path)?;
                self.shared.let_go(bytes);
            }
        }
        Ok(())
    }

    fn read(&self, path: &Path, end: u64, closed: bool) -> io::Result<Batch> {
        let mut file = std::fs::File::open(path)?;
        file.seek(SeekFrom::Start(self.at.offset))?;
        let mut bytes = Vec::new();
        file.take(end.saturating_sub(self.at.offset).min(READ_BYTES))
            .read_to_end(&mut bytes)?;
        let mut batch = Batch {
            lines: Vec::new(),
            end: self.at,
        };
        let (mut taken, mut damaged) = (0, 0);
        for record in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = record.strip_suffix(b"\n") else {
                break;
            };
            let event = segment::event(line);
            if let Some(event) = event {
                let full = batch.lines.len() >= limits::COLLECT_EVENTS
                    || taken + event.len() >= limits::COLLECT_BYTES;
                if full {
                    break;
                }
                taken += event.len() + 1;
                batch.lines.push(event.to_vec());
            } else {
                damaged += 1;
            }
            batch.end.offset += record.len() as u64;
        }
        if batch.end == self.at {
            // No end of a line in all of this: torn off by a crash, or no record at all.
            batch.end.offset += bytes.len() as u64;
            damaged += usize::from(!closed || bytes.len() as u64 == READ_BYTES);
        }
        if damaged > 0 {
            let path = path.display();
            tracing::error!(%path, records = damaged, "events are damaged on disk and passed over");
        }
        Ok(batch)
    }
}

/// Where the last process had the collector's word for.
pub fn noted(folder: &Path) -> Option<Position> {
    let text = std::fs::read_to_string(folder.join(NOTE)).ok()?;
    let (segment, offset) = text.trim().split_once(' ')?;
    Some(Position {
        segment: segment.parse().ok()?,
        offset: offset.parse().ok()?,
    })
}

/// Not flushed: what is lost of it is only sent again.
fn note(folder: &Path, at: Position) -> io::Result<()> {
    let partial = folder.join(".forwarded.part");
    let mut file = std::fs::File::create(&partial)?;
    writeln!(file, "{} {}", at.segment, at.offset)?;
    std::fs::rename(&partial, folder.join(NOTE))
}
