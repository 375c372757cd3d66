//! Places for what costs something as long as it lasts. One person gets a part of them, so that nobody takes all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Error;

/// Each costs a look at the database every two seconds.
pub static LISTENERS: Places = Places {
    all: 200,
    each: 20,
    full: "as many people watch releases as can",
    own_full: "you watch as many releases as one person can",
};
/// Ten million ids take 80 MB of memory until they are kept.
pub static UPLOADS: Places = Places {
    all: 8,
    each: 4,
    full: "as many uploads as there may be are under way",
    own_full: "you upload as much at once as one person can",
};

/// How many there are, for everybody and for one person, and what is said if there are no more.
#[derive(Debug)]
pub struct Places {
    all: usize,
    each: usize,
    full: &'static str,
    own_full: &'static str,
}

/// Those that are taken, by user.
#[derive(Clone, Debug)]
pub struct Taken(&'static Places, Arc<Mutex<HashMap<String, usize>>>);

/// Free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    among: Taken,
    user: String,
}

impl Taken {
    pub fn none_of(places: &'static Places) -> Self {
        Self(places, Arc::default())
    }

    pub fn place(&self, user: &str) -> Result<Place, Error> {
        let mut taken = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.0.all {
            return Err(Error::Busy(self.0.full));
        }
        let own = taken.entry(user.to_owned()).or_default();
        if *own >= self.0.each {
            return Err(Error::Busy(self.0.own_full));
        }
        *own += 1;
        Ok(Place {
            among: self.clone(),
            user: user.to_owned(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.among.1.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.user);
            }
        }
    }
}
