//! Work that keeps a processor busy: checking, compiling, comparing, putting a document together. It runs on threads of its
//! own, a few at once, so that everything else is answered meanwhile; a crowd is told to come back. What waits for the
//! database is none of it.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use super::Error;
use crate::store::StoreError;

/// At least; a document of the largest kind must not hold up a look at a release for seconds.
const AT_ONCE: usize = 4;
/// Those who wait for their turn, and those who have it.
const WAITING: usize = 256;

#[derive(Clone)]
pub struct Heavy {
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    #[cfg(test)]
    pub gate: Arc<gate::Gate>,
}

impl Default for Heavy {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(processors.max(AT_ONCE))),
            waiting: Arc::new(Semaphore::new(WAITING)),
            #[cfg(test)]
            gate: Arc::default(),
        }
    }
}

impl Heavy {
    /// Goes on when nobody waits for it any more: it counts as one until it ends.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.waiting).try_acquire_owned();
        let place = place.map_err(|_| Error::Busy("as much is computed here as can be"))?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| StoreError(error.to_string()))?;
        #[cfg(test)]
        let gate = Arc::clone(&self.gate);
        let done = tokio::task::spawn_blocking(move || {
            #[cfg(test)]
            gate.pass();
            let done = work();
            drop((turn, place));
            done
        });
        done.await
            .map_err(|error| StoreError(format!("heavy work failed: {error}")).into())
    }
}

/// Holds heavy work where it begins, for tests.
#[cfg(test)]
pub mod gate {
    use std::sync::{Condvar, Mutex, PoisonError};

    use tokio::sync::watch;

    pub struct Gate {
        /// None: open. Else how many may still pass.
        left: Mutex<Option<usize>>,
        opened: Condvar,
        held: watch::Sender<bool>,
    }

    impl Default for Gate {
        fn default() -> Self {
            Self {
                left: Mutex::default(),
                opened: Condvar::new(),
                held: watch::Sender::new(false),
            }
        }
    }

    impl Gate {
        /// Lets so many pass, and holds all that come after them.
        pub fn shut_after(&self, many: usize) {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(many);
            self.held.send_replace(false);
        }

        pub fn open(&self) {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.opened.notify_all();
        }

        /// Until it holds something.
        pub async fn holds(&self) {
            let mut held = self.held.subscribe();
            let holds = held.wait_for(|held| *held).await;
            assert!(holds.is_ok(), "the gate outlives whoever waits");
        }

        pub fn pass(&self) {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(many) = left.as_mut().filter(|many| **many > 0) {
                *many -= 1;
                return;
            }
            while left.is_some() {
                self.held.send_replace(true);
                left = self
                    .opened
                    .wait(left)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_crowd_is_told_to_come_back() {
        let heavy = Heavy::default();
        let all = Arc::clone(&heavy.waiting).try_acquire_many_owned(WAITING as u32);
        let told = heavy.run(|| 1).await;
        assert!(matches!(told, Err(Error::Busy(_))), "{told:?}");
        drop(all);
        assert_eq!(heavy.run(|| 1).await.ok(), Some(1));
    }

    #[tokio::test]
    async fn what_panics_gives_its_place_back() {
        let heavy = Heavy::default();
        for _ in 0..=WAITING {
            let told = heavy.run(|| panic!("on purpose")).await;
            assert!(matches!(told, Err::<(), _>(Error::Store(_))), "{told:?}");
        }
        assert_eq!(heavy.run(|| 1).await.ok(), Some(1));
    }
}
