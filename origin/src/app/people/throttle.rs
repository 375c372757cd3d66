//! Guesses are slowed down, for each account and for each address by itself. A few are free; then each next one has to wait
//! twice as long as the one before. In memory: a restart forgives, and nobody can fill the disk with guesses.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::app::Error;

/// What is remembered of one account or address.
#[derive(Clone, Copy)]
struct Guesses {
    count: u32,
    last_ms: i64,
}

/// How one kind of key is slowed down.
#[derive(Clone, Copy)]
struct Pace {
    free: u32,
    longest_ms: i64,
}

/// Whoever knows an e-mail address can make its owner wait, so not for long: a minute a guess is 1,440 a day.
const ACCOUNT: Pace = Pace {
    free: 5,
    longest_ms: 60_000,
};
/// Many people may share one.
const ADDRESS: Pace = Pace {
    free: 20,
    longest_ms: 900_000,
};
const FORGET_MS: i64 = 3_600_000;
/// Remembered at once; the longest unseen go first.
const KEYS: usize = 20_000;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String),
    Address(String),
}

#[derive(Default)]
pub struct Throttle {
    seen: Mutex<HashMap<Key, Guesses>>,
}

impl Pace {
    /// When the next guess is looked at.
    fn next_ms(self, guesses: Guesses) -> i64 {
        if guesses.count < self.free {
            return guesses.last_ms;
        }
        let doublings = (guesses.count - self.free).min(20);
        let wait_ms = (1_000_i64 << doublings).min(self.longest_ms);
        guesses.last_ms.saturating_add(wait_ms)
    }
}

impl Key {
    fn pace(&self) -> Pace {
        match self {
            Self::Account(_) => ACCOUNT,
            Self::Address(_) => ADDRESS,
        }
    }
}

impl Throttle {
    /// Counts a guess, or says how long to wait with it. One that has to wait isn't counted: it was not looked at.
    pub fn guess(&self, account: Option<&str>, address: &str, now_ms: i64) -> Result<(), Error> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(account, address);
        let next_ms = keys.iter().filter_map(|key| {
            let guesses = seen
                .get(key)
                .filter(|guesses| remembered(guesses, now_ms))?;
            Some(key.pace().next_ms(*guesses))
        });
        let wait_ms = next_ms.max().unwrap_or(now_ms).saturating_sub(now_ms);
        if wait_ms > 0 {
            return Err(Error::TooMany {
                wait_secs: wait_ms.div_euclid(1_000) + 1,
            });
        }
        for key in keys {
            make_room(&mut seen, now_ms);
            let guesses = seen.entry(key).or_insert(Guesses {
                count: 0,
                last_ms: now_ms,
            });
            if !remembered(guesses, now_ms) {
                guesses.count = 0;
            }
            guesses.count = guesses.count.saturating_add(1);
            guesses.last_ms = now_ms;
        }
        Ok(())
    }

    /// It was no guess.
    pub fn right(&self, account: Option<&str>, address: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(account, address) {
            match key {
                Key::Account(_) => _ = seen.remove(&key),
                // What others tried from there still counts: somebody with an account of their own could wipe it otherwise.
                Key::Address(_) => {
                    if let Some(guesses) = seen.get_mut(&key) {
                        guesses.count = guesses.count.saturating_sub(1);
                    }
                }
            }
        }
    }
}

fn remembered(guesses: &Guesses, now_ms: i64) -> bool {
    now_ms.saturating_sub(guesses.last_ms) < FORGET_MS
}

fn keys(account: Option<&str>, address: &str) -> Vec<Key> {
    let account = account.map(|account| Key::Account(account.to_owned()));
    let address = Key::Address(address.to_owned());
    account.into_iter().chain([address]).collect()
}

fn make_room(seen: &mut HashMap<Key, Guesses>, now_ms: i64) {
    if seen.len() < KEYS {
        return;
    }
    seen.retain(|_, guesses| remembered(guesses, now_ms));
    if seen.len() >= KEYS {
        let mut times: Vec<i64> = seen.values().map(|guesses| guesses.last_ms).collect();
        let (_, middle, _) = times.select_nth_unstable(KEYS / 2);
        let middle = *middle;
        seen.retain(|_, guesses| guesses.last_ms > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(told: Result<(), Error>) -> Option<i64> {
        match told {
            Ok(()) => None,
            Err(Error::TooMany { wait_secs }) => Some(wait_secs),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_guess_at_an_account_waits_longer_wherever_it_comes_from() {
        let throttle = Throttle::default();
        let mut now_ms = 0;
        for n in 0..ACCOUNT.free {
            let told = throttle.guess(Some("ada"), &format!("10.0.0.{n}"), now_ms);
            assert_eq!(waits(told), None);
        }
        let mut before = 0;
        for _ in 0..12 {
            let told = throttle.guess(Some("ada"), "10.0.1.1", now_ms);
            let secs = waits(told).expect("it has to wait");
            assert!(secs >= before && secs <= 61, "{secs}");
            before = secs;
            now_ms += secs * 1_000;
            assert_eq!(waits(throttle.guess(Some("ada"), "10.0.1.2", now_ms)), None);
        }
        assert_eq!(before, 61, "it grew to the longest");
        assert_eq!(waits(throttle.guess(Some("bob"), "10.0.1.3", now_ms)), None);
        now_ms += FORGET_MS;
        assert_eq!(waits(throttle.guess(Some("ada"), "10.0.1.1", now_ms)), None);
    }

    #[test]
    fn an_address_that_tries_many_accounts_is_slowed_down() {
        let throttle = Throttle::default();
        for n in 0..ADDRESS.free {
            let told = throttle.guess(Some(&format!("user-{n}")), "10.0.0.1", 0);
            assert_eq!(waits(told), None);
        }
        // Its own account doesn't wipe what it did to others.
        throttle.right(Some("own"), "10.0.0.1");
        assert_eq!(waits(throttle.guess(Some("next"), "10.0.0.1", 0)), None);
        assert_eq!(waits(throttle.guess(Some("next"), "10.0.0.1", 0)), Some(2));
        assert_eq!(waits(throttle.guess(Some("next"), "10.0.0.2", 0)), None);
    }

    #[test]
    fn memory_stays_bounded() {
        let throttle = Throttle::default();
        for n in 0..3 * KEYS as i64 {
            _ = throttle.guess(Some(&n.to_string()), &format!("a-{n}"), n);
        }
        assert!(throttle.seen.lock().unwrap().len() <= KEYS);
    }
}
