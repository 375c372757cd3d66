//! Places for those who watch releases: each costs a look at the database every two seconds. One person gets a part of them, so
//! that nobody takes all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Error;

const ALL: usize = 200;
const EACH: usize = 20;

#[derive(Clone, Debug, Default)]
pub struct Listeners(Arc<Mutex<HashMap<String, usize>>>);

/// Free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    listeners: Listeners,
    user: String,
}

impl Listeners {
    pub fn place(&self, user: &str) -> Result<Place, Error> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= ALL {
            return Err(Error::Busy("as many people watch releases as can"));
        }
        let own = taken.entry(user.to_owned()).or_default();
        if *own >= EACH {
            return Err(Error::Busy("you watch as many releases as one person can"));
        }
        *own += 1;
        Ok(Place {
            listeners: self.clone(),
            user: user.to_owned(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let taken = &self.listeners.0;
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.user);
            }
        }
    }
}
