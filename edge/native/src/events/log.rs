//! What the writer and the reader of one log know of each other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::segment::Position;

#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// What is durable of the segment that is written to; all others can be read to their ends.
    open: Option<Position>,
    /// Bytes of all segments that were not let go of.
    waiting_bytes: u64,
    stopped: bool,
}

impl Shared {
    pub fn new(waiting_bytes: u64) -> Self {
        let shared = Self::default();
        shared.state().waiting_bytes = waiting_bytes;
        shared
    }

    pub fn waiting_bytes(&self) -> u64 {
        self.state().waiting_bytes
    }

    pub fn open(&self) -> Option<Position> {
        self.state().open
    }

    /// So many more bytes are durable, up to here.
    pub fn written(&self, open: Option<Position>, bytes: u64) {
        let mut state = self.state();
        state.open = open;
        state.waiting_bytes = state.waiting_bytes.saturating_add(bytes);
        drop(state);
        self.changed.notify_all();
    }

    pub fn let_go(&self, bytes: u64) {
        let mut state = self.state();
        state.waiting_bytes = state.waiting_bytes.saturating_sub(bytes);
    }

    pub fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    pub fn stopped(&self) -> bool {
        self.state().stopped
    }

    /// Returns when something was written after `seen`, when it is stopped, or in the end.
    pub fn wait_for_more(&self, seen: Option<Position>, most: Duration) {
        let same = |state: &mut State| state.open == seen && !state.stopped;
        let waited = self.changed.wait_timeout_while(self.state(), most, same);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns when it is stopped, or in the end.
    pub fn pause(&self, pause: Duration) {
        let waited = self
            .changed
            .wait_timeout_while(self.state(), pause, |state| !state.stopped);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
