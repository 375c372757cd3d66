//! Writes the log: what waits is written and flushed to disk together, so that many requests pay for one flush. A process
//! always begins a segment of its own: what the one before left half-written is never touched.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::log::Shared;
use super::segment::{self, Position, SEGMENT_BYTES};
use super::sync_folder;

/// Bytes that are flushed together at most; the rest waits for the next flush.
const GROUP_BYTES: usize = 4 << 20;

/// A batch on its way to the disk, and who waits for it.
pub struct Entry {
    pub records: Vec<u8>,
    pub done: oneshot::Sender<io::Result<()>>,
}

pub enum Message {
    Write(Entry),
    /// The edge shuts down.
    End,
}

pub struct Writer {
    folder: PathBuf,
    /// Nobody else writes here as long as it is open.
    _lock: File,
    open: Option<Segment>,
    next: u64,
    shared: Arc<Shared>,
}

struct Segment {
    file: File,
    at: Position,
}

impl Writer {
    pub fn open(folder: &Path) -> io::Result<(Self, Arc<Shared>)> {
        std::fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::ResourceBusy, "another process has this log")
            }
            std::fs::TryLockError::Error(error) => error,
        })?;
        let segments = segment::list(folder)?;
        let mut waiting = 0;
        for number in &segments {
            waiting += std::fs::metadata(segment::path(folder, *number))?.len();
        }
        let shared = Arc::new(Shared::new(waiting));
        let writer = Self {
            folder: folder.to_owned(),
            _lock: lock,
            open: None,
            // Also after the last position that was noted: a number is never used twice.
            next: segments
                .last()
                .copied()
                .max(super::read::noted(folder).map(|at| at.segment))
                .map_or(1, |last| last + 1),
            shared: Arc::clone(&shared),
        };
        Ok((writer, shared))
    }

    /// Until it is told to end, or nobody can tell it anything any more.
    pub fn run(mut self, mut waiting: mpsc::Receiver<Message>) {
        let mut group: Vec<Entry> = Vec::new();
        let mut ends = false;
        while !ends && let Some(Message::Write(mut first)) = waiting.blocking_recv() {
            let mut records = std::mem::take(&mut first.records);
            group.push(first);
            while records.len() < GROUP_BYTES {
                match waiting.try_recv() {
                    Ok(Message::Write(entry)) => {
                        records.extend_from_slice(&entry.records);
                        group.push(entry);
                    }
                    Ok(Message::End) => {
                        ends = true;
                        break;
                    }
                    Err(_) => break,
                }
            }
            let written = self.append(&records);
            if let Err(error) = &written {
                tracing::error!(%error, "events cannot be written; clients are told to come again");
            }
            for entry in group.drain(..) {
                let result = match &written {
                    Ok(()) => Ok(()),
                    Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                };
                // A client that went away knows nothing, and will send them again.
                let _ = entry.done.send(result);
            }
        }
    }

    /// After an error nothing is known of the file, least of all after a failed flush, so it is left as it is.
    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        let mut segment = match self.open.take() {
            Some(segment) => segment,
            None => self.begin()?,
        };
        let written = segment
            .file
            .write_all(records)
            .and_then(|()| segment.file.sync_data());
        let bytes = records.len() as u64;
        if let Err(error) = written {
            let length = segment.file.metadata().map_or(0, |about| about.len());
            let more = length.saturating_sub(segment.at.offset);
            self.shared.written(None, more);
            return Err(error);
        }
        segment.at.offset += bytes;
        let at = segment.at;
        if at.offset < SEGMENT_BYTES {
            self.open = Some(segment);
        }
        self.shared.written(self.open.as_ref().map(|_| at), bytes);
        Ok(())
    }

    fn begin(&mut self) -> io::Result<Segment> {
        let number = self.next;
        self.next += 1;
        let at = Position {
            segment: number,
            offset: 0,
        };
        // Before there is a file: it must not be taken for one that can be read to its end.
        self.shared.written(Some(at), 0);
        let file = File::create_new(segment::path(&self.folder, number)).and_then(|file| {
            sync_folder(&self.folder)?;
            Ok(file)
        });
        let file = file.inspect_err(|_| self.shared.written(None, 0))?;
        Ok(Segment { file, at })
    }
}
