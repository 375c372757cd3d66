//! Where a native edge's events go: into a log on this machine, and from there to the collector. An event is accepted
//! once it is on disk; after that nothing but the collector's word lets go of it.
//!
//! What an answer of the collector means, and how long to wait, is the core's.

mod dead;
mod forward;
mod log;
mod read;
mod segment;
mod write;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use skyful_edge::{EventSink, StoreError};
use tokio::sync::{mpsc, oneshot};

use self::forward::Forwarder;
use self::log::Shared;
use self::write::{Entry, Message, Writer};

/// Bytes of events that may wait on disk unless told otherwise: some millions of them.
pub const LIMIT_BYTES: u64 = 2 << 30;
/// Batches that may wait for the disk at once. More are told to come again: they would only time out here.
const WAITING: usize = 1_024;
/// For the collector's last answer after the shutdown began.
const LAST_ANSWER: Duration = Duration::from_secs(10);

/// Where events are kept and sent.
#[derive(Clone, Debug)]
pub struct EventOptions {
    /// The directory of the log. One process at a time has it.
    pub folder: PathBuf,
    /// None: events stay in the log until there is one.
    pub collector: Option<Collector>,
    /// Bytes of events that may wait; beyond that no more are accepted, and none is dropped.
    pub limit_bytes: u64,
}

impl EventOptions {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            collector: None,
            limit_bytes: LIMIT_BYTES,
        }
    }
}

/// Where events are counted.
#[derive(Clone)]
pub struct Collector {
    /// Without the path.
    pub url: String,
    pub token: String,
}

/// No token is ever printed.
impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("url", &self.url).finish()
    }
}

/// The sink of a native edge. Without a folder it takes nothing.
#[derive(Default)]
pub struct Events {
    open: Option<Open>,
}

struct Open {
    messages: mpsc::Sender<Message>,
    shared: Arc<Shared>,
    limit_bytes: u64,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    writer: JoinHandle<()>,
    forwarder: Option<JoinHandle<()>>,
}

/// Whoever forgets to close: the writer ends with its senders, and the forwarder must not live on alone.
impl Drop for Open {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Events {
    /// Opens the log and goes on where the last process ended, however it ended.
    pub fn open(options: &EventOptions) -> io::Result<Self> {
        let (writer, shared) = Writer::open(&options.folder)?;
        let (messages, waiting) = mpsc::channel(WAITING);
        let forwarder = match &options.collector {
            Some(collector) => {
                let forwarder = Forwarder::new(
                    collector,
                    &options.folder,
                    Arc::clone(&shared),
                    messages.clone(),
                )?;
                Some(thread("skyful-forward", move || forwarder.run())?)
            }
            None => {
                let folder = options.folder.display();
                tracing::warn!(%folder, "events are kept, and sent nowhere: no collector is set");
                None
            }
        };
        let threads = Threads {
            writer: thread("skyful-events", move || writer.run(waiting))?,
            forwarder,
        };
        Ok(Self {
            open: Some(Open {
                messages,
                shared,
                limit_bytes: options.limit_bytes,
                threads: Mutex::new(Some(threads)),
            }),
        })
    }

    /// Ends the writing and the sending. What was accepted is on disk already.
    pub async fn close(&self) {
        let Some(open) = &self.open else {
            return;
        };
        let threads = open
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Threads { writer, forwarder }) = threads else {
            return;
        };
        // Comes behind what waits already. An error: the writer has ended by itself.
        let _ = open.messages.send(Message::End).await;
        let shared = Arc::clone(&open.shared);
        let ended = tokio::task::spawn_blocking(move || {
            let _ = writer.join();
            shared.stop();
            let until = Instant::now() + LAST_ANSWER;
            while forwarder
                .as_ref()
                .is_some_and(|thread| !thread.is_finished())
                && Instant::now() < until
            {
                std::thread::park_timeout(Duration::from_millis(5));
            }
        });
        let _ = ended.await;
    }
}

impl EventSink for Events {
    async fn send(&self, batch: &[u8]) -> Result<(), StoreError> {
        let Some(open) = &self.open else {
            return Err(StoreError("this edge has no log of events".into()));
        };
        if open.shared.waiting_bytes() >= open.limit_bytes {
            return Err(StoreError(
                "the log is full: the collector has not taken its events for too long".into(),
            ));
        }
        let (done, written) = oneshot::channel();
        let entry = Entry {
            records: segment::records(batch),
            done,
        };
        open.messages
            .try_send(Message::Write(entry))
            .map_err(|error| {
                StoreError(match error {
                    mpsc::error::TrySendError::Full(_) => "the disk is too slow for so many".into(),
                    mpsc::error::TrySendError::Closed(_) => "this edge is shutting down".into(),
                })
            })?;
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(StoreError(format!("not written: {error}"))),
            Err(_) => Err(StoreError("this edge is shutting down".into())),
        }
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(work)
}

/// Makes a folder's entries durable: a new file is only there after a crash if its folder says so.
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
